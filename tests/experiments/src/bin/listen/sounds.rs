//! Made sounds: noise, and tones in noise whose pitch rises, falls or stays.

use std::f64::consts::TAU;

use rand::Rng as _;
use supernano_base::rng::ChaCha8Rng;

/// Names of the classes, in the order of the labels.
pub const CLASSES: [&str; 4] = ["noise", "rising", "falling", "steady"];
/// Samples in a second.
const RATE: f64 = 16_000.0;

/// A tone.
pub struct Tone {
    /// Pitch at the start and at the end, Hz.
    pitch: [f64; 2],
    /// Largest sample.
    loudness: f64,
}

impl Tone {
    /// A random tone of a class; none for noise.
    pub fn random(class: usize, random: &mut ChaCha8Rng) -> Option<Self> {
        let low = random.random_range(300.0..900.0);
        let high = low * random.random_range(2.0..3.5);
        let pitch = match class {
            1 => [low, high],
            2 => [high, low],
            3 => [random.random_range(300.0..2500.0); 2],
            _ => return None,
        };
        Some(Self { pitch, loudness: random.random_range(2_000.0..12_000.0) })
    }

    /// Adds the tone to samples.
    pub fn add(&self, samples: &mut [f64]) {
        let (length, [start, end]) = (samples.len() as f64, self.pitch);
        let mut turns = 0.0;
        for (n, sample) in samples.iter_mut().enumerate() {
            let part = n as f64 / length;
            turns += (start + (end - start) * part) / RATE;
            // The loudness rises and falls within a tenth of the tone.
            let ramp = (10.0 * part).min(10.0 * (1.0 - part)).min(1.0);
            *sample += self.loudness * ramp * (turns * TAU).sin();
        }
    }
}

/// Noise `[length]` of this largest sample.
pub fn noise(length: usize, loudness: f64, random: &mut ChaCha8Rng) -> Vec<f64> {
    (0..length).map(|_| random.random_range(-loudness..=loudness)).collect()
}

/// Samples as integers, saturated.
pub fn integers(samples: &[f64]) -> Vec<i16> {
    // The cast saturates.
    samples.iter().map(|sample| sample.round() as i16).collect()
}

/// Samples of `seconds`.
pub fn count(seconds: f64) -> usize {
    (seconds * RATE) as usize
}
