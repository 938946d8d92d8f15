//! The operations on the CPU: tensors of burn-ndarray, computed by `supernano-kernels`.

mod gradients;
mod integer;

use burn::tensor::{Tensor, TensorData, TensorPrimitive};
use burn_ndarray::NdArrayTensor;
pub(super) use integer::channel_means;
use supernano_core::graph::Form;
use supernano_kernels::activation::Activation;
use supernano_kernels::conv::{ConvGeometry, Epilogue};
use supernano_kernels::fused::{self, PendingMap};
use supernano_kernels::map::MapShape;
use supernano_kernels::norm::NormFactors;
use supernano_kernels::pool;
use supernano_kernels::simd::Isa;

use super::{
    BatchStats, Cpu, DeferredMap, EvalOps, FeatureMap, FusedActivation, LANES, LayerOp, Norm, Ops,
};

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

impl<B: burn::tensor::backend::Backend> FeatureMap<B> {
    fn shape(&self) -> MapShape {
        MapShape::new(self.n, self.c, self.h, self.w)
    }

    /// The shape of an operation on this map with weights of these dimensions.
    fn conv_shape(&self, weight: [usize; 4], op: &LayerOp) -> ConvGeometry {
        let expected = op.weight_shape(weight[0], self.c);
        assert_eq!(weight, expected, "the weights of {op:?} on {} channels", self.c);
        match op.by_channel() {
            true => self.window_shape(op),
            false => ConvGeometry::windowed(self.shape(), weight[0], op.window()),
        }
    }

    /// The shape of an operation that treats each channel of this map by itself.
    fn window_shape(&self, op: &LayerOp) -> ConvGeometry {
        ConvGeometry::depthwise(self.shape(), op.window())
    }

    /// A map of the same batch with the output of a convolution.
    fn convolved(&self, data: Tensor<B, 5>, shape: &ConvGeometry) -> Self {
        let output = shape.output();
        Self { data, n: self.n, c: output.channels(), h: output.rows(), w: output.columns() }
    }

    /// A map of the same shape.
    fn like(&self, data: Tensor<B, 5>) -> Self {
        Self { data, ..*self }
    }
}

/// Statistics of a map's channels.
fn statistics(shape: MapShape, x: &NdArrayTensor) -> BatchStats {
    let found = with(x, |x| fused::statistics(Isa::detect(), shape, x));
    BatchStats { mean: found.mean, var_biased: found.variance, count: shape.count() }
}

/// A tensor of a map whose batch norm and activation are applied by the operation that reads it.
#[derive(Clone, Debug)]
struct PendingTensor {
    x: NdArrayTensor,
    norm: Option<NormFactors>,
    act: Activation,
}

impl PendingTensor {
    /// A norm is its statistics with gamma and beta, `[channels]` each.
    fn new(
        x: &NdArrayTensor,
        norm: Option<(&BatchStats, [&NdArrayTensor; 2])>,
        act: Activation,
    ) -> Self {
        let norm = norm.map(|(stats, [gamma, beta])| {
            with(gamma, |gamma| {
                with(beta, |beta| {
                    NormFactors::new(&stats.mean, &stats.var_biased, gamma, beta, EPSILON)
                })
            })
        });
        Self { x: x.clone(), norm, act }
    }

    /// The tensor of a pending map.
    fn of(p: &DeferredMap<Cpu>) -> Self {
        let tensors = p.norm.as_ref().map(|n| [primitive(&n.gamma), primitive(&n.beta)]);
        let stats = p.norm.as_ref().map(|n| &n.stats);
        let norm = stats.zip(tensors.as_ref()).map(|(s, [g, b])| (s, [g, b]));
        Self::new(&primitive(&p.map.data), norm, activation(&p.act))
    }

    /// Calls `f` with the values.
    fn with<R>(&self, f: impl FnOnce(PendingMap<'_>) -> R) -> R {
        with(&self.x, |x| f(PendingMap { x, norm: self.norm.as_ref(), act: self.act }))
    }
}

/// A convolution and, where `measured`, the statistics of its output.
fn convolve(
    shape: &ConvGeometry,
    x: &PendingTensor,
    w: &NdArrayTensor,
    epilogue: &Epilogue<'_>,
    measured: bool,
) -> (NdArrayTensor, BatchStats) {
    let (y, found) =
        x.with(|x| with(w, |w| fused::convolve(Isa::detect(), shape, x, w, epilogue, measured)));
    let output = shape.output();
    let count = output.count();
    let stats = BatchStats { mean: found.mean, var_biased: found.variance, count };
    (make(y, &output.dims()), stats)
}

/// `act(norm(a) + norm(b))`.
fn add(
    shape: MapShape,
    a: &PendingTensor,
    b: Option<&PendingTensor>,
    act: Activation,
) -> NdArrayTensor {
    let isa = Isa::detect();
    let y = a.with(|a| match b {
        Some(b) => b.with(|b| fused::add(isa, shape, a, Some(b), act)),
        None => fused::add(isa, shape, a, None, act),
    });
    make(y, &shape.dims())
}

fn wrap<const D: usize>(t: NdArrayTensor) -> Tensor<Cpu, D> {
    Tensor::from_primitive(TensorPrimitive::Float(t))
}

impl Ops for Cpu {
    const LANES: usize = LANES;

