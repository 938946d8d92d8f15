//! Quantisation after training: equalisation, ranges, biases corrected layer by layer.

use serde::Serialize;
use supernano_data::Dataset;

use super::calibrate::{Affines, RangeRule, calibrate};
use super::equalise::equalise;
use super::network::{QConv, QuantisedNet};
use super::prefer::Prefer;
use super::quantise::Affine;
use super::{quantise, simulate};
use crate::backend::{Cpu, Map};
use crate::supernet::{Act, FoldedConv, FoldedNet, Step, Visitor, assemble, visit};

/// Whether a method is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Where it makes the logits' error on calibration images smaller.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Choice {
    fn tried(self) -> &'static [bool] {
        match self {
            Self::Auto => &[false, true],
            Self::On => &[true],
            Self::Off => &[false],
        }
    }
}

/// How a network is quantised without training.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    /// Images of the training split that everything comes from.
    pub calibration: usize,
    /// Ranges of maps.
    pub ranges: RangeRule,
    /// Cross-layer equalisation.
    pub equalise: Choice,
    /// Biases corrected for the mean error of what they are added to.
    pub correct: Choice,
    /// Chooses the algorithm of each convolution; no answer depends on it.
    pub prefer: Prefer,
}

impl Default for Options {
    fn default() -> Self {
        let (equalise, correct) = (Choice::Auto, Choice::Auto);
        let (ranges, prefer) = (RangeRule::Auto, Prefer::default());
        Self { calibration: 512, ranges, equalise, correct, prefer }
    }
}

/// A quantised network, and the float network that its integers are the rounding of.
#[derive(Clone, Debug)]
pub struct Quantised {
    /// In float: equalised. What the integers stand for.
    pub reference: FoldedNet,
    /// The same with biases corrected: what the integers are the rounding of.
    pub float: FoldedNet,
    /// In integers.
    pub net: QuantisedNet,
    /// Range rule of every map.
    pub affines: Affines,
    /// True where equalisation was used.
    pub equalised: bool,
    /// True where biases were corrected.
    pub corrected: bool,
    /// Mean squared error of the logits over their variance, on calibration images.
    pub error: f64,
}

/// Most images that are held in memory layer by layer.
const HELD: usize = 256;

/// Quantises a network: of the variants that the options leave open the one with the least error
/// of the logits.
pub fn quantise_after_training(net: &FoldedNet, dataset: &Dataset, options: &Options) -> Quantised {
    let images: Vec<u32> = (0..options.calibration.min(dataset.train.len()) as u32).collect();
    let held = &images[..images.len().min(HELD)];
    let judged = &images[images.len() - held.len()..];
    let expected = net.forward(&dataset.batch(&dataset.train, judged), judged.len());
    let mut best: Option<Quantised> = None;
    for &equalised in options.equalise.tried() {
        let reference = if equalised { equalise(net, dataset, &images) } else { net.clone() };
        let affines = calibrate(&reference, dataset, &images).affines(options.ranges);
        for &corrected in options.correct.tried() {
            let float = if corrected {
                correct(&reference, &affines, dataset, held)
            } else {
                reference.clone()
            };
            let net = QuantisedNet::with(&float, &affines, dataset);
            let x = simulate::images(&net, dataset, &dataset.train, judged);
            let logits = net.forward(x, &mut |_, _| {});
            let error = relative_error(&expected, &logits, net.classifier.logit_scale);
            if best.as_ref().is_none_or(|b| error < b.error) {
                let affines = affines.clone();
                let reference = reference.clone();
                best =
                    Some(Quantised { reference, float, net, affines, equalised, corrected, error });
            }
        }
    }
    best.expect("every choice tries something")
}

/// Squared error of integer logits over the variance of the float ones.
fn relative_error(float: &[f32], integer: &[i32], scale: f32) -> f64 {
    let mean = float.iter().map(|&f| f64::from(f)).sum::<f64>() / float.len().max(1) as f64;
    let (mut error, mut power) = (0f64, 0f64);
    for (&f, &q) in float.iter().zip(integer) {
        error += (f64::from(f) - f64::from(q) * f64::from(scale)).powi(2);
        power += (f64::from(f) - mean).powi(2);
    }
    error / power.max(f64::MIN_POSITIVE)
}

