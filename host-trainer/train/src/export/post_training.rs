//! Quantisation after training. Of the variants that the options allow, the variant with the least
//! error of the logits is kept.

use serde::Serialize;
use supernano_base::objective::Spread;

use super::correct::correct;
use super::equalise::equalise;
use super::material::{CalibrationSet, Normalisation};
use super::observe::{ActivationParams, RangeRule, observe};
use super::quantise::QuantisedNet;
use super::simulate::integer_input;
use crate::supernet::FoldedNet;

/// Whether a method is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Switch {
    /// If it reduces the error of the logits on calibration images.
    #[default]
    Auto,
    /// Always.
    On,
    /// Never.
    Off,
}

impl Switch {
    /// Makes the network with the method, without it, or both, and returns the one with less error.
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
    /// Rule for the ranges of feature maps.
    pub ranges: RangeRule,
    /// Cross-layer equalisation.
    pub equalise: Switch,
    /// Bias correction.
    pub correct: Switch,
}

/// A quantised network, and the float network that it is rounded from.
#[derive(Clone, Debug)]
pub struct PostTraining {
    /// Float network with equalised channels, if that is used.
    pub reference: FoldedNet,
    /// The same with corrected biases, if that is used. The integers are its rounding.
    pub float: FoldedNet,
    /// Integer network.
    pub net: QuantisedNet,
    /// Parameters of every feature map.
    pub params: ActivationParams,
    /// True if channels were equalised.
    pub equalised: bool,
    /// True if biases were corrected.
    pub corrected: bool,
    /// Squared error of the logits relative to their variance, on calibration images.
    pub error: f64,
}

impl PostTraining {
    /// Changes the outputs to the units of their targets, and quantises again. The integers of all other
    /// layers stay the same.
    pub fn in_units(&mut self, spreads: &[Spread], normalisation: &Normalisation) {
        for net in [&mut self.reference, &mut self.float] {
            net.classifier.in_units(spreads);
        }
        self.net = QuantisedNet::with(&self.float, &self.params, normalisation);
    }
}

/// Largest number of images whose feature maps are in memory at the same time.
const HELD: usize = 256;

/// Quantises a network. The first 256 calibration images serve for bias correction, the last 256
/// for the comparison of variants.
pub fn quantise_after_training(
    net: &FoldedNet,
    set: &CalibrationSet,
    options: &QuantiseOptions,
) -> PostTraining {
    let CalibrationSet { normalisation, images } = set;
    let n = images.len();
    let (held, judged) = (images.part(0..n.min(HELD)), images.part(n - n.min(HELD)..n));
    let expected = net.forward(&judged.values, judged.n);
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

/// Squared error of integer logits relative to the variance of the float logits. `scale` is in real
/// units per step.
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
