//! A GPU as an engine of training.

use supernano_base::config::Augmentation;
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_data::Dataset;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::tile::{VARIANTS, Variant};
use supernano_train::supernet::Evaluation;
use supernano_train::training::{
    Accelerator, Engine, Learner, Losses, Panel, PanelScore, Setup, SlicedStep, UpdateInput,
    sampling,
};

use crate::evaluation::scores;
use crate::layers;
use crate::step::GpuStep;
use crate::task::OnDevice;

/// A processor that trains all paths of an update in one batch, each at its own widths.
pub(crate) struct GpuAccelerator<R: Runtime> {
    /// Connects to the device.
    client: fn() -> ComputeClient<R>,
    variant: Variant,
}

impl<R: Runtime> GpuAccelerator<R> {
    pub const fn new(client: fn() -> ComputeClient<R>, variant: Variant) -> Self {
        Self { client, variant }
    }
}

impl<R: Runtime> Accelerator for GpuAccelerator<R> {
    fn check(&self, space: &Space<'_>) -> Result<()> {
        layers::check(space)
    }

    fn engine<'a>(&self, setup: Setup<'a>, _panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        let (job, layout) = SlicedStep::of(&setup);
        let (values, momentum) = (setup.state.values, setup.state.momentum);
        let client = (self.client)();
        let step = GpuStep::new(client, job, layout, (&values, &momentum), self.variant)?;
        let (dataset, augmentation) = (setup.dataset, setup.config.augmentation);
        Ok(Box::new(GpuEngine { step, dataset, augmentation, values, momentum }))
    }
}

/// Selects a device with a tiling, by its number in [`VARIANTS`], as a processor that trains.
pub(crate) struct Connect {
    pub tiling: usize,
}

impl OnDevice for Connect {
    type Output = Box<dyn Accelerator>;

    fn on<R: Runtime>(self, client: fn() -> ComputeClient<R>) -> Result<Self::Output> {
        let variant = *VARIANTS.get(self.tiling).ok_or_else(|| {
            let expected = format!("0 to {}", VARIANTS.len() - 1);
            Error::invalid("command line", "--tiling", expected, self.tiling)
        })?;
        Ok(Box::new(GpuAccelerator::new(client, variant)))
    }
}

struct GpuEngine<'a, R: Runtime> {
    step: GpuStep<'a, R>,
    dataset: &'a Dataset,
    augmentation: Augmentation,
    /// Values after the last epoch.
    values: Vec<f32>,
    /// Momentum after the last epoch.
    momentum: Vec<Option<Vec<f32>>>,
}

impl<R: Runtime> Learner for GpuEngine<'_, R> {
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

impl<R: Runtime> Engine for GpuEngine<'_, R> {
    fn values(&self) -> Vec<f32> {
        self.values.clone()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.momentum.clone()
    }

    fn validate(&self, panel: &Panel) -> Result<Vec<PanelScore>> {
        let job = &self.step.job;
        let plans: Vec<_> = panel.archs.iter().map(|arch| job.plan(arch)).collect();
        let found = scores(&self.step, &plans, (panel.batch, &panel.batches), &panel.set)?;
        let space = job.space.get();
        let score = |(arch, s): (&Arch, Evaluation)| PanelScore {
            code: arch.display(&space).to_string(),
            top1: s.top1,
            ce: s.ce,
        };
        Ok(panel.archs.iter().zip(found).map(score).collect())
    }
}
