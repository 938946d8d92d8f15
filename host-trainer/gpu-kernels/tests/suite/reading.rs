//! Maps as convolutions read them.

use super::*;
use supernano_gpu_kernels::pending::Reading;

/// The bound of all activations with one.
pub const BOUND: f64 = 0.375;

/// Factors `[paths, channels, 4]` for a reading, and for the same channels.
pub fn factors<E: Element>(seed: u64, paths: u32, channels: u32) -> Vec<f32> {
    E::noise(seed, (paths * channels * 4) as usize, 8.0)
}

/// A map in f64 as a reading takes it.
pub struct Read<'a> {
    pub reading: Reading,
    pub map: &'a [f32],
    pub norm_input: &'a [f32],
    pub factors: &'a [f32],
    pub slopes: &'a [f32],
    pub channels: usize,
}

impl Read<'_> {
    pub fn value(&self, path: usize, index: usize, channel: usize) -> f64 {
        let factor = |i: usize| f64::from(self.factors[(path * self.channels + channel) * 4 + i]);
        let v = f64::from(self.map[index]);
        match self.reading {
            Reading::Plain => v,
            Reading::Activated | Reading::Clipped(_) => {
                let v = v * factor(0) + factor(1);
                let v = if v < 0.0 { v * f64::from(self.slopes[path]) } else { v };
                if self.reading == Reading::Activated { v } else { v.min(BOUND) }
            }
            Reading::NormGradient => {
                factor(0) * v
                    + factor(1) * (f64::from(self.norm_input[index]) - factor(3))
                    + factor(2)
            }
        }
    }
}
