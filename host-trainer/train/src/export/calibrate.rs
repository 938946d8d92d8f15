//! Ranges of activations over calibration images.

use serde::Serialize;
use supernano_data::Dataset;

use super::quantise::Affine;
use crate::supernet::FoldedNet;

/// Values kept per feature map and batch.
const SAMPLES_A_BATCH: usize = 4096;
/// Images per forward pass.
const BATCH: usize = 64;

/// How the range of a feature map is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum RangeRule {
    /// The one of the others with the least squared error, for each map by itself.
    #[default]
    Auto,
    /// Everything that was seen.
    Full,
    /// All but 0.01 % at either end.
    Percentile,
    /// Both ends moved until the squared error of rounding and clipping is least.
    Mse,
}

/// Sampled values of every feature map, by the index of the convolution that writes it.
#[derive(Clone, Debug)]
pub struct Ranges {
    maps: Vec<Samples>,
}

#[derive(Clone, Debug, Default)]
struct Samples {
    values: Vec<f32>,
    min: f32,
    max: f32,
}

/// The quantisation chosen for every feature map, by the index of the convolution that writes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Affines {
    maps: Vec<(Affine, RangeRule)>,
}

impl Affines {
    /// The quantisation of a map; `positive` keeps the zero point at -128.
    pub fn get(&self, conv: usize, positive: bool) -> Affine {
        let (affine, _) = self.maps[conv];
        if positive { Affine { zero: -128, ..affine } } else { affine }
    }

    /// The rule that was chosen for a map.
    pub fn rule(&self, conv: usize) -> RangeRule {
        self.maps[conv].1
    }

    /// Quantisations that were fixed before, in the order of the convolutions.
    pub fn fixed(maps: impl IntoIterator<Item = Affine>) -> Self {
        Self { maps: maps.into_iter().map(|a| (a, RangeRule::Full)).collect() }
    }
}

impl Samples {
    /// Mean squared error of the samples under a quantisation.
    fn error(&self, a: Affine) -> f64 {
        let zero = f32::from(a.zero);
        let (low, high) = (a.scale * (-128.0 - zero), a.scale * (127.0 - zero));
        let one = |&v: &f32| {
            let back = (v / a.scale).round() * a.scale;
            let d = v - back.clamp(low, high);
            f64::from(d * d)
        };
        self.values.iter().map(one).sum::<f64>() / self.values.len().max(1) as f64
    }

    fn percentile(&self, tail: f64) -> Affine {
        let mut sorted = self.values.clone();
        sorted.sort_unstable_by(f32::total_cmp);
        let Some(last) = sorted.len().checked_sub(1) else { return Affine::positive(1.0) };
        let cut = (tail * last as f64).round() as usize;
        Affine::covering(sorted[cut], sorted[last - cut])
    }

    fn full(&self) -> Affine {
        Affine::covering(self.min, self.max)
    }

    /// One end after the other is moved to where the error is least, twice.
    fn least_error(&self) -> Affine {
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
                    let candidate = Affine::covering(l, h);
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

    fn choose(&self, rule: RangeRule) -> (Affine, RangeRule) {
        let by = |rule| match rule {
            RangeRule::Percentile => self.percentile(1e-4),
            RangeRule::Mse => self.least_error(),
            RangeRule::Full | RangeRule::Auto => self.full(),
        };
        if rule != RangeRule::Auto {
            return (by(rule), rule);
        }
        let all = [RangeRule::Full, RangeRule::Percentile, RangeRule::Mse];
        let judged = all.map(|rule| (self.error(by(rule)), by(rule), rule));
        let first =
            |a: &&(f64, Affine, RangeRule), b: &&(f64, Affine, RangeRule)| a.0.total_cmp(&b.0);
        judged.iter().min_by(first).map_or((self.full(), RangeRule::Full), |j| (j.1, j.2))
    }
}

impl Samples {
    fn add(&mut self, values: &[f32]) {
        for &v in values {
            self.min = self.min.min(v);
            self.max = self.max.max(v);
        }
        // an odd step visits every channel and row in turn
        let step = (values.len() / SAMPLES_A_BATCH) | 1;
        self.values.extend(values.iter().step_by(step));
    }
}

impl Ranges {
    /// Chooses the quantisation of every map.
    pub fn affines(&self, rule: RangeRule) -> Affines {
        use rayon::prelude::*;
        Affines { maps: self.maps.par_iter().map(|samples| samples.choose(rule)).collect() }
    }
}

/// Runs training images through the network and samples every feature map.
pub fn calibrate(net: &FoldedNet, dataset: &Dataset, images: &[u32]) -> Ranges {
    let mut maps = vec![Samples::default(); net.convs().count()];
    for indices in images.chunks(BATCH) {
        let batch = dataset.batch(&dataset.train, indices);
        net.observe(&batch, indices.len(), &mut |step, values| maps[step.index].add(values));
    }
    Ranges { maps }
}

#[cfg(test)]
mod tests;
