//! The CPU: burn-ndarray's tensors, convolutions and norms of our own.

#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
pub mod conv;
mod gradients;
pub mod pointwise;
#[expect(clippy::needless_range_loop, reason = "lanes are indexed by constants")]
pub mod simd;

use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_ndarray::NdArrayTensor;
use conv::{Epilogue, Geometry};
use pointwise::Size;
use simd::Isa;

use super::{Act, BatchStats, Cpu, EvalOps, Execution, LANES, Map, Ops};

/// Added to a variance before its root is taken.
const EPSILON: f32 = 1e-5;

/// Calls `f` with the values of a tensor, copied only where they do not lie in order.
fn with<R>(tensor: &NdArrayTensor, f: impl FnOnce(&[f32]) -> R) -> R {
    if let NdArrayTensor::F32(storage) = tensor {
        let view = storage.view();
        return match view.as_slice() {
            Some(slice) => f(slice),
            None => f(&view.iter().copied().collect::<Vec<f32>>()),
        };
    }
    let any: Tensor<Cpu, 1> = Tensor::from_primitive(TensorPrimitive::Float(tensor.clone()));
    f(&any.to_data().iter::<f32>().collect::<Vec<f32>>())
}

fn primitive<const D: usize>(tensor: &Tensor<Cpu, D>) -> NdArrayTensor {
    tensor.clone().into_primitive().tensor()
}

fn make(values: Vec<f32>, shape: &[usize]) -> NdArrayTensor {
    NdArrayTensor::from_data(TensorData::new(values, shape.to_vec()))
}

fn tensor<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Tensor<Cpu, D> {
    Tensor::from_primitive(TensorPrimitive::Float(make(values, &shape)))
}

impl<B: burn::tensor::backend::Backend> Map<B> {
    fn size(&self) -> Size {
        Size { n: self.n, c: self.c, pixels: self.h * self.w }
    }

    fn geometry(&self, weight: [usize; 4], stride: usize) -> Geometry {
        let blocks = self.n.div_ceil(LANES);
        Geometry { blocks, ci: self.c, h: self.h, w: self.w, co: weight[0], k: weight[2], stride }
    }

    fn shape(&self) -> [usize; 5] {
        [self.n.div_ceil(LANES), self.c, self.h, self.w, LANES]
    }

    /// A map of the same batch with the outputs of a convolution.
    fn convolved(&self, data: Tensor<B, 5>, g: &Geometry) -> Self {
        Self { data, n: self.n, c: g.co, h: g.ho(), w: g.wo() }
    }

    fn like(&self, data: Tensor<B, 5>) -> Self {
        Self { data, ..*self }
    }
}

impl Ops for Cpu {
    const LANES: usize = LANES;
    const EXECUTION: Execution = Execution::Sliced;

    fn conv(x: &Map<Self>, weight: Tensor<Self, 4>, stride: usize) -> Map<Self> {
        conv2d(x, &weight, stride, &Epilogue::NONE)
    }

    fn batch_norm(
        x: &Map<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: Act<Self>,
    ) -> (Map<Self>, BatchStats) {
        let (y, stats, _) = normalise(
            x.size(),
            &primitive(&x.data),
            &primitive(&gamma),
            &primitive(&beta),
            matches!(act, Act::Relu),
        );
        (x.like(tensor(y, x.shape())), stats)
    }

    fn add_act(a: &Map<Self>, b: &Map<Self>, act: Act<Self>) -> Map<Self> {
        let sum = with(&primitive(&a.data), |x| {
            with(&primitive(&b.data), |y| pointwise::sum(x, Some(y)))
        });
        a.like(tensor(activate(sum, slope(&act)), a.shape()))
    }

    fn act(x: &Map<Self>, act: Act<Self>) -> Map<Self> {
        let copy = with(&primitive(&x.data), <[f32]>::to_vec);
        x.like(tensor(activate(copy, slope(&act)), x.shape()))
    }

    fn pool(x: &Map<Self>) -> Tensor<Self, 2> {
        let y = with(&primitive(&x.data), |v| pointwise::pool(x.size(), v));
        tensor(y, [x.n, x.c])
    }
}

impl EvalOps for Cpu {
    fn conv2d_bias_act(
        x: &Map<Self>,
        weight: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        stride: usize,
        act: Act<Self>,
        add: Option<&Map<Self>>,
    ) -> Map<Self> {
        with(&primitive(&bias), |bias| {
            let run = |residual: Option<&[f32]>| {
                let e = Epilogue { bias: Some(bias), residual, slope: slope(&act) };
                conv2d(x, &weight, stride, &e)
            };
            match add {
                Some(map) => with(&primitive(&map.data), |r| run(Some(r))),
                None => run(None),
            }
        })
    }
}

fn conv2d(x: &Map<Cpu>, weight: &Tensor<Cpu, 4>, stride: usize, e: &Epilogue<'_>) -> Map<Cpu> {
    let g = x.geometry(weight.dims(), stride);
    let y = convolve(g, &primitive(&x.data), &primitive(weight), e);
    x.convolved(tensor(y, [g.blocks, g.co, g.ho(), g.wo(), LANES]), &g)
}

fn convolve(g: Geometry, x: &NdArrayTensor, w: &NdArrayTensor, e: &Epilogue<'_>) -> Vec<f32> {
    with(x, |x| with(w, |w| conv::forward(Isa::detect(), g, x, w, e)))
}

fn normalise(
    size: Size,
    x: &NdArrayTensor,
    gamma: &NdArrayTensor,
    beta: &NdArrayTensor,
    relu: bool,
) -> (Vec<f32>, BatchStats, pointwise::NormState) {
    with(x, |x| {
        let (mean, var) = pointwise::statistics(size, x);
        let affine = with(gamma, |gamma| {
            with(beta, |beta| pointwise::affine(&mean, &var, gamma, beta, EPSILON))
        });
        let y = pointwise::scale(size, x, &affine.0, &affine.1, relu);
        let inverse = var.iter().map(|v| 1.0 / (v + EPSILON).sqrt()).collect();
        let state = pointwise::NormState { mean: mean.clone(), inverse, affine, relu };
        (y, BatchStats { mean, var_biased: var, count: size.count() }, state)
    })
}

/// Slope for negative values: 1 without an activation, 0 with ReLU.
fn slope(act: &Act<Cpu>) -> f32 {
    match act {
        Act::None => 1.0,
        Act::Relu => 0.0,
        Act::Prelu(slope) => with(&primitive(slope), |s| s[0]),
    }
}

fn activate(v: Vec<f32>, slope: f32) -> Vec<f32> {
    if slope == 1.0 { v } else { pointwise::prelu(&v, slope) }
}
