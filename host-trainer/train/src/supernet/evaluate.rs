//! Accuracy and loss of networks.

use std::borrow::{Borrow, Cow};
use std::ops::Range;

use rayon::prelude::*;
use supernano_base::images::Images;
use supernano_base::objective::{Objective, ScoreMetric};
use supernano_base::stats::roc::{auc, auc_se};
use supernano_core::space::{Head, Shape};
use supernano_data::{Dataset, normalised};

use super::Evaluation;
use crate::backend::LANES;
use crate::supernet::maps::{Inputs, Pool};
use crate::supernet::tree::Tree;
use crate::supernet::{FoldedConv, FoldedNet, walk};

/// Images whose values are computed at a time.
const CONTENTS: usize = 1024;

/// Normalised images of a split with their labels.
#[derive(Clone, Debug)]
pub struct EvalSet {
    values: Values,
    labels: Vec<u16>,
    /// Targets of other heads than classes, `[n, outputs]`, standardised.
    targets: Vec<f32>,
    head: Head,
    /// Mean squared distance of the targets of values from their means; 1 without variance, which is that
    /// of the training values.
    variance: f64,
}

/// Normalised values, `[n, channels, height, width]`.
#[derive(Clone, Debug)]
enum Values {
    /// In memory.
    Held(Vec<f32>),
    /// Of images in a mapped file, computed when they are used.
    Mapped {
        /// The images.
        images: Images,
        /// Mean and standard deviation of each channel, of pixel / 255.
        normalisation: (Vec<f32>, Vec<f32>),
    },
}

impl EvalSet {
    /// The first `most` images of a split of a data set, or all if it has fewer.
    pub fn new(dataset: &Dataset, split: &Images, most: usize) -> Self {
        let n = split.len().min(most);
        let indices: Vec<u32> = (0..n as u32).collect();
        let labels = split.labels[..n].to_vec();
        let (values, targets) = if split.is_mapped() {
            let batch = |indices: &[u32]| match dataset.objective {
                Objective::Reconstruction => dataset.batch(split, indices),
                _ => Vec::new(),
            };
            let targets = dataset.targets(split, &indices, &batch(&indices));
            let normalisation = (dataset.mean.clone(), dataset.std.clone());
            (Values::Mapped { images: split.first(n), normalisation }, targets)
        } else {
            let values = dataset.batch(split, &indices);
            let targets = dataset.targets(split, &indices, &values);
            (Values::Held(values), targets)
        };
        let head = dataset.objective.head();
        let variance = match head {
            Head::Values => variance(&targets, dataset.outputs()),
            Head::Classes | Head::Labels => 1.0,
        };
        Self { values, labels, targets, head, variance }
    }

    /// The values of a range of the images, `[range.len(), channels, height, width]`.
    ///
    /// # Panics
    /// If the range exceeds the set.
    pub fn part(&self, range: Range<usize>) -> Cow<'_, [f32]> {
        match &self.values {
            Values::Held(values) => {
                let size = values.len() / self.len().max(1);
                Cow::Borrowed(&values[range.start * size..range.end * size])
            }
            Values::Mapped { images, normalisation: (mean, std) } => {
                let indices: Vec<u32> = (range.start as u32..range.end as u32).collect();
                Cow::Owned(normalised(images, &indices, mean, std))
            }
        }
    }

    /// The values in parts of `size` images; the last part may be smaller.
    pub fn parts(&self, size: usize) -> impl Iterator<Item = Cow<'_, [f32]>> {
        let n = self.len();
        (0..n).step_by(size.max(1)).map(move |start| self.part(start..n.min(start + size)))
    }

    /// Targets of other heads than classes, `[n, outputs]`, on the scale on which they are learnt.
    pub fn targets(&self) -> &[f32] {
        &self.targets
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// The result of a network with these logits, `[n, outputs]`, for the images of the set.
    pub fn judge(&self, logits: &[f32]) -> Evaluation {
        let outputs = logits.len() / self.len().max(1);
        let mut judged = Judgements::default();
        for (i, row) in logits.chunks_exact(outputs.max(1)).enumerate() {
            self.judge_one(i, row.iter().copied(), &mut judged);
        }
        self.evaluation(&judged)
    }

    /// True if there are no images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// All values, all labels and all targets.
    pub(crate) fn contents(&self) -> (impl Iterator<Item = f32>, &[u16]) {
        let values = self.parts(CONTENTS).flat_map(Cow::into_owned);
        (values.chain(self.targets.iter().copied()), &self.labels)
    }

    /// The images as input maps of a forward pass.
    pub(crate) fn inputs(&self, input: Shape, margin: usize) -> Inputs {
        match &self.values {
            Values::Held(values) => Inputs::new(input, margin, values.chunks(LANES * input.len())),
            Values::Mapped { .. } => {
                let set = self.clone();
                let batch = move |block: usize| {
                    let start = block * LANES;
                    set.part(start..set.len().min(start + LANES)).into_owned()
                };
                Inputs::made(input, margin, self.len().div_ceil(LANES), batch)
            }
        }
    }

    /// Adds the result of image `i` with these outputs.
    fn judge_one(
        &self,
        i: usize,
        outputs: impl Iterator<Item = f32> + Clone,
        into: &mut Judgements,
    ) {
        let targets = || {
            let count = self.targets.len() / self.len();
            self.targets[i * count..(i + 1) * count].iter().copied()
        };
        let judged = match self.head {
            Head::Classes => judge(outputs, usize::from(self.labels[i])),
            Head::Labels => {
                into.outputs.extend(outputs.clone());
                (false, mean_of(outputs.zip(targets()), binary_loss))
            }
            Head::Values => (false, mean_of(outputs.zip(targets()), |y, t| (y - t).powi(2))),
        };
        into.each.push(judged);
    }

    /// The result of all images.
    fn evaluation(&self, found: &Judgements) -> Evaluation {
        let plain = Evaluation::of(&found.each);
        let metric = ScoreMetric::of(self.head);
        let (top1, top1_se) = match self.head {
            Head::Classes => return plain,
            Head::Labels => self.areas(&found.outputs),
            Head::Values => (1.0 - plain.ce / self.variance, plain.ce_se / self.variance),
        };
        Evaluation { top1, top1_se, metric, ..plain }
    }

    /// The mean over the labels of the area under the ROC curve, and the mean of their standard errors,
    /// which is an upper bound of that of the mean. Labels that all images have, or none, do not count.
    fn areas(&self, outputs: &[f32]) -> (f64, f64) {
        let count = self.targets.len() / self.len().max(1);
        let column = |values: &[f32], o: usize| -> Vec<f64> {
            values.iter().skip(o).step_by(count).map(|&v| v.into()).collect()
        };
        let area = |o: usize| {
            let has: Vec<bool> = column(&self.targets, o).iter().map(|&t| t > 0.5).collect();
            let area = auc(&column(outputs, o), &has)?;
            let positive = has.iter().filter(|&&p| p).count();
            Some((area, auc_se(area, positive, has.len() - positive)))
        };
        let found: Vec<(f64, f64)> = (0..count).filter_map(area).collect();
        let n = found.len() as f64;
        match found.is_empty() {
            true => (ScoreMetric::MacroAuc.chance(), 0.5),
            false => (
                found.iter().map(|f| f.0).sum::<f64>() / n,
                found.iter().map(|f| f.1).sum::<f64>() / n,
            ),
        }
    }
}

