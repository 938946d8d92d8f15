//! The updates of a training step in the masked execution: Algorithm 1 with all paths in one batch.
//!
//! An update reads nothing back from the device. Losses stay there and are read every
//! [`READ_EVERY`] updates, so a loss that is not finite is found up to that many updates later.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{FloatDType, Tensor};
use supernano_base::config::{Precision, StepKind};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::plan::Plan;
use supernano_train::training::job::Job;
use supernano_train::training::params::Params;
use supernano_train::training::{Losses, loss};

use crate::forward::{with_graph, without_graph};
use crate::plans::{PlanSet, PlanSets};

/// Updates between two reads of the losses.
const READ_EVERY: u64 = 16;

/// Losses that have not been read yet.
struct Unread<B: AutodiffBackend> {
    /// Sums over updates, `[2]`: the loss of the largest network and the mean loss of the
    /// sub-networks, nats.
    sums: Option<Tensor<B::InnerBackend, 1>>,
    /// First update in the sums.
    since: u64,
    /// Number of updates in the sums.
    updates: u64,
}

impl<B: AutodiffBackend> Default for Unread<B> {
    fn default() -> Self {
        Self { sums: None, since: 0, updates: 0 }
    }
}

/// A training step in the masked execution.
pub(crate) struct MaskedStep<'a, B: AutodiffBackend> {
    /// The step.
    pub job: Job<'a, B>,
    /// Data type of convolutions, or `None` for 32 bits.
    half: Option<FloatDType>,
    unread: Unread<B>,
}

impl<'a, B: AutodiffBackend> MaskedStep<'a, B> {
    /// A step whose convolutions compute in `precision`.
    pub fn new(job: Job<'a, B>, precision: Precision) -> Self {
        Self { job, half: half(precision), unread: Unread::default() }
    }

    /// The plans of an update in the order of its batch: the largest network if the step trains it,
    /// then the sub-networks.
    pub fn plans(&self, students: &[Arch]) -> Vec<Plan> {
        let mut plans = Vec::with_capacity(1 + students.len());
        if self.job.trains_largest() {
            plans.push(self.largest());
        }
        plans.extend(students.iter().map(|arch| self.job.plan(arch)));
        plans
    }

    /// Runs one update of the plans of [`MaskedStep::plans`], as [`Job::update`] does. Returns the
    /// sums of the losses that it has read, which are 0 unless it reads.
    ///
    /// # Shapes
    /// Images `[n, channels, height, width]` and labels `[n, classes]`, both on the device.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn update(
        &mut self,
        params: &mut Params<B>,
        (images, labels): (Tensor<B::InnerBackend, 4>, Tensor<B::InnerBackend, 2>),
        set: PlanSet<'_, B::InnerBackend>,
        (rate, update): (f32, u64),
    ) -> Result<Losses> {
        let step = self.job.step;
        let trains_largest = self.job.trains_largest();
        let distils = step.kind == StepKind::Supernet && step.alpha > 0.0;
        let labels = Tensor::<B, 2>::from_inner(labels);
        let first = usize::from(trains_largest);
        let students = set.plans.len() - first;
        let (logits, leaves) = with_graph(params, set, images.clone(), self.half);
        let [_, n, classes] = logits.dims();
        let of_path = |path: usize| logits.clone().narrow(0, path, 1).reshape([n, classes]);

        let teacher = match (distils, trains_largest) {
            (false, _) => None,
            (true, true) => Some(of_path(0).inner()),
            (true, false) => Some(self.untrained(params, images)),
        };
        let teacher =
            teacher.map(|z| Tensor::<B, 2>::from_inner(loss::soften(z, step.temperature)));
        let zero = || Tensor::<B, 1>::zeros([1], &Default::default());
        let largest_loss = if trains_largest {
            loss::cross_entropy(of_path(0), labels.clone(), 1.0)
        } else {
            zero()
        };
        let mut students_loss: Option<Tensor<B, 1>> = None;
        for path in first..first + students {
            let (labels, teacher) = (labels.clone(), teacher.clone());
            let loss =
                loss::distilled(of_path(path), labels, teacher, step.alpha, step.temperature);
            students_loss = Some(match students_loss {
                Some(sum) => sum + loss,
                None => loss,
            });
        }
        let students_loss = students_loss.unwrap_or_else(zero);

        let gradients = (largest_loss.clone() + students_loss.clone()).backward();
        params.add(&leaves, &gradients);
        params.update(self.job.optimizer, rate, step.clip);

        let mean = students_loss.inner() / students.max(1) as f32;
        self.keep(Tensor::cat(vec![largest_loss.inner(), mean], 0), update);
        if self.unread.updates < READ_EVERY { Ok(Losses::default()) } else { self.read() }
    }

    fn largest(&self) -> Plan {
        self.job.plan(&Arch::largest(&self.job.space.get()))
    }

    /// Logits `[n, classes]` of the largest network in a step that does not train it.
    fn untrained(
        &self,
        params: &Params<B>,
        images: Tensor<B::InnerBackend, 4>,
    ) -> Tensor<B::InnerBackend, 2> {
        let sets = PlanSets::new(vec![vec![self.largest()]], &Default::default());
        let params = self.job.fixed.as_ref().unwrap_or(params);
        let logits = without_graph(params, sets.get(0), self.half).forward(images);
        let [_, n, classes] = logits.dims();
        logits.reshape([n, classes])
    }

    /// Adds the losses of an update, `[2]`, to the unread ones.
    fn keep(&mut self, losses: Tensor<B::InnerBackend, 1>, update: u64) {
        let unread = &mut self.unread;
        if unread.updates == 0 {
            unread.since = update;
        }
        unread.updates += 1;
        unread.sums = Some(match unread.sums.take() {
            Some(sums) => sums + losses,
            None => losses,
        });
    }

    /// Reads the unread losses back, as sums over their updates.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn read(&mut self) -> Result<Losses> {
        let Unread { sums, since, updates } = std::mem::take(&mut self.unread);
        let Some(sums) = sums else { return Ok(Losses::default()) };
        let sums: Vec<f32> = sums.into_data().iter::<f32>().collect();
        if sums.iter().all(|v| v.is_finite()) {
            return Ok(Losses { largest: sums[0].into(), students: sums[1].into() });
        }
        let code = if sums[0].is_finite() { "a sub-network" } else { "the largest network" };
        Err(Error::NotFinite {
            step: self.job.number as u32,
            update: since,
            code: code.into(),
            layer: format!("an unknown layer of {updates} updates, which are read together"),
        })
    }
}

/// The data type that convolutions round their operands to, or `None` for 32 bits.
pub(crate) fn half(precision: Precision) -> Option<FloatDType> {
    match precision {
        Precision::Float32 => None,
        Precision::Bfloat16 => Some(FloatDType::BF16),
        Precision::Float16 => Some(FloatDType::F16),
    }
}

#[cfg(test)]
mod tests;
