//! The integers of one operation: from folded floats to those of `core/docs/quantization.md`.

use super::material::Normalisation;

/// Quantisation parameters of a feature map: `real = scale (q - zero)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantParams {
    /// Real units a step.
    pub scale: f32,
    /// The integer that stands for 0.
    pub zero: i8,
}

impl QuantParams {
    /// Covers `[min, max]`, widened to contain 0, with 256 steps.
    pub fn covering(min: f32, max: f32) -> Self {
        let (min, max) = (min.min(0.0), max.max(0.0));
        let scale = ((max - min) / 255.0).max(f32::MIN_POSITIVE * 1e10);
        let zero = (-128.0 - min / scale).round().clamp(-128.0, 127.0) as i8;
        Self { scale, zero }
    }

    /// Covers `[0, max]`: the form that makes saturation a ReLU (zero point -128).
    pub fn positive(max: f32) -> Self {
        Self::covering(0.0, max)
    }

    /// The integer nearest to a real value, saturated.
    pub fn quantise(self, real: f32) -> i8 {
        (real / self.scale + f32::from(self.zero)).round().clamp(-128.0, 127.0) as i8
    }
}

/// Integer parameters of one output channel of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Channel {
    /// Start of the accumulator, all zero points folded in.
    pub bias: i32,
    /// Output steps an accumulator step, Q0.32, where the accumulator is not negative.
    pub multiplier: i32,
    /// The same where it is negative: the slope of PReLU folded in.
    pub negative: i32,
    /// Accumulator steps a step of the residual tensor; 0 without one.
    pub residual: i32,
}

/// A quantised convolution.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedConv {
    /// `[out, kh, kw, in]`.
    pub weights: Vec<i8>,
    /// A set of parameters an output channel.
    pub channels: Vec<Channel>,
    /// Real units a step of a weight, `[out]`.
    pub steps: Vec<f64>,
    /// The bias alone, without folded zero points, in accumulator steps, `[out]`.
    pub bias: Vec<i32>,
}

/// What a convolution reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct ConvIo {
    /// Input channels.
    pub ci: usize,
    /// Side of the kernel.
    pub kernel: usize,
    /// Quantisation of the input.
    pub input: QuantParams,
    /// Quantisation of the tensor that is added before the activation.
    pub residual: Option<QuantParams>,
    /// Quantisation of the output.
    pub output: QuantParams,
    /// Slope for negative values: 1 without an activation or with ReLU (saturation does that).
    pub slope: f32,
}

/// Largest accumulator that bias and residual may need together; the window adds below 2^26.
const BIAS_LIMIT: f64 = (1u32 << 29) as f64;
/// Largest residual multiplier: 128 of its steps stay below 2^29.
const RESIDUAL_LIMIT: f64 = (1u32 << 21) as f64;
/// Multipliers are Q0.32 in an i32, so a factor must stay below 1/2.
const FACTOR_LIMIT: f64 = 0.499_999;

