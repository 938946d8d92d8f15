//! Instructions of an inference by a per-operation linear model, read from a table file that says
//! where its coefficients come from. A modelled figure is never called counted.

use std::path::Path;

use nalgebra::{DMatrix, DVector};
use serde::{Deserialize, Serialize};
use supernano_core::graph::{Activation, Header, Op, padded};

use crate::error::{Error, Result};
use crate::files;

/// Coefficients of one kind of operation, in instructions.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Coefficients {
    /// Per executed multiply-accumulate.
    pub mac: f64,
    /// Per output.
    pub output: f64,
    /// Per output with a fused addition, on top.
    pub residual: f64,
    /// Per output with PReLU, on top.
    pub prelu: f64,
    /// Per input that is widened.
    pub widened: f64,
    /// Per operation.
    pub fixed: f64,
}

/// A table of one processor core.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InstructionTable {
    /// Core, such as `cortex-m4`.
    pub core: String,
    /// Always `instructions`; cycles are another thing.
    pub unit: String,
    /// Counted operations that the coefficients were fitted to; 0 for an estimate.
    pub counted: usize,
    /// Where the coefficients come from.
    pub provenance: String,
    /// Convolutions with a kernel above 1x1.
    pub spatial: Coefficients,
    /// 1x1 convolutions.
    pub pointwise: Coefficients,
    /// Pooling and classifier.
    pub classifier: Coefficients,
}

/// Kind of an operation: a row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A convolution with a kernel above 1x1.
    Spatial,
    /// A 1x1 convolution.
    Pointwise,
    /// Pooling and classifier.
    Classifier,
}

/// What an operation does, counted as the kernels do it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Work {
    /// Row of the table.
    pub kind: Kind,
    /// Multiply-accumulates, outputs, outputs with an addition, outputs with PReLU, inputs
    /// widened, 1.
    pub amounts: [f64; 6],
}

/// The work of every operation of a network.
pub fn work<'h>(header: &'h Header<'_>) -> impl Iterator<Item = Work> + 'h {
    let shape = |id: u8| header.tensors[usize::from(id)].shape;
    header.ops.iter().map(move |op| match op {
        Op::Conv(c) => {
            let (input, output) = (shape(c.input), shape(c.output));
            let kernel = usize::from(c.kernel);
            let columns = usize::from(output.width).next_multiple_of(4);
            let outputs = usize::from(output.height)
                * columns
                * usize::from(output.channels).next_multiple_of(2);
            let macs = outputs * kernel * kernel * padded(input.channels);
            // A 1x1 kernel never widens the pixels that its stride skips.
            let read = if kernel == 1 { output.pixels() } else { input.pixels() };
            let share = |on: bool| if on { outputs as f64 } else { 0.0 };
            Work {
                kind: if kernel == 1 { Kind::Pointwise } else { Kind::Spatial },
                amounts: [
                    macs as f64,
                    outputs as f64,
                    share(c.residual.is_some()),
                    share(c.activation == Activation::Prelu),
                    (read * padded(input.channels)) as f64,
                    1.0,
                ],
            }
        }
        Op::Classifier(c) => {
            let (input, classes) = (shape(c.input), f64::from(header.classes));
            let channels = padded(input.channels) as f64;
            let amounts =
                [classes * channels, classes, 0.0, 0.0, input.pixels() as f64 * channels, 1.0];
            Work { kind: Kind::Classifier, amounts }
        }
    })
}

impl Coefficients {
    fn values(&self) -> [f64; 6] {
        [self.mac, self.output, self.residual, self.prelu, self.widened, self.fixed]
    }

    fn from_values([mac, output, residual, prelu, widened, fixed]: [f64; 6]) -> Self {
        Self { mac, output, residual, prelu, widened, fixed }
    }
}

impl InstructionTable {
    /// The table that comes with the crate.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the crate was built with a broken one.
    pub fn cortex_m4() -> Result<Self> {
        Self::parse(include_str!("../../tables/cortex-m4.toml"), "cortex-m4.toml")
    }

