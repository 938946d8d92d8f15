//! One update of Algorithm 1 with all its paths in one batch: the execution for GPUs.
//!
//! Nothing is read back from the device within an update. Losses stay there and are read every
//! [`READ_EVERY`] updates; a loss that is not finite is found then.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{FloatDType, Tensor};
use supernano_base::config::{Precision, StepKind};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::plan::Plan;
use supernano_train::training::job::Job;
use supernano_train::training::params::Params;
use supernano_train::training::{Losses, loss};

use crate::network::{Chosen, Paths, with_graph, without_graph};

/// Updates between two looks at the losses.
const READ_EVERY: u64 = 16;

/// Losses that have not been read yet.
struct Pending<B: AutodiffBackend> {
    /// Sums over updates, `[2]`: of the largest network, mean of the sub-networks.
    sums: Option<Tensor<B::InnerBackend, 1>>,
    /// The first update in the sums, and how many there are.
    since: u64,
    updates: u64,
}

impl<B: AutodiffBackend> Default for Pending<B> {
    fn default() -> Self {
        Self { sums: None, since: 0, updates: 0 }
    }
}

/// The masked execution of a step's updates.
pub struct MaskedStep<'a, B: AutodiffBackend> {
    /// The step.
    pub job: Job<'a, B>,
    /// What convolutions compute in, if not in 32 bits.
    pub half: Option<FloatDType>,
    /// Losses that have not been read yet.
    pending: Pending<B>,
}

impl<'a, B: AutodiffBackend> MaskedStep<'a, B> {
    /// A step whose convolutions compute in `precision`.
    pub fn new(job: Job<'a, B>, precision: Precision) -> Self {
        Self { job, half: half(precision), pending: Pending::default() }
    }

    /// The plans of an update in the order in which its batch holds them: the largest network
    /// where it is trained, then the sub-networks.
    pub fn plans(&self, students: &[Arch]) -> Vec<Plan> {
        let largest = Arch::largest(&self.job.space.get());
        let own = self.job.trains_largest().then_some(&largest);
        own.into_iter().chain(students).map(|arch| self.job.plan(arch)).collect()
    }

    /// As [`Job::update`], of [`MaskedStep::plans`]; images `[n, channels, height, width]` and labels
    /// `[n, classes]` are on the device. The losses returned are sums over the updates that were
    /// read, 0 most of the time.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn update(
        &mut self,
        params: &mut Params<B>,
        (images, labels): (Tensor<B::InnerBackend, 4>, Tensor<B::InnerBackend, 2>),
        chosen: Chosen<'_, B::InnerBackend>,
        (rate, update): (f32, u64),
    ) -> Result<Losses> {
        let job = &self.job;
        let step = job.step;
        let device = Default::default();
        let trains_largest = job.trains_largest();
        let distils = step.kind == StepKind::Supernet && step.alpha > 0.0;
        let labels = Tensor::<B, 2>::from_inner(labels);
        let first = usize::from(trains_largest);
        let students = chosen.plans.len() - first;
        let (logits, leaves) = with_graph(params, chosen, images.clone(), self.half);
        let [_, n, classes] = logits.dims();
        let of = |path: usize| logits.clone().narrow(0, path, 1).reshape([n, classes]);

        let untrained = || {
            let largest =
                Paths::new(vec![vec![job.plan(&Arch::largest(&job.space.get()))]], &device);
            let of = job.fixed.as_ref().unwrap_or(params);
            without_graph(of, largest.of(0), self.half).forward(images).reshape([n, classes])
        };
        let teacher = match (distils, trains_largest) {
            (false, _) => None,
            (true, true) => Some(of(0).inner()),
            (true, false) => Some(untrained()),
        };
        let teacher =
            teacher.map(|z| Tensor::<B, 2>::from_inner(loss::soften(z, step.temperature)));
        let zero = || Tensor::<B, 1>::zeros([1], &device);
        let largest_loss = match trains_largest {
            true => loss::cross_entropy(of(0), labels.clone(), 1.0),
            false => zero(),
        };
        let students_loss = (0..students)
            .map(|i| {
                let (alpha, temperature) = (step.alpha, step.temperature);
                let (labels, teacher) = (labels.clone(), teacher.clone());
                loss::distilled(of(first + i), labels, teacher, alpha, temperature)
            })
            .reduce(|a, b| a + b)
            .unwrap_or_else(zero);

        let gradients = (largest_loss.clone() + students_loss.clone()).backward();
        params.add(&leaves, &gradients);
        params.update(job.optimizer, rate, step.clip);

        let mean = students_loss.inner() / students.max(1) as f32;
        let both = Tensor::cat(vec![largest_loss.inner(), mean], 0);
        let pending = &mut self.pending;
        if pending.updates == 0 {
            pending.since = update;
        }
        pending.updates += 1;
        pending.sums = Some(match pending.sums.take() {
            Some(sums) => sums + both,
            None => both,
        });
        if pending.updates < READ_EVERY {
            return Ok(Losses::default());
        }
        self.read()
    }

    /// Reads the losses that are still on the device, as sums over their updates.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn read(&mut self) -> Result<Losses> {
        let Pending { sums, since, updates } = std::mem::take(&mut self.pending);
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
            layer: format!("any: {updates} updates are read together"),
        })
    }
}

/// The type that operands are rounded to; `None` for 32 bits.
pub fn half(precision: Precision) -> Option<FloatDType> {
    match precision {
        Precision::Float32 => None,
        Precision::Bfloat16 => Some(FloatDType::BF16),
        Precision::Float16 => Some(FloatDType::F16),
    }
}

#[cfg(test)]
mod tests;
