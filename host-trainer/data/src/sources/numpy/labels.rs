//! Labels in arrays: numbers, texts, or a row of 0 and 1 for each item.

use supernano_base::error::{Error, Result};

use super::super::item::{class_names, label_of, numbered_classes};
use super::array::{Array, Kind};

/// The label of each item as text.
#[derive(Debug, Default)]
pub struct Labels {
    /// The labels.
    pub names: Vec<String>,
    /// True if they are whole numbers from 0.
    numbers: bool,
}

impl Labels {
    /// The labels of an array `[n]`, `[n, 1]` or `[n, classes]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape and for a value that is no label.
    pub fn of(array: &Array) -> Result<Self> {
        match array.sizes.as_slice() {
            [_] | [_, 1] if !array.has_numbers() => {
                Ok(Self { names: array.texts()?, numbers: false })
            }
            [_] | [_, 1] => numbers(array),
            [_, classes] if array.has_numbers() => one_hot(array, *classes),
            sizes => {
                let expected = "[n], a label for each item, or [n, classes] with one 1 in each row";
                Err(Error::invalid(&array.place, "shape", expected, format!("{sizes:?}")))
            }
        }
    }

    /// The classes of several arrays, and the label of each item of each.
    ///
    /// # Errors
    /// As [`numbered_classes`] and [`class_names`].
    pub fn classes(
        place: &str,
        all: &[Self],
        wanted: Option<&[String]>,
    ) -> Result<(Vec<String>, Vec<Vec<u16>>)> {
        let mut distinct: Vec<&str> =
            all.iter().flat_map(|l| l.names.iter().map(String::as_str)).collect();
        distinct.sort_unstable();
        distinct.dedup();
        let parse = |name: &str| name.parse::<u16>().ok();
        let numbers: Option<Vec<u16>> = match all.iter().all(|l| l.numbers) {
            true => distinct.iter().map(|n| parse(n)).collect(),
            false => None,
        };
        let largest = numbers.as_ref().and_then(|n| n.iter().max().copied());
        if let (Some(numbers), Some(largest)) = (&numbers, largest) {
            let dense = numbers.len() == usize::from(largest) + 1;
            if dense || wanted.is_some_and(|w| w.len() > usize::from(largest)) {
                let classes = numbered_classes(place, largest, wanted)?;
                let labels = |l: &Self| l.names.iter().filter_map(|n| parse(n)).collect();
                return Ok((classes, all.iter().map(labels).collect()));
            }
        }
        let mut names: Vec<String> = distinct.into_iter().map(String::from).collect();
        if numbers.is_some() {
            names.sort_by_key(|n| parse(n));
        }
        let classes = class_names(place, names, wanted)?;
        let labels = |l: &Self| l.names.iter().map(|n| label_of(place, &classes, n)).collect();
        let labels: Result<Vec<Vec<u16>>> = all.iter().map(labels).collect();
        Ok((classes, labels?))
    }
}

fn numbers(array: &Array) -> Result<Labels> {
    let names: Result<Vec<String>> = array
        .values()?
        .into_iter()
        .enumerate()
        .map(|(i, value)| {
            let label = value as u16;
            if f64::from(label) == value {
                return Ok(label.to_string());
            }
            let expected = match array.kind {
                Kind::Float => {
                    "a whole number from 0: y = np.unique(y, return_inverse=True)[1] (`targets` \
                     names numbers to predict)"
                }
                _ => "a whole number from 0 to 65535: y = np.unique(y, return_inverse=True)[1]",
            };
            Err(Error::invalid(&array.place, format!("label {i}"), expected, value))
        })
        .collect();
    Ok(Labels { names: names?, numbers: true })
}

fn one_hot(array: &Array, classes: usize) -> Result<Labels> {
    let values = array.values()?;
    let row = |(i, row): (usize, &[f64])| {
        let ones = row.iter().filter(|&&v| v == 1.0).count();
        let zeros = row.iter().filter(|&&v| v == 0.0).count();
        match row.iter().position(|&v| v == 1.0) {
            Some(class) if ones == 1 && zeros + 1 == classes => Ok(class.to_string()),
            _ => {
                let expected = "one 1 and zeros: y = y.argmax(axis=1) (`multilabel` allows several, \
                    and `targets` names numbers to predict)";
                Err(Error::invalid(&array.place, format!("row {i}"), expected, format!("{row:?}")))
            }
        }
    };
    let names: Result<Vec<String>> =
        values.chunks_exact(classes.max(1)).enumerate().map(row).collect();
    Ok(Labels { names: names?, numbers: true })
}
