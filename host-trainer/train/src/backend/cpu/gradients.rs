//! The operations with gradients, for burn's autodiff.

use burn::backend::Autodiff;
use burn::backend::autodiff::NodeId;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Parents, OpsKind};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorPrimitive};
use burn_ndarray::NdArrayTensor;
use supernano_core::graph::Form;
use supernano_kernels::activation::Activation;
use supernano_kernels::conv::{ConvGeometry, Epilogue};
use supernano_kernels::fused;
use supernano_kernels::map::MapShape;
use supernano_kernels::norm::NormGradient;
use supernano_kernels::pool;
use supernano_kernels::simd::Isa;

use super::{PendingTensor, add, averaging, convolve, make, maximum, statistics, with};
use crate::backend::{
    BatchStats, Cpu, DeferredMap, FeatureMap, FusedActivation, LANES, LayerOp, Norm, Ops,
};

type Tracked<C> = Autodiff<Cpu, C>;

fn wrap<C: CheckpointStrategy, const D: usize>(
    t: FloatTensor<Tracked<C>>,
) -> Tensor<Tracked<C>, D> {
    Tensor::from_primitive(TensorPrimitive::Float(t))
}

fn primitive<C: CheckpointStrategy, const D: usize>(
    t: &Tensor<Tracked<C>, D>,
) -> FloatTensor<Tracked<C>> {
    t.clone().into_primitive().tensor()
}

/// A parent that wants no gradient.
fn constant<C: CheckpointStrategy>(v: f32) -> FloatTensor<Tracked<C>> {
    let t: Tensor<Tracked<C>, 1> = Tensor::from_data([v], &Default::default());
    t.into_primitive().tensor()
}

/// The slope for negative values as a parent: 1 without an activation, 0 with ReLU and a bound.
fn slope_of<C: CheckpointStrategy>(act: &FusedActivation<Tracked<C>>) -> FloatTensor<Tracked<C>> {
    match act {
        FusedActivation::None => constant::<C>(1.0),
        FusedActivation::Relu | FusedActivation::Clipped(_) => constant::<C>(0.0),
        FusedActivation::Prelu(slope) => primitive(slope),
    }
}

/// An activation with this slope as a parent.
fn activation<C: CheckpointStrategy>(
    act: &FusedActivation<Tracked<C>>,
    slope: &FloatTensor<Tracked<C>>,
) -> Activation {
    match act {
        FusedActivation::Clipped(bound) => Activation::clipped(*bound),
        _ => with(&slope.primitive, |s| s[0]).into(),
    }
}

/// Gamma and beta as parents.
fn norm_of<C: CheckpointStrategy>(norm: Option<&Norm<Tracked<C>>>) -> [FloatTensor<Tracked<C>>; 2] {
    match norm {
        Some(norm) => [primitive(&norm.gamma), primitive(&norm.beta)],
        None => [constant::<C>(1.0), constant::<C>(0.0)],
    }
}

/// Registers an operation: `$op` with its state where a gradient is wanted.
macro_rules! register {
    ($op:expr, $c:ty, $parents:expr, $output:expr, $state:expr) => {
        match $op.prepare::<$c>($parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish($state, $output),
            OpsKind::UnTracked(prep) => prep.finish($output),
        }
    };
}

type Parent = Option<NodeId>;

fn give(grads: &mut Gradients, parent: Parent, values: Vec<f32>, shape: &[usize]) {
    if let Some(node) = parent {
        grads.register::<Cpu>(node, make(values, shape));
    }
}

fn give_norm(grads: &mut Gradients, [gamma, beta]: [Parent; 2], found: Option<NormGradient>) {
    if let Some(found) = found {
        let shape = [found.gamma.len()];
        give(grads, gamma, found.gamma, &shape);
        give(grads, beta, found.beta, &shape);
    }
}

/// Convolution of a pending map; parents: map, gamma, beta, slope, weights.
#[derive(Debug)]
struct Conv;

impl Backward<Cpu, 5> for Conv {
    type State = (PendingTensor, NdArrayTensor, ConvGeometry);

