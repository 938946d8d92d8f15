//! The masked execution as an engine of training.

use std::marker::PhantomData;

use burn::tensor::backend::AutodiffBackend;
use supernano_base::config::Precision;
use supernano_base::error::Result;
use supernano_base::rng::Key;
use supernano_train::training::job::Job;
use supernano_train::training::params::Params;
use supernano_train::training::{
    Accelerator, Engine, Learner, Losses, PANEL_IMAGES, Panel, PanelScore, Setup, UpdateInput,
    sampling,
};

use crate::resident::{EpochData, Resident};
use crate::step::MaskedStep;
use crate::validation::{ValidationImages, validate};

/// A processor that trains all paths of an update in one batch.
pub(crate) struct MaskedAccelerator<B>(PhantomData<fn() -> B>);

impl<B> MaskedAccelerator<B> {
    pub const fn new() -> Self {
        Self(PhantomData)
    }
}

impl<B: AutodiffBackend> Accelerator for MaskedAccelerator<B> {
    fn computes_in(&self, _precision: Precision) -> bool {
        true
    }

    fn engine<'a>(&self, setup: Setup<'a>, panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        let (job, params) = Job::<B>::new(&setup);
        let (config, dataset) = (setup.config, setup.dataset);
        let split = &dataset.validation;
        let validation = panel.map(|panel| {
            ValidationImages::new(dataset, split, PANEL_IMAGES, panel.batch, &panel.batches)
        });
        Ok(Box::new(MaskedEngine {
            step: MaskedStep::new(job, config.precision),
            params,
            resident: Resident::new(dataset, config.augmentation),
            validation,
            epoch: None,
            first: 0,
        }))
    }
}

struct MaskedEngine<'a, B: AutodiffBackend> {
    step: MaskedStep<'a, B>,
    params: Params<B>,
    resident: Resident<B::InnerBackend>,
    /// Images of the panel, if there is one.
    validation: Option<ValidationImages<B::InnerBackend>>,
    /// The epoch in training.
    epoch: Option<EpochData<B::InnerBackend>>,
    /// First update of the epoch.
    first: u64,
}

impl<B: AutodiffBackend> Learner for MaskedEngine<'_, B> {
    fn begin(&mut self, order: &[u32], key: Key, first: u64, updates: u64) -> Result<()> {
        let (space, step) = (self.step.job.space.clone(), self.step.job.step);
        let mut plans = Vec::with_capacity(updates as usize);
        for update in first..first + updates {
            plans.push(self.step.plans(&sampling::draw(&space.get(), step, key, update)?));
        }
        self.epoch = Some(self.resident.epoch(order, key, plans));
        self.first = first;
        Ok(())
    }

    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let Some(epoch) = &self.epoch else { return Ok(Losses::default()) };
        let batch = self.resident.batch(epoch, input.range.clone());
        let set = epoch.sets.get((input.update - self.first) as usize);
        self.step.update(&mut self.params, batch, set, (input.rate, input.update))
    }

    fn settle(&mut self) -> Result<Losses> {
        self.step.read()
    }
}

impl<B: AutodiffBackend> Engine for MaskedEngine<'_, B> {
    fn values(&self) -> Vec<f32> {
        self.params.host_values()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.params.host_momentum()
    }

    fn validate(&self, panel: &Panel) -> Vec<PanelScore> {
        let Some(images) = &self.validation else { return Vec::new() };
        let job = &self.step.job;
        let plans: Vec<_> = panel.archs.iter().map(|arch| job.plan(arch)).collect();
        let mut scores = Vec::with_capacity(plans.len());
        for (arch, score) in panel.archs.iter().zip(validate(&self.params, images, &plans)) {
            let code = arch.display(&job.space.get()).to_string();
            scores.push(PanelScore { code, top1: score.top1, ce: score.ce });
        }
        scores
    }
}

#[cfg(test)]
mod tests;
