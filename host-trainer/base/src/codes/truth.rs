//! Truth files: accuracies of sub-networks that were trained stand-alone.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Coded;
use crate::error::{Error, Result};
use crate::files::{self, Csv};
use crate::objective::ScoreMetric;

/// The network that a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The widths of the code, with ReLU: the form of the challenge's truths.
    Nominal,
    /// The network after the run's candidate enhancement, which is scored and exported.
    Effective,
}

impl Form {
    /// Its name in a truth file.
    fn name(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Effective => "effective",
        }
    }
}

/// The weights at the start of training.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Initial weights.
    Scratch,
    /// Weights of a supernet.
    Inherited,
}

impl Start {
    /// Its name in a truth file.
    fn name(self) -> &'static str {
        match self {
            Self::Scratch => "scratch",
            Self::Inherited => "inherited",
        }
    }
}

/// Settings of stand-alone training.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipe {
    /// The trained network.
    #[serde(rename = "as")]
    pub form: Form,
    /// Epochs.
    pub epochs: u32,
    /// Initial learning rate; a cosine takes it to 0.
    pub lr: f32,
    /// Seed of weights, order and augmentation.
    pub seed: u64,
}

/// The true accuracy of one sub-network: a line of a truth file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Name in the file of codes.
    pub id: String,
    /// Code.
    pub arch: String,
    /// Top-1 on the test images, 0 to 1, or the score that `metric` names.
    pub standalone_top1: f64,
    /// Standard error of `standalone_top1`.
    pub top1_se: f64,
    /// Mean loss on the test images: cross-entropy of classes and of labels, nats; squared error of
    /// standardised values.
    pub ce: f64,
    /// Number of test images.
    pub images: usize,
    /// The trained network.
    #[serde(rename = "as")]
    pub form: Form,
    /// Number of epochs.
    pub epochs: u32,
    /// Seed.
    pub seed: u64,
    /// The weights at the start of training.
    pub start: Start,
    /// What `standalone_top1` is, unless it is an accuracy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<ScoreMetric>,
}

/// The columns of a truth file, in the order of the fields of [`Truth`]. Files of accuracies do not have
/// the last one.
const HEADER: [&str; 11] = [
    "id",
    "arch",
    "standalone_top1",
    "top1_se",
    "ce",
    "images",
    "as",
    "epochs",
    "seed",
    "start",
    "metric",
];

/// Writes a truth file: CSV with the columns of [`Truth`], compressed if the name ends in `.gz`.
///
/// # Errors
/// [`Error::Io`]; [`Error::Invalid`] naming the id for one that comes twice, and for a number that
/// is not finite.
pub fn write_truths(path: &Path, truths: &[Truth]) -> Result<()> {
    files::write_text(path, &text(path, truths)?)
}

/// As [`write_truths`], for a file that does not exist. Returns false if it does, and leaves it.
///
/// # Errors
/// The errors of [`write_truths`].
pub fn create_truths(path: &Path, truths: &[Truth]) -> Result<bool> {
    files::create_text(path, &text(path, truths)?)
}

/// The text of a truth file.
fn text(path: &Path, truths: &[Truth]) -> Result<String> {
    let mut seen = HashSet::new();
    if let Some(again) = truths.iter().find(|t| !seen.insert(&t.id)) {
        return Err(repeated(path.display(), &again.id));
    }
    for t in truths {
        if let Some(x) = [t.standalone_top1, t.top1_se, t.ce].iter().find(|x| !x.is_finite()) {
            let field = format!("truth of {} `{}`", t.id, t.arch);
            return Err(Error::invalid(path.display(), field, "finite numbers", x));
        }
    }
    let named = truths.iter().any(|t| t.metric.is_some());
    let columns = HEADER.len() - usize::from(!named);
    let records = truths.iter().map(|t| {
        let mut cells = t.cells().0;
        cells.resize(columns, String::new());
        cells
    });
    Ok(files::csv_text(&HEADER[..columns], records))
}

/// The cells of a truth's line in a truth file: one for each column, the last one only if the truth has a
/// metric.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<String>")]
pub struct TruthCells(Vec<String>);

impl TryFrom<Vec<String>> for TruthCells {
    type Error = String;

    fn try_from(cells: Vec<String>) -> std::result::Result<Self, String> {
        let columns = HEADER.len() - 1..=HEADER.len();
        match columns.contains(&cells.len()) {
            true => Ok(Self(cells)),
            false => Err(format!(
                "expected the {} or {} cells of a truth, found {}",
                columns.start(),
                columns.end(),
                cells.len()
            )),
        }
    }
}

impl From<TruthCells> for Vec<String> {
    fn from(cells: TruthCells) -> Self {
        cells.0
    }
}

impl TruthCells {
    /// The id of the truth.
    pub fn id(&self) -> &str {
        &self.0[0]
    }

    /// The code of the sub-network.
    pub fn arch(&self) -> &str {
        &self.0[1]
    }

