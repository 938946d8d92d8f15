//! What an exported network costs and how often it is right.

use serde::Serialize;
use supernano_base::blob;
use supernano_base::error::Result;
use supernano_core::exec;

use super::material::ImageSet;
use super::ship::Shipment;
use super::tune::TuneReport;
use crate::supernet::evaluate;

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
    /// True where channels were equalised across layers.
    pub equalised: bool,
    /// True where biases were corrected.
    pub corrected: bool,
    /// Quantisation-aware fine-tuning, where there was any.
    pub finetuned: Option<TuneReport>,
    /// Images of the test split that the two accuracies come from.
    pub test_images: usize,
    /// Top-1 in float, 0 to 1.
    pub top1_float: f64,
    /// Top-1 of the integers, 0 to 1.
    pub top1_int8: f64,
    /// In the order of execution.
    pub ops: Vec<OpSummary>,
}

/// Costs of a network, and its accuracies on test images.
///
/// # Errors
/// [`supernano_base::error::Error::Core`] for images of another shape.
pub fn measure(shipment: &Shipment, test: &ImageSet) -> Result<Exported> {
    let top1_float = evaluate(&shipment.float, &test.normalised).top1;
    let logits = shipment.blob.logits(&test.bytes)?;
    let view = shipment.blob.view()?;
    Ok(Exported {
        code: shipment.code.clone(),
        step: shipment.step,
        flash_bytes: shipment.blob.bytes().len(),
        arena_bytes: view.arena_bytes(),
        checksum: view.checksum(),
        calibration_images: shipment.calibration_images,
        equalised: shipment.quantised.equalised,
        corrected: shipment.quantised.corrected,
        finetuned: shipment.finetuned,
        test_images: test.len(),
        top1_float,
        top1_int8: blob::top1(&logits, &test.bytes.labels),
        ops: view
            .header()
            .ops
            .iter()
            .map(|op| OpSummary { kind: blob::kind(op), macs: exec::macs(&view, op) })
            .collect(),
    })
}
