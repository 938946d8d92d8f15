//! One update of Algorithm 1 with all its paths in one batch: the execution for GPUs.
//!
//! Nothing is read back from the device within an update. Losses stay there and are read every
//! [`READ_EVERY`] updates; a loss that is not finite is found then.

use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;
use supernano_core::arch::Arch;
use supernano_core::plan::resolve;

use super::loss;
use super::params::Params;
use super::update::{Batch, Job, Losses};
use crate::backend::Ops;
use crate::config::{StepKind, Teacher};
use crate::error::{Error, Result};

/// Updates between two looks at the losses.
const READ_EVERY: u64 = 16;

/// Losses that have not been read yet.
pub(super) struct Pending<B: AutodiffBackend> {
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

impl<B: AutodiffBackend + Ops> Job<'_, B>
where
    B::InnerBackend: Ops,
{
    /// As [`Job::update`]. The losses returned are sums over the updates that were read, 0 most of
    /// the time.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn masked_update(
        &self,
        params: &mut Params<B>,
        batch: &Batch<'_, B>,
        students: &[Arch],
        rate: f32,
        update: u64,
        pending: &mut Pending<B>,
    ) -> Result<Losses> {
        let step = self.step;
        let device = Default::default();
        let supernet = step.kind == StepKind::Supernet;
        let trains_largest = step.teacher == Teacher::Live || !supernet;
        let distils = supernet && step.alpha > 0.0;
        let plan = |arch: &Arch| resolve(self.space, arch, self.enhancement, step.scheme);
        let largest = plan(&Arch::largest(self.space));
        let images = batch.images.to_tensor();
        let labels = loss::one_hot::<B>(batch.labels, self.space.classes.into(), &device);

        let own = trains_largest.then(|| largest.clone());
        let plans: Vec<_> = own.into_iter().chain(students.iter().map(plan)).collect();
        let (logits, leaves) = params.masked(&plans, images.clone());
        let [_, n, classes] = logits.dims();
        let of = |path: usize| logits.clone().narrow(0, path, 1).reshape([n, classes]);

        let untrained = || match &self.fixed {
            Some(net) => crate::supernet::forward_train(net, &batch.plain).0,
            None => params
                .masked_plain(std::slice::from_ref(&largest), images.clone().inner())
                .reshape([n, classes]),
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
        let first = usize::from(trains_largest);
        let students_loss = (0..students.len())
            .map(|i| {
                let (alpha, temperature) = (step.alpha, step.temperature);
                let (labels, teacher) = (labels.clone(), teacher.clone());
                loss::distilled(of(first + i), labels, teacher, alpha, temperature)
            })
            .reduce(|a, b| a + b)
            .unwrap_or_else(zero);

        let gradients = (largest_loss.clone() + students_loss.clone()).backward();
        params.add(&leaves, &gradients);
        params.update(self.optimizer, rate, step.clip);

        let mean = students_loss.inner() / students.len().max(1) as f32;
        let both = Tensor::cat(vec![largest_loss.inner(), mean], 0);
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
        self.read(pending)
    }

    /// Reads the losses that are still on the device, as sums over their updates.
    ///
    /// # Errors
    /// [`Error::NotFinite`].
    pub fn read(&self, pending: &mut Pending<B>) -> Result<Losses> {
        let Pending { sums, since, updates } = std::mem::take(pending);
        let Some(sums) = sums else { return Ok(Losses::default()) };
        let sums: Vec<f32> = sums.into_data().iter::<f32>().collect();
        if sums.iter().all(|v| v.is_finite()) {
            return Ok(Losses { largest: sums[0].into(), students: sums[1].into() });
        }
        let code = if sums[0].is_finite() { "a sub-network" } else { "the largest network" };
        Err(Error::NotFinite {
            step: self.number as u32,
            update: since,
            code: code.into(),
            layer: format!("any: {updates} updates are read together"),
        })
    }
}

#[cfg(test)]
mod tests;
