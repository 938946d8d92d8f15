//! Truth files: accuracies of sub-networks that were trained alone.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};
use crate::files;

/// Which network a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The widths that the code says, with ReLU: the form of the challenge's truths.
    Nominal,
    /// After the run's candidate enhancement: what is scored and what ships.
    Effective,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Effective => "effective",
        }
    }
}

/// Where training started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Initial weights.
    Scratch,
    /// A supernet's weights.
    Inherited,
}

/// How sub-networks are trained alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Which network.
    pub form: Form,
    /// Epochs.
    pub epochs: u32,
    /// Learning rate at the start, cosine to 0.
    pub lr: f32,
    /// Seed of weights, order and augmentation.
    pub seed: u64,
}

/// A line of a truth file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Name in the file of codes.
    pub id: String,
    /// Code.
    pub arch: String,
    /// Top-1 on the test images, 0 to 1.
    pub standalone_top1: f64,
    /// Its standard error.
    pub top1_se: f64,
    /// Mean cross-entropy on the test images, nats.
    pub ce: f64,
    /// Test images.
    pub images: usize,
    /// Which network was trained.
    #[serde(rename = "as")]
    pub form: Form,
    /// Epochs of training.
    pub epochs: u32,
    /// Seed.
    pub seed: u64,
    /// Where training started.
    pub start: Start,
}

const HEADER: &str = "id,arch,standalone_top1,top1_se,ce,images,as,epochs,seed,start";

/// Writes a truth file: CSV with the columns of [`Truth`].
///
/// # Errors
/// [`Error::Io`].
pub fn write_truths(path: &Path, truths: &[Truth]) -> Result<()> {
    let mut text = format!("{HEADER}\n");
    for t in truths {
        let Truth { id, arch, standalone_top1, top1_se, ce, images, form, epochs, seed, start } = t;
        let form = form.name();
        let start = match start {
            Start::Scratch => "scratch",
            Start::Inherited => "inherited",
        };
        let _ = writeln!(
            text,
            "{id},{arch},{standalone_top1},{top1_se:.5},{ce:.5},{images},{form},{epochs},{seed},\
             {start}"
        );
    }
    files::write(path, text.as_bytes())
}

/// Reads a truth file that [`write_truths`] wrote, to go on with it: every line must have been
/// trained as `recipe` and `start` say.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] naming line, column, expected and found.
pub fn read_truths(path: &Path, recipe: &Recipe, start: Start) -> Result<Vec<Truth>> {
    let text = String::from_utf8(files::read(path)?)
        .map_err(|e| Error::invalid(path.display(), "encoding", "UTF-8", e))?;
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |l| l.1);
    if header != HEADER {
        return Err(Error::invalid(path.display(), "header", HEADER, header));
    }
    let columns: Vec<&str> = HEADER.split(',').collect();
    lines
        .map(|(i, line)| {
            let place = format!("{}:{}", path.display(), i + 1);
            let cells: Vec<&str> = line.split(',').collect();
            if cells.len() != columns.len() {
                return Err(Error::invalid(&place, "cells", columns.len(), cells.len()));
            }
            fn number<T: std::str::FromStr>(place: &str, column: &str, cell: &str) -> Result<T> {
                cell.parse().map_err(|_| Error::invalid(place, column, "a number", cell))
            }
            let start_name = if start == Start::Scratch { "scratch" } else { "inherited" };
            for (at, expected) in [
                (6, recipe.form.name().to_owned()),
                (7, recipe.epochs.to_string()),
                (8, recipe.seed.to_string()),
                (9, start_name.to_owned()),
            ] {
                if cells[at] != expected {
                    let expected = format!("{expected}, as this command trains");
                    return Err(Error::invalid(&place, columns[at], expected, cells[at]));
                }
            }
            Ok(Truth {
                id: cells[0].into(),
                arch: cells[1].into(),
                standalone_top1: number(&place, columns[2], cells[2])?,
                top1_se: number(&place, columns[3], cells[3])?,
                ce: number(&place, columns[4], cells[4])?,
                images: number(&place, columns[5], cells[5])?,
                form: recipe.form,
                epochs: recipe.epochs,
                seed: recipe.seed,
                start,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
