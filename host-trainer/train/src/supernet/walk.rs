//! Forward passes over a tree of networks: a node's feature maps are computed once and kept until
//! the last network that goes on from them is done.

use std::borrow::Borrow;
use std::sync::Arc;

use rayon::prelude::*;
use supernano_kernels::conv::Epilogue;
use supernano_kernels::norm::NormFactors;
use supernano_kernels::planes::{self, Addend, Convolution, Planes};
use supernano_kernels::simd::Isa;

use super::maps::{Inputs, Map, Pool};
use super::net::{Act, BnConv, FoldedConv, Linear};
use super::tree::{NodeStats, Tree, Unit};
use super::{BN_EPSILON, Site};
use crate::backend::LANES;

/// What is computed at a node.
trait Compute<C> {
    /// The output of node `i`, which lies `depth` layers deep, from the block's input and the output
    /// of the block's first convolution; `None` where nothing goes on from it.
    fn unit(
        &mut self,
        at: At,
        unit: &Unit<C>,
        x: &Arc<Map>,
        first: Option<&Arc<Map>>,
    ) -> Option<Map>;

    /// A network ends with this output.
    fn leaf(&mut self, leaf: usize, classifier: &Linear, x: &Map);
}

/// Where a node stands.
#[derive(Clone, Copy)]
struct At {
    node: usize,
    depth: usize,
    /// Something goes on from it.
    inner: bool,
}

fn walk<C>(tree: &Tree<C>, input: &Arc<Map>, compute: &mut impl Compute<C>) {
    for &root in &tree.roots {
        visit(tree, root, 0, input.clone(), None, compute);
    }
}

fn visit<C>(
    tree: &Tree<C>,
    node: usize,
    depth: usize,
    x: Arc<Map>,
    first: Option<Arc<Map>>,
    compute: &mut impl Compute<C>,
) {
    let here = &tree.nodes[node];
    let at = At { node, depth, inner: !here.children.is_empty() };
    let Some(out) = compute.unit(at, &here.unit, &x, first.as_ref()) else { return };
    let (x, first) = match here.unit {
        Unit::First(_) => (x, Some(Arc::new(out))),
        Unit::Conv(_) | Unit::Second { .. } => {
            drop((x, first));
            (Arc::new(out), None)
        }
    };
    if let Some((leaf, classifier)) = &here.leaf {
        compute.leaf(*leaf, classifier, &x);
    }
    // the last child owns what its siblings shared, and frees it as soon as it can
    if let Some((&last, others)) = here.children.split_last() {
        for &child in others {
            visit(tree, child, depth + 1, x.clone(), first.clone(), compute);
        }
        visit(tree, last, depth + 1, x, first, compute);
    }
}

/// Slope for negative values.
fn slope(act: Act) -> f32 {
    match act {
        Act::None => 1.0,
        Act::Relu => 0.0,
        Act::Prelu(slope) => slope,
    }
}

/// Batch norm in training mode, for its statistics.
struct Statistics<'a> {
    isa: Isa,
    pool: &'a Pool,
    images: usize,
    found: NodeStats,
}

impl Statistics<'_> {
    /// A convolution's sums, with the scale and offset that normalise them.
    fn conv(&mut self, node: usize, conv: &BnConv, x: &Map) -> (Map, NormFactors) {
        let to = x.planes.strided(conv.stride);
        let mut y = self.pool.take(x.blocks, conv.output, to);
        let mut sums = vec![(0f64, 0f64); conv.output];
        let mut origin = Vec::new();
        for b in 0..x.blocks {
            let block = y.block_mut(b);
            with_norm(conv).run(self.isa, x.planes, x.block(b), block, &Epilogue::NONE);
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
        self.found[node].push((mean, variance));
        (y, affine)
    }
}

impl<C: Borrow<BnConv>> Compute<C> for Statistics<'_> {
    fn unit(
        &mut self,
        at: At,
        unit: &Unit<C>,
        x: &Arc<Map>,
        first: Option<&Arc<Map>>,
    ) -> Option<Map> {
        let (conv, shortcut, input): (&BnConv, Option<Option<&BnConv>>, _) = match unit {
            Unit::Conv(conv) | Unit::First(conv) => (conv.borrow(), None, x),
            Unit::Second { conv, shortcut } => {
                (conv.borrow(), Some(shortcut.as_ref().map(Borrow::borrow)), first.unwrap_or(x))
            }
        };
        let (mut y, NormFactors { scale, mut offset, .. }) = self.conv(at.node, conv, input);
        let added = match shortcut {
            None => None,
            Some(None) => Some((x.clone(), vec![1.0; conv.output])),
            Some(Some(shortcut)) => {
                let (z, norm) = self.conv(at.node, shortcut, x);
                offset.iter_mut().zip(&norm.offset).for_each(|(o, m)| *o += m);
                Some((Arc::new(z), norm.scale))
            }
        };
        if !at.inner {
            return None;
        }
        for b in 0..y.blocks {
            let add = added.as_ref().map(|(z, scale)| Addend { values: z.block(b), scale });
            let planes = y.planes;
            let affine = (scale.as_slice(), offset.as_slice());
            planes::scale(self.isa, planes, y.block_mut(b), affine, add, slope(conv.act));
        }
        Some(y)
    }

    fn leaf(&mut self, _: usize, _: &Linear, _: &Map) {}
}

