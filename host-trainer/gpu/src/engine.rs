//! The masked execution as an engine of training.

use std::marker::PhantomData;

use burn::tensor::backend::AutodiffBackend;
use supernano_base::config::Precision;
use supernano_base::error::Result;
use supernano_base::rng::Key;
use supernano_core::arch::Arch;
use supernano_train::training::job::Job;
use supernano_train::training::params::Params;
use supernano_train::training::{
    Accelerator, Engine, Learner, Losses, PANEL_IMAGES, Panel, PanelScore, Setup, Turn, sampling,
};

use crate::judge::{Found, Judge, judged};
use crate::masked::MaskedStep;
use crate::resident::{Drawn, Resident};

/// A processor that trains all paths of an update in one batch.
pub(crate) struct Batched<B>(PhantomData<fn() -> B>);

impl<B> Batched<B> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<B: AutodiffBackend> Accelerator for Batched<B> {
    fn computes_in(&self, _precision: Precision) -> bool {
        true
    }

    fn engine<'a>(&self, setup: Setup<'a>, panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        let (job, params) = Job::<B>::new(&setup);
        let (config, dataset) = (setup.config, setup.dataset);
        let validation = &dataset.validation;
        let judge =
            panel.map(|p| Judge::new(dataset, validation, PANEL_IMAGES, p.batch, &p.batches));
        Ok(Box::new(BatchedStep {
            step: MaskedStep::new(job, config.precision),
            params,
            resident: Resident::new(dataset, config.augmentation),
            judge,
            drawn: None,
            first: 0,
        }))
    }
}

struct BatchedStep<'a, B: AutodiffBackend> {
    step: MaskedStep<'a, B>,
    params: Params<B>,
    resident: Resident<B::InnerBackend>,
    judge: Option<Judge<B::InnerBackend>>,
    /// The epoch in training, and its first update.
    drawn: Option<Drawn<B::InnerBackend>>,
    first: u64,
}

impl<B: AutodiffBackend> Learner for BatchedStep<'_, B> {
    fn begin(&mut self, order: &[u32], key: Key, first: u64, updates: u64) -> Result<()> {
        let (space, step) = (self.step.job.space.clone(), self.step.job.step);
        let plans = (first..first + updates)
            .map(|update| Ok(self.step.plans(&sampling::draw(&space.get(), step, key, update)?)))
            .collect::<Result<_>>()?;
        self.drawn = Some(self.resident.epoch(order, key, plans));
        self.first = first;
        Ok(())
    }

    fn update(&mut self, turn: &Turn<'_>) -> Result<Losses> {
        let Some(drawn) = &self.drawn else { return Ok(Losses::default()) };
        let batch = self.resident.batch(drawn, turn.range.clone());
        let chosen = drawn.paths.of((turn.update - self.first) as usize);
        self.step.update(&mut self.params, batch, chosen, (turn.rate, turn.update))
    }

    fn settle(&mut self) -> Result<Losses> {
        self.step.read()
    }
}

impl<B: AutodiffBackend> Engine for BatchedStep<'_, B> {
    fn values(&self) -> Vec<f32> {
        self.params.host_values()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.params.host_momentum()
    }

    fn validate(&self, panel: &Panel) -> Vec<PanelScore> {
        let Some(judge) = &self.judge else { return Vec::new() };
        let job = &self.step.job;
        let plans: Vec<_> = panel.archs.iter().map(|arch| job.plan(arch)).collect();
        let score = |(arch, found): (&Arch, Found)| {
            let code = arch.display(&job.space.get()).to_string();
            PanelScore { code, top1: found.top1, ce: found.ce }
        };
        panel.archs.iter().zip(judged(&self.params, judge, &plans)).map(score).collect()
    }
}

#[cfg(test)]
mod tests;
