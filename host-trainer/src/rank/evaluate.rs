//! Accuracy and loss of folded networks.

use rayon::prelude::*;
use supernano_core::arch::Arch;

use super::{Evaluation, Score};
use crate::data::{Dataset, Images};
use crate::supernet::{FoldedNet, Prepared};
use crate::train::Run;

const BATCH: usize = 128;

/// Normalised images of a split, batch by batch.
pub struct EvalSet {
    batches: Vec<Vec<f32>>,
    labels: Vec<u16>,
}

impl EvalSet {
    /// The first `most` images of a split of a data set.
    pub fn new(dataset: &Dataset, split: &Images, most: usize) -> Self {
        let indices: Vec<u32> = (0..split.len().min(most) as u32).collect();
        Self {
            batches: indices.chunks(BATCH).map(|chunk| dataset.batch(split, chunk)).collect(),
            labels: split.labels[..indices.len()].to_vec(),
        }
    }

    /// Images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True without images.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }
}

/// Evaluates a network.
pub fn evaluate(net: &FoldedNet, set: &EvalSet) -> Evaluation {
    let prepared = Prepared::new(net);
    let found: Vec<Vec<(bool, f64)>> = set
        .batches
        .par_iter()
        .zip(set.labels.par_chunks(BATCH))
        .map(|(images, labels)| {
            let logits = prepared.forward(images, labels.len(), &mut |_, _| {});
            logits
                .chunks_exact(net.classes())
                .zip(labels)
                .map(|(row, &label)| judge(row, usize::from(label)))
                .collect()
        })
        .collect();
    let found: Vec<(bool, f64)> = found.into_iter().flatten().collect();
    let n = found.len().max(1) as f64;
    let top1 = found.iter().filter(|(right, _)| *right).count() as f64 / n;
    let ce = found.iter().map(|(_, ce)| ce).sum::<f64>() / n;
    let spread = found.iter().map(|(_, x)| (x - ce).powi(2)).sum::<f64>();
    Evaluation {
        top1,
        top1_se: (top1 * (1.0 - top1) / n).sqrt(),
        ce,
        ce_se: (spread / (n - 1.0).max(1.0) / n).sqrt(),
        images: found.len(),
    }
}

/// Whether the largest logit (the first of equals) is the label's, and the cross-entropy in nats.
fn judge(row: &[f32], label: usize) -> (bool, f64) {
    let mut best = 0;
    for (i, &x) in row.iter().enumerate() {
        if x > row[best] {
            best = i;
        }
    }
    let most = f64::from(row[best]);
    let sum: f64 = row.iter().map(|&x| (f64::from(x) - most).exp()).sum();
    (best == label, sum.ln() + most - f64::from(row[label]))
}

/// Scores a sub-network of a run: recalibrate, fold, evaluate.
pub fn score(run: &Run, arch: &Arch, dataset: &Dataset, set: &EvalSet) -> Score {
    let found = evaluate(&run.folded(arch, dataset), set);
    Score {
        acc: found.top1,
        arch: arch.display(run.space()).to_string(),
        acc_se: found.top1_se,
        ce: found.ce,
        ce_se: found.ce_se,
        images: found.images,
    }
}
