//! Ranges of activations over calibration images.

use serde::Serialize;
use supernano_data::Dataset;

use super::quantise::Affine;
use crate::supernet::{FoldedNet, Site};

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

/// Sampled values of every feature map.
#[derive(Clone, Debug, Default)]
pub struct Ranges {
    maps: Vec<(Site, Samples)>,
}

#[derive(Clone, Debug, Default)]
struct Samples {
    values: Vec<f32>,
    min: f32,
    max: f32,
}

/// The quantisation chosen for every feature map.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Affines {
    maps: Vec<(Site, Affine, RangeRule)>,
}

impl Affines {
    /// The quantisation of a map; `positive` keeps the zero point at -128. A map that was never
    /// seen gets a range of 1.
    pub fn get(&self, site: Site, positive: bool) -> Affine {
        let found = self.maps.iter().find(|m| m.0 == site).map(|m| m.1);
        match found {
            Some(a) if positive => Affine { scale: a.scale, zero: -128 },
            Some(a) => a,
            None => Affine::positive(1.0),
        }
    }

    /// The rule that was chosen for a map.
    pub fn rule(&self, site: Site) -> RangeRule {
        self.maps.iter().find(|m| m.0 == site).map_or(RangeRule::Full, |m| m.2)
    }

    /// Quantisations that were fixed before.
    pub fn fixed(maps: impl IntoIterator<Item = (Site, Affine)>) -> Self {
        Self { maps: maps.into_iter().map(|(s, a)| (s, a, RangeRule::Full)).collect() }
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

impl Ranges {
    fn add(&mut self, site: Site, values: &[f32]) {
        let at = self.maps.iter().position(|(s, _)| *s == site).unwrap_or_else(|| {
            self.maps.push((site, Samples::default()));
            self.maps.len() - 1
        });
        let samples = &mut self.maps[at].1;
        for &v in values {
            samples.min = samples.min.min(v);
            samples.max = samples.max.max(v);
        }
        // an odd step visits every channel and row in turn
        let step = (values.len() / SAMPLES_A_BATCH) | 1;
        samples.values.extend(values.iter().step_by(step));
    }

    /// Chooses the quantisation of every map.
    pub fn affines(&self, rule: RangeRule) -> Affines {
        use rayon::prelude::*;
        let choose = |(site, samples): &(Site, Samples)| {
            let (affine, rule) = samples.choose(rule);
            (*site, affine, rule)
        };
        Affines { maps: self.maps.par_iter().map(choose).collect() }
    }
}

/// Runs training images through the network and samples every feature map.
pub fn calibrate(net: &FoldedNet, dataset: &Dataset, images: &[u32]) -> Ranges {
    let mut ranges = Ranges::default();
    for indices in images.chunks(BATCH) {
        let batch = dataset.batch(&dataset.train, indices);
        net.observe(&batch, indices.len(), &mut |site, values| ranges.add(site, values));
    }
    ranges
}

#[cfg(test)]
mod tests;
