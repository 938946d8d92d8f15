//! Recalibration and evaluation of sub-networks on the device that trains them.

use burn::tensor::activation::log_softmax;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{Int, Tensor, TensorData};
use supernano_base::images::Images;
use supernano_core::plan::Plan;
use supernano_data::Dataset;
use supernano_train::training::params::Params;

use crate::network::{Norms, Paths, without_graph};

/// Sub-networks that are evaluated in one batch.
const TOGETHER: usize = 8;

/// Images on the device.
pub struct Judge<B: Backend> {
    /// Batches for statistics, `[n, channels, height, width]` each.
    recalibration: Vec<Tensor<B, 4>>,
    /// Batches to be judged, and their classes `[1, n]`.
    judged: Vec<(Tensor<B, 4>, Tensor<B, 2, Int>)>,
    images: usize,
}

/// What is found of a sub-network.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// 0 to 1.
    pub top1: f64,
    /// Mean cross-entropy, nats.
    pub ce: f64,
}

impl<B: Backend> Judge<B> {
    /// The first `most` images of a split, `batch` at a time, and normalised images for the
    /// statistics, `batch` in each of `batches`.
    pub fn new(
        dataset: &Dataset,
        split: &Images,
        most: usize,
        batch: usize,
        batches: &[Vec<f32>],
    ) -> Self {
        let device = B::Device::default();
        let s = dataset.shape;
        let [c, h, w] = [s.channels, s.height, s.width].map(usize::from);
        let tensor = |values: Vec<f32>| {
            let n = values.len() / s.len();
            Tensor::from_data(TensorData::new(values, [n, c, h, w]), &device)
        };
        let indices: Vec<u32> = (0..split.len().min(most) as u32).collect();
        let judged = indices.chunks(batch).map(|chunk| {
            let labels: Vec<i32> =
                chunk.iter().map(|&i| i32::from(split.labels[i as usize])).collect();
            let labels = TensorData::new(labels, [1, chunk.len()]);
            (tensor(dataset.batch(split, chunk)), Tensor::from_data(labels, &device))
        });
        Self {
            recalibration: batches.iter().cloned().map(tensor).collect(),
            judged: judged.collect(),
            images: indices.len(),
        }
    }
}

/// Recalibrates (the simple average over batches of the batch mean and the unbiased batch variance)
/// and evaluates every plan.
pub fn judged<B: AutodiffBackend>(
    params: &Params<B>,
    judge: &Judge<B::InnerBackend>,
    plans: &[Plan],
) -> Vec<Found> {
    plans.chunks(TOGETHER).flat_map(|plans| judged_together(params, judge, plans)).collect()
}

fn judged_together<B: AutodiffBackend>(
    params: &Params<B>,
    judge: &Judge<B::InnerBackend>,
    plans: &[Plan],
) -> Vec<Found> {
    let device = Default::default();
    let paths = Paths::new(vec![plans.to_vec()], &device);
    let seen = |x: &Tensor<B::InnerBackend, 4>| {
        without_graph(params, paths.of(0), None).statistics(x.clone())
    };
    let both = |a: Norms<B::InnerBackend>, b: Norms<B::InnerBackend>| {
        a.into_iter().zip(b).map(|([m, v], [n, w])| [m + n, v + w]).collect()
    };
    let sums = judge.recalibration.iter().map(seen).reduce(both).unwrap_or_default();
    let share = 1.0 / judge.recalibration.len().max(1) as f32;
    let norms: Norms<_> = sums.into_iter().map(|pair| pair.map(|t| t * share)).collect();
    let mut sums = Tensor::<B::InnerBackend, 2>::zeros([plans.len(), 2], &device);
    for (images, labels) in &judge.judged {
        let masked = without_graph(params, paths.of(0), None);
        let logits = masked.evaluate(images.clone(), norms.clone());
        let [paths, n, _] = logits.dims();
        let answers = logits.clone().argmax(2).reshape([paths, n]);
        let labels = labels.clone().repeat_dim(0, paths);
        let right = answers.equal(labels.clone()).float().sum_dim(1);
        let own = log_softmax(logits, 2).gather(2, labels.reshape([paths, n, 1]));
        let loss = -own.reshape([paths, n]).sum_dim(1);
        sums = sums + Tensor::cat(vec![right, loss], 1);
    }
    let n = judge.images.max(1) as f64;
    let sums: Vec<f32> = sums.into_data().iter::<f32>().collect();
    let found = |s: &[f32]| Found { top1: f64::from(s[0]) / n, ce: f64::from(s[1]) / n };
    sums.chunks_exact(2).map(found).collect()
}
