//! Recordings in tables of rows, and the windows that are cut from them.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;

use supernano_base::config::{DataSpec, WindowSpec};
use supernano_base::error::{Error, Result};

use super::super::item::{Item, Split, class_names, label_of};
use super::super::splits::{Key, hash};
use super::Window;
use super::columns::{Layout, Role};
use super::table::Table;

/// Most classes that a column has. More are values, not classes.
const MOST_CLASSES: usize = 256;
/// Recordings that a class has at least, if whole recordings are drawn for a split.
const RECORDINGS: usize = 6;
/// Parts of a class, at least, into which few recordings with overlapping windows are cut.
const PARTS: usize = 12;
/// Subjects without which a validation and a test split cannot be drawn.
const GROUPS: usize = 3;

/// Rows of one table that follow each other in time.
#[derive(Clone, Debug, PartialEq)]
pub struct Run {
    /// Number of the table.
    pub table: usize,
    /// Its rows.
    pub rows: Range<usize>,
    /// Label of the class.
    pub label: u16,
    /// The split that the files give.
    pub split: Option<Split>,
    /// The subject.
    pub group: Option<String>,
    /// What a network shall give for each window; none if columns hold it, and for classes.
    pub targets: Vec<f32>,
}

/// All recordings of a source.
pub struct Recordings {
    /// Their rows.
    pub tables: Vec<Table>,
    /// The columns.
    pub layout: Layout,
    /// The recordings.
    pub runs: Vec<Run>,
    /// Names of the classes in the order of the labels.
    pub classes: Vec<String>,
    /// Messages of the files that were left out.
    pub skipped: Vec<String>,
    /// Remarks.
    pub notes: Vec<String>,
}

/// The lengths of the recordings of a source.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct RunLengths {
    /// Number of recordings.
    pub recordings: usize,
    /// Samples of the shortest recording.
    pub shortest: usize,
    /// The length that 1 of 10 recordings does not reach, samples.
    pub short: usize,
    /// Median, samples.
    pub median: usize,
    /// Samples of the longest recording.
    pub longest: usize,
    /// Names of the axes.
    pub axes: Vec<String>,
    /// Mean step of the column of time in its own unit, if there is one.
    pub step: Option<f64>,
}

