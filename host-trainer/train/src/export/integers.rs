//! The integers of one operation, computed from its folded floats as `core/docs/quantization.md`
//! defines them.

use super::material::Normalisation;

/// Quantisation parameters of a feature map: `real = scale (q - zero)`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct QuantParams {
    /// Scale, real units a step.
    pub scale: f32,
    /// Zero point: the integer that represents 0.
    pub zero: i8,
}

impl QuantParams {
    /// Parameters that cover `[min, max]`, extended to contain 0, with 256 integers.
    pub fn covering(min: f32, max: f32) -> Self {
        let (min, max) = (min.min(0.0), max.max(0.0));
        let scale = ((max - min) / 255.0).max(f32::MIN_POSITIVE * 1e10);
        let zero = (-128.0 - min / scale).round().clamp(-128.0, 127.0) as i8;
        Self { scale, zero }
    }

    /// Parameters that cover `[0, max]`. The zero point is -128, so saturation computes ReLU.
    pub fn positive(max: f32) -> Self {
        Self::covering(0.0, max)
    }

    /// The nearest integer to a real value, saturated.
    pub fn quantise(self, real: f32) -> i8 {
        (real / self.scale + f32::from(self.zero)).round().clamp(-128.0, 127.0) as i8
    }

    /// The real value of the nearest integer.
    pub fn rounded(self, real: f32) -> f32 {
        self.scale * (f32::from(self.quantise(real)) - f32::from(self.zero))
    }
}

/// Integer parameters of one output channel of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Channel {
    /// Start of the accumulator. All zero points are folded in.
    pub bias: i32,
    /// Output steps per accumulator step, Q0.32, for an accumulator of at least 0.
    pub multiplier: i32,
    /// Output steps per accumulator step, Q0.32, for a negative accumulator. The slope of PReLU is
    /// folded in.
    pub negative: i32,
    /// Accumulator steps per step of the residual tensor; 0 without a residual.
    pub residual: i32,
}

/// A quantised layer. A maximum pool has no integers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct QuantisedConv {
    /// Weights `[out, kh, kw, in]`; none for a pool.
    pub weights: Vec<i8>,
    /// Parameters of each output channel, `[out]`.
    pub channels: Vec<Channel>,
    /// Real units per step of a weight, `[out]`.
    pub steps: Vec<f64>,
    /// Bias without folded zero points, accumulator steps, `[out]`.
    pub bias: Vec<i32>,
    /// Accumulator steps per step of the input of an average pool; 0 for other layers.
    pub average: i32,
}

/// Geometry of a convolution, and the parameters of the maps that it reads and writes.
#[derive(Clone, Copy, Debug)]
pub struct ConvIo {
    /// Input channels of an output; one for a depthwise convolution.
    pub ci: usize,
    /// Pixels of the kernel.
    pub taps: usize,
    /// Parameters of the input.
    pub input: QuantParams,
    /// Parameters of the map that is added before the activation.
    pub residual: Option<QuantParams>,
    /// Parameters of the output.
    pub output: QuantParams,
    /// Slope for negative values. It is 1 without an activation, and for ReLU, which saturation
    /// computes.
    pub slope: f32,
}

/// Largest accumulator of the bias or the residual. The sums over the window stay below 2^26.
const BIAS_LIMIT: f64 = (1u32 << 29) as f64;
/// Largest multiplier of a residual: 128 steps of the residual stay within 2^28.
const RESIDUAL_LIMIT: f64 = (1u32 << 21) as f64;
/// Multipliers are Q0.32 in an i32, so a factor must stay below 1/2.
const FACTOR_LIMIT: f64 = 0.499_999;

fn q32(factor: f64) -> i32 {
    (factor * 4_294_967_296.0).round().clamp(f64::from(i32::MIN), f64::from(i32::MAX)) as i32
}

/// Quantises a convolution with batch norm folded in.
///
/// # Shapes
/// `weight` `[out, in, kh, kw]`, `bias` `[out]`.
pub fn conv(weight: &[f32], bias: &[f32], io: ConvIo) -> QuantisedConv {
    let taps = io.taps;
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
    QuantisedConv { weights, channels, steps, bias: alone, average: 0 }
}