    fn backward(self, ops: Parents<Self::State, 5>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let [px, pgamma, pbeta, pslope, pw] = ops.parents.map(|p| p.map(|n| n.id));
        let (x, w, shape) = ops.state;
        let wanted = [px, pgamma, pbeta, pslope].iter().any(Option::is_some);
        let isa = Isa::detect();
        let found = with(&dy, |dy| {
            with(&w, |w| x.with(|x| fused::convolve_gradients(isa, &shape, x, w, dy, wanted)))
        });
        if let Some(dx) = found.x {
            give(grads, px, dx, &shape.input().dims());
        }
        give_norm(grads, [pgamma, pbeta], found.norm);
        give(grads, pslope, vec![found.slope], &[1]);
        give(grads, pw, found.w, &shape.weight_dims());
    }
}

/// `act(norm(a) + norm(b))`; parents: a, gamma, beta, b, gamma, beta, slope.
#[derive(Debug)]
struct Add;

impl Backward<Cpu, 7> for Add {
    type State = (PendingTensor, Option<PendingTensor>, Activation, MapShape);

    fn backward(self, ops: Parents<Self::State, 7>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (a, b, act, shape) = ops.state;
        let [pa, ga, ba, pb, gb, bb, pslope] = ops.parents.map(|p| p.map(|n| n.id));
        let isa = Isa::detect();
        let found = with(&dy, |dy| {
            a.with(|a| match &b {
                Some(b) => b.with(|b| fused::add_gradients(isa, shape, a, Some(b), act, dy)),
                None => fused::add_gradients(isa, shape, a, None, act, dy),
            })
        });
        let da = make(found.a.0, &shape.dims());
        give_norm(grads, [ga, ba], found.a.1);
        match (found.b, pb) {
            (Some((db, norm)), _) => {
                give(grads, pb, db, &shape.dims());
                give_norm(grads, [gb, bb], norm);
            }
            (None, Some(node)) if b.is_some() => grads.register::<Cpu>(node, da.clone()),
            _ => {}
        }
        if let Some(node) = pa {
            grads.register::<Cpu>(node, da);
        }
        give(grads, pslope, vec![found.slope], &[1]);
    }
}

/// Global average; parent: map.
#[derive(Debug)]
struct Pool;

impl Backward<Cpu, 1> for Pool {
    type State = MapShape;

    fn backward(self, ops: Parents<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let shape = ops.state;
        let dx = with(&dy, |dy| pool::pool_gradient(shape, dy));
        let parent = ops.parents[0].as_ref().map(|n| n.id);
        give(grads, parent, dx, &shape.dims());
    }
}

/// The largest values of windows; parent: map.
#[derive(Debug)]
struct Maximum;

impl Backward<Cpu, 1> for Maximum {
    type State = (NdArrayTensor, ConvGeometry);

    fn backward(self, ops: Parents<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (x, shape) = ops.state;
        let isa = Isa::detect();
        let dx = with(&dy, |dy| with(&x, |x| pool::maximum_gradient(isa, &shape, x, dy)));
        let parent = ops.parents[0].as_ref().map(|n| n.id);
        give(grads, parent, dx, &shape.input().dims());
    }
}

/// A pending map with its parents in the graph of operations.
struct Tracing<C: CheckpointStrategy> {
    x: FloatTensor<Tracked<C>>,
    norm: [FloatTensor<Tracked<C>>; 2],
    pending: PendingTensor,
}

impl<C: CheckpointStrategy> Tracing<C> {
    fn new(p: &DeferredMap<Tracked<C>>, act: Activation) -> Self {
        let (x, norm) = (primitive(&p.map.data), norm_of(p.norm.as_ref()));
        let of = p.norm.as_ref().map(|n| (&n.stats, [&norm[0].primitive, &norm[1].primitive]));
        let pending = PendingTensor::new(&x.primitive, of, act);
        Self { x, norm, pending }
    }
}

fn convolved<C: CheckpointStrategy>(
    x: &DeferredMap<Tracked<C>>,
    w: FloatTensor<Tracked<C>>,
    shape: ConvGeometry,
    measured: bool,
) -> (FeatureMap<Tracked<C>>, BatchStats) {
    let slope = slope_of(&x.act);
    let t = Tracing::new(x, activation(&x.act, &slope));
    let (y, stats) = convolve(&shape, &t.pending, &w.primitive, &Epilogue::NONE, measured);
    let [gamma, beta] = &t.norm;
    let parents = [&t.x, gamma, beta, &slope, &w].map(|p| p.node.clone());
    let y = register!(Conv, C, parents, y, (t.pending, w.primitive, shape));
    (x.map.convolved(wrap(y), &shape), stats)
}