impl Recordings {
    /// Finds the recordings in tables. `items` says for each table what its path tells.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a column or a class that is missing, for a column with too many classes,
    /// and, with its line, for a cell of an axis that is no number, unless bad rows are left out.
    pub fn find(
        spec: &DataSpec,
        place: &str,
        window: &WindowSpec,
        read: (Vec<Table>, Vec<Item>),
        rows_are_labelled: bool,
    ) -> Result<Self> {
        let (tables, items) = read;
        let targets = spec.target_columns();
        let layout = Layout::new(&tables, window, targets, rows_are_labelled)?;
        if spec.multilabel {
            tables.iter().try_for_each(|table| table.check_labels(targets))?;
        }
        let mut notes = layout.notes.clone();
        let mut named: Vec<(Range<usize>, usize, String)> = Vec::new();
        for (i, (table, item)) in tables.iter().zip(&items).enumerate() {
            let (ranges, left_out) = ranges(table, &layout, spec.skip_bad)?;
            notes.extend(left_out);
            for rows in ranges {
                let class = match &layout.label {
                    Some(label) => table.text(label, rows.start).to_owned(),
                    None => item.class.clone(),
                };
                named.push((rows, i, class));
            }
        }
        if !targets.is_empty() {
            named.iter_mut().for_each(|n| n.2.clear());
        }
        let unlabelled = named.iter().filter(|n| n.2.is_empty()).map(|n| n.0.len()).sum::<usize>();
        let needs_no_class = |n: &(Range<usize>, usize, String)| n.2.is_empty();
        let without = (!targets.is_empty() || spec.reconstruct) && named.iter().all(needs_no_class);
        if unlabelled > 0 && !without {
            notes.push(format!("left out: {unlabelled} rows without a label"));
            named.retain(|n| !n.2.is_empty());
        }
        let found = sorted(named.iter().map(|n| n.2.clone()).collect());
        if let (Some(label), true) = (&layout.label, found.len() > MOST_CLASSES) {
            let field = format!("column `{label}`");
            let expected =
                format!("at most {MOST_CLASSES} classes (`targets` names values to predict)");
            return Err(Error::invalid(place, field, expected, found.len()));
        }
        let classes = match (without, spec.reconstruct && found.len() == 1) {
            (true, _) => Vec::new(),
            (_, true) => found,
            _ => class_names(place, found, spec.labels.as_deref())?,
        };
        let groups = usable_groups(&tables, &layout, &mut notes);
        let of_rows = layout.label.is_some() || !targets.is_empty();
        let by_file = of_rows && groups.is_none() && tables.len() >= GROUPS;
        let mut runs = Vec::with_capacity(named.len());
        for (rows, table, class) in named {
            let (of, item) = (&tables[table], &items[table]);
            let own = groups.as_ref().map(|g| of.text(g, rows.start).to_owned());
            let file = || by_file.then(|| content(of.bytes(0..of.rows())));
            let split = of.columns.iter().find(|c| c.role == Role::Split);
            runs.push(Run {
                table,
                label: if without { 0 } else { label_of(&of.place, &classes, &class)? },
                split: split.and_then(|c| Split::named(c.texts.of(rows.start))).or(item.split),
                group: own.or_else(|| item.group.clone()).or_else(file),
                targets: Vec::new(),
                rows,
            });
        }
        if let Some(label) = &layout.label {
            notes.insert(0, format!(
                "the classes are those of column `{label}`; a recording is a run of rows with the same one"
            ));
        }
        if by_file {
            notes.push("rows of one file stay in one split".into());
        }
        Ok(Self { tables, layout, runs, classes, skipped: Vec::new(), notes })
    }

    /// The lengths of the recordings.
    ///
    /// # Errors
    /// [`Error::Invalid`] without a recording.
    pub fn lengths(&self, place: &str) -> Result<RunLengths> {
        let mut lengths: Vec<usize> = self.runs.iter().map(|r| r.rows.len()).collect();
        lengths.sort_unstable();
        let (Some(&shortest), Some(&longest)) = (lengths.first(), lengths.last()) else {
            return Err(Error::invalid(place, "recordings", "one that can be read", "none"));
        };
        let step = |table: &Table| {
            let time = table.columns.iter().find(|c| c.role == Role::Time && c.falls == 0)?;
            let (last, first) = time.ends?;
            let steps = time.numbers.checked_sub(1).filter(|&n| n > 0)?;
            Some((last - first) / steps as f64).filter(|&step| step > 0.0 && step != 1.0)
        };
        Ok(RunLengths {
            recordings: lengths.len(),
            shortest,
            short: lengths[lengths.len() / 10],
            median: lengths[lengths.len() / 2],
            longest,
            axes: self.layout.axes.clone(),
            step: self.tables.first().and_then(step),
        })
    }

    /// Number of windows, at most.
    pub fn windows(&self, window: &WindowSpec) -> usize {
        let of = |run: &Run| match (run.rows.len() + 1).checked_sub(window.samples) {
            Some(places) => places.div_ceil(window.step().max(1)),
            None => 0,
        };
        self.runs.iter().map(of).sum()
    }