/// Quantises the average of `taps` pixels in `channels` channels. The factor of the sums is the least
/// power of two with which the multiplier fits.
pub fn average(
    channels: usize,
    taps: usize,
    input: QuantParams,
    output: QuantParams,
) -> QuantisedConv {
    let ratio = f64::from(input.scale) / f64::from(output.scale) / taps as f64;
    let fits = |shift: &i32| ratio / f64::from(1 << shift) < FACTOR_LIMIT;
    let average = 1 << (0..16).find(fits).unwrap_or(16);
    let multiplier = q32(ratio / f64::from(average));
    let bias = -i32::from(input.zero) * taps as i32 * average;
    let channel = Channel { bias, multiplier, negative: multiplier, residual: 0 };
    QuantisedConv {
        weights: Vec::new(),
        channels: vec![channel; channels],
        steps: vec![1.0 / (taps as f64 * f64::from(average)); channels],
        bias: vec![0; channels],
        average,
    }
}

/// Real units per weight step of an output channel. The largest weight has 127 steps. The step is
/// larger if the bias or the residual would overflow, and to make the multiplier of the residual
/// exact.
fn weight_step(row: &[f32], bias: f32, io: ConvIo) -> f64 {
    let input = f64::from(io.input.scale);
    let largest = row.iter().fold(0f64, |m, w| m.max(f64::from(w.abs())));
    let mut step = (largest / 127.0).max(f64::from(bias.abs()) / BIAS_LIMIT / input);
    if let Some(r) = io.residual {
        step = step.max(f64::from(r.scale) / RESIDUAL_LIMIT / input);
    }
    // a channel without weights and bias is constant, so any step is valid
    step = step.max(f64::from(io.output.scale) / 1_048_576.0 / input);
    // a step of the residual becomes a whole number of accumulator steps, so the addition is exact
    if let Some(r) = io.residual {
        let whole = (f64::from(r.scale) / input / step).floor();
        if whole >= 1.0 {
            step = f64::from(r.scale) / input / whole;
        }
    }
    step
}

/// The smallest output scale with which every multiplier of a convolution fits an i32.
pub fn least_output_scale(weight: &[f32], bias: &[f32], io: ConvIo) -> f32 {
    let rows = weight.chunks_exact(io.ci * io.taps).zip(bias);
    let step = rows.map(|(row, &b)| weight_step(row, b, io)).fold(0f64, f64::max);
    let slope = f64::from(io.slope.abs()).max(1.0);
    (f64::from(io.input.scale) * step * slope / FACTOR_LIMIT) as f32
}

/// A quantised classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedDense {
    /// Weights `[classes, in]`.
    pub weights: Vec<i8>,
    /// Parameters of each class, `[classes]`. Only `bias` and `multiplier` are used.
    pub channels: Vec<Channel>,
    /// Real units per step of a weight, `[classes]`.
    pub steps: Vec<f64>,
    /// Real units per step of the pooled integers.
    pub pooled: f64,
    /// Bias without the folded zero point, accumulator steps, `[classes]`.
    pub bias: Vec<i32>,
    /// Real units per step of the integer logits.
    pub logit_scale: f32,
}

/// Quantises the classifier behind the global average pooling of `pixels` positions. The pooled
/// integers are sums that are shifted right by `shift`.
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

/// The input integer of every byte of a channel. Normalisation and quantisation are combined.
pub fn input_table(mean: f32, std: f32, to: QuantParams) -> [i8; 256] {
    std::array::from_fn(|byte| to.quantise((byte as f32 / 255.0 - mean) / std))
}

/// Parameters of the input of a network. They cover every byte of every channel.
pub fn input_params(normalisation: &Normalisation) -> QuantParams {
    let ends = normalisation.channels().map(|(m, s)| (-m / s, (1.0 - m) / s));
    let (min, max) = ends.fold((0f32, 0f32), |(lo, hi), (a, b)| (lo.min(a), hi.max(b)));
    QuantParams::covering(min, max)
}

#[cfg(test)]
mod tests;
