//! Recalibration and evaluation of sub-networks on the device that trains them.

use supernano_base::error::Result;
use supernano_core::plan::Plan;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::step::{self, Update};
use supernano_train::supernet::{EvalSet, Evaluation};

use crate::precision::Element;
use crate::step::{GpuStep, failed};
use crate::table;

/// Recalibrates and evaluates plans with the weights of a step, as
/// [`recalibrate`](supernano_train::supernet::recalibrate) and
/// [`evaluate`](supernano_train::supernet::evaluate) do. `batches` are normalised images,
/// `[size, channels, height, width]` each.
///
/// # Errors
/// [`Error::Tool`](supernano_base::error::Error::Tool) if the device fails.
pub fn scores<R: Runtime, M: Element>(
    step: &GpuStep<'_, R, M>,
    plans: &[Plan],
    (size, batches): (usize, &[Vec<f32>]),
    set: &EvalSet,
) -> Result<Vec<Evaluation>> {
    let shape = step.job.space.get().input;
    let last = |values: &[f32]| table::channels_last::<M>(values, shape);
    let batches: Vec<Vec<M>> = batches.iter().map(|values| last(values)).collect();
    // As many images and paths as in the updates of the step: kernels are compiled for both.
    let paths = step.job.step.k + usize::from(step.job.trains_largest());
    let recorded = step.recorded([size as u32, paths as u32]);
    let images: Vec<Vec<M>> = set.parts(size).map(|part| last(&part)).collect();
    let none = vec![0; size];
    let mut found = Vec::with_capacity(plans.len());
    for chunk in plans.chunks(paths) {
        // The last paths repeat a plan if the chunk is small.
        let mut padded = chunk.to_vec();
        padded.resize_with(paths, || chunk[0].clone());
        let (table, used) = table::of_plans(&step.layout, &recorded.network().rows(), &padded);
        let mut evaluation = step::Evaluation::new(&recorded, &step.client);
        for images in &batches {
            evaluation.recalibrate(&step.client, &update(images, &none, (&table, &used)));
        }
        let mut logits = vec![Vec::new(); chunk.len()];
        for images in &images {
            let n = images.len() / shape.len();
            let mut whole = images.clone();
            whole.resize(size * shape.len(), M::new(0.0));
            let batch = update(&whole, &none, (&table, &used));
            let all = evaluation.logits(&step.client, &batch).map_err(failed)?;
            let path = all.len() / paths;
            let classes = path / size;
            for (logits, all) in logits.iter_mut().zip(all.chunks(path)) {
                logits.extend_from_slice(&all[..n * classes]);
            }
        }
        found.extend(logits.iter().map(|logits| set.judge(logits)));
    }
    Ok(found)
}

/// A batch without labels and without a teacher.
fn update<'a, M>(
    images: &'a [M],
    labels: &'a [u32],
    (table, used): (&'a [u32], &'a [u32]),
) -> Update<'a, M> {
    Update { images, labels, table, used, teacher: None }
}
