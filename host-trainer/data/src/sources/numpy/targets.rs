//! Numbers or several labels in arrays.

use supernano_base::error::{Error, Result};

use super::array::Array;

/// The targets of an array `[n, outputs]`, or `[n]` for one output, `[n, outputs]`.
///
/// # Errors
/// [`Error::Invalid`] for another shape, for texts, for a value that is not finite, and for a label that
/// is neither 0 nor 1.
pub fn read(array: &Array, columns: &[String], multilabel: bool) -> Result<Vec<f32>> {
    let names = columns.join(", ");
    let width = match array.sizes[..] {
        [_] => 1,
        [_, width] => width,
        _ => 0,
    };
    if width != columns.len() {
        let field = if multilabel { "labels" } else { "targets" };
        let expected = format!("[n, {}], a column for each of `{field}` {names}", columns.len());
        return Err(Error::invalid(&array.place, "shape", expected, format!("{:?}", array.sizes)));
    }
    if !array.has_numbers() {
        return Err(Error::invalid(&array.place, "values", format!("numbers, {names}"), "texts"));
    }
    let value = |(i, value): (usize, f64)| {
        let suits = match multilabel {
            true => [0.0, 1.0].contains(&value),
            false => (value as f32).is_finite(),
        };
        if suits {
            return Ok(value as f32);
        }
        let field = format!("row {}, column `{}`", i / width, columns[i % width]);
        let expected = if multilabel { "0 or 1" } else { "a finite number" };
        Err(Error::invalid(&array.place, field, expected, value))
    };
    array.values()?.into_iter().enumerate().map(value).collect()
}
