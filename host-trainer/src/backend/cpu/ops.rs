//! The kernels as operations of burn's ndarray backend, plain and differentiated.

use super::lanes::Isa;
use super::{conv, norm, pointwise};
use crate::backend::Ops;
use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::{base::Checkpointer, strategy::CheckpointStrategy};
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Step, OpsKind};
use burn::tensor::TensorData;
use burn_ndarray::{NdArray, NdArrayTensor};
use std::borrow::Cow;

/// The floats of a tensor in row-major order.
///
/// # Panics
/// If the tensor does not hold f32; the [`Ops`] of this backend never make others.
fn floats(t: &NdArrayTensor) -> Cow<'_, [f32]> {
    let NdArrayTensor::F32(s) = t else { panic!("a map holds f32") };
    let v = s.view();
    match v.to_slice() {
        Some(v) => Cow::Borrowed(v),
        None => Cow::Owned(v.iter().copied().collect()),
    }
}

fn tensor<const D: usize>(v: Vec<f32>, shape: [usize; D]) -> NdArrayTensor {
    NdArrayTensor::from_data(TensorData::new(v, shape))
}

fn scalar(t: Option<&NdArrayTensor>, otherwise: f32) -> f32 {
    t.map_or(otherwise, |t| floats(t)[0])
}

fn map_shape(g: &conv::Conv, n: usize) -> [usize; 5] {
    [n, g.co, g.ho(), g.wo(), 16]
}

impl Ops for NdArray {
    fn map_conv(x: NdArrayTensor, w: NdArrayTensor, g: conv::Conv) -> NdArrayTensor {
        let (x, w) = (floats(&x), floats(&w));
        let y = conv::forward(Isa::best(), g, &x, &w, conv::Epilogue::default());
        tensor(y, map_shape(&g, x.len() / g.input_len()))
    }

    fn map_norm(
        x: NdArrayTensor,
        gamma: NdArrayTensor,
        beta: NdArrayTensor,
        s: norm::Shape,
        size: [usize; 2],
        relu: bool,
    ) -> (NdArrayTensor, norm::Moments) {
        let (y, m) =
            norm::forward(Isa::best(), s, &floats(&x), &floats(&gamma), &floats(&beta), relu);
        (tensor(y, [s.n.div_ceil(16), s.c, size[0], size[1], 16]), m)
    }

    fn map_act(
        a: NdArrayTensor,
        b: Option<NdArrayTensor>,
        slope: Option<NdArrayTensor>,
        shape: [usize; 5],
    ) -> NdArrayTensor {
        let b = b.as_ref().map(floats);
        let y =
            pointwise::add_act(Isa::best(), &floats(&a), b.as_deref(), scalar(slope.as_ref(), 0.0));
        tensor(y, shape)
    }

    fn map_pool(x: NdArrayTensor, s: norm::Shape) -> NdArrayTensor {
        tensor(pointwise::pool(&floats(&x), s.n, s.c, s.pixels), [s.n, s.c])
    }
}

type Plain = NdArray;

#[derive(Debug)]
struct ConvStep;

impl Backward<Plain, 2> for ConvStep {
    type State = (NdArrayTensor, NdArrayTensor, conv::Conv);

    fn backward(self, step: Step<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [px, pw] = step.parents;
        let (x, w, g) = step.state;
        let dy = grads.consume::<Plain>(&step.node);
        let (x, w, dy) = (floats(&x), floats(&w), floats(&dy));
        if let Some(p) = px {
            let dx = conv::input_gradient(Isa::best(), g, &dy, &w);
            let shape = [x.len() / g.input_len(), g.ci, g.h, g.w, 16];
            grads.register::<Plain>(p.id, tensor(dx, shape));
        }
        if let Some(p) = pw {
            let dw = conv::weight_gradient(Isa::best(), g, &x, &dy);
            grads.register::<Plain>(p.id, tensor(dw, [g.co, g.ci, g.k, g.k]));
        }
    }
}

#[derive(Debug)]
struct NormStep;

impl Backward<Plain, 3> for NormStep {
    type State = ([NdArrayTensor; 3], norm::Moments, norm::Shape, [usize; 2], bool);

    fn backward(self, step: Step<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [px, pg, pb] = step.parents;
        let ([x, gamma, beta], m, s, size, relu) = step.state;
        let dy = grads.consume::<Plain>(&step.node);
        let (x, dy, gamma, beta) = (floats(&x), floats(&dy), floats(&gamma), floats(&beta));
        let (dx, dg, db) = norm::backward(Isa::best(), s, &x, &dy, &m, &gamma, &beta, relu);
        if let Some(p) = px {
            grads
                .register::<Plain>(p.id, tensor(dx, [s.n.div_ceil(16), s.c, size[0], size[1], 16]));
        }
        if let Some(p) = pg {
            grads.register::<Plain>(p.id, tensor(dg, [s.c]));
        }
        if let Some(p) = pb {
            grads.register::<Plain>(p.id, tensor(db, [s.c]));
        }
    }
}

