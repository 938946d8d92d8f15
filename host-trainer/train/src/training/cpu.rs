//! Training on the CPU: one path of an update after the other, each cut to its own widths.

use supernano_base::error::Result;
use supernano_data::Dataset;

use super::job::{Batch, Job};
use super::params::Params;
use super::{
    Accelerator, Engine, Learner, Losses, Panel, PanelScore, Setup, UpdateInput, sampling,
};
use crate::backend::CpuAutodiff;
use crate::supernet::Weights;

/// This machine's processor.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlicedAccelerator;

impl Accelerator for SlicedAccelerator {
    fn engine<'a>(&self, setup: Setup<'a>, _panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        let (job, params) = Job::new(&setup);
        let augmentation = setup.config.augmentation;
        Ok(Box::new(Sliced { job, params, dataset: setup.dataset, augmentation }))
    }
}

/// The sliced execution of a step.
struct Sliced<'a> {
    job: Job<'a, CpuAutodiff>,
    params: Params<CpuAutodiff>,
    dataset: &'a Dataset,
    augmentation: supernano_base::config::Augmentation,
}

impl Learner for Sliced<'_> {
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let indices = input.indices();
        let pixels = self.dataset.augmented(indices, &self.augmentation, input.key);
        let labels = self.dataset.labels(indices);
        let batch = Batch::new(&pixels, &labels, self.dataset.shape);
        let archs = sampling::draw(&self.job.space.get(), self.job.step, input.key, input.update)?;
        self.job.update(&mut self.params, &batch, &archs, input.rate, input.update)
    }
}

impl Engine for Sliced<'_> {
    fn values(&self) -> Vec<f32> {
        self.params.host_values()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.params.host_momentum()
    }

    fn validate(&self, panel: &Panel) -> Result<Vec<PanelScore>> {
        let weights = Weights { layout: self.params.layout.clone(), values: self.values() };
        Ok(panel.scores(&weights, self.job.enhancement))
    }
}
