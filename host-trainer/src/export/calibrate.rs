//! Ranges of activations over calibration images, clipped where that lowers the squared error.

use crate::data::Dataset;
use crate::supernet::{FoldedNet, Site};

use super::quantise::Affine;

/// Values kept per feature map and batch.
const SAMPLES_A_BATCH: usize = 4096;
/// Images per forward pass.
const BATCH: usize = 64;

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

    /// The quantisation of a feature map with the least squared error over the samples;
    /// `positive` keeps the zero point at -128. A map that was never seen gets a range of 1.
    pub fn affine(&self, site: Site, positive: bool) -> Affine {
        let Some((_, samples)) = self.maps.iter().find(|(s, _)| *s == site) else {
            return Affine::positive(1.0);
        };
        let min = if positive { 0.0 } else { samples.min };
        let candidate = |clip: i32| {
            let clip = clip as f32 / 40.0;
            Affine::covering(min * clip, samples.max * clip)
        };
        let error = |a: Affine| -> f64 {
            let one = |&v: &f32| {
                let v = if positive { v.max(0.0) } else { v };
                let back = a.scale * f32::from(i16::from(a.quantise(v)) - i16::from(a.zero));
                f64::from(v - back).powi(2)
            };
            samples.values.iter().map(one).sum()
        };
        let mut best = (f64::INFINITY, candidate(40));
        for clip in (16..=40).rev() {
            let found = error(candidate(clip));
            if found < best.0 {
                best = (found, candidate(clip));
            }
        }
        best.1
    }
}

/// Runs the first `images` training images through the network and samples every feature map.
pub fn calibrate(net: &FoldedNet, dataset: &Dataset, images: usize) -> Ranges {
    let mut ranges = Ranges::default();
    let all: Vec<u32> = (0..images as u32).collect();
    for indices in all.chunks(BATCH) {
        let batch = dataset.batch(&dataset.train, indices);
        net.observe(&batch, indices.len(), &mut |site, values| ranges.add(site, values));
    }
    ranges
}
