//! Forward passes over a tree of networks. The feature maps of a node are computed once and kept
//! until the last network that reads them is finished.

use std::borrow::Borrow;
use std::sync::Arc;

use rayon::prelude::*;
use supernano_core::graph::Form;
use supernano_kernels::activation::Activation;
use supernano_kernels::conv::Epilogue;
use supernano_kernels::norm::NormFactors;
use supernano_kernels::planes::{self, Addend, Convolution, Planes};
use supernano_kernels::simd::Isa;

use super::BN_EPSILON;
use super::layers::{BlockPart, Live, Step, Visitor};
use super::maps::{Inputs, PlaneMap, Pool};
use super::net::{ActivationFn, BnConv, FoldedConv, Linear};
use super::tree::{NodeStats, Tree};
use crate::backend::{LANES, LayerOp};

/// A pass over a tree of networks. At a branch, every child continues with clones of the maps.
pub(crate) trait TreeVisitor<C>: Visitor<C> {
    /// Announces the steps of `node`; `inner` is true if the node has children.
    fn enter(&mut self, _node: usize, _inner: bool) {}

    /// Receives the last map of a network.
    fn leaf(&mut self, _leaf: usize, _classifier: &Linear, _x: &Self::FeatureMap) {}
}

/// Executes every node of a tree once.
pub(crate) fn walk<C, V: TreeVisitor<C, FeatureMap: Clone>>(
    tree: &Tree<C>,
    input: V::FeatureMap,
    visitor: &mut V,
) {
    let live = Live::new(input);
    for &root in &tree.roots {
        descend(tree, root, live.clone(), visitor);
    }
}

fn descend<C, V: TreeVisitor<C, FeatureMap: Clone>>(
    tree: &Tree<C>,
    node: usize,
    mut live: Live<V::FeatureMap>,
    visitor: &mut V,
) {
    let here = &tree.nodes[node];
    visitor.enter(node, !here.children.is_empty());
    for (step, conv) in &here.steps {
        live.step(step, conv, visitor);
    }
    if let Some((leaf, classifier)) = &here.leaf {
        visitor.leaf(*leaf, classifier, live.last());
    }
    // the last child owns the shared maps and frees each after its last use
    if let Some((&last, others)) = here.children.split_last() {
        for &child in others {
            descend(tree, child, live.clone(), visitor);
        }
        descend(tree, last, live, visitor);
    }
}

fn activation(act: ActivationFn) -> Activation {
    match act {
        ActivationFn::None => Activation::NONE,
        ActivationFn::Relu => 0.0.into(),
        ActivationFn::Prelu(slope) => slope.into(),
        ActivationFn::Clipped(bound) => Activation::clipped(bound),
    }
}

/// A map, with the scale and the offset of its batch norm if they are not applied yet.
#[derive(Clone)]
struct Normalised {
    map: Arc<PlaneMap>,
    pending: Option<Arc<NormFactors>>,
}

/// A pass in training mode that collects batch-norm statistics.
struct StatisticsPass<'a> {
    isa: Isa,
    pool: &'a Pool,
    images: usize,
    node: usize,
    inner: bool,
    found: NodeStats,
}

impl StatisticsPass<'_> {
    /// The sums of a convolution, with the scale and the offset that normalise them. Records their
    /// statistics.
    fn sums(&mut self, conv: &BnConv, x: &PlaneMap) -> (PlaneMap, NormFactors) {
        let to = x.planes.windowed(&conv.op.window());
        let mut y = self.pool.take(x.blocks, conv.output, to);
        let mut sums = vec![(0f64, 0f64); conv.output];
        let mut origin = Vec::new();
        for b in 0..x.blocks {
            let block = y.block_mut(b);
            convolution(&conv.op, &conv.weight, [conv.input, conv.output]).run(
                self.isa,
                x.planes,
                x.block(b),
                block,
                &Epilogue::NONE,
            );
            if b == 0 {
                origin = planes::firsts(to, block, conv.output);
            }
            let lanes = (self.images - b * LANES).min(LANES);
            planes::sums(self.isa, to, block, lanes, &origin, &mut sums);
        }
        let count = (self.images * to.h * to.w) as f64;
        let (mean, biased): (Vec<f32>, Vec<f32>) = sums
            .iter()
            .zip(&origin)
            .map(|(&(s, q), &o)| {
                let mean = s / count;
                ((mean + f64::from(o)) as f32, (q / count - mean * mean).max(0.0) as f32)
            })
            .unzip();
        let affine = NormFactors::new(&mean, &biased, &conv.gamma, &conv.beta, BN_EPSILON);
        let unbiased = count / (count - 1.0);
        let variance = biased.iter().map(|&v| (f64::from(v) * unbiased) as f32).collect();
        self.found[self.node].push((mean, variance));
        (y, affine)
    }
}