    /// Cuts the recordings into windows, with remarks. A window of a subject, of a recording or, if
    /// there are few recordings and windows overlap, of a part of one stays in its split. Windows of one
    /// sample are items of their own.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a class without a window, and for columns that are not there.
    pub(super) fn cut(&self, window: &WindowSpec) -> Result<(Vec<Window>, Vec<String>)> {
        let (mut windows, mut short, mut parts) = (Vec::new(), Vec::new(), None);
        let long = |run: &&Run| run.rows.len() >= window.samples;
        let mut of_class = vec![(0usize, 0usize); self.classes.len().max(1)];
        for run in self.runs.iter().filter(long) {
            let (runs, rows) = &mut of_class[usize::from(run.label)];
            (*runs, *rows) = (*runs + 1, *rows + run.rows.len());
        }
        let whole = of_class.iter().all(|&(runs, _)| runs >= RECORDINGS);
        let overlap = window.step() < window.samples;
        for (n, run) in self.runs.iter().enumerate() {
            let length = run.rows.len();
            if length < window.samples {
                short.push(n);
                continue;
            }
            let table = &self.tables[run.table];
            let columns = table.all_wanted(&self.layout.axes)?;
            let wanted = table.all_wanted(&self.layout.targets)?;
            let several = window.samples > 1
                && (overlap || (whole && length >= window.samples + window.step()));
            let of_run = match (&run.group, several) {
                (None, true) => Some(content(table.bytes(run.rows.clone()))),
                _ => None,
            };
            let part = match overlap && !whole && run.group.is_none() {
                true => {
                    let rows = of_class[usize::from(run.label)].1;
                    (rows / PARTS).max(window.samples + 4 * window.step())
                }
                false => length,
            };
            if part < length {
                parts = parts.max(Some(part));
            }
            for start in starts(length, part, window) {
                let from = run.rows.start + start;
                let part_of_run = of_run.as_ref().map(|run| format!("{run}, {}", start / part));
                let group = run.group.clone().or(part_of_run);
                let rows = from..from + window.samples;
                let of_rows = wanted.iter().map(|&c| table.target(rows.clone(), c, window.target));
                let targets = run.targets.iter().copied().chain(of_rows).collect();
                let values = table.some_of(rows, &columns);
                let content: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
                windows.push(Window {
                    place: format!("{}, samples {from} to {}", table.place, from + window.samples),
                    key: Key { label: run.label, split: run.split, content: hash(&content), group },
                    table: run.table,
                    from,
                    targets,
                });
            }
        }
        let mut notes: Vec<String> = parts.map(cut_in_parts).into_iter().collect();
        if let Some(&first) = short.first() {
            self.check_classes(window, &of_class)?;
            let place = &self.tables[self.runs[first].table].place;
            notes.push(format!(
                "left out: {} of {} recordings, shorter than the {} samples of a window (the first: {} in {place})",
                short.len(), self.runs.len(), window.samples, self.runs[first].rows.len()
            ));
        }
        Ok((windows, notes))
    }

    /// The values of a window, `[samples, axes]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for columns that are not there.
    pub(super) fn values(&self, window: &Window, samples: usize) -> Result<Vec<f32>> {
        let table = &self.tables[window.table];
        let columns = table.all_wanted(&self.layout.axes)?;
        Ok(table.some_of(window.from..window.from + samples, &columns))
    }

    /// Refuses a class all of whose recordings are too short.
    fn check_classes(&self, window: &WindowSpec, of_class: &[(usize, usize)]) -> Result<()> {
        let without = |run: &&Run| of_class[usize::from(run.label)].0 == 0;
        match self.runs.iter().filter(without).max_by_key(|run| run.rows.len()) {
            None => Ok(()),
            Some(run) => {
                let field = match self.classes.get(usize::from(run.label)) {
                    Some(class) => format!("samples of the longest recording of class `{class}`"),
                    None => "samples of the longest recording".into(),
                };
                let expected = format!("at least the {} of a window", window.samples);
                let place = &self.tables[run.table].place;
                Err(Error::invalid(place, field, expected, run.rows.len()))
            }
        }
    }
}

/// A remark about recordings that are cut into parts of up to `rows` rows.
fn cut_in_parts(rows: usize) -> String {
    format!(
        "windows overlap, and a class has fewer than {RECORDINGS} recordings: they are cut into parts of up \
         to {rows} samples, which no window crosses, and each part stays in one split. A part may \
         end within a movement; a column that `--group` names keeps longer stretches together"
    )
}

