//! Accuracy and loss of networks.

use std::borrow::Borrow;

use rayon::prelude::*;
use supernano_base::images::Images;
use supernano_core::space::Shape;
use supernano_data::Dataset;

use super::Evaluation;
use crate::backend::LANES;
use crate::supernet::maps::{Inputs, Pool};
use crate::supernet::tree::Tree;
use crate::supernet::{FoldedConv, FoldedNet, walk};

/// Normalised images of a split with their labels.
#[derive(Clone, Debug)]
pub struct EvalSet {
    /// `[n, channels, height, width]`.
    values: Vec<f32>,
    labels: Vec<u16>,
}

impl EvalSet {
    /// The first `most` images of a split of a data set, or all if it has fewer.
    pub fn new(dataset: &Dataset, split: &Images, most: usize) -> Self {
        let indices: Vec<u32> = (0..split.len().min(most) as u32).collect();
        let labels = split.labels[..indices.len()].to_vec();
        Self { values: dataset.batch(split, &indices), labels }
    }

    /// All values, `[n, channels, height, width]`.
    pub fn values(&self) -> &[f32] {
        &self.values
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The result of a network with these logits, `[n, classes]`, for the images of the set.
    pub fn judge(&self, logits: &[f32]) -> Evaluation {
        let classes = logits.len() / self.len().max(1);
        let rows = logits.chunks_exact(classes.max(1)).zip(&self.labels);
        let judged: Vec<Judged> =
            rows.map(|(row, &label)| judge(row.iter().copied(), usize::from(label))).collect();
        Evaluation::of(&judged)
    }

    /// True if there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All values and all labels.
    pub(crate) fn contents(&self) -> (impl Iterator<Item = &f32>, &[u16]) {
        (self.values.iter(), &self.labels)
    }

    /// The images as input maps of a forward pass.
    pub(crate) fn inputs(&self, input: Shape, margin: usize) -> Inputs {
        Inputs::new(input, margin, self.values.chunks(LANES * input.len()))
    }
}

/// Evaluates a network on the images of a set.
pub fn evaluate(net: &FoldedNet, set: &EvalSet) -> Evaluation {
    let tree = Tree::of_folded(net);
    let pool = Pool::of(net, |c| (c.output, c.op));
    let inputs = set.inputs(tree.input, tree.margin);
    evaluate_tree(&tree, set, &inputs, &pool, &|| {})[0]
}

/// Result for one image: whether the answer is right, and the cross-entropy in nats.
type Judged = (bool, f32);

/// Evaluates every network of a tree. `done` is called after every 16 images.
pub(crate) fn evaluate_tree<C: Borrow<FoldedConv> + Sync>(
    tree: &Tree<C>,
    set: &EvalSet,
    inputs: &Inputs,
    pool: &Pool,
    done: &(dyn Fn() + Sync),
) -> Vec<Evaluation> {
    let n = set.len();
    // for every 16 images, for every leaf
    let found: Vec<Vec<Vec<Judged>>> = inputs
        .maps
        .par_iter()
        .zip(set.labels.par_chunks(LANES))
        .with_max_len(1)
        .map(|((map, _), labels)| {
            let mut leaves = vec![Vec::new(); tree.leaves];
            walk::infer(tree, map, pool, None, &mut |leaf, logits| {
                leaves[leaf] = labels
                    .iter()
                    .enumerate()
                    .map(|(lane, &label)| {
                        // The logits are `[classes][16]`, one image a lane.
                        let own = logits.iter().skip(lane).step_by(LANES).copied();
                        judge(own, usize::from(label))
                    })
                    .collect();
            });
            done();
            leaves
        })
        .collect();
    let of = |leaf: usize| {
        let mut all = Vec::with_capacity(n);
        found.iter().for_each(|block| all.extend_from_slice(&block[leaf]));
        Evaluation::of(&all)
    };
    (0..tree.leaves).map(of).collect()
}

impl Evaluation {
    fn of(found: &[Judged]) -> Self {
        let n = found.len().max(1) as f64;
        let top1 = found.iter().filter(|(right, _)| *right).count() as f64 / n;
        let ce = found.iter().map(|(_, ce)| f64::from(*ce)).sum::<f64>() / n;
        let spread = found.iter().map(|(_, x)| (f64::from(*x) - ce).powi(2)).sum::<f64>();
        Self {
            top1,
            top1_se: (top1 * (1.0 - top1) / n).sqrt(),
            ce,
            ce_se: (spread / (n - 1.0).max(1.0) / n).sqrt(),
            images: found.len(),
        }
    }
}

/// Compares the first of the largest logits of an image with its label, and computes the
/// cross-entropy.
fn judge(logits: impl Iterator<Item = f32> + Clone, label: usize) -> Judged {
    let (mut best, mut most) = (0, f32::NEG_INFINITY);
    for (class, x) in logits.clone().enumerate() {
        if x > most {
            (best, most) = (class, x);
        }
    }
    let most = f64::from(most);
    let sum: f64 = logits.clone().map(|x| (f64::from(x) - most).exp()).sum();
    let own = f64::from(logits.clone().nth(label).unwrap_or(f32::NAN));
    (best == label, (sum.ln() + most - own) as f32)
}