impl<C: Borrow<BnConv>> Visitor<C> for StatisticsPass<'_> {
    type FeatureMap = Normalised;

    fn conv(
        &mut self,
        step: &Step,
        conv: &C,
        x: &Normalised,
        residual: Option<&Normalised>,
    ) -> Normalised {
        let conv = conv.borrow();
        if !conv.op.weighted() {
            self.found[self.node].push((Vec::new(), Vec::new()));
            let map = Arc::new(pooled(self.isa, self.pool, &conv.op, &x.map));
            return Normalised { map, pending: None };
        }
        let (mut y, norm) = self.sums(conv, &x.map);
        // the addition applies the batch norm of a shortcut; nobody reads the map of a leaf
        if step.part == BlockPart::Shortcut || !self.inner {
            return Normalised { map: Arc::new(y), pending: Some(Arc::new(norm)) };
        }
        let NormFactors { scale, mut offset, .. } = norm;
        let added = residual.map(|Normalised { map, pending }| match pending {
            None => (map, vec![1.0; conv.output]),
            Some(norm) => {
                offset.iter_mut().zip(&norm.offset).for_each(|(o, m)| *o += m);
                (map, norm.scale.clone())
            }
        });
        for b in 0..y.blocks {
            let add = added.as_ref().map(|(z, scale)| Addend { values: z.block(b), scale });
            let planes = y.planes;
            let affine = (scale.as_slice(), offset.as_slice());
            planes::scale(self.isa, planes, y.block_mut(b), affine, add, activation(conv.act));
        }
        Normalised { map: Arc::new(y), pending: None }
    }
}

impl<C: Borrow<BnConv>> TreeVisitor<C> for StatisticsPass<'_> {
    fn enter(&mut self, node: usize, inner: bool) {
        (self.node, self.inner) = (node, inner);
    }
}

fn convolution<'a>(op: &LayerOp, weight: &'a [f32], [ci, co]: [usize; 2]) -> Convolution<'a> {
    let depthwise = op.form == Form::Depthwise;
    Convolution { weight, ci, co, window: op.window(), depthwise }
}

/// A pool of a map. An average counts the padding as zeros.
fn pooled(isa: Isa, pool: &Pool, op: &LayerOp, x: &PlaneMap) -> PlaneMap {
    let window = op.window();
    let mut y = pool.take(x.blocks, x.c, x.planes.windowed(&window));
    let weight = match op.form {
        Form::Maximum => Vec::new(),
        _ => vec![1.0 / window.taps() as f32; x.c * window.taps()],
    };
    for b in 0..x.blocks {
        let (from, to) = (x.block(b), y.block_mut(b));
        if op.form == Form::Maximum {
            planes::maximum(isa, &window, x.c, x.planes, from, to);
        } else {
            let (ci, co, depthwise) = (x.c, x.c, true);
            let average = Convolution { weight: &weight, ci, co, window, depthwise };
            average.run(isa, x.planes, from, to, &Epilogue::NONE);
        }
    }
    y
}

