//! The operations of training and evaluation, behind one trait: the only place that knows which
//! device computes them.

pub mod cpu;
mod integer;
mod op;

use burn::backend::Autodiff;
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use burn_ndarray::NdArray;

pub use integer::{IntegerOps, RequantiseRule};
pub use op::LayerOp;

/// The CPU backend.
pub type Cpu = NdArray<f32>;
/// The CPU backend with gradients.
pub type CpuAutodiff = Autodiff<Cpu>;

pub use supernano_kernels::LANES;

/// Feature maps of a batch. The layout belongs to the backend; on the CPU it is
/// `[n / 16, channels, height, width, 16]`, the last block filled up with zeros that no statistic
/// and no gradient sees.
#[derive(Clone, Debug)]
pub struct FeatureMap<B: Backend> {
    /// Values.
    pub data: Tensor<B, 5>,
    /// Images.
    pub n: usize,
    /// Channels.
    pub c: usize,
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
}

impl<B: Ops> FeatureMap<B> {
    /// A batch of images `[n, c, h, w]`.
    ///
    /// # Panics
    /// With another number of values.
    pub fn from_images(images: &[f32], n: usize, c: usize, h: usize, w: usize) -> Self {
        let size = c * h * w;
        assert_eq!(images.len(), n * size, "values of {n} images");
        let lanes = B::LANES;
        let blocks = n.div_ceil(lanes);
        let mut values = vec![0f32; blocks * size * lanes];
        for (i, image) in images.chunks_exact(size.max(1)).enumerate() {
            let block = &mut values[i / lanes * size * lanes..][..size * lanes];
            for (slot, &v) in block.iter_mut().skip(i % lanes).step_by(lanes).zip(image) {
                *slot = v;
            }
        }
        let data = TensorData::new(values, [blocks, c, h, w, lanes]);
        Self { data: Tensor::from_data(data, &Default::default()), n, c, h, w }
    }

    /// The values as `[n, c, h, w]`.
    pub fn to_images(&self) -> Vec<f32> {
        let size = self.c * self.h * self.w;
        let lanes = B::LANES;
        let values: Vec<f32> = self.data.to_data().iter::<f32>().collect();
        (0..self.n)
            .flat_map(|i| {
                let block = &values[i / lanes * size * lanes..][..size * lanes];
                block.iter().skip(i % lanes).step_by(lanes).copied()
            })
            .collect()
    }

    /// The values as a tensor `[n, c, h, w]`.
    pub fn to_tensor(&self) -> Tensor<B, 4> {
        let data = self.data.clone();
        let [blocks, c, h, w, lanes] = data.dims();
        if lanes == 1 {
            return data.reshape([blocks, c, h, w]);
        }
        let data = data.permute([0, 4, 1, 2, 3]);
        data.reshape([blocks * lanes, c, h, w]).narrow(0, 0, self.n)
    }
}

/// An activation inside an operation.
#[derive(Clone, Debug)]
pub enum FusedActivation<B: Backend> {
    /// None.
    None,
    /// max(x, 0).
    Relu,
    /// x for x >= 0, slope x below; the slope is `[1]`.
    Prelu(Tensor<B, 1>),
    /// min(max(x, 0), bound).
    Clipped(f32),
}

/// Statistics of one batch, per channel; empty where the backend keeps them to itself.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStats {
    /// Mean, `[channels]`.
    pub mean: Vec<f32>,
    /// Variance divided by `count`, `[channels]`.
    pub var_biased: Vec<f32>,
    /// Values per channel: images x rows x columns.
    pub count: usize,
}

/// A batch norm: gamma and beta `[channels]`, and the statistics of the batch.
#[derive(Clone, Debug)]
pub struct Norm<B: Backend> {
    /// Factor.
    pub gamma: Tensor<B, 1>,
    /// Offset.
    pub beta: Tensor<B, 1>,
    /// Of the batch that is normalised.
    pub stats: BatchStats,
}

/// A map whose batch norm and activation a backend may still have to apply: whoever reads it does
/// so in passing.
#[derive(Clone, Debug)]
pub struct DeferredMap<B: Backend> {
    /// Values, before what follows.
    pub map: FeatureMap<B>,
    /// Applied first.
    pub norm: Option<Norm<B>>,
    /// Applied second.
    pub act: FusedActivation<B>,
}

impl<B: Backend> From<FeatureMap<B>> for DeferredMap<B> {
    fn from(map: FeatureMap<B>) -> Self {
        Self { map, norm: None, act: FusedActivation::None }
    }
}

/// What a network is made of. Weights are `[out, in, rows, columns]`, with one input for a depthwise
/// convolution ([`LayerOp::weight_shape`]).
pub trait Ops: Backend {
    /// Images that lie innermost in a [`FeatureMap`].
    const LANES: usize;

    /// Convolution, depthwise convolution or dense layer.
    fn conv(x: &FeatureMap<Self>, weight: Tensor<Self, 4>, op: &LayerOp) -> FeatureMap<Self>;

    /// Maximum or average pool; an average counts the padding as zeros.
    fn pool_windows(x: &DeferredMap<Self>, op: &LayerOp) -> FeatureMap<Self>;

    /// Batch norm with the batch's own statistics (eps 1e-5), gamma and beta `[channels]`, and an
    /// activation.
    fn batch_norm(
        x: &FeatureMap<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: FusedActivation<Self>,
    ) -> (FeatureMap<Self>, BatchStats);

    /// `act(a + b)`.
    fn add_act(
        a: &FeatureMap<Self>,
        b: &FeatureMap<Self>,
        act: FusedActivation<Self>,
    ) -> FeatureMap<Self>;

    /// `act(x)`.
    fn act(x: &FeatureMap<Self>, act: FusedActivation<Self>) -> FeatureMap<Self>;

    /// Global average, `[n, channels]`.
    fn pool(x: &FeatureMap<Self>) -> Tensor<Self, 2>;

    /// [`Ops::conv`], batch norm with gamma and beta `[channels]`, and activation; a backend may leave
    /// the last two pending.
    fn conv_norm(
        x: &DeferredMap<Self>,
        weight: Tensor<Self, 4>,
        op: &LayerOp,
        norm: [Tensor<Self, 1>; 2],
        act: FusedActivation<Self>,
    ) -> (DeferredMap<Self>, BatchStats);

    /// The map itself, nothing pending.
    fn settled(x: &DeferredMap<Self>) -> FeatureMap<Self>;

    /// `act(a + b)` of maps without an activation of their own.
    fn add_pending(
        a: &DeferredMap<Self>,
        b: &DeferredMap<Self>,
        act: FusedActivation<Self>,
    ) -> FeatureMap<Self>;
}

/// Operations of evaluation, without gradients.
pub trait EvalOps: Ops {
    /// `act(conv(x) + bias + add)` with a bias `[out]`: batch norm folded in.
    fn conv2d_bias_act(
        x: &FeatureMap<Self>,
        weight: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        op: &LayerOp,
        act: FusedActivation<Self>,
        add: Option<&FeatureMap<Self>>,
    ) -> FeatureMap<Self>;
}

#[cfg(test)]
mod tests;
