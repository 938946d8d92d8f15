//! Requantisation on the batch-blocked layout, and its gradient.

use burn::backend::Autodiff;
use burn::backend::autodiff::checkpoint::base::Checkpointer;
use burn::backend::autodiff::checkpoint::strategy::CheckpointStrategy;
use burn::backend::autodiff::grads::Gradients;
use burn::backend::autodiff::ops::{Backward, Ops as Parents, OpsKind};
use burn::tensor::{Tensor, TensorPrimitive};
use burn_ndarray::NdArrayTensor;
use rayon::prelude::*;
use supernano_core::quant::requantise;
use supernano_kernels::pointwise::Size;

use super::{make, primitive, statistics, tensor, with};
use crate::backend::{Cpu, IntegerOps, LANES, Map, Requantise};

type Tracked<C> = Autodiff<Cpu, C>;

/// 2^-32.
const Q32: f32 = 1.0 / 4_294_967_296.0;

#[inline(always)]
fn total(rule: &Requantise, c: usize, sum: f32, residual: f32) -> i32 {
    rule.bias[c]
        .wrapping_add(sum as i32)
        .wrapping_add((residual as i32).wrapping_mul(rule.residual[c]))
}

fn forward(size: Size, sums: &[f32], residual: Option<&[f32]>, rule: &Requantise) -> Vec<f32> {
    let plane = (size.pixels * LANES).max(1);
    let mut out = vec![0f32; sums.len()];
    out.par_chunks_mut(plane).zip(sums.par_chunks(plane)).enumerate().for_each(
        |(i, (out, sums))| {
            let c = i % size.c;
            let (p, n, zero) = (rule.positive[c], rule.negative[c], rule.zero);
            let value = |t: i32| f32::from(i16::from(requantise(t, p, n, zero)) - i16::from(zero));
            match residual {
                Some(r) => {
                    let r = &r[i * plane..(i + 1) * plane];
                    for ((o, &s), &r) in out.iter_mut().zip(sums).zip(r) {
                        *o = value(total(rule, c, s, r));
                    }
                }
                None => {
                    for (o, &s) in out.iter_mut().zip(sums) {
                        *o = value(total(rule, c, s, 0.0));
                    }
                }
            }
        },
    );
    out
}

/// Gradients of the sums, the residual, the bias `[channels]` and the slope.
struct Gradient {
    sums: Vec<f32>,
    residual: Option<Vec<f32>>,
    bias: Vec<f32>,
    slope: f32,
}

fn backward(
    size: Size,
    sums: &[f32],
    residual: Option<&[f32]>,
    dy: &[f32],
    rule: &Requantise,
) -> Gradient {
    let plane = (size.pixels * LANES).max(1);
    let mut dsums = vec![0f32; sums.len()];
    let parts: Vec<(f64, f64)> = dsums
        .par_chunks_mut(plane)
        .zip(sums.par_chunks(plane).zip(dy.par_chunks(plane)))
        .enumerate()
        .map(|(i, (ds, (sums, dy)))| {
            let c = i % size.c;
            let (p, n) = (rule.positive[c], rule.negative[c]);
            let (fp, fn_) = (p as f32 * Q32, n as f32 * Q32);
            let residual = residual.map(|r| &r[i * plane..(i + 1) * plane]);
            let (mut bias, mut slope) = (0f64, 0f64);
            for (j, ((d, &s), &g)) in ds.iter_mut().zip(sums).zip(dy).enumerate() {
                let t = total(rule, c, s, residual.map_or(0.0, |r| r[j]));
                let y = requantise(t, p, n, rule.zero);
                if y == i8::MIN || y == i8::MAX {
                    continue;
                }
                *d = g * if t >= 0 { fp } else { fn_ };
                bias += f64::from(*d);
                if t < 0 {
                    slope += f64::from(g * fp * t as f32);
                }
            }
            (bias, slope)
        })
        .collect();
    let mut bias = vec![0f64; size.c];
    for (i, part) in parts.iter().enumerate() {
        bias[i % size.c] += part.0;
    }
    let bias = bias.iter().zip(&rule.accumulator).map(|(b, &a)| (b / f64::from(a)) as f32);
    let residual = residual.map(|_| {
        let mut dr = dsums.clone();
        dr.par_chunks_mut(plane).enumerate().for_each(|(i, dr)| {
            let k = rule.residual[i % size.c] as f32;
            dr.iter_mut().for_each(|d| *d *= k);
        });
        dr
    });
    let slope = parts.iter().map(|p| p.1).sum::<f64>() as f32;
    Gradient { bias: bias.collect(), slope, residual, sums: dsums }
}

