//! The columns of a table of paths.

use std::path::Path;

use supernano_base::error::{Error, Result};
use supernano_base::files::{Csv, Record};

use super::super::names::{Names, plain};
use super::files::Files;

/// Accepted names of the columns: their letters and digits in lower case, the most telling first.
pub const PATH: [&str; 22] = [
    "path",
    "filepath",
    "file",
    "filename",
    "imagepath",
    "imagefile",
    "imagename",
    "image",
    "imageid",
    "imgpath",
    "imgname",
    "img",
    "picture",
    "photo",
    "audiopath",
    "audiofile",
    "audio",
    "wav",
    "slicefilename",
    "fname",
    "name",
    "id",
];
pub const CLASS: [&str; 19] = [
    "label",
    "word",
    "keyword",
    "digit",
    "labels",
    "labelname",
    "class",
    "classname",
    "category",
    "categoryname",
    "target",
    "species",
    "breed",
    "emotion",
    "y",
    "classid",
    "labelid",
    "tags",
    "tag",
];
pub const SPLIT: [&str; 4] = ["split", "set", "subset", "partition"];
pub const GROUP: [&str; 13] = [
    "group",
    "groupid",
    "speaker",
    "speakerid",
    "subject",
    "subjectid",
    "session",
    "sessionid",
    "person",
    "patient",
    "patientid",
    "user",
    "userid",
];

/// The columns of a table.
pub struct Columns {
    /// The file.
    pub path: usize,
    /// The class, or what a network shall give.
    pub class: Class,
    /// The split.
    pub split: Option<usize>,
    /// The group.
    pub group: Option<usize>,
    /// False if the class is in a column only because no other one is left.
    pub sure: bool,
}

/// Where the class of a row is.
pub enum Class {
    /// In a column.
    Column(usize),
    /// In the name of the column, of these, that has a 1.
    OneHot(Vec<(usize, String)>),
    /// None: these columns hold what a network shall give.
    Numbers(Vec<usize>),
    /// None: the column holds several labels.
    Several(usize),
}

/// Finds the columns by their names, else by files that the cells of the first rows name. Removes the
/// header.
///
/// # Errors
/// [`Error::Invalid`] naming the columns that there are.
pub fn columns(
    csv: &mut Csv,
    files: &mut Files<'_>,
    table: &Path,
    names: &Names,
) -> Result<Columns> {
    let Some(first) = csv.records.first() else {
        let expected = "rows with a path and a label";
        return Err(Error::invalid(table.display(), "rows", expected, "none"));
    };
    let mut header = first.clone();
    header.cells.iter_mut().for_each(|name| *name = plain(name));
    let width = header.cells.len();
    let (path, class) = (csv.find(&header, &PATH)?, csv.find(&header, &CLASS)?);
    let (split, group) = (csv.find(&header, &SPLIT)?, csv.find(&header, &GROUP)?);
    let mut in_row = |row: usize| {
        let cells = &csv.records.get(row)?.cells;
        (0..width).find(|&column| files.names_one(&cells[column]))
    };
    let expected = "a header such as `path,label`, with optional columns `split` and `group`, \
                    or two columns of which one names files (`targets` and `multilabel` name columns of \
                    numbers and of several labels)";
    let refused = || Error::invalid(csv.at(first), "columns", expected, first.cells.join(","));
    let other = |path: usize| (width == 2).then_some(Class::Column(1 - path));
    if !names.targets.is_empty() {
        let path = path.or_else(|| in_row(1)).ok_or_else(refused)?;
        let place = |name: &String| first.cells.iter().position(|cell| cell == name);
        let places: Option<Vec<usize>> = names.targets.iter().map(place).collect();
        let missing = names.targets.iter().find(|name| place(name).is_none());
        let class = match (places, class, names.multilabel) {
            (Some(places), ..) => Class::Numbers(places),
            (None, Some(labels), true) => Class::Several(labels),
            (None, ..) => {
                let expected = format!("`{}`", missing.map_or("", String::as_str));
                return Err(Error::invalid(
                    csv.at(first),
                    "columns",
                    expected,
                    first.cells.join(", "),
                ));
            }
        };
        csv.take_header()?;
        return Ok(Columns { path, class, split, group, sure: true });
    }
    if let (Some(path), Some(class)) = (path, class) {
        csv.take_header()?;
        return Ok(Columns { path, class: Class::Column(class), split, group, sure: true });
    }
    if path.is_none()
        && let Some(path) = in_row(0)
    {
        let class = other(path).ok_or_else(refused)?;
        return Ok(Columns { path, class, split: None, group: None, sure: true });
    }
    let path = path.or_else(|| in_row(1)).ok_or_else(refused)?;
    let used = |column: &usize| ![Some(path), split, group].contains(&Some(*column));
    let rest: Vec<usize> = (0..width).filter(used).collect();
    let ones = |record: &Record| {
        let of = |value: f32| {
            rest.iter().filter(|&&c| record.cells[c].parse::<f32>() == Ok(value)).count()
        };
        of(1.0) == 1 && of(0.0) + 1 == rest.len()
    };
    let sure = class.is_some() || rest.len() > 1;
    let class = match class {
        Some(class) => Class::Column(class),
        None if rest.len() == 1 => Class::Column(rest[0]),
        None if rest.len() > 1 && csv.records.get(1).is_some_and(ones) => {
            Class::OneHot(rest.iter().map(|&c| (c, first.cells[c].clone())).collect())
        }
        None => return Err(refused()),
    };
    csv.take_header()?;
    Ok(Columns { path, class, split, group, sure })
}

