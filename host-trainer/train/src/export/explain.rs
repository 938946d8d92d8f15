//! Why an export is as it is: the kernels that there were to choose from, and where quantisation
//! loses (error per layer, confusion before and after).

use serde::Serialize;
use supernano_base::error::Result;
use supernano_core::exec::argmax;
use supernano_search::cost::instructions::InstructionTable;

use super::kernels::{KernelChoice, kernel_choices};
use super::material::{BATCH, ImageSet};
use super::post_training::PostTraining;
use super::ship::Shipment;
use super::simulate::integer_input;
use crate::supernet::executed;

/// Most test images whose feature maps are compared.
const COMPARED: usize = 256;

/// One operation, in the order of execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerError {
    /// `layer 3`, `shortcut of layer 5`, `classifier`.
    pub name: String,
    /// Real units a step of its output; none for the logits.
    pub scale: Option<f32>,
    /// Zero point of its output.
    pub zero: Option<i8>,
    /// Rule that chose the range.
    pub range: String,
    /// Share of its values at the positive end (at either end without ReLU), 0 to 1.
    pub saturated: Option<f64>,
    /// Power of the float values over that of the error, decibels, all layers before it quantised.
    pub snr_db: f64,
}

/// One class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassError {
    /// Its label.
    pub class: String,
    /// Test images of it that are right in float.
    pub right_float: u32,
    /// The same in int8.
    pub right_int8: u32,
    /// What it is most often taken for in int8.
    pub confused_with: Option<String>,
}

/// An export explained.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// The core whose table says what kernels cost.
    pub core: String,
    /// Convolutions, with the kernels that there were to choose from.
    pub kernels: Vec<KernelChoice>,
    /// Operations.
    pub layers: Vec<LayerError>,
    /// Classes, those that lose most first.
    pub classes: Vec<ClassError>,
    /// Share of test images with the same answer, 0 to 1.
    pub same_answer: f64,
    /// Test images.
    pub images: usize,
    /// `[class][answer]` in float, images.
    pub confusion_float: Vec<Vec<u32>>,
    /// The same in int8.
    pub confusion_int8: Vec<Vec<u32>>,
}

#[derive(Default)]
struct Power {
    signal: f64,
    error: f64,
    saturated: f64,
    count: f64,
}

/// Explains an export on test images; confusion over all of them, errors over the first. Kernels
/// cost what the table of `core` (`cortex-m4`) says.
///
/// # Errors
/// [`supernano_base::error::Error::Core`] for images of another shape;
/// [`supernano_base::error::Error::Invalid`] for a core without a table.
pub fn explain(shipment: &Shipment, test: &ImageSet, core: &str) -> Result<Explanation> {
    let table = InstructionTable::of_core(core)?;
    let view = shipment.blob.view()?;
    let kernels = kernel_choices(&view.header(), &table);
    let net = &shipment.quantised.net;
    let classes = net.classes();
    let mut float = Vec::with_capacity(test.len() * classes);
    for batch in test.batches() {
        float.extend(shipment.float.forward(batch.values, batch.n));
    }
    let integer = shipment.blob.logits(&test.bytes)?;
    let mut layers = layers(&shipment.quantised, test);
    let scale = f64::from(net.classifier.logit_scale);
    let mut last = Power::default();
    for (&f, &q) in float.iter().zip(&integer) {
        last.signal += f64::from(f).powi(2);
        last.error += (f64::from(f) - f64::from(q) * scale).powi(2);
    }
    layers.push(LayerError {
        name: "classifier".into(),
        scale: None,
        zero: None,
        range: String::new(),
        saturated: None,
        snr_db: decibels(&last),
    });
    let mut before = vec![vec![0u32; classes]; classes];
    let mut after = before.clone();
    let mut same = 0usize;
    let rows = float.chunks_exact(classes).zip(integer.chunks_exact(classes));
    for ((f, q), &label) in rows.zip(&test.bytes.labels) {
        let first = (0..classes).fold(0, |best, i| if f[i] > f[best] { i } else { best });
        let second = argmax(q);
        same += usize::from(first == second);
        before[usize::from(label)][first] += 1;
        after[usize::from(label)][second] += 1;
    }
    // a data set may have no names
    let names: Vec<&str> = view.labels().collect();
    let label = |i: usize| names.get(i).map_or_else(|| i.to_string(), ToString::to_string);
    let mut by_class: Vec<ClassError> = (0..classes)
        .map(|i| {
            let others = after[i].iter().enumerate().filter(|&(j, &n)| j != i && n > 0);
            let most = others.max_by_key(|&(j, &n)| (n, std::cmp::Reverse(j)));
            ClassError {
                class: label(i),
                right_float: before[i][i],
                right_int8: after[i][i],
                confused_with: most.map(|(j, n)| format!("{} ({n})", label(j))),
            }
        })
        .collect();
    by_class.sort_by_key(|c| i64::from(c.right_int8) - i64::from(c.right_float));
    Ok(Explanation {
        core: core.to_owned(),
        kernels,
        layers,
        classes: by_class,
        same_answer: same as f64 / test.len().max(1) as f64,
        images: test.len(),
        confusion_float: before,
        confusion_int8: after,
    })
}

/// Errors of the convolutions' outputs over the first test images, in the order of execution.
fn layers(quantised: &PostTraining, test: &ImageSet) -> Vec<LayerError> {
    let PostTraining { reference, net, params, .. } = quantised;
    let convs = executed(&net.blocks);
    let mut power: Vec<Power> = convs.iter().map(|_| Power::default()).collect();
    for batch in test.batches().take(COMPARED / BATCH) {
        let mut real: Vec<Vec<f32>> = Vec::new();
        reference.observe(batch.values, batch.n, &mut |_, v| real.push(v.to_vec()));
        let x = integer_input(net, &batch);
        let mut at = 0;
        net.forward(x, &mut |_, map| {
            let (to, p) = (convs[at].1.to, &mut power[at]);
            let zero = f32::from(to.zero);
            let (top, bottom) = (127.0 - zero, -128.0 - zero);
            for (&f, q) in real[at].iter().zip(map.to_images()) {
                p.signal += f64::from(f).powi(2);
                p.error += f64::from(f - q * to.scale).powi(2);
                let out = q >= top || (bottom < 0.0 && q <= bottom);
                p.saturated += f64::from(u8::from(out));
                p.count += 1.0;
            }
            at += 1;
        });
    }
    convs
        .iter()
        .zip(&power)
        .map(|((step, conv), p)| LayerError {
            name: conv.name.clone(),
            scale: Some(conv.to.scale),
            zero: Some(conv.to.zero),
            range: params.rule(step.index).name().to_owned(),
            saturated: Some(p.saturated / p.count.max(1.0)),
            snr_db: decibels(p),
        })
        .collect()
}

fn decibels(p: &Power) -> f64 {
    10.0 * (p.signal.max(f64::MIN_POSITIVE) / p.error.max(f64::MIN_POSITIVE)).log10()
}
