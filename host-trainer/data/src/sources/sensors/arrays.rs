//! Windows of sensors in NumPy arrays `[n, samples, axes]`.

use std::path::Path;

use supernano_base::config::{DataSpec, WindowSpec};
use supernano_base::error::{Error, Result};
use supernano_base::images::Collector;

use super::super::numpy::{self, Array};
use super::columns::Layout;
use super::runs::{Recordings, Run};
use super::table::Table;
use super::values::{GROWING, Tables, Values};

/// Reads the windows as recordings: each window is one.
pub fn read(
    spec: &DataSpec,
    path: &Path,
    window: &WindowSpec,
    folder: &Path,
) -> Result<Recordings> {
    let place = path.display().to_string();
    let mut pairs = numpy::pairs(spec, path)?;
    let (classes, labels) = numpy::classes(spec, &place, &mut pairs)?;
    let (mut tables, mut count, mut runs) = (Tables::new(folder)?, 0, Vec::new());
    let mut names: Option<Vec<String>> = None;
    let mut notes = Vec::new();
    let outputs = spec.target_columns().len();
    for (pair, labels) in pairs.into_iter().zip(labels) {
        let array = pair.items;
        notes.extend(pair.note);
        let (samples, axes) = sizes(&array, window)?;
        let numbered = || (1..=axes).map(|i| i.to_string()).collect();
        let names = names.get_or_insert_with(numbered);
        if names.len() != axes {
            let expected = format!("{} axes, as in the other arrays", names.len());
            return Err(Error::invalid(&array.place, "shape", expected, axes));
        }
        let (mut values, mut at) = (Collector::within(folder, GROWING), 0);
        array.blocks(|block| {
            for value in array.numbers(block) {
                if !(value as f32).is_finite() {
                    let (of, window) = (at % (samples * axes), at / (samples * axes));
                    let field = format!("value {of} of window {window}");
                    return Err(Error::invalid(&array.place, field, "a finite number", value));
                }
                values.push(&(value as f32).to_ne_bytes())?;
                at += 1;
            }
            Ok(())
        })?;
        let table = count;
        count += 1;
        runs.extend(labels.into_iter().enumerate().map(|(i, label)| Run {
            table,
            rows: i * samples..(i + 1) * samples,
            label,
            split: pair.split,
            group: None,
            targets: pair.targets[i * outputs..(i + 1) * outputs].to_vec(),
        }));
        let values = Values::of(values.finish()?);
        tables.push(Table::of_values(array.place, names.clone(), values))?;
    }
    let axes = window.columns.clone().or(names).unwrap_or_default();
    let layout = Layout { axes, ..Layout::default() };
    let tables = tables.finish()?;
    Ok(Recordings { tables, layout, runs, classes, skipped: Vec::new(), notes })
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
