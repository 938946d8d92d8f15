//! The features in double precision, straight from the definitions.

use std::f64::consts::PI;

use super::super::{Rounding, SoundSpec, WindowShape};

fn mel(hz: f64) -> f64 {
    1127.0 * (1.0 + hz / 700.0).ln()
}

/// Values `[frames][features]` before scale and offset, of samples that are divided by `peak`.
pub fn values(spec: &SoundSpec, samples: &[i16], peak: f64) -> Vec<f64> {
    let frames = samples.windows(spec.window.into()).step_by(spec.hop.into());
    frames.take(spec.frames.into()).flat_map(|frame| features(spec, frame, peak)).collect()
}

fn features(spec: &SoundSpec, frame: &[i16], peak: f64) -> Vec<f64> {
    let windowed: Vec<f64> = frame
        .iter()
        .enumerate()
        .map(|(n, &sample)| {
            let turn = (2.0 * PI * n as f64 / frame.len() as f64).cos();
            let coefficient = match spec.shape {
                WindowShape::Hann => 0.5 - 0.5 * turn,
                WindowShape::Hamming => 0.54 - 0.46 * turn,
                WindowShape::Rectangular => 1.0,
            };
            coefficient * f64::from(sample) / peak
        })
        .collect();
    let bins = usize::from(spec.fft) / 2 + 1;
    let circle: Vec<(f64, f64)> =
        (0..spec.fft).map(|i| (2.0 * PI * f64::from(i) / f64::from(spec.fft)).sin_cos()).collect();
    let magnitudes: Vec<f64> = (0..bins).map(|k| magnitude(&windowed, k, &circle)).collect();
    let (low, high, count) = (mel(spec.low), mel(spec.high), usize::from(spec.bands));
    let step = (high - low) / (count + 1) as f64;
    let logarithms: Vec<f64> = (1..=count)
        .map(|band| {
            let centre = low + step * band as f64;
            let weight = |k: usize| {
                let hz = k as f64 * f64::from(spec.rate) / f64::from(spec.fft);
                (1.0 - (mel(hz) - centre).abs() / step).max(0.0)
            };
            let sum: f64 = (1..bins).map(|k| weight(k) * magnitudes[k]).sum();
            (sum + spec.floor).ln()
        })
        .collect();
    if spec.coefficients == 0 {
        return logarithms;
    }
    let coefficient = |k: usize| {
        let term =
            |b: usize| logarithms[b] * (PI * k as f64 * (b as f64 + 0.5) / count as f64).cos();
        2.0 / (2.0 * count as f64).sqrt() * (0..count).map(term).sum::<f64>()
    };
    (0..spec.coefficients.into()).map(coefficient).collect()
}

/// Magnitude of bin `k`, with the sines and cosines of a whole circle.
fn magnitude(samples: &[f64], k: usize, circle: &[(f64, f64)]) -> f64 {
    let (mut re, mut im) = (0.0, 0.0);
    for (n, sample) in samples.iter().enumerate() {
        let (sine, cosine) = circle[n * k % circle.len()];
        re += sample * cosine;
        im -= sample * sine;
    }
    re.hypot(im)
}

/// The byte of a value.
pub fn byte(spec: &SoundSpec, value: f64) -> u8 {
    let steps = value / spec.scale + spec.offset;
    let rounded = match spec.rounding {
        Rounding::Nearest => (steps + 0.5).floor(),
        Rounding::Floor => steps.floor(),
        Rounding::Truncate => steps.trunc(),
    };
    (rounded.clamp(-128.0, 127.0) + 128.0) as u8
}