impl Columns {
    /// What a network shall give for a record.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `at` for a cell that is no finite number, for a label that is neither 0 nor
    /// 1, and for a label that the configuration does not have.
    pub fn targets(&self, at: &str, record: &Record, names: &Names) -> Result<Vec<f32>> {
        let number = |(&column, name): (&usize, &String)| {
            let cell = &record.cells[column];
            let value = cell.parse::<f32>().ok().filter(|v| v.is_finite());
            let (value, expected) = match names.multilabel {
                true => (value.filter(|v| [0.0, 1.0].contains(v)), "0 or 1"),
                false => (value, "a finite number"),
            };
            let field = || format!("column `{name}`");
            value.ok_or_else(|| Error::invalid(at, field(), expected, cell))
        };
        match &self.class {
            Class::Column(_) | Class::OneHot(_) => Ok(Vec::new()),
            Class::Numbers(columns) => columns.iter().zip(&names.targets).map(number).collect(),
            Class::Several(column) => {
                let cell = record.cells[*column].split(['|', ';', ',']).map(str::trim);
                // Spaces separate labels that have none.
                let bare = !names.targets.iter().any(|name| name.contains(' '));
                let parts = cell.flat_map(|part| match bare {
                    true => part.split_whitespace().collect(),
                    false => vec![part],
                });
                let found: Vec<&str> = parts.filter(|label| !label.is_empty()).collect();
                if let Some(other) = found.iter().find(|f| !names.targets.iter().any(|t| t == *f)) {
                    let expected = format!("some of the `labels` {}", names.targets.join(", "));
                    return Err(Error::invalid(at, "label", expected, other));
                }
                let has = |name: &String| f32::from(u8::from(found.contains(&name.as_str())));
                Ok(names.targets.iter().map(has).collect())
            }
        }
    }
}

/// The name of the only column of a record that has a 1.
///
/// # Errors
/// [`Error::Invalid`] naming `at` without such a column, and for several.
pub fn one_hot(at: &str, record: &Record, of: &[(usize, String)]) -> Result<String> {
    let value = |column: usize| record.cells[column].parse::<f32>();
    let mut ones = of.iter().filter(|(column, _)| value(*column) == Ok(1.0));
    match (ones.next(), ones.next()) {
        (Some((_, name)), None) => Ok(name.clone()),
        _ => {
            let names: Vec<&str> = of.iter().map(|(_, name)| name.as_str()).collect();
            let expected = format!("a 1 in one of the columns {}", names.join(", "));
            Err(Error::invalid(at, "label", expected, record.cells.join(",")))
        }
    }
}
