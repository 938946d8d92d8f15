//! Recalibration and evaluation of the paths of a step.

use cubecl::prelude::*;

use super::{Launch, Step, Update};
use crate::buffer::Buffer;

/// The paths of a step with averaged batch-norm statistics.
///
/// The statistics of a norm are the simple average over batches of the batch mean and the unbiased
/// batch variance. While they are taken, every batch is normalised by its own.
#[derive(Debug)]
pub struct Evaluation<'a, M> {
    step: &'a Step<M>,
    /// Sums of the statistics, one buffer for each norm in the order of the launches.
    sums: Vec<Buffer<f32>>,
    batches: u32,
}

impl<'a, M: Float + CubeElement> Evaluation<'a, M> {
    /// An evaluation without statistics.
    pub fn new<R: Runtime>(step: &'a Step<M>, client: &ComputeClient<R>) -> Self {
        let sums = step.forward.iter().filter_map(|launch| match launch {
            Launch::Factors(norm, ..) => Some(Buffer::empty(client, norm.statistics())),
            _ => None,
        });
        Self { step, sums: sums.collect(), batches: 0 }
    }

    /// Adds the statistics of a batch.
    pub fn recalibrate<R: Runtime>(&mut self, client: &ComputeClient<R>, batch: &Update<'_, M>) {
        self.step.send(client, batch);
        let mut sums = self.sums.iter();
        for launch in &self.step.forward {
            launch.run(client);
            if let (Launch::Factors(norm, buffers, _, [count, epsilon]), first) =
                (launch, self.batches == 0)
                && let Some(sums) = sums.next()
            {
                let numbers = (*count, *epsilon);
                norm.add_statistics(client, &buffers.factors, sums, numbers, first);
            }
        }
        self.batches += 1;
    }

    /// Reads the logits of a batch, `[paths, images, classes]`. At least one batch has given
    /// statistics, with the same table.
    ///
    /// # Errors
    /// The message of the device.
    pub fn logits<R: Runtime>(
        &self,
        client: &ComputeClient<R>,
        batch: &Update<'_, M>,
    ) -> Result<Vec<f32>, String> {
        self.step.send(client, batch);
        let mut sums = self.sums.iter();
        for launch in &self.step.forward {
            if let Launch::Factors(norm, b, _, [_, epsilon]) = launch
                && let Some(sums) = sums.next()
            {
                let (parameters, sums) = ((&b.parameters, &b.table), (sums, self.batches));
                norm.average(client, sums, parameters, &b.factors, *epsilon);
            } else {
                launch.run(client);
            }
        }
        self.step.head.logits(client, &self.step.head_buffers, self.step.head_rows);
        self.step.head_buffers.logits.read(client)
    }
}
