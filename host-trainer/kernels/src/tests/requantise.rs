//! Requantisation in f32 against the integers of the core.

use supernano_core::quant;

use super::noise;
use crate::map::MapShape;
use crate::requantise::{RequantiseRule, requantise, requantise_gradients};

fn rule() -> RequantiseRule {
    RequantiseRule {
        bias: vec![100, -3000],
        residual: vec![7, -11],
        positive: vec![1 << 27, 1 << 26],
        negative: vec![-(1 << 22), 1 << 25],
        accumulator: vec![0.5, 0.25],
        zero: -5,
    }
}

#[test]
fn values_equal_those_of_the_core_and_gradients_pass_straight_through() {
    let shape = MapShape::new(16, 2, 1, 3);
    let whole = |seed, most: f32| -> Vec<f32> {
        noise(seed, shape.len()).iter().map(|v| (v * most).round()).collect()
    };
    let (sums, residual, dy) = (whole(1, 9000.0), whole(2, 127.0), noise(3, shape.len()));
    let rule = rule();
    for added in [None, Some(residual.as_slice())] {
        let found = requantise(shape, &sums, added, &rule);
        let gradients = requantise_gradients(shape, &sums, added, &dy, &rule);
        let (mut bias, mut slope, mut saturated) = ([0f64; 2], 0f64, 0);
        for i in 0..sums.len() {
            let c = i / shape.plane() % 2;
            let total = rule.bias[c] as i64
                + sums[i] as i64
                + added.map_or(0, |r| r[i] as i64 * i64::from(rule.residual[c]));
            let (p, n) = (rule.positive[c], rule.negative[c]);
            let y = quant::requantise(i32::try_from(total).unwrap(), p, n, rule.zero);
            assert_eq!(found[i], f32::from(i16::from(y) - i16::from(rule.zero)));
            let through = y != i8::MIN && y != i8::MAX;
            saturated += usize::from(!through);
            let q32 = 1.0 / 4_294_967_296.0;
            let factor = if total >= 0 { p as f32 * q32 } else { n as f32 * q32 };
            let expected = if through { dy[i] * factor } else { 0.0 };
            assert_eq!(gradients.sums[i], expected);
            if let Some(found) = &gradients.residual {
                assert_eq!(found[i], expected * rule.residual[c] as f32);
            }
            bias[c] += f64::from(expected) / f64::from(rule.accumulator[c]);
            if through && total < 0 {
                slope += f64::from(dy[i]) * f64::from(p as f32 * q32) * total as f64;
            }
        }
        assert!(saturated > 0 && saturated < sums.len());
        assert_eq!(gradients.residual.is_some(), added.is_some());
        for (f, e) in gradients.bias.iter().zip(bias).chain([(&gradients.slope, slope)]) {
            assert!((f64::from(*f) - e).abs() <= 1e-5 * e.abs().max(1.0), "{f} against {e}");
        }
    }
}
