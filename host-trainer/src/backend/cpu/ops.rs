//! [`Ops`] for burn-ndarray and for autodiff over it.

use std::borrow::Cow;

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Parents, OpsKind};
use burn::tensor::ops::FloatTensor;
use burn::tensor::{Tensor, TensorData, TensorMetadata as _, TensorPrimitive};
use burn_ndarray::NdArrayTensor;

use super::conv::{self, Epilogue, Geometry};
use super::norm::{self, Extent};
use crate::backend::{Act, BatchStats, Cpu, LANES, Map, Ops};

type Primitive = FloatTensor<Cpu>;

/// Values in order; copied only where the tensor is not laid out so.
fn raw(tensor: &Primitive) -> Cow<'_, [f32]> {
    match tensor {
        NdArrayTensor::F32(storage) => {
            let view = storage.view();
            match view.to_slice() {
                Some(slice) => Cow::Borrowed(slice),
                None => Cow::Owned(view.iter().copied().collect()),
            }
        }
        other => unreachable!("a tensor of {:?} on a backend of f32", other.dtype()),
    }
}

fn make<const D: usize>(values: Vec<f32>, shape: [usize; D]) -> Primitive {
    NdArrayTensor::from_data(TensorData::new(values, shape))
}

fn float<B: Ops, const D: usize>(tensor: Tensor<B, D>) -> FloatTensor<B> {
    tensor.into_primitive().tensor()
}

fn tensor<B: Ops, const D: usize>(primitive: FloatTensor<B>) -> Tensor<B, D> {
    Tensor::from_primitive(TensorPrimitive::Float(primitive))
}

fn geometry<B: Ops>(x: &Map<B>, w: &Tensor<B, 4>, s: usize) -> Geometry {
    let [co, ci, k, _] = w.dims();
    Geometry { ci, co, h: x.h, w: x.w, k, s }
}

fn out_shape<B: Ops>(x: &Map<B>, g: &Geometry) -> [usize; 5] {
    let (ho, wo) = g.out();
    [x.n.div_ceil(LANES), g.co, ho, wo, LANES]
}

fn extent<B: Ops>(x: &Map<B>) -> Extent {
    Extent { n: x.n, c: x.c, hw: x.h * x.w }
}

fn slope(act: &Act<Cpu>) -> f32 {
    match act {
        Act::None => 1.0,
        Act::Relu => 0.0,
        Act::Prelu(slope) => raw(&float(slope.clone()))[0],
    }
}

impl Ops for Cpu {
    fn conv2d(x: &Map<Self>, w: Tensor<Self, 4>, stride: usize) -> Map<Self> {
        let (g, w, data) = (geometry(x, &w, stride), float(w), float(x.data.clone()));
        let y = conv::forward(&raw(&data), &raw(&w), &g, &Epilogue::NONE);
        x.like(tensor(make(y, out_shape(x, &g))))
    }

    fn conv2d_bias_act(
        x: &Map<Self>,
        w: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        stride: usize,
        act: Act<Self>,
        add: Option<&Map<Self>>,
    ) -> Map<Self> {
        let (g, w, data) = (geometry(x, &w, stride), float(w), float(x.data.clone()));
        let (bias, add) = (float(bias), add.map(|a| float(a.data.clone())));
        let (bias, add) = (raw(&bias), add.as_ref().map(raw));
        let end = Epilogue { bias: Some(&bias), add: add.as_deref(), slope: slope(&act) };
        let y = conv::forward(&raw(&data), &raw(&w), &g, &end);
        x.like(tensor(make(y, out_shape(x, &g))))
    }

    fn batch_norm(
        x: &Map<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: Act<Self>,
    ) -> (Map<Self>, BatchStats) {
        let shape = x.data.dims();
        let (data, gamma, beta) = (float(x.data.clone()), float(gamma), float(beta));
        let relu = matches!(act, Act::Relu);
        let (y, stats, _) =
            norm::forward(&raw(&data), &raw(&gamma), &raw(&beta), relu, extent(x));
        (x.like(tensor(make(y, shape))), stats)
    }

    fn add_act(x: &Map<Self>, y: &Map<Self>, act: Act<Self>) -> Map<Self> {
        let (a, b) = (float(x.data.clone()), float(y.data.clone()));
        x.like(tensor(make(norm::add_act(&raw(&a), &raw(&b), slope(&act)), x.data.dims())))
    }
}

#[derive(Debug)]
struct Conv;

impl Backward<Cpu, 2> for Conv {
    type State = (Primitive, Primitive, Geometry);

    fn backward(self, ops: Parents<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [of_x, of_w] = ops.parents;
        let dy = grads.consume::<Cpu>(&ops.node);
        let (x, w, g) = ops.state;
        let dy = raw(&dy);
        if let Some(node) = of_x {
            let blocks = x.shape().num_elements() / (g.ci * g.h * g.w * LANES);
            let dx = conv::input_gradient(&dy, &raw(&w), &g);
            grads.register::<Cpu>(node.id, make(dx, [blocks, g.ci, g.h, g.w, LANES]));
        }
        if let Some(node) = of_w {
            let dw = conv::weight_gradient(&raw(&x), &dy, &g);
            grads.register::<Cpu>(node.id, make(dw, [g.co, g.ci, g.k, g.k]));
        }
    }
}

#[derive(Debug)]
struct Norm;

#[derive(Clone, Debug)]
struct NormState {
    x: Primitive,
    gamma: Primitive,
    beta: Primitive,
    mean: Vec<f32>,
    inv: Vec<f32>,
    relu: bool,
    extent: Extent,
    shape: [usize; 5],
}

