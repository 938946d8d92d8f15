//! Export: batch norm folded, int8 per output channel, one file for the device.

mod build;
mod calibrate;
pub mod quantise;

use serde::Serialize;
use supernano_core::arch::Arch;
use supernano_core::exec;
use supernano_core::graph::Op;

pub use build::{Source, build};
pub use calibrate::{Ranges, calibrate};

use crate::blob::{self, Blob};
use crate::data::Dataset;
use crate::error::Result;
use crate::rank::{EvalSet, evaluate};
use crate::train::Run;

/// One operation of the exported network.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct OpSummary {
    /// `conv3x3`, `conv1x1`, `classifier` and so on.
    pub kind: String,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// What an export made.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Exported {
    /// The sub-network.
    pub code: String,
    /// Training step whose weights it has, from 1.
    pub step: usize,
    /// Length of the file, bytes.
    pub flash_bytes: usize,
    /// Working memory, the image included, bytes.
    pub arena_bytes: usize,
    /// CRC-32 of the file.
    pub checksum: u32,
    /// Images of the training split that the ranges come from.
    pub calibration_images: usize,
    /// Images of the test split that the two accuracies come from.
    pub test_images: usize,
    /// Top-1 in float, 0 to 1.
    pub top1_float: f64,
    /// Top-1 of the integers, 0 to 1.
    pub top1_int8: f64,
    /// In the order of execution.
    pub ops: Vec<OpSummary>,
}

/// Exports a sub-network of a run, quantised with ranges from `calibration` training images, and
/// measures it on the test split.
///
/// # Errors
/// [`crate::error::Error::Core`] where the blob cannot hold the network.
pub fn export(
    run: &Run,
    arch: &Arch,
    dataset: &Dataset,
    calibration: usize,
) -> Result<(Blob, Exported)> {
    let space = run.space();
    let code = arch.display(space).to_string();
    let net = run.folded(arch, dataset);
    let calibration = calibration.min(dataset.train.len());
    let ranges = calibrate(&net, dataset, calibration);
    let source = Source { space: space.name, code: &code, dataset };
    let blob = build(&net, &ranges, &source)?;
    let test = EvalSet::new(dataset, &dataset.test, usize::MAX);
    let top1_float = evaluate(&net, &test).top1;
    let logits = blob.logits(&dataset.test)?;
    let view = blob.view()?;
    let summary = Exported {
        code,
        step: run.step,
        flash_bytes: blob.bytes().len(),
        arena_bytes: view.arena_bytes(),
        checksum: view.checksum(),
        calibration_images: calibration,
        test_images: dataset.test.len(),
        top1_float,
        top1_int8: blob::top1(&logits, &dataset.test.labels),
        ops: view
            .header()
            .ops
            .iter()
            .map(|op| OpSummary { kind: kind(op), macs: exec::macs(&view, op) })
            .collect(),
    };
    Ok((blob, summary))
}

/// How tables name an operation.
pub fn kind(op: &Op) -> String {
    match op {
        Op::Conv(c) => {
            let stride = if c.stride == 2 { "/2" } else { "" };
            let add = if c.residual.is_some() { "+add" } else { "" };
            format!("conv{0}x{0}{stride}{add}", c.kernel)
        }
        Op::Classifier(_) => "pool+classifier".into(),
    }
}
