//! Training on the CPU: one path of an update after the other, each cut to its own widths.

use supernano_base::error::Result;
use supernano_core::arch::Arch;
use supernano_core::space::Shape;
use supernano_data::{ExampleMaker, Examples};

use super::job::{Batch, Job};
use super::params::Params;
use super::sharing::{Alone, Sharing};
use super::{
    Accelerator, Engine, Learner, Losses, Panel, PanelScore, Setup, UpdateInput, sampling,
};
use crate::backend::CpuAutodiff;
use crate::run::checkpoint::Checkpoint;
use crate::supernet::{Layout, Weights};

/// This machine's processor.
#[derive(Clone, Copy, Debug, Default)]
pub struct SlicedAccelerator;

impl Accelerator for SlicedAccelerator {
    fn engine<'a>(&self, setup: Setup<'a>, _panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        self.shared_engine(setup, Box::new(Alone))
    }

    fn shared_engine<'a>(
        &self,
        setup: Setup<'a>,
        sharing: Box<dyn Sharing>,
    ) -> Result<Box<dyn Engine + 'a>> {
        Ok(Box::new(Sliced::new(&setup, sharing)))
    }
}

/// A step on the CPU whose updates the caller chooses, to compare another processor with.
pub struct SlicedStep<'a> {
    job: Job<'a, CpuAutodiff>,
    params: Params<CpuAutodiff>,
}

impl<'a> SlicedStep<'a> {
    /// A step that starts from weights, without momentum.
    pub fn new(job: Job<'a, CpuAutodiff>, weights: Weights) -> Self {
        let start = Checkpoint::start(job.number, weights.values);
        Self { params: Params::new(weights.layout, &start), job }
    }

    /// The step of a setup, and the layout of its tensors.
    pub fn of(setup: &Setup<'a>) -> (Job<'a, CpuAutodiff>, Layout) {
        let (job, params) = Job::new(setup);
        (job, params.layout)
    }

    /// The step.
    pub const fn job(&self) -> &Job<'a, CpuAutodiff> {
        &self.job
    }

    /// Runs [`Job::update`] on images of the largest resolution.
    ///
    /// # Errors
    /// [`Error::NotFinite`](supernano_base::error::Error::NotFinite).
    pub fn update(
        &mut self,
        examples: &Examples,
        archs: &[Arch],
        rate: f32,
        update: u64,
    ) -> Result<Losses> {
        let Examples { pixels, labels, targets, weights } = examples;
        let batch =
            Batch::new(pixels, labels, self.job.space.get().input).with_targets(targets, weights);
        self.job.update(&mut self.params, &batch, archs, rate, update)
    }

    /// Values of all tensors.
    pub fn values(&self) -> Vec<f32> {
        self.params.host_values()
    }
}

/// The sliced execution of a step.
struct Sliced<'a> {
    job: Job<'a, CpuAutodiff>,
    params: Params<CpuAutodiff>,
    maker: ExampleMaker<'a>,
    image: Shape,
    sharing: Box<dyn Sharing>,
    failed_at: Option<(u32, u64)>,
}

impl<'a> Sliced<'a> {
    /// The execution of a setup, with those who train other paths.
    fn new(setup: &Setup<'a>, sharing: Box<dyn Sharing>) -> Self {
        let (job, params) = Job::new(setup);
        let config = setup.config;
        let maker = ExampleMaker::new(setup.dataset, config.augmentation, &config.loss);
        Self { job, params, maker, image: setup.dataset.shape, sharing, failed_at: None }
    }

    fn train(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        self.sharing.begin(input)?;
        let Examples { pixels, labels, targets, weights } =
            self.maker.examples(input.indices(), input.key);
        let batch = Batch::new(&pixels, &labels, self.image).with_targets(&targets, &weights);
        let archs = sampling::draw(&self.job.space.get(), self.job.step, input.key, input.update)?;
        let Self { job, params, sharing, .. } = self;
        job.update_shared(&mut **sharing, params, &batch, &archs, input.rate, input.update)
    }
}

impl Learner for Sliced<'_> {
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let losses = self.train(input);
        if losses.is_err() && self.sharing.keeps() {
            let updates = input.range.start / self.job.step.batch;
            self.failed_at = Some((input.key.epoch, updates as u64));
        }
        losses
    }
}

impl Engine for Sliced<'_> {
    fn values(&self) -> Vec<f32> {
        self.params.host_values()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.params.host_momentum()
    }

    fn failed_at(&self) -> Option<(u32, u64)> {
        self.failed_at
    }

    fn validate(&self, panel: &Panel) -> Result<Vec<PanelScore>> {
        let weights = Weights { layout: self.params.layout.clone(), values: self.values() };
        Ok(panel.scores(&weights, self.job.enhancement))
    }
}