impl Backward<Cpu, 3> for Norm {
    type State = NormState;

    fn backward(self, ops: Parents<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [of_x, of_gamma, of_beta] = ops.parents;
        let dy = grads.consume::<Cpu>(&ops.node);
        let s = ops.state;
        let (gamma, beta) = (raw(&s.gamma), raw(&s.beta));
        let (dx, dgamma, dbeta) =
            norm::backward(&raw(&s.x), &raw(&dy), &gamma, &beta, &s.mean, &s.inv, s.relu, s.extent);
        let c = s.extent.c;
        if let Some(node) = of_x {
            grads.register::<Cpu>(node.id, make(dx, s.shape));
        }
        if let Some(node) = of_gamma {
            grads.register::<Cpu>(node.id, make(dgamma, [c]));
        }
        if let Some(node) = of_beta {
            grads.register::<Cpu>(node.id, make(dbeta, [c]));
        }
    }
}

#[derive(Debug)]
struct AddAct;

impl Backward<Cpu, 3> for AddAct {
    type State = (Primitive, Primitive, f32, [usize; 5]);

    fn backward(self, ops: Parents<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [of_a, of_b, of_slope] = ops.parents;
        let dy = grads.consume::<Cpu>(&ops.node);
        let (a, b, slope, shape) = ops.state;
        let (dx, dslope) = norm::add_act_backward(&raw(&a), &raw(&b), &raw(&dy), slope);
        let dx = make(dx, shape);
        if let Some(node) = of_a {
            grads.register::<Cpu>(node.id, dx.clone());
        }
        if let Some(node) = of_b {
            grads.register::<Cpu>(node.id, dx);
        }
        if let Some(node) = of_slope {
            grads.register::<Cpu>(node.id, make(vec![dslope], [1]));
        }
    }
}

impl<C: CheckpointStrategy> Ops for Autodiff<Cpu, C> {
    fn conv2d(x: &Map<Self>, w: Tensor<Self, 4>, stride: usize) -> Map<Self> {
        let (g, shape) = (geometry(x, &w, stride), out_shape(x, &geometry(x, &w, stride)));
        let (data, w) = (float(x.data.clone()), float(w));
        let y = conv::forward(&raw(&data.primitive), &raw(&w.primitive), &g, &Epilogue::NONE);
        let y = make(y, shape);
        let node = [data.node.clone(), w.node.clone()];
        x.like(tensor(match Conv.prepare::<C>(node).compute_bound().stateful() {
            OpsKind::Tracked(ready) => ready.finish((data.primitive, w.primitive, g), y),
            OpsKind::UnTracked(ready) => ready.finish(y),
        }))
    }

    fn conv2d_bias_act(
        x: &Map<Self>,
        w: Tensor<Self, 4>,
        bias: Tensor<Self, 1>,
        stride: usize,
        act: Act<Self>,
        add: Option<&Map<Self>>,
    ) -> Map<Self> {
        let inner = |m: &Map<Self>| Map::<Cpu> {
            data: m.data.clone().inner(),
            n: m.n,
            c: m.c,
            h: m.h,
            w: m.w,
        };
        let act = match act {
            Act::None => Act::None,
            Act::Relu => Act::Relu,
            Act::Prelu(slope) => Act::Prelu(slope.inner()),
        };
        let add = add.map(inner);
        let y = Cpu::conv2d_bias_act(
            &inner(x),
            w.inner(),
            bias.inner(),
            stride,
            act,
            add.as_ref(),
        );
        x.like(Tensor::from_inner(y.data))
    }

    fn batch_norm(
        x: &Map<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: Act<Self>,
    ) -> (Map<Self>, BatchStats) {
        let (shape, extent) = (x.data.dims(), extent(x));
        let (data, gamma, beta) = (float(x.data.clone()), float(gamma), float(beta));
        let relu = matches!(act, Act::Relu);
        let (y, stats, inv) = norm::forward(
            &raw(&data.primitive),
            &raw(&gamma.primitive),
            &raw(&beta.primitive),
            relu,
            extent,
        );
        let y = make(y, shape);
        let nodes = [data.node.clone(), gamma.node.clone(), beta.node.clone()];
        let y = match Norm.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(ready) => {
                let state = NormState {
                    x: data.primitive,
                    gamma: gamma.primitive,
                    beta: beta.primitive,
                    mean: stats.mean.clone(),
                    inv,
                    relu,
                    extent,
                    shape,
                };
                ready.finish(state, y)
            }
            OpsKind::UnTracked(ready) => ready.finish(y),
        };
        (x.like(tensor(y)), stats)
    }

    fn add_act(x: &Map<Self>, y: &Map<Self>, act: Act<Self>) -> Map<Self> {
        let shape = x.data.dims();
        let (a, b) = (float(x.data.clone()), float(y.data.clone()));
        let fixed = |v: f32| float(Tensor::<Self, 1>::from_data([v], &Default::default()));
        let slope = match act {
            Act::None => fixed(1.0),
            Act::Relu => fixed(0.0),
            Act::Prelu(slope) => float(slope),
        };
        let factor = raw(&slope.primitive)[0];
        let sum = make(norm::add_act(&raw(&a.primitive), &raw(&b.primitive), factor), shape);
        let nodes = [a.node.clone(), b.node.clone(), slope.node.clone()];
        x.like(tensor(match AddAct.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(ready) => {
                ready.finish((a.primitive, b.primitive, factor, shape), sum)
            }
            OpsKind::UnTracked(ready) => ready.finish(sum),
        }))
    }
}