pub(crate) fn channel_means(x: &Map<Cpu>) -> Vec<f32> {
    statistics(x.size(), &primitive(&x.data)).mean
}

impl IntegerOps for Cpu {
    fn requantise(
        sums: &Map<Self>,
        residual: Option<&Map<Self>>,
        _bias: Tensor<Self, 1>,
        _slope: Tensor<Self, 1>,
        rule: &Requantise,
    ) -> Map<Self> {
        let y = with(&primitive(&sums.data), |s| match residual {
            Some(map) => with(&primitive(&map.data), |r| forward(sums.size(), s, Some(r), rule)),
            None => forward(sums.size(), s, None, rule),
        });
        sums.like(tensor(y, sums.shape()))
    }
}

#[derive(Debug)]
struct Straight;

type State = (NdArrayTensor, Option<NdArrayTensor>, Requantise, Size, [usize; 5]);

impl Backward<Cpu, 4> for Straight {
    type State = State;

    fn backward(self, ops: Parents<State, 4>, grads: &mut Gradients, _: &mut Checkpointer) {
        let dy = grads.consume::<Cpu>(&ops.node);
        let (sums, residual, rule, size, shape) = ops.state;
        let found = with(&dy, |dy| {
            with(&sums, |s| match &residual {
                Some(r) => with(r, |r| backward(size, s, Some(r), dy, &rule)),
                None => backward(size, s, None, dy, &rule),
            })
        });
        let [psums, presidual, pbias, pslope] = ops.parents;
        if let Some(node) = psums {
            grads.register::<Cpu>(node.id, make(found.sums, &shape));
        }
        if let (Some(node), Some(dr)) = (presidual, found.residual) {
            grads.register::<Cpu>(node.id, make(dr, &shape));
        }
        if let Some(node) = pbias {
            grads.register::<Cpu>(node.id, make(found.bias, &[size.c]));
        }
        if let Some(node) = pslope {
            grads.register::<Cpu>(node.id, make(vec![found.slope], &[1]));
        }
    }
}

impl<C: CheckpointStrategy> IntegerOps for Tracked<C> {
    fn requantise(
        sums: &Map<Self>,
        residual: Option<&Map<Self>>,
        bias: Tensor<Self, 1>,
        slope: Tensor<Self, 1>,
        rule: &Requantise,
    ) -> Map<Self> {
        let s = sums.data.clone().into_primitive().tensor();
        let r = residual.map(|map| map.data.clone().into_primitive().tensor());
        let (b, a) = (bias.into_primitive().tensor(), slope.into_primitive().tensor());
        let size = sums.size();
        let y = with(&s.primitive, |sums| match &r {
            Some(r) => with(&r.primitive, |r| forward(size, sums, Some(r), rule)),
            None => forward(size, sums, None, rule),
        });
        let y = make(y, &sums.shape());
        let constant = || {
            let t: Tensor<Self, 1> = Tensor::from_data([0.0f32], &Default::default());
            t.into_primitive().tensor().node.clone()
        };
        let second = r.as_ref().map_or_else(constant, |r| r.node.clone());
        let parents = [s.node.clone(), second, b.node.clone(), a.node.clone()];
        let state = (s.primitive.clone(), r.map(|r| r.primitive), rule.clone(), size, sums.shape());
        let y = match Straight.prepare::<C>(parents).compute_bound().stateful() {
            OpsKind::Tracked(prep) => prep.finish(state, y),
            OpsKind::UnTracked(prep) => prep.finish(y),
        };
        sums.like(Tensor::from_primitive(TensorPrimitive::Float(y)))
    }
}
