//! Windows of sensors in NumPy arrays `[n, samples, axes]`.

use std::path::Path;

use supernano_base::config::{DataSpec, WindowSpec};
use supernano_base::error::{Error, Result};

use super::super::numpy::{self, Array, Labels};
use super::columns::Layout;
use super::runs::{Recordings, Run};
use super::table::Table;

/// Reads the windows as recordings: each window is one.
pub fn read(spec: &DataSpec, path: &Path, window: &WindowSpec) -> Result<Recordings> {
    let place = path.display().to_string();
    let pairs = numpy::pairs(path)?;
    let (items, labels): (Vec<_>, Vec<Labels>) =
        pairs.into_iter().map(|(p, _)| ((p.items, p.split), p.labels)).unzip();
    let (classes, labels) = Labels::classes(&place, &labels, spec.labels.as_deref())?;
    let (mut tables, mut runs) = (Vec::new(), Vec::new());
    let mut names: Option<Vec<String>> = None;
    for ((array, split), labels) in items.into_iter().zip(labels) {
        let (samples, axes) = sizes(&array, window)?;
        let numbered = || (1..=axes).map(|i| i.to_string()).collect();
        let names = names.get_or_insert_with(numbered);
        if names.len() != axes {
            let expected = format!("{} axes, as in the other arrays", names.len());
            return Err(Error::invalid(&array.place, "shape", expected, axes));
        }
        let values: Vec<f32> = array.values().map(|v| v as f32).collect();
        if let Some(bad) = values.iter().position(|v| !v.is_finite()) {
            let field =
                format!("value {} of window {}", bad % (samples * axes), bad / (samples * axes));
            return Err(Error::invalid(&array.place, field, "a finite number", values[bad]));
        }
        let table = tables.len();
        runs.extend(labels.into_iter().enumerate().map(|(i, label)| Run {
            table,
            rows: i * samples..(i + 1) * samples,
            label,
            split,
            group: None,
        }));
        tables.push(Table::of_values(array.place, names.clone(), values));
    }
    let axes = window.columns.clone().or(names).unwrap_or_default();
    let layout = Layout { axes, ..Layout::default() };
    Ok(Recordings { tables, layout, runs, classes, skipped: Vec::new(), notes: Vec::new() })
}

/// Samples and axes of the windows.
fn sizes(array: &Array, window: &WindowSpec) -> Result<(usize, usize)> {
    let found = || format!("{:?}", array.sizes);
    match array.sizes[..] {
        [n, samples, axes] if n > 0 && samples > 0 && axes > 0 && array.has_numbers() => {
            if window.samples > samples {
                let expected = format!("at most {samples}, those of the arrays");
                return Err(Error::invalid("data", "window.samples", expected, window.samples));
            }
            Ok((samples, axes))
        }
        [n, samples] if n > 0 && samples > 0 => {
            let expected = "[n, samples, axes]; x = x[:, :, None] for one axis";
            Err(Error::invalid(&array.place, "shape", expected, found()))
        }
        _ => Err(Error::invalid(&array.place, "shape", "[n, samples, axes]", found())),
    }
}