/// Batch-norm statistics of every node, its operations in the order of execution: the average
/// over batches of the batch mean and of the unbiased batch variance. Every map of `inputs` is a
/// batch; `done` is called after each.
pub(crate) fn statistics<C: Borrow<BnConv> + Sync>(
    tree: &Tree<C>,
    inputs: &Inputs,
    pool: &Pool,
    done: &(dyn Fn() + Sync),
) -> NodeStats {
    let batches: Vec<NodeStats> = (0..inputs.len())
        .into_par_iter()
        .with_max_len(1)
        .map(|batch| {
            let (map, images) = &*inputs.map(batch);
            let found = vec![Vec::new(); tree.nodes.len()];
            let (isa, images, node, inner) = (Isa::detect(), *images, 0, false);
            let mut pass = StatisticsPass { isa, pool, images, node, inner, found };
            walk(tree, Normalised { map: map.clone(), pending: None }, &mut pass);
            done();
            pass.found
        })
        .collect();
    let n = batches.len() as f64;
    let average = |pick: &dyn Fn(&NodeStats) -> &Vec<f32>| -> Vec<f32> {
        let mut sums = vec![0f64; batches.first().map_or(0, |b| pick(b).len())];
        for batch in &batches {
            sums.iter_mut().zip(pick(batch)).for_each(|(s, &v)| *s += f64::from(v));
        }
        sums.into_iter().map(|s| (s / n) as f32).collect()
    };
    let node = |i: usize| {
        let convs = batches.first().map_or(0, |b| b[i].len());
        (0..convs).map(|c| (average(&|b| &b[i][c].0), average(&|b| &b[i][c].1))).collect()
    };
    (0..tree.nodes.len()).map(node).collect()
}

/// Receives a feature map and the step that wrote it.
pub(crate) type Seen<'a> = &'a mut dyn FnMut(&Step, &PlaneMap);
/// Receives the logits `[classes][16]` of the network at a leaf.
type Logits<'a> = &'a mut dyn FnMut(usize, &[f32]);

struct InferencePass<'a> {
    isa: Isa,
    pool: &'a Pool,
    seen: Option<Seen<'a>>,
    logits: Logits<'a>,
}

impl<C: Borrow<FoldedConv>> Visitor<C> for InferencePass<'_> {
    type FeatureMap = Arc<PlaneMap>;

    fn conv(
        &mut self,
        step: &Step,
        conv: &C,
        x: &Arc<PlaneMap>,
        residual: Option<&Arc<PlaneMap>>,
    ) -> Arc<PlaneMap> {
        let conv = conv.borrow();
        if !conv.op.weighted() {
            let y = pooled(self.isa, self.pool, &conv.op, x);
            if let Some(seen) = &mut self.seen {
                seen(step, &y);
            }
            return Arc::new(y);
        }
        let mut y = self.pool.take(x.blocks, conv.output, x.planes.windowed(&conv.op.window()));
        for b in 0..x.blocks {
            let residual = residual.map(|a| a.block(b));
            let e = Epilogue { bias: Some(&conv.bias), residual, act: activation(conv.act) };
            convolution(&conv.op, &conv.weight, [conv.input, conv.output]).run(
                self.isa,
                x.planes,
                x.block(b),
                y.block_mut(b),
                &e,
            );
        }
        if let Some(seen) = &mut self.seen {
            seen(step, &y);
        }
        Arc::new(y)
    }
}

impl<C: Borrow<FoldedConv>> TreeVisitor<C> for InferencePass<'_> {
    fn leaf(&mut self, leaf: usize, classifier: &Linear, x: &Arc<PlaneMap>) {
        let one = Planes { h: 1, w: 1, margin: 0 };
        let (mut pooled, mut logits) =
            (vec![0f32; x.c * LANES], vec![0f32; classifier.output * LANES]);
        planes::mean(self.isa, x.planes, x.block(0), &mut pooled);
        let Linear { input: ci, output: co, weight, bias } = classifier;
        let conv = convolution(&LayerOp::POINT, weight, [*ci, *co]);
        let e = Epilogue { bias: Some(bias), ..Epilogue::NONE };
        conv.run(self.isa, one, &pooled, &mut logits, &e);
        (self.logits)(leaf, &logits);
    }
}

/// Computes the logits `[classes][16]` of every network of a tree for a map of at most 16 images.
/// `seen` receives every feature map after the input.
pub(crate) fn infer<'a, C: Borrow<FoldedConv>>(
    tree: &Tree<C>,
    map: &Arc<PlaneMap>,
    pool: &'a Pool,
    seen: Option<Seen<'a>>,
    logits: Logits<'a>,
) {
    walk(tree, map.clone(), &mut InferencePass { isa: Isa::detect(), pool, seen, logits });
}
