//! The meaning of the columns of recordings.

use supernano_base::config::WindowSpec;
use supernano_base::error::{Error, Result};

use super::super::names::plain;
use super::table::{Column, Table};

/// The meaning of a column, as its name tells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// Values of an axis.
    #[default]
    Axis,
    /// The class of each row.
    Label,
    /// The subject or the session of each row.
    Group,
    /// What a network shall give.
    Target,
    /// A number or a name of each recording.
    Recording,
    /// The split of each row.
    Split,
    /// A time, an index or a date, if it does not decrease.
    Time,
    /// A column of a file without names: a time or an index if its values rise all the time.
    Counter,
}

/// Names of columns of classes, the most telling first.
const LABELS: [&str; 6] = ["label", "class", "activity", "gesture", "category", "target"];
/// Names of columns of subjects, the most telling first.
const GROUPS: [&str; 9] = [
    "subject",
    "user",
    "person",
    "participant",
    "volunteer",
    "patient",
    "speaker",
    "session",
    "group",
];
/// Names of columns that number recordings.
const RECORDINGS: [&str; 6] = ["recording", "trial", "experiment", "file", "run", "segment"];
/// What may follow these names.
const SUFFIXES: [&str; 13] =
    ["", "s", "id", "ids", "no", "nr", "num", "number", "name", "code", "label", "index", "type"];
/// Names of columns of splits.
const SPLITS: [&str; 3] = ["split", "set", "subset"];
/// Words at the start of the name of a column that counts time or rows.
const TIMES: [&str; 7] = ["time", "elapsed", "seconds", "unnamed", "date", "millis", "epoch"];
/// Whole names of columns that count time or rows.
const COUNTERS: [&str; 19] = [
    "", "t", "ts", "ms", "us", "s", "sec", "index", "idx", "id", "no", "nr", "row", "frame",
    "sample", "seq", "counter", "tick", "ticks",
];

impl Role {
    /// The role of a column. Columns that the configuration names have the role that it gives.
    pub fn of(name: &str, window: &WindowSpec, targets: &[String]) -> Self {
        if targets.iter().any(|target| target == name) {
            return Self::Target;
        }
        let is = |wanted: &Option<String>| wanted.as_deref() == Some(name);
        if is(&window.label) {
            return Self::Label;
        }
        if is(&window.group) {
            return Self::Group;
        }
        if window.columns.iter().flatten().any(|c| c == name) {
            return Self::Axis;
        }
        let plain = plain(name);
        if place_in(&LABELS, &plain).is_some() {
            Self::Label
        } else if place_in(&GROUPS, &plain).is_some() {
            Self::Group
        } else if place_in(&RECORDINGS, &plain).is_some() {
            Self::Recording
        } else if SPLITS.contains(&plain.as_str()) {
            Self::Split
        } else if TIMES.iter().any(|w| plain.starts_with(w)) || COUNTERS.contains(&plain.as_str()) {
            Self::Time
        } else {
            Self::Axis
        }
    }
}

/// The place of the word that a name is, but for a suffix.
fn place_in(words: &[&str], plain: &str) -> Option<usize> {
    let is = |word: &&str| plain.strip_prefix(word).is_some_and(|rest| SUFFIXES.contains(&rest));
    words.iter().position(is)
}

/// The columns that are used of all files.
#[derive(Debug, Default)]
pub struct Layout {
    /// Names of the axes.
    pub axes: Vec<String>,
    /// The column of the classes.
    pub label: Option<String>,
    /// The column of the subjects.
    pub group: Option<String>,
    /// The columns that hold what a network shall give.
    pub targets: Vec<String>,
    /// Remarks about columns that are left out.
    pub notes: Vec<String>,
}

