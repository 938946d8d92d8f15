//! Batch norm as factors, and its gradient.

use crate::pointwise::clear_unused;
use crate::simd::{Kernel, Lanes};

/// Batch norm as `scale x + offset`, and what its gradient needs; each `[channels]`.
#[derive(Clone, Debug)]
pub struct NormFactors {
    /// `gamma / sqrt(variance + eps)`.
    pub scale: Vec<f32>,
    /// `beta - mean scale`.
    pub offset: Vec<f32>,
    /// The mean of the batch.
    pub mean: Vec<f32>,
    /// `1 / sqrt(variance + eps)`.
    pub inverse: Vec<f32>,
}

impl NormFactors {
    /// The factors for the statistics of a batch, all `[channels]`; `eps` is added to the variance.
    ///
    /// # Panics
    /// With slices of different lengths.
    pub fn new(mean: &[f32], variance: &[f32], gamma: &[f32], beta: &[f32], eps: f32) -> Self {
        let lengths = [mean.len(), variance.len(), gamma.len(), beta.len()];
        assert!(lengths.iter().all(|&n| n == mean.len()), "batch norm of {lengths:?} channels");
        let inverse: Vec<f64> =
            variance.iter().map(|&v| 1.0 / (f64::from(v) + f64::from(eps)).sqrt()).collect();
        let (scale, offset) = (0..mean.len())
            .map(|c| {
                let scale = f64::from(gamma[c]) * inverse[c];
                (scale as f32, (f64::from(beta[c]) - f64::from(mean[c]) * scale) as f32)
            })
            .unzip();
        let inverse = inverse.iter().map(|&v| v as f32).collect();
        Self { scale, offset, mean: mean.to_vec(), inverse }
    }

    /// Scale and offset of a channel; 1 and 0 without batch norm.
    #[inline(always)]
    pub(crate) fn of(norm: Option<&Self>, channel: usize) -> (f32, f32) {
        norm.map_or((1.0, 0.0), |n| (n.scale[channel], n.offset[channel]))
    }

    /// Checks that there are factors for `channels` channels.
    #[track_caller]
    pub(crate) fn check(&self, channels: usize) {
        let Self { scale, offset, mean, inverse } = self;
        let lengths = [scale, offset, mean, inverse].map(Vec::len);
        assert!(lengths == [channels; 4], "batch norm of {lengths:?} channels, not {channels}");
    }
}

/// Gradients of gamma and beta.
pub struct NormGradient {
    /// `[channels]`.
    pub gamma: Vec<f32>,
    /// `[channels]`.
    pub beta: Vec<f32>,
    /// Per channel: what is subtracted from every gradient, and what is per unit of distance of x
    /// from the mean.
    correction: Vec<(f32, f32)>,
}

impl NormGradient {
    /// From the sums of g and of g (x - mean) of every channel, where g is the gradient behind the
    /// norm and a channel has `count` values.
    pub(crate) fn new(
        sums: impl Iterator<Item = (f64, f64)>,
        norm: &NormFactors,
        count: usize,
    ) -> Self {
        let mut all = Self { gamma: Vec::new(), beta: Vec::new(), correction: Vec::new() };
        for ((sum, moment), &inverse) in sums.zip(&norm.inverse) {
            let inverse = f64::from(inverse);
            all.gamma.push((moment * inverse) as f32);
            all.beta.push(sum as f32);
            let n = count as f64;
            all.correction.push(((sum / n) as f32, (moment / n * inverse * inverse) as f32));
        }
        all
    }
}

/// Takes the gradient of a block from behind a batch norm to before it.
pub(crate) struct NormBackward<'a> {
    /// The input of the norm, `[channels][pixels][16]`.
    pub x: &'a [f32],
    /// The gradient behind the norm; `to` holds it where this is `None`.
    pub from: Option<&'a [f32]>,
    /// The gradient before the norm.
    pub to: &'a mut [f32],
    pub norm: &'a NormFactors,
    pub gradient: &'a NormGradient,
    /// Lanes that hold images.
    pub lanes: usize,
}

impl Kernel for NormBackward<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let plane = (self.to.len() / self.norm.mean.len().max(1)).max(1);
        for (c, (to, x)) in self.to.chunks_mut(plane).zip(self.x.chunks(plane)).enumerate() {
            let (mean, scale) = (self.norm.mean[c], self.norm.scale[c]);
            let (k1, k2) = self.gradient.correction[c];
            match self.from {
                Some(from) => {
                    let from = &from[c * plane..(c + 1) * plane];
                    for ((d, &g), &x) in to.iter_mut().zip(from).zip(x) {
                        *d = scale * (g - k1 - (x - mean) * k2);
                    }
                }
                None => {
                    for (d, &x) in to.iter_mut().zip(x) {
                        *d = scale * (*d - k1 - (x - mean) * k2);
                    }
                }
            }
        }
        clear_unused(self.to, self.lanes);
    }
}
