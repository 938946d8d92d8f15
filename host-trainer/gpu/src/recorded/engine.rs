//! The recorded execution as an engine of training.

use supernano_base::config::{Augmentation, Precision};
use supernano_base::error::Result;
use supernano_data::Dataset;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_train::supernet::Weights;
use supernano_train::training::job::Job;
use supernano_train::training::{
    Accelerator, Engine, Learner, Losses, Panel, PanelScore, Setup, UpdateInput, sampling,
};

use super::RecordedStep;

/// A processor that trains all paths of an update in one batch, each at its own widths.
pub(crate) struct RecordedAccelerator<R: Runtime> {
    /// Connects to the device.
    client: fn() -> ComputeClient<R>,
}

impl<R: Runtime> RecordedAccelerator<R> {
    pub const fn new(client: fn() -> ComputeClient<R>) -> Self {
        Self { client }
    }
}

impl<R: Runtime> Accelerator for RecordedAccelerator<R> {
    fn computes_in(&self, precision: Precision) -> bool {
        precision == Precision::Float32
    }

    fn engine<'a>(&self, setup: Setup<'a>, _panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        let (job, params) = Job::new(&setup);
        let (values, momentum) = (setup.state.values, setup.state.momentum);
        let client = (self.client)();
        let step = RecordedStep::new(client, job, params.layout, &values, &momentum);
        let (dataset, augmentation) = (setup.dataset, setup.config.augmentation);
        Ok(Box::new(RecordedEngine { step, dataset, augmentation, values, momentum }))
    }
}

struct RecordedEngine<'a, R: Runtime> {
    step: RecordedStep<'a, R>,
    dataset: &'a Dataset,
    augmentation: Augmentation,
    /// Values after the last epoch.
    values: Vec<f32>,
    /// Momentum after the last epoch.
    momentum: Vec<Option<Vec<f32>>>,
}

impl<R: Runtime> Learner for RecordedEngine<'_, R> {
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let indices = input.indices();
        let pixels = self.dataset.augmented(indices, &self.augmentation, input.key);
        let labels = self.dataset.labels(indices);
        let job = &self.step.job;
        let archs = sampling::draw(&job.space.get(), job.step, input.key, input.update)?;
        self.step.update((&pixels, &labels), &archs, input.rate, input.update)
    }

    fn settle(&mut self) -> Result<Losses> {
        let losses = self.step.read()?;
        self.values = self.step.values()?;
        self.momentum = self.step.momentum()?;
        Ok(losses)
    }
}

impl<R: Runtime> Engine for RecordedEngine<'_, R> {
    fn values(&self) -> Vec<f32> {
        self.values.clone()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.momentum.clone()
    }

    fn validate(&self, panel: &Panel) -> Vec<PanelScore> {
        let weights = Weights { layout: self.step.layout.clone(), values: self.values.clone() };
        panel.scores(&weights, self.step.job.enhancement)
    }
}