fn added<C: CheckpointStrategy>(
    a: &DeferredMap<Tracked<C>>,
    b: Option<&DeferredMap<Tracked<C>>>,
    act: &FusedActivation<Tracked<C>>,
) -> FeatureMap<Tracked<C>> {
    let slope = slope_of(act);
    let value = activation(act, &slope);
    let first = Tracing::new(a, Activation::NONE);
    let second = b.map(|b| Tracing::new(b, Activation::NONE));
    let shape = a.map.shape();
    let y = add(shape, &first.pending, second.as_ref().map(|t| &t.pending), value);
    let none = constant::<C>(0.0);
    let others = match &second {
        Some(t) => [&t.x, &t.norm[0], &t.norm[1]],
        None => [&none; 3],
    };
    let [gamma, beta] = &first.norm;
    let parents = [&first.x, gamma, beta, others[0], others[1], others[2], &slope];
    let parents = parents.map(|p| p.node.clone());
    let state = (first.pending, second.map(|t| t.pending), value, shape);
    a.map.like(wrap(register!(Add, C, parents, y, state)))
}

impl<C: CheckpointStrategy> Ops for Tracked<C> {
    const LANES: usize = LANES;

    fn conv(x: &FeatureMap<Self>, weight: Tensor<Self, 4>, op: &LayerOp) -> FeatureMap<Self> {
        let shape = x.conv_shape(weight.dims(), op);
        convolved(&x.clone().into(), primitive(&weight), shape, false).0
    }

    fn pool_windows(x: &DeferredMap<Self>, op: &LayerOp) -> FeatureMap<Self> {
        let shape = x.map.window_shape(op);
        if op.form != Form::Maximum {
            let weight: Tensor<Self, 4> = Tensor::from_inner(super::wrap(averaging(&shape)));
            return convolved(x, primitive(&weight), shape, false).0;
        }
        let settled = primitive(&Self::settled(x).data);
        let y = maximum(&shape, &settled.primitive);
        let state = (settled.primitive.clone(), shape);
        let y = register!(Maximum, C, [settled.node.clone()], y, state);
        x.map.convolved(wrap(y), &shape)
    }

    fn batch_norm(
        x: &FeatureMap<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: FusedActivation<Self>,
    ) -> (FeatureMap<Self>, BatchStats) {
        let stats = statistics(x.shape(), &primitive(&x.data).primitive);
        let norm = Some(Norm { gamma, beta, stats: stats.clone() });
        (Self::settled(&DeferredMap { map: x.clone(), norm, act }), stats)
    }

    fn add_act(
        a: &FeatureMap<Self>,
        b: &FeatureMap<Self>,
        act: FusedActivation<Self>,
    ) -> FeatureMap<Self> {
        added(&a.clone().into(), Some(&b.clone().into()), &act)
    }

    fn act(x: &FeatureMap<Self>, act: FusedActivation<Self>) -> FeatureMap<Self> {
        added(&x.clone().into(), None, &act)
    }

    fn pool(x: &FeatureMap<Self>) -> Tensor<Self, 2> {
        let input = primitive(&x.data);
        let y = with(&input.primitive, |v| pool::pool(x.shape(), v));
        let y = make(y, &[x.n, x.c]);
        wrap(register!(Pool, C, [input.node.clone()], y, x.shape()))
    }

    fn conv_norm(
        x: &DeferredMap<Self>,
        weight: Tensor<Self, 4>,
        op: &LayerOp,
        [gamma, beta]: [Tensor<Self, 1>; 2],
        act: FusedActivation<Self>,
    ) -> (DeferredMap<Self>, BatchStats) {
        let shape = x.map.conv_shape(weight.dims(), op);
        let (map, stats) = convolved(x, primitive(&weight), shape, true);
        let norm = Some(Norm { gamma, beta, stats: stats.clone() });
        (DeferredMap { map, norm, act }, stats)
    }

    fn settled(x: &DeferredMap<Self>) -> FeatureMap<Self> {
        added(x, None, &x.act)
    }

    fn add_pending(
        a: &DeferredMap<Self>,
        b: &DeferredMap<Self>,
        act: FusedActivation<Self>,
    ) -> FeatureMap<Self> {
        added(a, Some(b), &act)
    }
}