/// Mean squared distance of `[n, outputs]` values from the means of the outputs; 1 if it is 0.
fn variance(values: &[f32], outputs: usize) -> f64 {
    let column = |o: usize| values.iter().skip(o).step_by(outputs.max(1)).map(|&v| f64::from(v));
    let n = (values.len() / outputs.max(1)).max(1) as f64;
    let of = |o: usize| {
        let mean = column(o).sum::<f64>() / n;
        column(o).map(|v| (v - mean).powi(2)).sum::<f64>() / n
    };
    let found = (0..outputs).map(of).sum::<f64>() / outputs.max(1) as f64;
    if found > 0.0 { found } else { 1.0 }
}

/// Mean of a function of outputs and targets.
fn mean_of(pairs: impl Iterator<Item = (f32, f32)>, of: impl Fn(f64, f64) -> f64) -> f32 {
    let (sum, count) =
        pairs.fold((0.0, 0u32), |(sum, count), (y, t)| (sum + of(y.into(), t.into()), count + 1));
    (sum / f64::from(count.max(1))) as f32
}

/// Binary cross-entropy of a logit against a target from 0 to 1, nats.
fn binary_loss(logit: f64, target: f64) -> f64 {
    logit.max(0.0) - logit * target + (-logit.abs()).exp().ln_1p()
}

/// Evaluates a network on the images of a set.
pub fn evaluate(net: &FoldedNet, set: &EvalSet) -> Evaluation {
    let tree = Tree::of_folded(net);
    let pool = Pool::of(net, |c| (c.output, c.op));
    let inputs = set.inputs(tree.input, tree.margin);
    evaluate_tree(&tree, set, &inputs, &pool, &|| {})[0]
}

/// Result for one image: whether the answer is right, and the loss.
type Judged = (bool, f32);

/// Results of images, and the outputs of networks for labels.
#[derive(Clone, Default)]
struct Judgements {
    each: Vec<Judged>,
    outputs: Vec<f32>,
}

/// Evaluates every network of a tree. `done` is called after every 16 images.
pub(crate) fn evaluate_tree<C: Borrow<FoldedConv> + Sync>(
    tree: &Tree<C>,
    set: &EvalSet,
    inputs: &Inputs,
    pool: &Pool,
    done: &(dyn Fn() + Sync),
) -> Vec<Evaluation> {
    // for every 16 images, for every leaf
    let found: Vec<Vec<Judgements>> = (0..inputs.len())
        .into_par_iter()
        .zip(set.labels.par_chunks(LANES))
        .with_max_len(1)
        .map(|(block, labels)| {
            let (map, _) = &*inputs.map(block);
            let mut leaves = vec![Judgements::default(); tree.leaves];
            walk::infer(tree, map, pool, None, &mut |leaf, logits| {
                for lane in 0..labels.len() {
                    // The logits are `[classes][16]`, one image a lane.
                    let own = logits.iter().skip(lane).step_by(LANES).copied();
                    set.judge_one(block * LANES + lane, own, &mut leaves[leaf]);
                }
            });
            done();
            leaves
        })
        .collect();
    let of = |leaf: usize| {
        let mut all = Judgements::default();
        for block in &found {
            all.each.extend_from_slice(&block[leaf].each);
            all.outputs.extend_from_slice(&block[leaf].outputs);
        }
        set.evaluation(&all)
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
            metric: None,
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