fn q32(factor: f64) -> i32 {
    (factor * 4_294_967_296.0).round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// Quantises one convolution with batch norm folded in.
///
/// # Shapes
/// `weight` `[out, in, kh, kw]`, `bias` `[out]`.
pub fn conv(weight: &[f32], bias: &[f32], io: ConvIo) -> QuantisedConv {
    let taps = io.kernel * io.kernel;
    let mut weights = Vec::with_capacity(weight.len());
    let mut channels = Vec::with_capacity(bias.len());
    let (mut steps, mut alone) = (Vec::new(), Vec::new());
    for (row, &b) in weight.chunks_exact(io.ci * taps).zip(bias) {
        let step = weight_step(row, b, io);
        steps.push(step);
        let per_accumulator = f64::from(io.input.scale) * step;
        let mut sum = 0i64;
        for t in 0..taps {
            for c in 0..io.ci {
                let w = (f64::from(row[c * taps + t]) / step).round().clamp(-127.0, 127.0) as i8;
                sum += i64::from(w);
                weights.push(w);
            }
        }
        let residual =
            io.residual.map_or(0, |r| (f64::from(r.scale) / per_accumulator).round() as i32);
        let residual_zero = io.residual.map_or(0, |r| i64::from(r.zero));
        let own = (f64::from(b) / per_accumulator).round() as i32;
        alone.push(own);
        let folded =
            i64::from(own) - i64::from(io.input.zero) * sum - residual_zero * i64::from(residual);
        let factor = per_accumulator / f64::from(io.output.scale);
        channels.push(Channel {
            bias: folded.clamp(-(1 << 30), 1 << 30) as i32,
            multiplier: q32(factor),
            negative: q32(factor * f64::from(io.slope)),
            residual,
        });
    }
    QuantisedConv { weights, channels, steps, bias: alone }
}

/// The weight step of one output channel: 127 steps for the largest weight, larger where bias or
/// residual would overflow, and where it makes the residual's multiplier exact.
fn weight_step(row: &[f32], bias: f32, io: ConvIo) -> f64 {
    let input = f64::from(io.input.scale);
    let largest = row.iter().fold(0f64, |m, w| m.max(f64::from(w.abs())));
    let mut step = (largest / 127.0).max(f64::from(bias.abs()) / BIAS_LIMIT / input);
    if let Some(r) = io.residual {
        step = step.max(f64::from(r.scale) / RESIDUAL_LIMIT / input);
    }
    // a channel without weights or bias is constant: any step does
    step = step.max(f64::from(io.output.scale) / 1_048_576.0 / input);
    // a step of the residual becomes a whole number of accumulator steps, so that adding it rounds
    // nothing
    if let Some(r) = io.residual {
        let whole = (f64::from(r.scale) / input / step).floor();
        if whole >= 1.0 {
            step = f64::from(r.scale) / input / whole;
        }
    }
    step
}

/// The smallest output scale that keeps every multiplier of a convolution inside an i32.
pub fn least_output_scale(weight: &[f32], bias: &[f32], io: ConvIo) -> f32 {
    let rows = weight.chunks_exact(io.ci * io.kernel * io.kernel).zip(bias);
    let step = rows.map(|(row, &b)| weight_step(row, b, io)).fold(0f64, f64::max);
    let slope = f64::from(io.slope.abs()).max(1.0);
    (f64::from(io.input.scale) * step * slope / FACTOR_LIMIT) as f32
}

/// A quantised classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedDense {
    /// `[classes, in]`.
    pub weights: Vec<i8>,
    /// `bias` and `multiplier` of each class.
    pub channels: Vec<Channel>,
    /// Real units a step of a weight, `[classes]`.
    pub steps: Vec<f64>,
    /// Real units a step of the pooled integers.
    pub pooled: f64,
    /// The bias alone, without the folded zero point, in accumulator steps, `[classes]`.
    pub bias: Vec<i32>,
    /// Real units a step of the integer logits.
    pub logit_scale: f32,
}

/// Quantises the classifier behind the global average pool of `pixels` positions. The pool's
/// integers are sums shifted right by `shift`.
///
/// # Shapes
/// `weight` `[classes, in]`, `bias` `[classes]`.
pub fn dense(
    weight: &[f32],
    bias: &[f32],
    input: QuantParams,
    pixels: usize,
    shift: u8,
) -> QuantisedDense {
    let ci = weight.len() / bias.len().max(1);
    let divided = f64::from(1u32 << shift);
    let pooled = f64::from(input.scale) * divided / pixels as f64;
    let zero = f64::from(input.zero) * pixels as f64 / divided;
    let steps: Vec<f64> = weight
        .chunks_exact(ci)
        .zip(bias)
        .map(|(row, b)| {
            let largest = row.iter().fold(0f64, |m, w| m.max(f64::from(w.abs())));
            (largest / 127.0).max(f64::from(b.abs()) / BIAS_LIMIT / pooled).max(1e-12)
        })
        .collect();
    let logit_scale = pooled * steps.iter().fold(0f64, |m, &s| m.max(s)) / FACTOR_LIMIT;
    let mut weights = Vec::with_capacity(weight.len());
    let mut channels = Vec::with_capacity(bias.len());
    for ((row, &b), &step) in weight.chunks_exact(ci).zip(bias).zip(&steps) {
        let mut sum = 0f64;
        for &w in row {
            let q = (f64::from(w) / step).round().clamp(-127.0, 127.0);
            sum += q;
            weights.push(q as i8);
        }
        let multiplier = q32(pooled * step / logit_scale);
        channels.push(Channel {
            bias: (f64::from(b) / (pooled * step) - zero * sum).round() as i32,
            multiplier,
            negative: multiplier,
            residual: 0,
        });
    }
    let alone = |(&b, step): (&f32, f64)| (f64::from(b) / (pooled * step)).round() as i32;
    let bias = bias.iter().zip(steps.iter().copied()).map(alone).collect();
    QuantisedDense { weights, channels, steps, pooled, bias, logit_scale: logit_scale as f32 }
}

/// The input integer of every byte of a channel: normalisation and quantisation in one.
pub fn input_table(mean: f32, std: f32, to: QuantParams) -> [i8; 256] {
    std::array::from_fn(|byte| to.quantise((byte as f32 / 255.0 - mean) / std))
}

/// Parameters of the network's input: they cover every byte of every channel.
pub fn input_params(normalisation: &Normalisation) -> QuantParams {
    let ends = normalisation.channels().map(|(m, s)| (-m / s, (1.0 - m) / s));
    let (min, max) = ends.fold((0f32, 0f32), |(lo, hi), (a, b)| (lo.min(a), hi.max(b)));
    QuantParams::covering(min, max)
}

#[cfg(test)]
mod tests;
