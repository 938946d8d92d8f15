//! Recalibration and evaluation of sub-networks on the device that trains them.

use burn::tensor::activation::log_softmax;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor, TensorData};
use supernano_base::images::Images;
use supernano_core::plan::Plan;
use supernano_data::Dataset;
use supernano_train::training::params::Params;

use crate::forward::{Norms, without_graph};
use crate::plans::PlanSets;

/// Sub-networks that one batch evaluates.
const TOGETHER: usize = 8;

/// Images for recalibration and evaluation, on the device.
pub(crate) struct ValidationImages<B: Backend> {
    /// Batches for the statistics, each `[n, channels, height, width]`.
    recalibration: Vec<Tensor<B, 4>>,
    /// Batches to evaluate, each `[n, channels, height, width]`, with their classes `[1, n]`.
    evaluation: Vec<(Tensor<B, 4>, Tensor<B, 2, Int>)>,
    /// Number of images to evaluate.
    images: usize,
}

/// Accuracy and loss of a sub-network.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlanScore {
    /// Top-1, 0 to 1.
    pub top1: f64,
    /// Mean cross-entropy, nats.
    pub ce: f64,
}

impl<B: Backend> ValidationImages<B> {
    /// Moves the first `most` images of a split to the device, in batches of `batch`, and the
    /// normalised recalibration images `batches`, `batch` in each.
    pub fn new(
        dataset: &Dataset,
        split: &Images,
        most: usize,
        batch: usize,
        batches: &[Vec<f32>],
    ) -> Self {
        let device = B::Device::default();
        let shape = dataset.shape;
        let [c, h, w] = [shape.channels, shape.height, shape.width].map(usize::from);
        let tensor = |values: Vec<f32>| {
            let n = values.len() / shape.len();
            Tensor::from_data(TensorData::new(values, [n, c, h, w]), &device)
        };
        let indices: Vec<u32> = (0..split.len().min(most) as u32).collect();
        let mut evaluation = Vec::new();
        for chunk in indices.chunks(batch) {
            let labels: Vec<i32> =
                chunk.iter().map(|&i| i32::from(split.labels[i as usize])).collect();
            let labels = TensorData::new(labels, [1, chunk.len()]);
            let images = tensor(dataset.batch(split, chunk));
            evaluation.push((images, Tensor::from_data(labels, &device)));
        }
        Self {
            recalibration: batches.iter().cloned().map(tensor).collect(),
            evaluation,
            images: indices.len(),
        }
    }
}

/// Recalibrates and evaluates every plan. The statistics are the simple average over batches of the
/// batch mean and the unbiased batch variance.
pub(crate) fn validate<B: AutodiffBackend>(
    params: &Params<B>,
    images: &ValidationImages<B::InnerBackend>,
    plans: &[Plan],
) -> Vec<PlanScore> {
    plans.chunks(TOGETHER).flat_map(|plans| validate_together(params, images, plans)).collect()
}

fn validate_together<B: AutodiffBackend>(
    params: &Params<B>,
    images: &ValidationImages<B::InnerBackend>,
    plans: &[Plan],
) -> Vec<PlanScore> {
    let device = Default::default();
    let sets = PlanSets::new(vec![plans.to_vec()], &device);
    let statistics = |x: &Tensor<B::InnerBackend, 4>| {
        without_graph(params, sets.get(0), None).statistics(x.clone())
    };
    let add = |a: Norms<B::InnerBackend>, b: Norms<B::InnerBackend>| {
        a.into_iter().zip(b).map(|([m, v], [n, w])| [m + n, v + w]).collect()
    };
    let sums = images.recalibration.iter().map(statistics).reduce(add).unwrap_or_default();
    let share = 1.0 / images.recalibration.len().max(1) as f32;
    let norms: Norms<_> = sums.into_iter().map(|pair| pair.map(|t| t * share)).collect();
    // Hits and summed losses of each path.
    let mut sums = Tensor::<B::InnerBackend, 2>::zeros([plans.len(), 2], &device);
    for (batch, labels) in &images.evaluation {
        let forward = without_graph(params, sets.get(0), None);
        let logits = forward.evaluate(batch.clone(), norms.clone());
        let [paths, n, _] = logits.dims();
        let answers = logits.clone().argmax(2).reshape([paths, n]);
        let labels = labels.clone().repeat_dim(0, paths);
        let hits = answers.equal(labels.clone()).float().sum_dim(1);
        let of_class = log_softmax(logits, 2).gather(2, labels.reshape([paths, n, 1]));
        let loss = -of_class.reshape([paths, n]).sum_dim(1);
        sums = sums + Tensor::cat(vec![hits, loss], 1);
    }
    let n = images.images.max(1) as f64;
    let sums: Vec<f32> = sums.into_data().iter::<f32>().collect();
    let score = |s: &[f32]| PlanScore { top1: f64::from(s[0]) / n, ce: f64::from(s[1]) / n };
    sums.chunks_exact(2).map(score).collect()
}
