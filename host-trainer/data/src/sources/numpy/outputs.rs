//! What arrays of labels say that a network shall give.

use std::path::Path;

use supernano_base::error::Result;

use super::super::outputs::{Outputs, of_numbers};
use super::names::{SPLITS, names};
use super::{Array, arrays};

/// The outputs that the labels of a source tell. Names are those of the first array, and are numbered if
/// it has several columns.
///
/// # Errors
/// The errors of [`super::pairs`] for arrays that cannot be read or have no labels.
pub fn outputs(path: &Path) -> Result<Outputs> {
    let mut arrays = arrays(path)?;
    let (mut name, mut width, mut values) = (String::new(), None, Vec::new());
    for (_, labels, split) in names(path, &arrays)? {
        let Some(source) = arrays.remove(&labels) else { continue };
        let array = Array::open(source)?;
        let columns = match array.sizes[..] {
            [_] => 1,
            [_, columns] => columns,
            _ => return Ok(Outputs::Classes),
        };
        if !array.has_numbers() || *width.get_or_insert(columns) != columns {
            return Ok(Outputs::Classes);
        }
        if name.is_empty() {
            name = without_split(&labels, split.is_some());
        }
        values.extend(array.values()?);
    }
    let names: Vec<String> = match width.unwrap_or(0) {
        1 => vec![name],
        columns => (1..=columns).map(|i| format!("{name}{i}")).collect(),
    };
    Ok(of_numbers(names, &values))
}

/// The name of an array without the word of its split.
fn without_split(name: &str, has_split: bool) -> String {
    let words = SPLITS.iter().map(|(word, _)| *word).filter(|_| has_split);
    let bare = |word: &str| name.strip_suffix(word).or_else(|| name.strip_prefix(word));
    // The longest word, because `val` begins `valid`.
    let shortest = words.filter_map(bare).min_by_key(|rest| rest.len()).unwrap_or(name);
    shortest.trim_matches('_').to_owned()
}
