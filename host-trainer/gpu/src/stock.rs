//! [`Ops`] for the GPU backends, composed of the operations of burn. A map has the shape
//! `[n, channels, height, width, 1]`.
//!
//! [`BatchStats`] are values on the host. They stay empty here, so that no operation waits for the
//! device. Recalibration uses the masked execution, which keeps the statistics on the device.

use burn::backend::Autodiff;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, activation};
use supernano_train::backend::{Act, BatchStats, Execution, Map, Ops};
use supernano_train::supernet::BN_EPSILON;

fn map<B: Ops>(data: Tensor<B, 4>) -> Map<B> {
    let [n, c, h, w] = data.dims();
    Map { data: data.reshape([n, c, h, w, 1]), n, c, h, w }
}

fn conv<B: Ops>(x: &Map<B>, weight: Tensor<B, 4>, stride: usize) -> Map<B> {
    let pad = weight.dims()[2] / 2;
    let options = ConvOptions::new([stride, stride], [pad, pad], [1, 1], 1);
    map(conv2d(x.to_tensor(), weight, None, options))
}

fn batch_norm<B: Ops>(
    x: &Map<B>,
    gamma: Tensor<B, 1>,
    beta: Tensor<B, 1>,
    act: Act<B>,
) -> (Map<B>, BatchStats) {
    let c = x.c;
    let count = x.n * x.h * x.w;
    let flat = x.to_tensor().reshape([x.n, c, x.h * x.w]);
    let mean = flat.clone().mean_dim(2).mean_dim(0);
    let centred = flat - mean;
    let var = centred.clone().powi_scalar(2).mean_dim(2).mean_dim(0);
    let factor = gamma.reshape([1, c, 1]) / (var + BN_EPSILON).sqrt();
    let y = centred * factor + beta.reshape([1, c, 1]);
    let stats = BatchStats { mean: Vec::new(), var_biased: Vec::new(), count };
    let y = Map { data: y.reshape([x.n, c, x.h, x.w, 1]), ..*x };
    (activate(&y, act), stats)
}

fn activate<B: Ops>(x: &Map<B>, act: Act<B>) -> Map<B> {
    let data = x.data.clone();
    let data = match act {
        Act::None => data,
        Act::Relu => activation::relu(data),
        Act::Prelu(slope) => {
            let negative = activation::relu(-data.clone());
            activation::relu(data) - negative * slope.reshape([1, 1, 1, 1, 1])
        }
    };
    Map { data, ..*x }
}

fn pool<B: Ops>(x: &Map<B>) -> Tensor<B, 2> {
    x.to_tensor().reshape([x.n, x.c, x.h * x.w]).mean_dim(2).reshape([x.n, x.c])
}

macro_rules! impl_ops {
    ($backend:ty) => {
        impl Ops for $backend {
            const LANES: usize = 1;
            const EXECUTION: Execution = Execution::Masked;

            fn conv(x: &Map<Self>, weight: Tensor<Self, 4>, stride: usize) -> Map<Self> {
                conv(x, weight, stride)
            }

            fn batch_norm(
                x: &Map<Self>,
                gamma: Tensor<Self, 1>,
                beta: Tensor<Self, 1>,
                act: Act<Self>,
            ) -> (Map<Self>, BatchStats) {
                batch_norm(x, gamma, beta, act)
            }

            fn add_act(a: &Map<Self>, b: &Map<Self>, act: Act<Self>) -> Map<Self> {
                activate(&Map { data: a.data.clone() + b.data.clone(), ..*a }, act)
            }

            fn act(x: &Map<Self>, act: Act<Self>) -> Map<Self> {
                activate(x, act)
            }

            fn pool(x: &Map<Self>) -> Tensor<Self, 2> {
                pool(x)
            }
        }
    };
}

#[cfg(feature = "cuda")]
impl_ops!(crate::device::Cuda);
#[cfg(feature = "cuda")]
impl_ops!(Autodiff<crate::device::Cuda>);
#[cfg(feature = "vulkan")]
impl_ops!(crate::device::Vulkan);
#[cfg(feature = "vulkan")]
impl_ops!(Autodiff<crate::device::Vulkan>);
