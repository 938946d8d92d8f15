//! Quantisation after training: of the variants that the options leave open, the one with the least
//! error of the logits.

use serde::Serialize;

use super::correct::correct;
use super::equalise::equalise;
use super::material::CalibrationSet;
use super::observe::{ActivationParams, RangeRule, observe};
use super::quantise::QuantisedNet;
use super::simulate::integer_input;
use crate::supernet::FoldedNet;

/// Whether a method is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// Where it makes the logits' error on calibration images smaller.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Switch {
    /// The best network of those made with the method and without it, as far as each is tried; of
    /// equals the one without it.
    fn best(self, make: impl Fn(bool) -> PostTraining) -> PostTraining {
        match self {
            Self::On => make(true),
            Self::Off => make(false),
            Self::Auto => {
                let (without, with) = (make(false), make(true));
                if with.error < without.error { with } else { without }
            }
        }
    }
}

/// How a network is quantised without training.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QuantiseOptions {
    /// Ranges of feature maps.
    pub ranges: RangeRule,
    /// Cross-layer equalisation.
    pub equalise: Switch,
    /// Biases corrected for the mean error of what they are added to.
    pub correct: Switch,
}

/// A quantised network, and the float network that its integers are the rounding of.
#[derive(Clone, Debug)]
pub struct PostTraining {
    /// In float: equalised. What the integers stand for.
    pub reference: FoldedNet,
    /// The same with biases corrected: what the integers are the rounding of.
    pub float: FoldedNet,
    /// In integers.
    pub net: QuantisedNet,
    /// Parameters of every feature map, with the rule of its range.
    pub params: ActivationParams,
    /// True where equalisation was used.
    pub equalised: bool,
    /// True where biases were corrected.
    pub corrected: bool,
    /// Mean squared error of the logits over their variance, on calibration images.
    pub error: f64,
}

/// Most images that are held in memory layer by layer.
const HELD: usize = 256;

/// Quantises a network. Biases are corrected on the first 256 calibration images, and variants are
/// judged by the last 256.
pub fn quantise_after_training(
    net: &FoldedNet,
    set: &CalibrationSet,
    options: &QuantiseOptions,
) -> PostTraining {
    let CalibrationSet { normalisation, images } = set;
    let n = images.len();
    let (held, judged) = (images.part(0..n.min(HELD)), images.part(n - n.min(HELD)..n));
    let expected = net.forward(judged.values, judged.n);
    options.equalise.best(|equalised| {
        let reference = if equalised { equalise(net, images) } else { net.clone() };
        let params = observe(&reference, images).params(options.ranges);
        options.correct.best(|corrected| {
            let reference = reference.clone();
            let float = match corrected {
                true => correct(&reference, &params, normalisation, &held),
                false => reference.clone(),
            };
            let net = QuantisedNet::with(&float, &params, normalisation);
            let logits = net.forward(integer_input(&net, &judged), &mut |_, _| {});
            let error = relative_error(&expected, &logits, net.classifier.logit_scale);
            let params = params.clone();
            PostTraining { reference, float, net, params, equalised, corrected, error }
        })
    })
}

/// Squared error of integer logits over the variance of the float ones.
pub(super) fn relative_error(float: &[f32], integer: &[i32], scale: f32) -> f64 {
    let mean = float.iter().map(|&f| f64::from(f)).sum::<f64>() / float.len().max(1) as f64;
    let (mut error, mut power) = (0f64, 0f64);
    for (&f, &q) in float.iter().zip(integer) {
        error += (f64::from(f) - f64::from(q) * f64::from(scale)).powi(2);
        power += (f64::from(f) - mean).powi(2);
    }
    error / power.max(f64::MIN_POSITIVE)
}

#[cfg(test)]
mod tests;
