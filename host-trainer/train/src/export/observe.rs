//! Observes the feature maps of a network over calibration images, and chooses the range of each.

use rayon::prelude::*;
use serde::Serialize;

use super::integers::QuantParams;
use super::material::ImageSet;
use crate::supernet::{FoldedNet, Step};

/// Samples kept per feature map and batch.
const SAMPLES_A_BATCH: usize = 4096;

/// Rule that chooses the range of a feature map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RangeRule {
    /// For each map the rule with the least squared error.
    #[default]
    Auto,
    /// All values.
    Full,
    /// All values except 0.01 % at either end.
    Percentile,
    /// The range with the least squared error of rounding and clipping.
    Mse,
}

impl RangeRule {
    /// Name, as on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Full => "full",
            Self::Percentile => "percentile",
            Self::Mse => "mse",
        }
    }
}

/// Samples of every feature map, by the index of the convolution that writes it.
#[derive(Clone, Debug)]
pub struct ActivationSamples {
    maps: Vec<Samples>,
}

/// Samples of a feature map, at least one.
#[derive(Clone, Debug, Default)]
struct Samples {
    values: Vec<f32>,
    /// Minimum of all values and 0.
    min: f32,
    /// Maximum of all values and 0.
    max: f32,
}

/// Quantisation parameters of every feature map, by the index of the convolution that writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct ActivationParams {
    maps: Vec<(QuantParams, RangeRule)>,
}

impl ActivationParams {
    /// The parameters of a map; `positive` sets the zero point to -128.
    pub fn get(&self, conv: usize, positive: bool) -> QuantParams {
        let (params, _) = self.maps[conv];
        if positive { QuantParams { zero: -128, ..params } } else { params }
    }

    /// The rule that chose the range of a map.
    pub fn rule(&self, conv: usize) -> RangeRule {
        self.maps[conv].1
    }

    /// Given parameters, in the order of the convolutions.
    pub fn fixed(maps: impl IntoIterator<Item = QuantParams>) -> Self {
        Self { maps: maps.into_iter().map(|params| (params, RangeRule::Full)).collect() }
    }
}

/// Runs images, at least one, through a network and samples every feature map.
pub fn observe(net: &FoldedNet, images: &ImageSet) -> ActivationSamples {
    let mut maps = vec![Samples::default(); net.convs().count()];
    for batch in images.batches() {
        let mut see = |step: &Step, map: &[f32]| maps[step.index].add(map, map.len() / batch.n);
        net.observe(&batch.values, batch.n, &mut see);
    }
    ActivationSamples { maps }
}

impl ActivationSamples {
    /// Chooses the parameters of every map by a rule.
    pub fn params(&self, rule: RangeRule) -> ActivationParams {
        let choose = |samples: &Samples| samples.choose(rule);
        ActivationParams { maps: self.maps.par_iter().map(choose).collect() }
    }
}

/// The distance between samples of `values` values, whose images have `size` values each. It has no
/// common divisor with that size, so that the samples take all pixels and all channels in turn. A step
/// of a plane's size would take the same pixel of every channel.
fn stride(values: usize, size: usize) -> usize {
    let mut step = (values / SAMPLES_A_BATCH) | 1;
    while gcd(step, size) > 1 {
        step += 2;
    }
    step
}

const fn gcd(a: usize, b: usize) -> usize {
    if b == 0 { a } else { gcd(b, a % b) }
}

impl Samples {
    /// Adds the map of a batch, whose images have `size` values each.
    fn add(&mut self, values: &[f32], size: usize) {
        for &v in values {
            self.min = self.min.min(v);
            self.max = self.max.max(v);
        }
        let step = stride(values.len(), size);
        self.values.extend(values.iter().step_by(step));
    }

    /// Mean squared error of the quantised samples.
    fn error(&self, params: QuantParams) -> f64 {
        let QuantParams { scale, zero } = params;
        let zero = f32::from(zero);
        let (low, high) = (scale * (-128.0 - zero), scale * (127.0 - zero));
        let one = |&v: &f32| {
            let back = (v / scale).round() * scale;
            let d = v - back.clamp(low, high);
            f64::from(d * d)
        };
        self.values.iter().map(one).sum::<f64>() / self.values.len() as f64
    }

    /// Parameters that exclude the share `tail` of the samples at either end.
    fn percentile(&self, tail: f64) -> QuantParams {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let last = sorted.len() - 1;
        let cut = (tail * last as f64).round() as usize;
        QuantParams::covering(sorted[cut], sorted[last - cut])
    }

    fn full(&self) -> QuantParams {
        QuantParams::covering(self.min, self.max)
    }

    /// Parameters with the least error. Each end is optimised twice while the other is fixed.
    fn least_error(&self) -> QuantParams {
        let (mut low, mut high) = (self.min, self.max);
        let mut best = (self.error(self.full()), self.full());
        for _ in 0..2 {
            for end in [true, false] {
                let (from_low, from_high) = (low, high);
                for clip in (10..40).rev() {
                    let clip = clip as f32 / 40.0;
                    let (l, h) = match end {
                        true => (from_low, self.max * clip),
                        false => (self.min * clip, from_high),
                    };
                    let candidate = QuantParams::covering(l, h);
                    let error = self.error(candidate);
                    if error < best.0 {
                        best = (error, candidate);
                        (low, high) = (l, h);
                    }
                }
            }
        }
        best.1
    }

    /// The parameters by a rule, and the rule. [`RangeRule::Auto`] takes the rule with the least
    /// error, the first of equals.
    fn choose(&self, rule: RangeRule) -> (QuantParams, RangeRule) {
        match rule {
            RangeRule::Full => (self.full(), rule),
            RangeRule::Percentile => (self.percentile(1e-4), rule),
            RangeRule::Mse => (self.least_error(), rule),
            RangeRule::Auto => {
                let mut best = self.choose(RangeRule::Full);
                for other in [RangeRule::Percentile, RangeRule::Mse].map(|r| self.choose(r)) {
                    if self.error(other.0).total_cmp(&self.error(best.0)).is_lt() {
                        best = other;
                    }
                }
                best
            }
        }
    }
}

#[cfg(test)]
mod tests;