    /// The cells behind the code.
    pub fn results(&self) -> &[String] {
        &self.0[2..]
    }
}

impl Truth {
    /// The cells of its line in a truth file.
    pub fn cells(&self) -> TruthCells {
        let mut cells = vec![
            self.id.clone(),
            self.arch.clone(),
            self.standalone_top1.to_string(),
            format!("{:.5}", self.top1_se),
            format!("{:.5}", self.ce),
            self.images.to_string(),
            self.form.name().to_owned(),
            self.epochs.to_string(),
            self.seed.to_string(),
            self.start.name().to_owned(),
        ];
        cells.extend(self.metric.map(|metric| metric.name().to_owned()));
        TruthCells(cells)
    }

    /// The truth of such cells, which must agree with `recipe` and `start`. Its errors and its loss
    /// have the digits of a truth file.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `place`, column, expected and found.
    pub fn of_cells(
        cells: &TruthCells,
        place: &str,
        recipe: &Recipe,
        start: Start,
    ) -> Result<Self> {
        parse_truth(&cells.0, place, recipe, start)
    }
}

fn repeated(place: impl std::fmt::Display, id: &str) -> Error {
    Error::invalid(place, format!("id {id}"), "an id once", "it again")
}

/// Reads a truth file of [`write_truths`] to continue it: every line must agree with `recipe` and
/// `start`.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] naming line, column, expected and found.
pub fn read_truths(path: &Path, recipe: &Recipe, start: Start) -> Result<Vec<Truth>> {
    let mut csv = Csv::parse(&files::read_text(path)?, &path.display().to_string(), false)?;
    let header = csv.take_header()?;
    let plain = &HEADER[..HEADER.len() - 1];
    if header.cells != HEADER && header.cells != plain {
        let found = header.cells.join(",");
        return Err(Error::invalid(csv.at(&header), "header", plain.join(","), found));
    }
    let mut seen = HashSet::new();
    csv.records
        .iter()
        .map(|record| {
            let place = csv.at(record);
            let truth = parse_truth(&record.cells, &place, recipe, start)?;
            if !seen.insert(truth.id.clone()) {
                return Err(repeated(place, &truth.id));
            }
            Ok(truth)
        })
        .collect()
}

/// The truth of as many cells as [`HEADER`] has, or of one less.
fn parse_truth(cells: &[String], place: &str, recipe: &Recipe, start: Start) -> Result<Truth> {
    for (at, expected) in [
        (6, recipe.form.name().to_owned()),
        (7, recipe.epochs.to_string()),
        (8, recipe.seed.to_string()),
        (9, start.name().to_owned()),
    ] {
        if cells[at] != expected {
            let expected = format!("{expected}, as this command trains");
            return Err(Error::invalid(place, HEADER[at], expected, &cells[at]));
        }
    }
    let number = |at: usize, expected: &str, valid: fn(f64) -> bool| {
        let number = cells[at].parse().ok().filter(|&x| valid(x));
        number.ok_or_else(|| Error::invalid(place, HEADER[at], expected, &cells[at]))
    };
    let fraction = |at| number(at, "a fraction, 0 to 1", |x| (0.0..=1.0).contains(&x));
    let metric = match cells.get(10).map(String::as_str) {
        None | Some("") => None,
        Some(name) => Some(
            ScoreMetric::named(name)
                .ok_or_else(|| Error::invalid(place, HEADER[10], "`r2` or `macro_auc`", name))?,
        ),
    };
    let (score, se) = match metric {
        Some(ScoreMetric::R2) => {
            let at_least_0 = |x: f64| x.is_finite() && x >= 0.0;
            (number(2, "a number, at most 1", |x| x <= 1.0)?, number(3, "at least 0", at_least_0)?)
        }
        None | Some(ScoreMetric::MacroAuc) => (fraction(2)?, fraction(3)?),
    };
    Ok(Truth {
        id: cells[0].clone(),
        arch: cells[1].clone(),
        standalone_top1: score,
        top1_se: se,
        ce: number(4, "a finite number, not negative", |x| x.is_finite() && x >= 0.0)?,
        images: cells[5]
            .parse()
            .map_err(|_| Error::invalid(place, HEADER[5], "a whole number", &cells[5]))?,
        form: recipe.form,
        epochs: recipe.epochs,
        seed: recipe.seed,
        start,
        metric,
    })
}

/// Gives each code whose id belongs to another code in the truth file a new id: `archN` with the
/// first free N.
pub fn distinguish(codes: &mut [Coded], truths: &[Truth]) {
    let mut taken: HashMap<String, String> =
        truths.iter().map(|t| (t.id.clone(), t.arch.clone())).collect();
    let mut n = 0;
    for coded in codes {
        while taken.get(&coded.id).is_some_and(|arch| *arch != coded.written) {
            n += 1;
            coded.id = format!("arch{n}");
        }
        taken.insert(coded.id.clone(), coded.written.clone());
    }
}

#[cfg(test)]
mod tests;
