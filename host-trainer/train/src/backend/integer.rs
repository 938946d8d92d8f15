//! The integer network in float registers: sums of products of small integers are exact in f32, and
//! the requantisation is that of `core/docs/quantization.md`.

use burn::tensor::{Tensor, TensorData};
pub use supernano_kernels::requantise::RequantiseRule;

use super::{Cpu, EvalOps as _, FeatureMap, FusedActivation, LayerOp, Ops, cpu};

/// Integer networks, with gradients that pass straight through the rounding.
pub trait IntegerOps: Ops {
    /// `q - z` of the output for sums of a convolution. Gradients reach the sums, the residual,
    /// the real bias `[channels]` and the slope `[1]`.
    fn requantise(
        sums: &FeatureMap<Self>,
        residual: Option<&FeatureMap<Self>>,
        bias: Tensor<Self, 1>,
        slope: Tensor<Self, 1>,
        rule: &RequantiseRule,
    ) -> FeatureMap<Self>;
}

impl FeatureMap<Cpu> {
    /// A layer with weights of this shape, `[out, in, rows, columns]`.
    pub fn convolve(&self, weight: &[f32], shape: [usize; 4], op: &LayerOp) -> Self {
        Cpu::conv(self, weight_tensor(weight, shape), op)
    }

    /// A pool.
    pub fn pooled(&self, op: &LayerOp) -> Self {
        Cpu::pool_windows(&self.clone().into(), op)
    }

    /// `conv(self) + bias + add`.
    pub fn affine(
        &self,
        weight: &[f32],
        shape: [usize; 4],
        bias: &[f32],
        op: &LayerOp,
        add: Option<&Self>,
    ) -> Self {
        let bias =
            Tensor::from_data(TensorData::new(bias.to_vec(), [bias.len()]), &Default::default());
        Cpu::conv2d_bias_act(
            self,
            weight_tensor(weight, shape),
            bias,
            op,
            FusedActivation::None,
            add,
        )
    }

    /// `x` for x >= 0, `slope x` below.
    pub fn prelu(&self, slope: f32) -> Self {
        Cpu::act(self, FusedActivation::Prelu(Tensor::from_data([slope], &Default::default())))
    }

    /// As [`IntegerOps::requantise`].
    pub fn requantise(&self, residual: Option<&Self>, rule: &RequantiseRule) -> Self {
        let none = || Tensor::from_data([0.0f32], &Default::default());
        Cpu::requantise(self, residual, none(), none(), rule)
    }

    /// `min(max(x, 0), bound)`.
    pub fn clipped(&self, bound: f32) -> Self {
        Cpu::act(self, FusedActivation::Clipped(bound))
    }

    /// Mean of every channel.
    pub fn channel_means(&self) -> Vec<f32> {
        cpu::channel_means(self)
    }
}

fn weight_tensor(weight: &[f32], shape: [usize; 4]) -> Tensor<Cpu, 4> {
    Tensor::from_data(TensorData::new(weight.to_vec(), shape), &Default::default())
}
