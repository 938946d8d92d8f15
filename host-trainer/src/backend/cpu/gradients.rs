//! The same operations for burn's autodiff.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Parents, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_ndarray::NdArrayTensor;

use super::conv::{self, Epilogue, Geometry};
use super::pointwise::{self, NormState, Size};
use super::simd::Isa;
use super::{convolve, make, normalise, with};
use crate::backend::{Act, BatchStats, Cpu, Execution, LANES, Map, Ops};

type Tracked<C> = Autodiff<Cpu, C>;

fn wrap<C: CheckpointStrategy, const D: usize>(
    t: burn::tensor::ops::FloatTensor<Tracked<C>>,
) -> Tensor<Tracked<C>, D> {
    Tensor::from_primitive(TensorPrimitive::Float(t))
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

#[derive(Debug)]
struct Conv;

impl Backward<Cpu, 2> for Conv {
    type State = (NdArrayTensor, NdArrayTensor, Geometry);

    fn backward(self, ops: Parents<Self::State, 2>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let ([px, pw], (x, w, g)) = (ops.parents, ops.state);
        let isa = Isa::detect();
        with(&dy, |dy| {
            if let Some(node) = px {
                let dx = with(&w, |w| conv::input_gradient(isa, g, dy, w));
                grads.register::<Cpu>(node.id, make(dx, &[g.blocks, g.ci, g.h, g.w, LANES]));
            }
            if let Some(node) = pw {
                let dw = with(&x, |x| conv::weight_gradient(isa, g, x, dy));
                grads.register::<Cpu>(node.id, make(dw, &[g.co, g.ci, g.k, g.k]));
            }
        });
    }
}

#[derive(Debug)]
struct Norm;

impl Backward<Cpu, 3> for Norm {
    type State = (NdArrayTensor, NormState, Size, [usize; 5]);

    fn backward(self, ops: Parents<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (x, state, size, shape) = ops.state;
        let [dx, dgamma, dbeta] =
            with(&x, |x| with(&dy, |dy| pointwise::norm_gradient(size, x, dy, &state)));
        let [px, pgamma, pbeta] = ops.parents;
        let vector = [size.c];
        let all: [(_, _, &[usize]); 3] =
            [(px, dx, &shape), (pgamma, dgamma, &vector), (pbeta, dbeta, &vector)];
        for (parent, values, shape) in all {
            if let Some(node) = parent {
                grads.register::<Cpu>(node.id, make(values, shape));
            }
        }
    }
}

/// `act(a + b)`; the state is the sum and the slope.
#[derive(Debug)]
struct Add;

impl Backward<Cpu, 3> for Add {
    type State = (Option<NdArrayTensor>, f32, [usize; 5]);

    fn backward(self, ops: Parents<Self::State, 3>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (sum, slope, shape) = ops.state;
        let [pa, pb, pslope] = ops.parents;
        let (dx, dslope) = match &sum {
            Some(sum) => {
                let (dx, d) =
                    with(sum, |v| with(&dy, |dy| pointwise::prelu_gradient(v, dy, slope)));
                (make(dx, &shape), d)
            }
            None => (dy, 0.0),
        };
        for node in [pa, pb].into_iter().flatten() {
            grads.register::<Cpu>(node.id, dx.clone());
        }
        if let Some(node) = pslope {
            grads.register::<Cpu>(node.id, make(vec![dslope], &[1]));
        }
    }
}

#[derive(Debug)]
struct Pool;

impl Backward<Cpu, 1> for Pool {
    type State = (Size, [usize; 5]);

    fn backward(self, ops: Parents<Self::State, 1>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (size, shape) = ops.state;
        if let [Some(node)] = ops.parents {
            let dx = with(&dy, |dy| pointwise::pool_gradient(size, dy));
            grads.register::<Cpu>(node.id, make(dx, &shape));
        }
    }
}

fn add<C: CheckpointStrategy>(
    a: &Map<Tracked<C>>,
    b: Option<&Map<Tracked<C>>>,
    act: Act<Tracked<C>>,
) -> Map<Tracked<C>> {
    let x = a.data.clone().into_primitive().tensor();
    let other = b.map(|b| b.data.clone().into_primitive().tensor());
    let sum = with(&x.primitive, |x| match &other {
        Some(o) => with(&o.primitive, |o| pointwise::sum(x, Some(o))),
        None => x.to_vec(),
    });
    // Without a slope of its own the third parent is a constant that wants no gradient.
    let constant = |v: f32| {
        let t: Tensor<Tracked<C>, 1> = Tensor::from_data([v], &Default::default());
        t.into_primitive().tensor()
    };
    let slope_tensor = match act {
        Act::None => constant(1.0),
        Act::Relu => constant(0.0),
        Act::Prelu(slope) => slope.into_primitive().tensor(),
    };
    let slope = with(&slope_tensor.primitive, |s| s[0]);
    let shape = a.shape();
    let sum = make(sum, &shape);
    let output = if slope == 1.0 {
        sum.clone()
    } else {
        make(with(&sum, |v| pointwise::prelu(v, slope)), &shape)
    };
    let second = match &other {
        Some(o) => o.node.clone(),
        None => constant(0.0).node.clone(),
    };
    let parents = [x.node.clone(), second, slope_tensor.node.clone()];
    a.like(wrap(register!(Add, C, parents, output, (Some(sum), slope, shape))))
}

impl<C: CheckpointStrategy> Ops for Tracked<C> {
    const LANES: usize = LANES;
    const EXECUTION: Execution = Execution::Sliced;

    fn conv(x: &Map<Self>, weight: Tensor<Self, 4>, stride: usize) -> Map<Self> {
        let g = x.geometry(weight.dims(), stride);
        let input = x.data.clone().into_primitive().tensor();
        let weight = weight.into_primitive().tensor();
        let y = convolve(g, &input.primitive, &weight.primitive, &Epilogue::NONE);
        let y = make(y, &[g.blocks, g.co, g.ho(), g.wo(), LANES]);
        let parents = [input.node.clone(), weight.node.clone()];
        let state = (input.primitive.clone(), weight.primitive.clone(), g);
        x.convolved(wrap(register!(Conv, C, parents, y, state)), &g)
    }

    fn batch_norm(
        x: &Map<Self>,
        gamma: Tensor<Self, 1>,
        beta: Tensor<Self, 1>,
        act: Act<Self>,
    ) -> (Map<Self>, BatchStats) {
        let relu = matches!(act, Act::Relu);
        let input = x.data.clone().into_primitive().tensor();
        let (gamma, beta) = (gamma.into_primitive().tensor(), beta.into_primitive().tensor());
        let (y, stats, state) =
            normalise(x.size(), &input.primitive, &gamma.primitive, &beta.primitive, relu);
        let parents = [input.node.clone(), gamma.node.clone(), beta.node.clone()];
        let state = (input.primitive.clone(), state, x.size(), x.shape());
        let y = register!(Norm, C, parents, make(y, &x.shape()), state);
        (x.like(wrap(y)), stats)
    }

    fn add_act(a: &Map<Self>, b: &Map<Self>, act: Act<Self>) -> Map<Self> {
        add(a, Some(b), act)
    }

    fn act(x: &Map<Self>, act: Act<Self>) -> Map<Self> {
        add(x, None, act)
    }

    fn pool(x: &Map<Self>) -> Tensor<Self, 2> {
        let input = x.data.clone().into_primitive().tensor();
        let y = with(&input.primitive, |v| pointwise::pool(x.size(), v));
        let y = make(y, &[x.n, x.c]);
        wrap(register!(Pool, C, [input.node.clone()], y, (x.size(), x.shape())))
    }
}