    fn conv(x: &FeatureMap<Self>, weight: Tensor<Self, 4>, op: &LayerOp) -> FeatureMap<Self> {
        conv2d(x, &weight, op, &Epilogue::NONE)
    }

    fn pool_windows(x: &DeferredMap<Self>, op: &LayerOp) -> FeatureMap<Self> {
        let shape = x.map.window_shape(op);
        let y = match op.form {
            Form::Maximum => {
                let x = primitive(&Self::settled(x).data);
                maximum(&shape, &x)
            }
            _ => {
                let weight = averaging(&shape);
                convolve(&shape, &PendingTensor::of(x), &weight, &Epilogue::NONE, false).0
            }
        };
        x.map.convolved(wrap(y), &shape)
    }

    fn batch_norm(
        x: &FeatureMap<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: FusedActivation<Self>,
    ) -> (FeatureMap<Self>, BatchStats) {
        let stats = statistics(x.shape(), &primitive(&x.data));
        let norm = Some(Norm { gamma, beta, stats: stats.clone() });
        (Self::settled(&DeferredMap { map: x.clone(), norm, act }), stats)
    }

    fn add_act(
        a: &FeatureMap<Self>,
        b: &FeatureMap<Self>,
        act: FusedActivation<Self>,
    ) -> FeatureMap<Self> {
        Self::add_pending(&a.clone().into(), &b.clone().into(), act)
    }

    fn act(x: &FeatureMap<Self>, act: FusedActivation<Self>) -> FeatureMap<Self> {
        Self::settled(&DeferredMap { map: x.clone(), norm: None, act })
    }

    fn pool(x: &FeatureMap<Self>) -> Tensor<Self, 2> {
        let y = with(&primitive(&x.data), |v| pool::pool(x.shape(), v));
        tensor(y, [x.n, x.c])
    }

    fn conv_norm(
        x: &DeferredMap<Self>,
        weight: Tensor<Self, 4>,
        op: &LayerOp,
        [gamma, beta]: [Tensor<Self, 1>; 2],
        act: FusedActivation<Self>,
    ) -> (DeferredMap<Self>, BatchStats) {
        let shape = x.map.conv_shape(weight.dims(), op);
        let (w, none) = (primitive(&weight), Epilogue::NONE);
        let (y, stats) = convolve(&shape, &PendingTensor::of(x), &w, &none, true);
        let norm = Some(Norm { gamma, beta, stats: stats.clone() });
        (DeferredMap { map: x.map.convolved(wrap(y), &shape), norm, act }, stats)
    }

    fn settled(x: &DeferredMap<Self>) -> FeatureMap<Self> {
        let pending = PendingTensor::of(x);
        x.map.like(wrap(add(x.map.shape(), &pending, None, pending.act)))
    }

    fn add_pending(
        a: &DeferredMap<Self>,
        b: &DeferredMap<Self>,
        act: FusedActivation<Self>,
    ) -> FeatureMap<Self> {
        let (first, second) = (PendingTensor::of(a), PendingTensor::of(b));
        a.map.like(wrap(add(a.map.shape(), &first, Some(&second), activation(&act))))
    }
}

impl EvalOps for Cpu {
    fn conv2d_bias_act(
        x: &FeatureMap<Self>,
        weight: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        op: &LayerOp,
        act: FusedActivation<Self>,
        add: Option<&FeatureMap<Self>>,
    ) -> FeatureMap<Self> {
        with(&primitive(&bias), |bias| {
            let run = |residual: Option<&[f32]>| {
                let e = Epilogue { bias: Some(bias), residual, act: activation(&act) };
                conv2d(x, &weight, op, &e)
            };
            match add {
                Some(map) => with(&primitive(&map.data), |r| run(Some(r))),
                None => run(None),
            }
        })
    }
}

fn conv2d(
    x: &FeatureMap<Cpu>,
    weight: &Tensor<Cpu, 4>,
    op: &LayerOp,
    e: &Epilogue<'_>,
) -> FeatureMap<Cpu> {
    let shape = x.conv_shape(weight.dims(), op);
    let plain = PendingTensor::new(&primitive(&x.data), None, Activation::NONE);
    let (y, _) = convolve(&shape, &plain, &primitive(weight), e, false);
    x.convolved(wrap(y), &shape)
}

/// The largest values of windows.
fn maximum(shape: &ConvGeometry, x: &NdArrayTensor) -> NdArrayTensor {
    let y = with(x, |x| pool::maximum(Isa::detect(), shape, x));
    make(y, &shape.output().dims())
}

/// Weights of a depthwise convolution that computes the averages of windows.
fn averaging(shape: &ConvGeometry) -> NdArrayTensor {
    let share = 1.0 / shape.window().taps() as f32;
    make(vec![share; shape.weights()], &shape.weight_dims())
}

fn activation(act: &FusedActivation<Cpu>) -> Activation {
    match act {
        FusedActivation::None => Activation::NONE,
        FusedActivation::Relu => 0.0.into(),
        FusedActivation::Prelu(slope) => with(&primitive(slope), |s| s[0]).into(),
        FusedActivation::Clipped(bound) => Activation::clipped(*bound),
    }
}
