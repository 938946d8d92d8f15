//! Explains an export: the kernels that were available for each convolution, the quantisation error
//! of each layer, and the confusion of classes before and after quantisation.

use serde::Serialize;
use supernano_base::error::Result;
use supernano_core::exec::argmax;
use supernano_core::space::Head;
use supernano_search::cost::estimate::CycleTable;
use supernano_search::cost::instructions::InstructionTable;

use super::alone::alone;
use super::kernels::{KernelChoice, kernel_choices};
use super::material::{BATCH, ImageSet};
use super::post_training::PostTraining;
use super::ship::Shipment;
use super::simulate::integer_input;

/// Largest number of test images whose feature maps are compared.
const COMPARED: usize = 256;

/// Quantisation error of an operation.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LayerError {
    /// Name: `layer 3`, `shortcut of layer 5` or `classifier`.
    pub name: String,
    /// Scale of the output, real units a step; `None` for the logits.
    pub scale: Option<f32>,
    /// Zero point of the output; `None` for the logits.
    pub zero: Option<i8>,
    /// Rule that chose the range of the output; empty for the logits.
    pub range: String,
    /// Share of the output's values at the positive end of the range, or at either end without
    /// ReLU, 0 to 1.
    pub saturated: Option<f64>,
    /// Signal-to-noise ratio of the output with all layers before it quantised, decibels.
    pub snr_db: f64,
    /// Signal-to-noise ratio of the logits with the weights of this layer in int8 and all else in
    /// float, decibels; `None` for a pool and for the classifier.
    pub logits_of_weights_db: Option<f64>,
    /// Signal-to-noise ratio of the logits with the output of this layer in int8 and all else in float,
    /// decibels; `None` for the classifier.
    pub logits_of_map_db: Option<f64>,
}

/// Answers for the test images of a class.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ClassError {
    /// Name of the class.
    pub class: String,
    /// Right answers in float, images.
    pub right_float: u32,
    /// Right answers in int8, images.
    pub right_int8: u32,
    /// The most frequent wrong answer in int8, with its number of images.
    pub confused_with: Option<String>,
}

/// Explanation of an export.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Explanation {
    /// Core whose table gives the costs of kernels.
    pub core: String,
    /// Convolutions with the kernels that were available.
    pub kernels: Vec<KernelChoice>,
    /// Operations in the order of execution.
    pub layers: Vec<LayerError>,
    /// Classes, the largest loss of right answers first.
    pub classes: Vec<ClassError>,
    /// Share of test images with the same answer in float and in int8, 0 to 1; only of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub same_answer: Option<f64>,
    /// Number of test images.
    pub images: usize,
    /// Confusion matrix in float, `[class][answer]`, images.
    pub confusion_float: Vec<Vec<u32>>,
    /// Confusion matrix in int8, `[class][answer]`, images.
    pub confusion_int8: Vec<Vec<u32>>,
}

#[derive(Default)]
struct Power {
    signal: f64,
    error: f64,
    saturated: f64,
    count: f64,
}

impl Power {
    fn of(expected: &[f32], found: &[f32]) -> Self {
        let mut power = Self::default();
        for (&e, &f) in expected.iter().zip(found) {
            power.signal += f64::from(e).powi(2);
            power.error += f64::from(e - f).powi(2);
        }
        power
    }
}

/// Explains an export on test images. The confusion covers all of them, the errors the first 256.
/// The table of `core`, such as `cortex-m4`, gives the costs of kernels.
///
/// # Errors
/// [`supernano_base::error::Error::Core`] for images of another shape;
/// [`supernano_base::error::Error::Invalid`] for a core without a table.
pub fn explain(shipment: &Shipment, test: &ImageSet, core: &str) -> Result<Explanation> {
    let table = InstructionTable::of_core(core)?;
    let view = shipment.blob.view()?;
    let cycles = CycleTable::of_core(core)?;
    let kernels = kernel_choices(&view.header(), &table, cycles.as_ref());
    let net = &shipment.quantised.net;
    let classes = net.classes();
    let mut float = Vec::with_capacity(test.len() * classes);
    for batch in test.batches() {
        float.extend(shipment.float.forward(&batch.values, batch.n));
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
        logits_of_weights_db: None,
        logits_of_map_db: None,
    });
    let is_classes = test.measured.objective.head() == Head::Classes;
    let answers = if is_classes { classes } else { 0 };
    let mut before = vec![vec![0u32; answers]; answers];
    let mut after = before.clone();
    let mut same = 0usize;
    let rows = float.chunks_exact(classes).zip(integer.chunks_exact(classes));
    for ((f, q), &label) in rows.zip(&test.bytes.labels).filter(|_| is_classes) {
        let first = (0..classes).fold(0, |best, i| if f[i] > f[best] { i } else { best });
        let second = argmax(q);
        same += usize::from(first == second);
        before[usize::from(label)][first] += 1;
        after[usize::from(label)][second] += 1;
    }
    // some data sets have no names of classes
    let names: Vec<&str> = view.labels().collect();
    let label = |i: usize| names.get(i).map_or_else(|| i.to_string(), ToString::to_string);
    let mut by_class: Vec<ClassError> = (0..answers)
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
        same_answer: is_classes.then(|| same as f64 / test.len().max(1) as f64),
        images: test.len(),
        confusion_float: before,
        confusion_int8: after,
    })
}

/// Errors of the outputs of the convolutions over the first test images, in the order of execution.
fn layers(quantised: &PostTraining, test: &ImageSet) -> Vec<LayerError> {
    let PostTraining { reference, net, params, .. } = quantised;
    let convs: Vec<_> = net.layers.executed().collect();
    let mut power: Vec<Power> = convs.iter().map(|_| Power::default()).collect();
    for batch in test.batches().take(COMPARED / BATCH) {
        let mut real: Vec<Vec<f32>> = Vec::new();
        reference.observe(&batch.values, batch.n, &mut |_, v| real.push(v.to_vec()));
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
    let images = test.part(0..test.len().min(COMPARED));
    let expected = reference.forward(&images.values, images.n);
    let error = |found: &[f32]| decibels(&Power::of(&expected, found));
    convs
        .iter()
        .zip(&power)
        .zip(alone(quantised, &images))
        .map(|(((step, conv), p), alone)| LayerError {
            name: conv.name.clone(),
            scale: Some(conv.to.scale),
            zero: Some(conv.to.zero),
            range: params.rule(step.index).name().to_owned(),
            saturated: Some(p.saturated / p.count.max(1.0)),
            snr_db: decibels(p),
            logits_of_weights_db: alone.weights.as_deref().map(error),
            logits_of_map_db: Some(error(&alone.map)),
        })
        .collect()
}

fn decibels(p: &Power) -> f64 {
    10.0 * (p.signal.max(f64::MIN_POSITIVE) / p.error.max(f64::MIN_POSITIVE)).log10()
}