fn with_norm(c: &BnConv) -> Convolution<'_> {
    let (ci, co, k, stride) = (c.input, c.output, c.kernel, c.stride);
    Convolution { weight: &c.weight, ci, co, k, stride }
}

fn with_bias(c: &FoldedConv) -> Convolution<'_> {
    let (ci, co, k, stride) = (c.input, c.output, c.kernel, c.stride);
    Convolution { weight: &c.weight, ci, co, k, stride }
}

/// Batch-norm statistics of every node: the simple average over batches (the maps of `inputs`) of
/// the batch mean and the unbiased batch variance, each batch in training mode.
pub(crate) fn statistics<C: Borrow<BnConv> + Sync>(
    tree: &Tree<C>,
    inputs: &Inputs,
    pool: &Pool,
    done: &(dyn Fn() + Sync),
) -> NodeStats {
    let batches: Vec<NodeStats> = inputs
        .maps
        .par_iter()
        .with_max_len(1)
        .map(|(map, images)| {
            let found = vec![Vec::new(); tree.nodes.len()];
            let mut compute = Statistics { isa: Isa::detect(), pool, images: *images, found };
            walk(tree, map, &mut compute);
            done();
            compute.found
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

/// Who is shown a feature map: its place, the number of its images, and the images.
pub(crate) type Seen<'a> = &'a mut dyn FnMut(Site, &Map);
/// Who gets the logits of a network: its leaf, and `[classes][16]`.
type Logits<'a> = &'a mut dyn FnMut(usize, &[f32]);

struct Inference<'a> {
    isa: Isa,
    pool: &'a Pool,
    seen: Option<Seen<'a>>,
    logits: Logits<'a>,
}

impl Inference<'_> {
    fn conv(&self, conv: &FoldedConv, x: &Map, add: Option<&Map>) -> Map {
        let mut y = self.pool.take(x.blocks, conv.output, x.planes.strided(conv.stride));
        for b in 0..x.blocks {
            let residual = add.map(|a| a.block(b));
            let e = Epilogue { bias: Some(&conv.bias), residual, slope: slope(conv.act) };
            with_bias(conv).run(self.isa, x.planes, x.block(b), y.block_mut(b), &e);
        }
        y
    }

    fn see(&mut self, site: Site, map: &Map) {
        if let Some(seen) = &mut self.seen {
            seen(site, map);
        }
    }
}

impl<C: Borrow<FoldedConv>> Compute<C> for Inference<'_> {
    fn unit(
        &mut self,
        at: At,
        unit: &Unit<C>,
        x: &Arc<Map>,
        first: Option<&Arc<Map>>,
    ) -> Option<Map> {
        let y = match unit {
            Unit::Conv(conv) | Unit::First(conv) => self.conv(conv.borrow(), x, None),
            Unit::Second { conv, shortcut } => {
                let shortcut = shortcut.as_ref().map(|s| self.conv(s.borrow(), x, None));
                if let Some(map) = &shortcut {
                    self.see(Site::Shortcut(at.depth), map);
                }
                let add: &Map = shortcut.as_ref().unwrap_or(x);
                self.conv(conv.borrow(), first.unwrap_or(x), Some(add))
            }
        };
        self.see(Site::Layer(at.depth), &y);
        Some(y)
    }

    fn leaf(&mut self, leaf: usize, classifier: &Linear, x: &Map) {
        let one = Planes { h: 1, w: 1, margin: 0 };
        let (mut pooled, mut logits) =
            (vec![0f32; x.c * LANES], vec![0f32; classifier.output * LANES]);
        planes::mean(self.isa, x.planes, x.block(0), &mut pooled);
        let Linear { input: ci, output: co, weight, bias } = classifier;
        let conv = Convolution { weight, ci: *ci, co: *co, k: 1, stride: 1 };
        let e = Epilogue { bias: Some(bias), ..Epilogue::NONE };
        conv.run(self.isa, one, &pooled, &mut logits, &e);
        (self.logits)(leaf, &logits);
    }
}

/// The logits of every network of a tree for a map of at most 16 images, `[classes][16]` each;
/// `seen` is shown every feature map after the input.
pub(crate) fn infer<'a, C: Borrow<FoldedConv>>(
    tree: &Tree<C>,
    map: &Arc<Map>,
    pool: &'a Pool,
    seen: Option<Seen<'a>>,
    logits: Logits<'a>,
) {
    walk(tree, map, &mut Inference { isa: Isa::detect(), pool, seen, logits });
}