/// Starts of the windows in a recording whose parts no window crosses.
fn starts(length: usize, part: usize, window: &WindowSpec) -> Vec<usize> {
    let mut starts = Vec::new();
    for from in (0..length).step_by(part.max(1)) {
        let end = length.min(from + part);
        let last = (end + 1).saturating_sub(window.samples);
        starts.extend((from..last.max(from)).step_by(window.step()));
    }
    starts
}

/// The column of the subjects if there are enough of them.
fn usable_groups(tables: &[Table], layout: &Layout, notes: &mut Vec<String>) -> Option<String> {
    let name = layout.group.as_ref()?;
    let columns = tables.iter().filter_map(|t| t.column(name));
    let different: BTreeSet<&String> = columns.flat_map(|c| &c.texts.names).collect();
    if different.len() >= GROUPS {
        notes.push(format!(
            "rows with the same `{name}` stay in one split ({} of them)",
            different.len()
        ));
        return Some(name.clone());
    }
    notes.push(format!(
        "column `{name}` has fewer than {GROUPS} values, too few to keep each in one split"
    ));
    None
}

/// The ranges of rows with the same texts, with a remark about bad rows.
fn ranges(
    table: &Table,
    layout: &Layout,
    skip_bad: bool,
) -> Result<(Vec<Range<usize>>, Option<String>)> {
    let mut axes = table.all_wanted(&layout.axes)?;
    axes.extend(table.all_wanted(&layout.targets)?);
    let bad = |row: usize| axes.iter().any(|&c| table.value(row, c).is_nan());
    let first_bad = axes.iter().filter_map(|&c| Some((c, table.columns[c].bad.as_ref()?)));
    let first_bad = first_bad.min_by_key(|(_, (line, _))| *line);
    if let (Some((column, (line, cell))), false) = (first_bad, skip_bad) {
        let place = format!("{}:{line}", table.place);
        let field = format!("column `{}`", table.columns[column].name);
        let expected = "a finite number (--skip-bad leaves such rows out)";
        let found = if cell.is_empty() { "an empty cell" } else { cell };
        return Err(Error::invalid(place, field, expected, found));
    }
    let used = |c: &&super::table::Column| match c.role {
        Role::Label => Some(&c.name) == layout.label.as_ref(),
        Role::Group | Role::Recording | Role::Split => true,
        _ => false,
    };
    let texts = table.columns.iter().filter(used).flat_map(|c| &c.texts.starts);
    let times = table.columns.iter().filter(|c| c.role == Role::Time && 100 * c.falls <= c.numbers);
    let restarts = times.flat_map(|c| &c.restarts).chain(texts.map(|(start, _)| start));
    let restarts: HashSet<usize> = restarts.copied().collect();
    let (mut ranges, mut start, mut left_out) = (Vec::new(), 0, 0);
    for row in 0..=table.rows() {
        let is_bad = row < table.rows() && first_bad.is_some() && bad(row);
        let same = row < table.rows() && row > 0 && !is_bad && !restarts.contains(&row);
        if same {
            continue;
        }
        if row > start {
            ranges.push(start..row);
        }
        start = row + usize::from(is_bad);
        left_out += usize::from(is_bad);
    }
    let note = first_bad.filter(|_| left_out > 0).map(|(_, (line, cell))| {
        format!(
            "left out: {left_out} rows of {} with cells that are no finite number, the first `{cell}` in line {line}",
            table.place
        )
    });
    Ok((ranges, note))
}

/// A name for rows that depends on their values only.
fn content(values: &[u8]) -> String {
    blake3::hash(values).to_hex().to_string()
}

/// The different texts, sorted; as numbers if all are whole numbers.
fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names.dedup();
    if names.iter().all(|n| n.parse::<i64>().is_ok()) {
        names.sort_by_key(|n| n.parse::<i64>().unwrap_or(i64::MAX));
    }
    names
}