/// Parents: both summands and the slope; absent ones stand in as an untracked copy of the first.
#[derive(Debug)]
struct ActStep;

impl Backward<Plain, 3> for ActStep {
    type State = (NdArrayTensor, Option<NdArrayTensor>, f32, [usize; 5]);

    fn backward(self, step: Step<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [pa, pb, ps] = step.parents;
        let (a, b, slope, shape) = step.state;
        let dy = grads.consume::<Plain>(&step.node);
        let b = b.as_ref().map(floats);
        let (dx, ds) = pointwise::add_act_gradient(
            Isa::best(),
            &floats(&a),
            b.as_deref(),
            &floats(&dy),
            slope,
        );
        let dx = tensor(dx, shape);
        if let Some(p) = pb {
            grads.register::<Plain>(p.id, dx.clone());
        }
        if let Some(p) = pa {
            grads.register::<Plain>(p.id, dx);
        }
        if let Some(p) = ps {
            grads.register::<Plain>(p.id, tensor(vec![ds], [1]));
        }
    }
}

#[derive(Debug)]
struct PoolStep;

impl Backward<Plain, 1> for PoolStep {
    type State = (norm::Shape, [usize; 5]);

    fn backward(self, step: Step<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let [px] = step.parents;
        let (s, shape) = step.state;
        let dy = grads.consume::<Plain>(&step.node);
        if let Some(p) = px {
            let dx = pointwise::pool_gradient(&floats(&dy), s.n, s.c, s.pixels);
            grads.register::<Plain>(p.id, tensor(dx, shape));
        }
    }
}

impl<C: CheckpointStrategy> Ops for Autodiff<Plain, C> {
    fn map_conv(
        x: Self::FloatTensorPrimitive,
        w: Self::FloatTensorPrimitive,
        g: conv::Conv,
    ) -> Self::FloatTensorPrimitive {
        let state = (x.primitive.clone(), w.primitive.clone(), g);
        let y = Plain::map_conv(x.primitive.clone(), w.primitive.clone(), g);
        match ConvStep.prepare::<C>([x.node, w.node]).compute_bound().stateful() {
            OpsKind::Tracked(p) => p.finish(state, y),
            OpsKind::UnTracked(p) => p.finish(y),
        }
    }

    fn map_norm(
        x: Self::FloatTensorPrimitive,
        gamma: Self::FloatTensorPrimitive,
        beta: Self::FloatTensorPrimitive,
        s: norm::Shape,
        size: [usize; 2],
        relu: bool,
    ) -> (Self::FloatTensorPrimitive, norm::Moments) {
        let (a, b, c) = (x.primitive, gamma.primitive, beta.primitive);
        let (y, m) = Plain::map_norm(a.clone(), b.clone(), c.clone(), s, size, relu);
        let y =
            match NormStep.prepare::<C>([x.node, gamma.node, beta.node]).compute_bound().stateful()
            {
                OpsKind::Tracked(p) => p.finish(([a, b, c], m.clone(), s, size, relu), y),
                OpsKind::UnTracked(p) => p.finish(y),
            };
        (y, m)
    }

    fn map_act(
        a: Self::FloatTensorPrimitive,
        b: Option<Self::FloatTensorPrimitive>,
        slope: Option<Self::FloatTensorPrimitive>,
        shape: [usize; 5],
    ) -> Self::FloatTensorPrimitive {
        let (pb, ps) =
            (b.as_ref().map(|b| b.primitive.clone()), slope.as_ref().map(|s| s.primitive.clone()));
        let y = Plain::map_act(a.primitive.clone(), pb.clone(), ps.clone(), shape);
        let state = (a.primitive.clone(), pb, scalar(ps.as_ref(), 0.0), shape);
        let none = || Self::FloatTensorPrimitive::new(tensor(vec![0.0], [1])).node;
        let nodes = [a.node, b.map_or_else(none, |b| b.node), slope.map_or_else(none, |s| s.node)];
        match ActStep.prepare::<C>(nodes).compute_bound().stateful() {
            OpsKind::Tracked(p) => p.finish(state, y),
            OpsKind::UnTracked(p) => p.finish(y),
        }
    }

    fn map_pool(x: Self::FloatTensorPrimitive, s: norm::Shape) -> Self::FloatTensorPrimitive {
        let shape = floats_shape(&x.primitive);
        let y = Plain::map_pool(x.primitive, s);
        match PoolStep.prepare::<C>([x.node]).compute_bound().stateful() {
            OpsKind::Tracked(p) => p.finish((s, shape), y),
            OpsKind::UnTracked(p) => p.finish(y),
        }
    }
}

fn floats_shape(t: &NdArrayTensor) -> [usize; 5] {
    use burn::tensor::TensorMetadata;
    t.shape().dims()
}
