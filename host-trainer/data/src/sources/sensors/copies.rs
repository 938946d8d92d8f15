//! Copies of training windows of sensors: shifted, scaled, rotated and noisy. The front end computes
//! them as any other window.

use std::f64::consts::PI;

use rand::Rng as _;
use supernano_base::config::WindowSpec;
use supernano_base::rng::{ChaCha8Rng, Key as Stream, Purpose};

/// A changed copy of the values `[samples, axes]` of a window. `ranges` holds the lowest and the
/// highest value of each axis; `content` is the hash of the window, so the copy depends neither on
/// the order of the files nor on other windows.
pub fn copy(
    window: &WindowSpec,
    values: &[f32],
    ranges: &[(f64, f64)],
    content: &[u8; 32],
    (seed, n): (u64, usize),
) -> Vec<f32> {
    let [a, b, c, d, ..] = *content;
    let index = u64::from(u32::from_le_bytes([a, b, c, d])) << 8 | n as u64;
    let mut rng = Stream::new(seed).rng(Purpose::Generate, index);
    let mut unit = || 2.0 * rng.random::<f64>() - 1.0;
    let shift = (unit() * window.shift as f64).round() as i64;
    let factor = 1.0 + unit() * window.scale;
    let turn = Turn::new([unit(), unit(), unit()], (unit() * window.rotation).to_radians());
    let axes = ranges.len().max(1);
    let rows: Vec<&[f32]> = values.chunks_exact(axes).collect();
    let last = rows.len() as i64 - 1;
    let mut out = Vec::with_capacity(values.len());
    for i in 0..=last {
        // Before the first and behind the last sample, that sample is repeated.
        let row = rows[(i + shift).clamp(0, last) as usize];
        let mut changed: Vec<f64> = row.iter().map(|&v| f64::from(v) * factor).collect();
        if axes.is_multiple_of(3) {
            changed.as_chunks_mut().0.iter_mut().for_each(|v| *v = turn.of(*v));
        }
        for (value, (low, high)) in changed.iter_mut().zip(ranges) {
            *value += normal(&mut rng) * window.jitter * (high - low);
        }
        out.extend(changed.into_iter().map(|v| v as f32));
    }
    out
}

/// A rotation of three axes.
struct Turn {
    axis: [f64; 3],
    angle: f64,
}

impl Turn {
    /// A rotation about a direction by an angle in radians.
    fn new(direction: [f64; 3], angle: f64) -> Self {
        let length = direction.iter().map(|v| v * v).sum::<f64>().sqrt();
        match length > 1e-9 {
            true => Self { axis: direction.map(|v| v / length), angle },
            false => Self { axis: [0.0, 0.0, 1.0], angle },
        }
    }

    /// The rotated vector, by Rodrigues' formula.
    fn of(&self, v: [f64; 3]) -> [f64; 3] {
        let (sin, cos) = self.angle.sin_cos();
        let k = self.axis;
        let dot: f64 = k.iter().zip(v).map(|(k, v)| k * v).sum();
        let cross =
            [k[1] * v[2] - k[2] * v[1], k[2] * v[0] - k[0] * v[2], k[0] * v[1] - k[1] * v[0]];
        std::array::from_fn(|i| v[i] * cos + cross[i] * sin + k[i] * dot * (1.0 - cos))
    }
}

/// A number of the standard normal distribution, by the transform of Box and Muller.
fn normal(rng: &mut ChaCha8Rng) -> f64 {
    let (u, v) = (1.0 - rng.random::<f64>(), rng.random::<f64>());
    (-2.0 * u.ln()).sqrt() * (2.0 * PI * v).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rotation_keeps_the_length() {
        let turned = Turn::new([1.0, 2.0, -1.0], 0.7).of([3.0, -4.0, 12.0]);
        let length = turned.iter().map(|v| v * v).sum::<f64>().sqrt();
        assert!((length - 13.0).abs() < 1e-9);
        let quarter = Turn::new([0.0, 0.0, 2.0], PI / 2.0).of([1.0, 0.0, 5.0]);
        for (found, expected) in quarter.iter().zip([0.0, 1.0, 5.0]) {
            assert!((found - expected).abs() < 1e-9, "{quarter:?}");
        }
    }

    #[test]
    fn each_part_changes_what_it_names() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        let ranges = [(0.0, 9.0), (0.0, 10.0), (0.0, 11.0)];
        let plain = WindowSpec { samples: 4, ..WindowSpec::default() };
        let of = |window: &WindowSpec| copy(window, &values, &ranges, &[7; 32], (1, 1));
        assert_eq!(of(&plain), values);
        let shifted = of(&WindowSpec { shift: 2, ..plain.clone() });
        assert!(shifted.chunks(3).all(|row| values.chunks(3).any(|v| v == row)), "{shifted:?}");
        let scaled = of(&WindowSpec { scale: 0.5, ..plain.clone() });
        let factor = scaled[11] / 11.0;
        assert!(scaled.iter().zip(&values).all(|(s, v)| (s - v * factor).abs() < 1e-4));
        let noisy = of(&WindowSpec { jitter: 0.1, ..plain.clone() });
        assert!(noisy.iter().zip(&values).all(|(n, v)| n != v && (n - v).abs() < 6.0));
        // The same window and number give the same copy.
        assert_eq!(noisy, of(&WindowSpec { jitter: 0.1, ..plain }));
    }
}
