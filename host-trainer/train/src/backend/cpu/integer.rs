//! The requantisation and its gradient as operations on tensors.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Parents, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_ndarray::NdArrayTensor;
use supernano_kernels::map::MapShape;
use supernano_kernels::requantise::{requantise, requantise_gradients};

use super::{make, primitive, statistics, tensor, with};
use crate::backend::{Cpu, FeatureMap, IntegerOps, RequantiseRule};

type Tracked<C> = Autodiff<Cpu, C>;

/// The mean of every channel.
pub(crate) fn channel_means(x: &FeatureMap<Cpu>) -> Vec<f32> {
    statistics(x.shape(), &primitive(&x.data)).mean
}

impl IntegerOps for Cpu {
    fn requantise(
        sums: &FeatureMap<Self>,
        residual: Option<&FeatureMap<Self>>,
        _bias: Tensor<Self, 1>,
        _slope: Tensor<Self, 1>,
        rule: &RequantiseRule,
    ) -> FeatureMap<Self> {
        let shape = sums.shape();
        let y = with(&primitive(&sums.data), |s| match residual {
            Some(map) => with(&primitive(&map.data), |r| requantise(shape, s, Some(r), rule)),
            None => requantise(shape, s, None, rule),
        });
        sums.like(tensor(y, shape.dims()))
    }
}

/// A requantisation whose gradients pass straight through the rounding; parents: sums, residual,
/// bias, slope.
#[derive(Debug)]
struct Straight;

type State = (NdArrayTensor, Option<NdArrayTensor>, RequantiseRule, MapShape);

impl Backward<Cpu, 4> for Straight {
    type State = State;

    fn backward(self, ops: Parents<State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (sums, residual, rule, shape) = ops.state;
        let found = with(&dy, |dy| {
            with(&sums, |s| match &residual {
                Some(r) => with(r, |r| requantise_gradients(shape, s, Some(r), dy, &rule)),
                None => requantise_gradients(shape, s, None, dy, &rule),
            })
        });
        let [psums, presidual, pbias, pslope] = ops.parents;
        if let Some(node) = psums {
            grads.register::<Cpu>(node.id, make(found.sums, &shape.dims()));
        }
        if let (Some(node), Some(dr)) = (presidual, found.residual) {
            grads.register::<Cpu>(node.id, make(dr, &shape.dims()));
        }
        if let Some(node) = pbias {
            grads.register::<Cpu>(node.id, make(found.bias, &[shape.channels()]));
        }
        if let Some(node) = pslope {
            grads.register::<Cpu>(node.id, make(vec![found.slope], &[1]));
        }
    }
}

impl<C: CheckpointStrategy> IntegerOps for Tracked<C> {
    fn requantise(
        sums: &FeatureMap<Self>,
        residual: Option<&FeatureMap<Self>>,
        bias: Tensor<Self, 1>,
        slope: Tensor<Self, 1>,
        rule: &RequantiseRule,
    ) -> FeatureMap<Self> {
        let s = sums.data.clone().into_primitive().tensor();
        let r = residual.map(|map| map.data.clone().into_primitive().tensor());
        let (b, a) = (bias.into_primitive().tensor(), slope.into_primitive().tensor());
        let shape = sums.shape();
        let y = with(&s.primitive, |sums| match &r {
            Some(r) => with(&r.primitive, |r| requantise(shape, sums, Some(r), rule)),
            None => requantise(shape, sums, None, rule),
        });
        let y = make(y, &shape.dims());
        let constant = || {
            let t: Tensor<Self, 1> = Tensor::from_data([0.0f32], &Default::default());
            t.into_primitive().tensor().node.clone()
        };
        let second = r.as_ref().map_or_else(constant, |r| r.node.clone());
        let parents = [s.node.clone(), second, b.node.clone(), a.node.clone()];
        let state = (s.primitive.clone(), r.map(|r| r.primitive), rule.clone(), shape);
        let y = match Straight.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        sums.like(Tensor::from_primitive(TensorPrimitive::Float(y)))
    }
}