impl Layout {
    /// Chooses the columns. `rows_are_labelled` allows a column of classes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a column of the configuration that a file does not have, for files with
    /// different columns, and for files without an axis.
    pub fn new(
        tables: &[Table],
        window: &WindowSpec,
        targets: &[String],
        rows_are_labelled: bool,
    ) -> Result<Self> {
        let Some(first) = tables.first() else { return Ok(Self::default()) };
        let in_all = |name: &str| tables.iter().all(|t| t.column(name).is_some());
        let with_role = |role: Role, words: &[&str]| {
            let of_role = first.columns.iter().filter(|c| c.role == role && in_all(&c.name));
            let rank = |c: &Column| {
                let plain = plain(&c.name);
                (place_in(words, &plain).unwrap_or(words.len()), plain.len())
            };
            of_role.min_by_key(|c| rank(c)).map(|c| c.name.clone())
        };
        for wanted in [&window.label, &window.group].into_iter().flatten().chain(targets) {
            tables.iter().try_for_each(|t| t.wanted(wanted).map(|_| ()))?;
        }
        let label = window
            .label
            .clone()
            .or_else(|| if rows_are_labelled { with_role(Role::Label, &LABELS) } else { None });
        let group = window.group.clone().or_else(|| with_role(Role::Group, &GROUPS));
        let mut notes = Vec::new();
        let axes = match &window.columns {
            Some(wanted) => {
                for (table, name) in tables.iter().flat_map(|t| wanted.iter().map(move |w| (t, w)))
                {
                    table.wanted(name)?;
                }
                wanted.clone()
            }
            None => {
                let mut axes = Vec::new();
                for column in &first.columns {
                    let name = &column.name;
                    if Some(name) == label.as_ref() || Some(name) == group.as_ref() {
                        continue;
                    }
                    match reason(tables, column) {
                        None => axes.push(name.clone()),
                        Some(why) => notes.push(format!(
                            "column `{name}` is {why} and no axis (`columns` of the window names the axes)"
                        )),
                    }
                }
                same_columns(tables)?;
                axes
            }
        };
        if let Some(twice) = (1..axes.len()).find(|&i| axes[..i].contains(&axes[i])) {
            return Err(Error::invalid(&first.place, "columns", "each name once", &axes[twice]));
        }
        if axes.is_empty() {
            let expected = "at least one column of numbers that is no time, label or group";
            return Err(Error::invalid(&first.place, "columns", expected, first.names()));
        }
        if let Some(both) = axes.iter().find(|axis| targets.contains(axis)) {
            let expected = "no target, which is not known when the network runs";
            return Err(Error::invalid(&first.place, "axes", expected, format!("`{both}`")));
        }
        Ok(Self { axes, label, group, targets: targets.to_vec(), notes })
    }
}

/// Why a column is no axis.
fn reason(tables: &[Table], column: &Column) -> Option<&'static str> {
    let same: Vec<&Column> = tables.iter().filter_map(|t| t.column(&column.name)).collect();
    let never_a_number = same.iter().all(|c| c.numbers == 0);
    match column.role {
        Role::Label => Some("a label"),
        Role::Group => Some("a subject or a session"),
        Role::Target => Some("a target"),
        Role::Recording => Some("the number of a recording"),
        Role::Split => Some("a split"),
        Role::Time if never_a_number || same.iter().all(|c| 100 * c.falls <= c.numbers) => {
            Some("a time or an index")
        }
        Role::Counter if same.iter().all(|c| c.counts()) => {
            Some("a time or an index (its values rise all the time)")
        }
        _ if never_a_number => Some("text"),
        _ => None,
    }
}

/// Checks that all files have the columns of the first one.
fn same_columns(tables: &[Table]) -> Result<()> {
    let Some((first, others)) = tables.split_first() else { return Ok(()) };
    let names = |table: &Table| -> Vec<String> {
        let mut names: Vec<String> = table.columns.iter().map(|c| c.name.clone()).collect();
        names.sort_unstable();
        names
    };
    let expected = names(first);
    match others.iter().find(|t| names(t) != expected) {
        None => Ok(()),
        Some(other) => {
            let expected = format!("{}, as in {}", first.names(), first.place);
            Err(Error::invalid(&other.place, "columns", expected, other.names()))
        }
    }
}

impl Column {
    /// True if 99 of 100 values are above the one before.
    fn counts(&self) -> bool {
        const FEW: usize = 10;
        self.numbers >= FEW && 100 * (self.numbers - 1 - self.rises) <= self.numbers
    }
}

impl Table {
    /// The column of a name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|c| c.name == name)
    }

    /// The number of the column of a name that must be there.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the columns.
    pub fn wanted(&self, name: &str) -> Result<usize> {
        self.columns.iter().position(|c| c.name == name).ok_or_else(|| {
            Error::invalid(&self.place, "columns", format!("`{name}`"), self.names())
        })
    }
}