/// A map in float and in integers, and what the integers mean.
#[derive(Clone)]
struct Both {
    float: Map<Cpu>,
    integer: Map<Cpu>,
    affine: Affine,
}

/// The network with every bias moved by the mean error that quantisation makes in its channel,
/// from the first layer to the last, each behind layers that are corrected already.
fn correct(net: &FoldedNet, affines: &Affines, dataset: &Dataset, images: &[u32]) -> FoldedNet {
    let plain = QuantisedNet::with(net, affines, dataset);
    let input = Both {
        float: {
            let s = net.input;
            let pixels = dataset.batch(&dataset.train, images);
            let (c, h, w) = (s.channels.into(), s.height.into(), s.width.into());
            Map::from_images(&pixels, images.len(), c, h, w)
        },
        integer: simulate::images(&plain, dataset, &dataset.train, images),
        affine: plain.image,
    };
    let mut pass = CorrectionPass { affines, made: Vec::new() };
    let at = visit(&net.blocks, input, &mut pass);
    let blocks = assemble(&net.blocks, pass.made);
    let mut classifier = net.classifier.clone();
    let (float, integer) = (at.float.channel_means(), at.integer.channel_means());
    let dense =
        quantise::dense(&classifier.weight, &classifier.bias, at.affine, plain.pixels, plain.shift);
    let width = classifier.input;
    for (o, bias) in classifier.bias.iter_mut().enumerate() {
        let rows = classifier.weight[o * width..].iter().zip(&dense.weights[o * width..]);
        let error: f64 = rows
            .zip(float.iter().zip(&integer))
            .map(|((&w, &q), (&f, &i))| {
                f64::from(w) * f64::from(f)
                    - f64::from(q) * dense.steps[o] * f64::from(i) * f64::from(at.affine.scale)
            })
            .sum();
        *bias += error as f32;
    }
    FoldedNet { input: net.input, blocks, classifier }
}

/// Corrects one convolution after the other.
struct CorrectionPass<'a> {
    affines: &'a Affines,
    /// With the index of the convolution.
    made: Vec<(usize, FoldedConv)>,
}

impl Visitor<FoldedConv> for CorrectionPass<'_> {
    type Map = Both;

    fn conv(&mut self, step: &Step, conv: &FoldedConv, x: &Both, residual: Option<&Both>) -> Both {
        let mut conv = conv.clone();
        let shape = [conv.output, conv.input, conv.kernel, conv.kernel];
        let sums_float = x.float.affine(
            &conv.weight,
            shape,
            &conv.bias,
            conv.stride,
            residual.map(|r| &r.float),
        );
        let make = |conv: &FoldedConv| {
            QConv::new(conv, self.affines, step.index, x.affine, residual.map(|r| r.affine))
        };
        let q = make(&conv);
        let sums = q.sums(&x.integer);
        let (float, integer) = (sums_float.channel_means(), sums.channel_means());
        let added = residual.map(|r| r.integer.channel_means());
        for o in 0..conv.output {
            let unit = q.integers.steps[o] * f64::from(x.affine.scale);
            let k = f64::from(q.integers.channels[o].residual);
            let added = added.as_ref().map_or(0.0, |a| f64::from(a[o]) * k);
            let found = (f64::from(integer[o]) + f64::from(q.integers.bias[o]) + added) * unit;
            conv.bias[o] += (f64::from(float[o]) - found) as f32;
        }
        let q = make(&conv);
        let integer = sums.requantise(residual.map(|r| &r.integer), &q.rule());
        let float = match conv.act {
            Act::None => sums_float,
            Act::Relu => sums_float.prelu(0.0),
            Act::Prelu(slope) => sums_float.prelu(slope),
        };
        self.made.push((step.index, conv));
        Both { float, integer, affine: q.to }
    }
}

#[cfg(test)]
mod tests;
