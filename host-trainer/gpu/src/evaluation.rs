//! Recalibration and evaluation of sub-networks on the device that trains them.

use supernano_base::error::Result;
use supernano_core::plan::Plan;
use supernano_core::space::Shape;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::step::{self, Update};
use supernano_train::supernet::{EvalSet, Evaluation};

use crate::precision::Element;
use crate::step::{GpuStep, failed};
use crate::table;

/// Recalibrates and evaluates plans with the weights of a step, as
/// [`recalibrate`](supernano_train::supernet::recalibrate) and
/// [`evaluate`](supernano_train::supernet::evaluate) do. All plans have one resolution. `batches` are
/// normalised images of it, `[size, channels, height, width]` each.
///
/// # Errors
/// [`Error::Tool`](supernano_base::error::Error::Tool) if the device fails.
pub fn scores<R: Runtime, M: Element>(
    step: &GpuStep<'_, R, M>,
    plans: &[Plan],
    (size, batches): (usize, &[Vec<f32>]),
    set: &EvalSet,
) -> Result<Vec<Evaluation>> {
    let Some(shape) = plans.first().map(|plan| plan.image) else { return Ok(Vec::new()) };
    let last = |values: &[f32]| table::channels_last::<M>(values, shape);
    let batches: Vec<Vec<M>> = batches.iter().map(|values| last(values)).collect();
    // As many images and paths as in the updates of the step: kernels are compiled for both.
    let paths = step.job.step.k + usize::from(step.job.trains_largest());
    let recorded = step.recorded([size as u32, paths as u32], shape);
    let images: Vec<Vec<M>> = set.parts(size).map(|part| last(&part)).collect();
    let mut found = Vec::with_capacity(plans.len());
    for chunk in plans.chunks(paths) {
        // The last paths repeat a plan if the chunk is small.
        let mut padded: Vec<Option<&Plan>> = chunk.iter().map(Some).collect();
        padded.resize(paths, chunk.first());
        let (table, used) = table::of_plans(&step.layout, &recorded.network().rows(), &padded);
        let mut evaluation = step::Evaluation::new(&recorded, &step.client);
        for images in &batches {
            evaluation.recalibrate(&step.client, &update(images, (&table, &used)));
        }
        let mut logits = vec![Vec::new(); chunk.len()];
        for images in &images {
            let n = images.len() / shape.len();
            let mut whole = images.clone();
            whole.resize(size * shape.len(), M::new(0.0));
            let batch = update(&whole, (&table, &used));
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

/// Calls `f` with the plans of each resolution, and returns the results in the order of the plans.
///
/// # Errors
/// Those of `f`.
pub fn by_resolution<T>(
    plans: Vec<Plan>,
    mut f: impl FnMut(Shape, &[Plan]) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let mut groups: Vec<(Shape, Vec<usize>)> = Vec::new();
    for (i, plan) in plans.iter().enumerate() {
        match groups.iter_mut().find(|(image, _)| *image == plan.image) {
            Some((_, members)) => members.push(i),
            None => groups.push((plan.image, vec![i])),
        }
    }
    let mut found = Vec::with_capacity(plans.len());
    for (image, members) in groups {
        let own: Vec<Plan> = members.iter().map(|&i| plans[i].clone()).collect();
        found.extend(members.into_iter().zip(f(image, &own)?));
    }
    found.sort_by_key(|(i, _)| *i);
    Ok(found.into_iter().map(|(_, result)| result).collect())
}

/// A batch without targets and without a teacher.
fn update<'a, M>(images: &'a [M], (table, used): (&'a [u32], &'a [u32])) -> Update<'a, M> {
    Update { images, targets: &[0.0], table, used, teacher: None }
}