    /// Reads a table.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Invalid`] naming the file and the field.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        let text = String::from_utf8(files::read(path)?)
            .map_err(|e| Error::invalid(&place, "encoding", "UTF-8", e))?;
        Self::parse(&text, &place)
    }

    fn parse(text: &str, place: &str) -> Result<Self> {
        let table: Self = toml::from_str(text).map_err(|e| {
            Error::invalid(place, "TOML", "an instruction table", e.to_string().trim())
        })?;
        if table.unit != "instructions" {
            return Err(Error::invalid(place, "unit", "`instructions`", &table.unit));
        }
        for kind in [Kind::Spatial, Kind::Pointwise, Kind::Classifier] {
            if let Some(bad) =
                table.row(kind).values().iter().find(|v| !(v.is_finite() && **v >= 0.0))
            {
                return Err(Error::invalid(place, format!("{kind:?}"), "coefficients from 0", bad));
            }
        }
        Ok(table)
    }

    fn row(&self, kind: Kind) -> &Coefficients {
        match kind {
            Kind::Spatial => &self.spatial,
            Kind::Pointwise => &self.pointwise,
            Kind::Classifier => &self.classifier,
        }
    }

    /// Modelled instructions of one operation.
    pub fn operation(&self, work: &Work) -> f64 {
        self.row(work.kind).values().iter().zip(work.amounts).map(|(c, n)| c * n).sum()
    }

    /// Modelled instructions of one inference.
    pub fn network(&self, header: &Header<'_>) -> u64 {
        work(header).map(|w| self.operation(&w)).sum::<f64>().round() as u64
    }

    /// Fits the coefficients to counted operations by least squares of the relative error;
    /// coefficients never fall below 0. A kind that was not counted keeps this table's row, as do
    /// amounts that never occur.
    pub fn fitted(&self, counts: &[(Work, u64)], provenance: &str) -> Self {
        let row = |kind: Kind| {
            let counts: Vec<_> =
                counts.iter().filter(|(w, n)| w.kind == kind && *n > 0).copied().collect();
            Coefficients::from_values(non_negative(&counts, self.row(kind).values()))
        };
        Self {
            counted: counts.len(),
            provenance: provenance.to_owned(),
            spatial: row(Kind::Spatial),
            pointwise: row(Kind::Pointwise),
            classifier: row(Kind::Classifier),
            ..self.clone()
        }
    }
}

/// Least squares of the relative error with coefficients of at least 0, by leaving out the most
/// negative one until none is.
fn non_negative(counts: &[(Work, u64)], known: [f64; 6]) -> [f64; 6] {
    let mut used: Vec<usize> =
        (0..6).filter(|&j| counts.iter().any(|(w, _)| w.amounts[j] > 0.0)).collect();
    let mut values = std::array::from_fn(|j| if used.contains(&j) { 0.0 } else { known[j] });
    while !used.is_empty() {
        // Columns of comparable size, or the large ones drown the small ones.
        let scale: Vec<f64> = used
            .iter()
            .map(|&j| counts.iter().map(|(w, n)| w.amounts[j] / *n as f64).fold(1e-30, f64::max))
            .collect();
        let x = DMatrix::from_fn(counts.len(), used.len(), |i, j| {
            counts[i].0.amounts[used[j]] / counts[i].1 as f64 / scale[j]
        });
        let target = DVector::from_element(counts.len(), 1.0);
        let Ok(solution) = x.svd(true, true).solve(&target, 1e-9) else { return known };
        let worst = (0..used.len()).min_by(|&a, &b| solution[a].total_cmp(&solution[b]));
        match worst {
            Some(worst) if solution[worst] < 0.0 => {
                used.remove(worst);
            }
            _ => {
                for (j, &column) in used.iter().enumerate() {
                    values[column] = solution[j] / scale[j];
                }
                break;
            }
        }
    }
    values
}

#[cfg(test)]
mod tests;
