//! Measures an exported network: its costs and its accuracies.

use serde::Serialize;
use supernano_base::answers::Answers;
use supernano_base::blob::{Blob, kind};
use supernano_base::error::{Error, Result};
use supernano_base::quality::OutputQuality;
use supernano_core::exec;
use supernano_core::graph::Op;
use supernano_core::space::Head;

use super::finite;
use super::material::ImageSet;
use super::promise::{KernelReport, MemoryReport};
use super::ship::Shipment;
use super::tune::TuneReport;
use crate::supernet::{FoldedNet, evaluate};

/// One operation of the exported network.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct OpSummary {
    /// Kind, such as `conv3x3`, `conv1x1` or `classifier`.
    pub kind: String,
    /// Multiply-accumulates.
    pub macs: u64,
}

/// Costs and accuracies of an exported network.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct Exported {
    /// Code of the sub-network.
    pub code: String,
    /// Training step of the weights, from 1.
    pub step: usize,
    /// Flash and RAM on a device, by part.
    #[serde(flatten)]
    pub memory: MemoryReport,
    /// CRC-32 of the network file.
    pub checksum: u32,
    /// Kernels, and the reason for them.
    pub kernels: KernelReport,
    /// Training images for the ranges of feature maps.
    pub calibration_images: usize,
    /// True if channels were equalised across layers.
    pub equalised: bool,
    /// True if biases were corrected.
    pub corrected: bool,
    /// Quantisation-aware fine-tuning, if there was any.
    pub finetuned: Option<TuneReport>,
    /// Test images for the two accuracies.
    pub test_images: usize,
    /// Top-1 accuracy in float, 0 to 1; only of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top1_float: Option<f64>,
    /// Top-1 accuracy in int8, 0 to 1; only of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top1_int8: Option<f64>,
    /// Measures in float and in int8 of outputs that are no classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<Qualities>,
    /// Operations in the order of execution.
    pub ops: Vec<OpSummary>,
}

/// Measures of outputs that are no classes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Qualities {
    /// Of the float network.
    pub float: OutputQuality,
    /// Of the network file.
    pub int8: OutputQuality,
}

/// Top-1 accuracies of one network, 0 to 1, or the scores of its outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Accuracies {
    /// Of the float network.
    pub float: f64,
    /// Of the network file.
    pub int8: f64,
    /// Cross-entropy of the network file, nats; only of classes.
    pub int8_loss: Option<f64>,
    /// Measures of outputs that are no classes.
    pub quality: Option<Qualities>,
    /// Answers of the network file, without names of classes and without pictures.
    pub answers: Answers,
}

/// Evaluates a float network and its network file on images.
///
/// # Errors
/// [`Error::Core`] for images of another shape; [`Error::Invalid`] naming the first layer whose outputs
/// are not finite.
pub fn accuracies(float: &FoldedNet, blob: &Blob, images: &ImageSet) -> Result<Accuracies> {
    if images.measured.objective.head() != Head::Classes {
        return qualities(float, blob, images);
    }
    let found = evaluate(float, &images.normalised);
    if !found.ce.is_finite() {
        let place = format!("network {}", blob.view()?.header().code);
        finite::values(&place, float, images)?;
        return Err(Error::invalid(place, "loss", "a finite number", found.ce));
    }
    let logits = blob.logits(&images.bytes)?;
    let answers = Answers::new(&[], &images.bytes.labels, &logits);
    let int8 = answers.right() as f64 / answers.len().max(1) as f64;
    let scale = f64::from(blob.view()?.header().logit_scale);
    let int8_loss = Some(cross_entropy(&logits, &images.bytes.labels, scale));
    Ok(Accuracies { float: found.top1, int8, int8_loss, quality: None, answers })
}

/// Mean cross-entropy of integer logits `[images][classes]` with this scale, nats; 0 without images.
fn cross_entropy(logits: &[i32], labels: &[u16], scale: f64) -> f64 {
    let classes = logits.len() / labels.len().max(1);
    let losses = logits.chunks(classes.max(1)).zip(labels).map(|(logits, &label)| {
        let of_label = logits.get(usize::from(label)).copied().unwrap_or(i32::MIN);
        let distance = |&logit: &i32| scale * (f64::from(logit) - f64::from(of_label));
        let most = logits.iter().map(distance).fold(0.0, f64::max);
        most + logits.iter().map(|logit| (distance(logit) - most).exp()).sum::<f64>().ln()
    });
    losses.sum::<f64>() / labels.len().max(1) as f64
}

/// As [`accuracies`], of outputs that are no classes. Both networks give them in their units.
fn qualities(float: &FoldedNet, blob: &Blob, images: &ImageSet) -> Result<Accuracies> {
    let place = format!("network {}", blob.view()?.header().code);
    let mut outputs = Vec::new();
    for batch in images.batches() {
        outputs.extend(float.forward(&batch.values, batch.n).into_iter().map(f64::from));
    }
    let logits = blob.logits(&images.bytes)?;
    let scale = blob.view()?.header().logit_scale;
    let measured = &images.measured;
    let of_float = measured.quality(&images.bytes, &outputs);
    let of_int8 = measured.integer_quality(&images.bytes, &logits, scale);
    let (Some(float_quality), Some(int8_quality)) = (of_float, of_int8) else {
        return Err(Error::invalid(place, "outputs", "labels or values", "classes"));
    };
    if !float_quality.score.is_finite() {
        finite::values(&place, float, images)?;
        return Err(Error::invalid(place, "score", "a finite number", float_quality.score));
    }
    Ok(Accuracies {
        float: float_quality.score,
        int8: int8_quality.score,
        int8_loss: None,
        quality: Some(Qualities { float: float_quality, int8: int8_quality }),
        answers: Answers::default(),
    })
}

/// Describes a network with these kernels and this memory, and measures its accuracies on test
/// images. The answers of the network file come with them.
///
/// # Errors
/// The errors of [`accuracies`].
pub fn measure(
    shipment: &Shipment,
    (kernels, memory): (KernelReport, MemoryReport),
    test: &ImageSet,
) -> Result<(Exported, Answers)> {
    let found = accuracies(&shipment.float, &shipment.blob, test)?;
    let view = shipment.blob.view()?;
    let op = |op: &Op| OpSummary { kind: kind(op), macs: exec::macs(&view, op) };
    let accuracy = |of: f64| found.quality.is_none().then_some(of);
    let (top1_float, top1_int8) = (accuracy(found.float), accuracy(found.int8));
    let mut answers = found.answers;
    answers.classes = view.labels().map(String::from).collect();
    let exported = Exported {
        code: shipment.code.clone(),
        step: shipment.step,
        memory,
        checksum: view.checksum(),
        kernels,
        calibration_images: shipment.calibration_images,
        equalised: shipment.quantised.equalised,
        corrected: shipment.quantised.corrected,
        finetuned: shipment.finetuned,
        test_images: test.len(),
        top1_float,
        top1_int8,
        quality: found.quality,
        ops: view.header().ops.iter().map(op).collect(),
    };
    Ok((exported, answers))
}
