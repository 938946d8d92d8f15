//! Feature maps and the operations of the search space on them: the only place that knows which
//! backend computes.

mod cpu;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

/// Inference and statistics on the CPU.
pub type Cpu = burn_ndarray::NdArray<f32>;
/// Training on the CPU.
pub type CpuAutodiff = burn::backend::Autodiff<Cpu>;

/// Images that are computed side by side: the innermost dimension of a map.
pub const LANES: usize = 16;

/// Activation.
#[derive(Clone, Debug)]
pub enum Act<B: Backend> {
    /// None.
    None,
    /// max(x, 0).
    Relu,
    /// x for x >= 0, slope x below; the slope is `[1]`.
    Prelu(Tensor<B, 1>),
}

/// Statistics of a batch, for every channel.
#[derive(Clone, Debug, PartialEq)]
pub struct BatchStats {
    /// Mean, `[c]`.
    pub mean: Vec<f32>,
    /// Biased variance, `[c]`.
    pub var_biased: Vec<f32>,
    /// Values of a channel.
    pub count: usize,
}

/// A feature map: `n` images side by side in blocks of 16, `[ceil(n / 16), c, h, w, 16]`. The last
/// block's unused lanes hold anything; they take no part in statistics and gradients.
#[derive(Clone, Debug)]
pub struct Map<B: Ops> {
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

impl<B: Ops> Map<B> {
    /// From images `[n, c, h, w]`.
    pub fn from_images(images: &[f32], n: usize, c: usize, h: usize, w: usize) -> Self {
        let (blocks, plane) = (n.div_ceil(LANES), c * h * w);
        let mut data = vec![0.0; blocks * plane * LANES];
        for (i, image) in images.chunks_exact(plane).take(n).enumerate() {
            let block = &mut data[i / LANES * plane * LANES..][..plane * LANES];
            for (lanes, &value) in block.chunks_exact_mut(LANES).zip(image) {
                lanes[i % LANES] = value;
            }
        }
        let data = TensorData::new(data, [blocks, c, h, w, LANES]);
        Self { data: Tensor::from_data(data, &Default::default()), n, c, h, w }
    }

    /// As images `[n, c, h, w]`.
    pub fn to_images(&self) -> Vec<f32> {
        let (plane, data) = (self.c * self.h * self.w, self.data.to_data());
        let data: Vec<f32> = data.iter::<f32>().collect();
        (0..self.n * plane)
            .map(|i| {
                let (image, at) = (i / plane, i % plane);
                data[(image / LANES * plane + at) * LANES + image % LANES]
            })
            .collect()
    }

    fn like(&self, data: Tensor<B, 5>) -> Self {
        let [_, c, h, w, _] = data.dims();
        Self { data, n: self.n, c, h, w }
    }
}

/// What a backend must compute.
pub trait Ops: Backend {
    /// Convolution with padding `k / 2`; `w` is `[co, ci, k, k]`.
    fn conv2d(x: &Map<Self>, w: Tensor<Self, 4>, stride: usize) -> Map<Self>;

    /// Convolution, bias `[co]`, an optional addend, activation: a folded layer. No gradients.
    fn conv2d_bias_act(
        x: &Map<Self>,
        w: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        stride: usize,
        act: Act<Self>,
        add: Option<&Map<Self>>,
    ) -> Map<Self>;

    /// Batch norm with the batch's own statistics (eps 1e-5, factor and offset `[c]`), then the
    /// activation, [`Act::None`] or [`Act::Relu`].
    fn batch_norm(
        x: &Map<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: Act<Self>,
    ) -> (Map<Self>, BatchStats);

    /// Sum, then activation.
    fn add_act(x: &Map<Self>, y: &Map<Self>, act: Act<Self>) -> Map<Self> {
        let sum = x.data.clone() + y.data.clone();
        Self::act(&x.like(sum), act)
    }

    /// Activation alone.
    fn act(x: &Map<Self>, act: Act<Self>) -> Map<Self> {
        let data = x.data.clone();
        x.like(match act {
            Act::None => data,
            Act::Relu => burn::tensor::activation::relu(data),
            Act::Prelu(slope) => {
                let below = data.clone().clamp_max(0.0) * slope.reshape([1, 1, 1, 1, 1]);
                data.clamp_min(0.0) + below
            }
        })
    }

    /// Global average, `[n, c]`.
    fn pool(x: &Map<Self>) -> Tensor<Self, 2> {
        let blocks = x.n.div_ceil(LANES);
        let mean = x.data.clone().reshape([blocks, x.c, x.h * x.w, LANES]).mean_dim(2);
        let rows = mean.reshape([blocks, x.c, LANES]).swap_dims(1, 2);
        rows.reshape([blocks * LANES, x.c]).slice([0..x.n, 0..x.c])
    }
}

#[cfg(test)]
mod tests;
