//! The CPU: burn-ndarray's tensors, convolutions and norms of our own.

mod gradients;
mod integer;

use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_ndarray::NdArrayTensor;
pub(super) use integer::channel_means;
use supernano_kernels::conv::{Epilogue, Geometry};
use supernano_kernels::fused::{self, Operand};
use supernano_kernels::pointwise::{self, Affine, Size};
use supernano_kernels::simd::Isa;

use super::{Act, BatchStats, Cpu, EvalOps, Execution, LANES, Map, Norm, Ops, Pending};

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

/// Statistics of a map's channels.
fn statistics(size: Size, x: &NdArrayTensor) -> BatchStats {
    let (mean, var_biased) = with(x, |x| fused::statistics(Isa::detect(), size, x));
    BatchStats { mean, var_biased, count: size.count() }
}

/// A pending map as the fused operations read it.
#[derive(Clone, Debug)]
struct Read {
    x: NdArrayTensor,
    norm: Option<Affine>,
    slope: f32,
}

impl Read {
    fn of(x: &NdArrayTensor, norm: Option<(&BatchStats, [&NdArrayTensor; 2])>, slope: f32) -> Self {
        let norm = norm.map(|(stats, [gamma, beta])| {
            with(gamma, |gamma| {
                with(beta, |beta| Affine::new(&stats.mean, &stats.var_biased, gamma, beta, EPSILON))
            })
        });
        Self { x: x.clone(), norm, slope }
    }

    fn pending(p: &Pending<Cpu>) -> Self {
        let tensors = p.norm.as_ref().map(|n| [primitive(&n.gamma), primitive(&n.beta)]);
        let stats = p.norm.as_ref().map(|n| &n.stats);
        let norm = stats.zip(tensors.as_ref()).map(|(s, [g, b])| (s, [g, b]));
        Self::of(&primitive(&p.map.data), norm, slope(&p.act))
    }

    fn with<R>(&self, f: impl FnOnce(Operand<'_>) -> R) -> R {
        with(&self.x, |x| f(Operand { x, norm: self.norm.as_ref(), slope: self.slope }))
    }
}

/// Convolution, and with `measured` the statistics of its output.
fn convolve(
    g: &Geometry,
    n: usize,
    x: &Read,
    w: &NdArrayTensor,
    e: &Epilogue<'_>,
    measured: bool,
) -> (NdArrayTensor, BatchStats) {
    let (y, (mean, var_biased)) =
        x.with(|x| with(w, |w| fused::convolve(Isa::detect(), g, n, x, w, e, measured)));
    let y = make(y, &[g.blocks, g.co, g.ho(), g.wo(), LANES]);
    (y, BatchStats { mean, var_biased, count: n * g.ho() * g.wo() })
}

/// `act(norm(a) + norm(b))`.
fn add(size: Size, shape: &[usize], a: &Read, b: Option<&Read>, slope: f32) -> NdArrayTensor {
    let isa = Isa::detect();
    let y = a.with(|a| match b {
        Some(b) => b.with(|b| fused::add(isa, size, a, Some(b), slope)),
        None => fused::add(isa, size, a, None, slope),
    });
    make(y, shape)
}

fn wrap<const D: usize>(t: NdArrayTensor) -> Tensor<Cpu, D> {
    Tensor::from_primitive(TensorPrimitive::Float(t))
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
        let stats = statistics(x.size(), &primitive(&x.data));
        let norm = Some(Norm { gamma, beta, stats: stats.clone() });
        (Self::settled(&Pending { map: x.clone(), norm, act }), stats)
    }

    fn add_act(a: &Map<Self>, b: &Map<Self>, act: Act<Self>) -> Map<Self> {
        Self::add_pending(&a.clone().into(), &b.clone().into(), act)
    }

    fn act(x: &Map<Self>, act: Act<Self>) -> Map<Self> {
        Self::settled(&Pending { map: x.clone(), norm: None, act })
    }

    fn pool(x: &Map<Self>) -> Tensor<Self, 2> {
        let y = with(&primitive(&x.data), |v| pointwise::pool(x.size(), v));
        tensor(y, [x.n, x.c])
    }

    fn conv_norm(
        x: &Pending<Self>,
        weight: Tensor<Self, 4>,
        stride: usize,
        [gamma, beta]: [Tensor<Self, 1>; 2],
        act: Act<Self>,
    ) -> (Pending<Self>, BatchStats) {
        let g = x.map.geometry(weight.dims(), stride);
        let read = Read::pending(x);
        let (y, stats) = convolve(&g, x.map.n, &read, &primitive(&weight), &Epilogue::NONE, true);
        let norm = Some(Norm { gamma, beta, stats: stats.clone() });
        (Pending { map: x.map.convolved(wrap(y), &g), norm, act }, stats)
    }

    fn settled(x: &Pending<Self>) -> Map<Self> {
        let read = Read::pending(x);
        let map = &x.map;
        map.like(wrap(add(map.size(), &map.shape(), &read, None, read.slope)))
    }

    fn add_pending(a: &Pending<Self>, b: &Pending<Self>, act: Act<Self>) -> Map<Self> {
        let (map, other) = (&a.map, Read::pending(b));
        let y = add(map.size(), &map.shape(), &Read::pending(a), Some(&other), slope(&act));
        map.like(wrap(y))
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
    let read = Read::of(&primitive(&x.data), None, 1.0);
    let (y, _) = convolve(&g, x.n, &read, &primitive(weight), e, false);
    x.convolved(wrap(y), &g)
}

/// Slope for negative values: 1 without an activation, 0 with ReLU.
fn slope(act: &Act<Cpu>) -> f32 {
    match act {
        Act::None => 1.0,
        Act::Relu => 0.0,
        Act::Prelu(slope) => with(&primitive(slope), |s| s[0]),
    }
}
