//! The requantisation of `core/docs/quantization.md` on maps of f32 that hold integers, and its
//! gradient. Sums of products of small integers are exact in f32.

use supernano_core::quant;

use crate::map::MapShape;
use crate::parallel;

/// 2^-32.
const Q32: f32 = 1.0 / 4_294_967_296.0;

/// How the sums of a convolution become its output. Maps hold `q - z`, the difference of a
/// quantised value from its zero point; the sums are taken over these.
#[derive(Clone, Debug, PartialEq)]
pub struct RequantiseRule {
    /// The start of the sums, without zero points, in accumulator steps, `[channels]`.
    pub bias: Vec<i32>,
    /// Accumulator steps per step of the residual map, `[channels]`.
    pub residual: Vec<i32>,
    /// Q0.32 multipliers of sums that are not negative, `[channels]`.
    pub positive: Vec<i32>,
    /// Q0.32 multipliers of negative sums, `[channels]`.
    pub negative: Vec<i32>,
    /// Real units per accumulator step, `[channels]`.
    pub accumulator: Vec<f32>,
    /// The zero point of the output.
    pub zero: i8,
}

impl RequantiseRule {
    #[track_caller]
    fn check(&self, shape: &MapShape, sums: &[f32], residual: Option<&[f32]>) {
        shape.check("sums", sums.len());
        if let Some(residual) = residual {
            shape.check("residual", residual.len());
        }
        let lengths = [&self.bias, &self.residual, &self.positive, &self.negative].map(Vec::len);
        let channels = shape.channels();
        assert!(lengths == [channels; 4], "rules of {lengths:?} channels, not {channels}");
        assert!(self.accumulator.len() == channels, "{} accumulators", self.accumulator.len());
    }

    #[inline(always)]
    fn total(&self, channel: usize, sum: f32, residual: f32) -> i32 {
        self.bias[channel]
            .wrapping_add(sum as i32)
            .wrapping_add((residual as i32).wrapping_mul(self.residual[channel]))
    }
}

/// `q - z` of the output for maps of sums and, with the same shape, a residual.
///
/// # Panics
/// Where a slice or the rule does not have the shape.
pub fn requantise(
    shape: MapShape,
    sums: &[f32],
    residual: Option<&[f32]>,
    rule: &RequantiseRule,
) -> Vec<f32> {
    rule.check(&shape, sums, residual);
    let plane = shape.plane().max(1);
    let mut out = vec![0f32; sums.len()];
    parallel::chunks_mut(&mut out, plane, |i, out| {
        let (c, range) = (i % shape.channels(), i * plane..(i + 1) * plane);
        let (p, n, zero) = (rule.positive[c], rule.negative[c], rule.zero);
        let value =
            |t: i32| f32::from(i16::from(quant::requantise(t, p, n, zero)) - i16::from(zero));
        let sums = &sums[range.clone()];
        match residual {
            Some(r) => {
                for ((o, &s), &r) in out.iter_mut().zip(sums).zip(&r[range]) {
                    *o = value(rule.total(c, s, r));
                }
            }
            None => {
                for (o, &s) in out.iter_mut().zip(sums) {
                    *o = value(rule.total(c, s, 0.0));
                }
            }
        }
    });
    out
}

/// Gradients of a requantisation.
pub struct RequantiseGradients {
    /// Of the sums.
    pub sums: Vec<f32>,
    /// Of the residual, where there is one.
    pub residual: Option<Vec<f32>>,
    /// Of the bias in real units, `[channels]`.
    pub bias: Vec<f32>,
    /// Of the slope of the activation for negative values.
    pub slope: f32,
}

/// Gradients of [`requantise`] from that of its output, `dy`. They pass straight through the
/// rounding, and are 0 where the output saturates.
///
/// # Panics
/// Where a slice or the rule does not have the shape.
pub fn requantise_gradients(
    shape: MapShape,
    sums: &[f32],
    residual: Option<&[f32]>,
    dy: &[f32],
    rule: &RequantiseRule,
) -> RequantiseGradients {
    rule.check(&shape, sums, residual);
    shape.check("gradient of a requantisation", dy.len());
    let (channels, plane) = (shape.channels(), shape.plane().max(1));
    let mut dsums = vec![0f32; sums.len()];
    let parts: Vec<(f64, f64)> = parallel::chunks_mut(&mut dsums, plane, |i, ds| {
        let (c, range) = (i % channels, i * plane..(i + 1) * plane);
        let (p, n) = (rule.positive[c], rule.negative[c]);
        let (of_positive, of_negative) = (p as f32 * Q32, n as f32 * Q32);
        let (sums, dy) = (&sums[range.clone()], &dy[range.clone()]);
        let residual = residual.map(|r| &r[range]);
        let (mut bias, mut slope) = (0f64, 0f64);
        for (j, ((d, &s), &g)) in ds.iter_mut().zip(sums).zip(dy).enumerate() {
            let t = rule.total(c, s, residual.map_or(0.0, |r| r[j]));
            let y = quant::requantise(t, p, n, rule.zero);
            if y == i8::MIN || y == i8::MAX {
                continue;
            }
            *d = g * if t >= 0 { of_positive } else { of_negative };
            bias += f64::from(*d);
            if t < 0 {
                slope += f64::from(g * of_positive * t as f32);
            }
        }
        (bias, slope)
    });
    let mut bias = vec![0f64; channels];
    for (i, part) in parts.iter().enumerate() {
        bias[i % channels] += part.0;
    }
    let bias = bias.iter().zip(&rule.accumulator).map(|(b, &a)| (b / f64::from(a)) as f32);
    let residual = residual.map(|_| {
        let mut dr = dsums.clone();
        parallel::chunks_mut(&mut dr, plane, |i, dr| {
            let k = rule.residual[i % channels] as f32;
            dr.iter_mut().for_each(|d| *d *= k);
        });
        dr
    });
    let slope = parts.iter().map(|p| p.1).sum::<f64>() as f32;
    RequantiseGradients { bias: bias.collect(), slope, residual, sums: dsums }
}
