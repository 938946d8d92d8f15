//! A GPU as an engine of training.

use supernano_base::config::{Precision, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_data::ExampleMaker;
use supernano_gpu_kernels::bf16;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::tile::{VARIANTS, Variant};
use supernano_train::supernet::Evaluation;
use supernano_train::training::{
    Accelerator, Engine, Learner, Losses, Panel, PanelScore, Setup, Sharing, SlicedStep,
    UpdateInput, sampling,
};

use crate::evaluation::{by_resolution, scores};
use crate::layers;
use crate::precision::{Element, expect_precision};
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

    fn engine_of<'a>(
        &self,
        setup: Setup<'a>,
        sharing: Option<Box<dyn Sharing>>,
    ) -> Result<Box<dyn Engine + 'a>> {
        self.computes(setup.config.precision)?;
        Ok(match setup.config.precision {
            Precision::Bfloat16 => Box::new(self.with_maps::<bf16>(setup, sharing)?),
            _ => Box::new(self.with_maps::<f32>(setup, sharing)?),
        })
    }

    fn with_maps<'a, M: Element>(
        &self,
        setup: Setup<'a>,
        sharing: Option<Box<dyn Sharing>>,
    ) -> Result<GpuEngine<'a, R, M>> {
        let (job, layout) = SlicedStep::of(&setup);
        let (values, momentum) = (setup.state.values, setup.state.momentum);
        let client = (self.client)();
        let step = GpuStep::new(client, job, layout, (&values, &momentum), self.variant)?;
        let config = setup.config;
        let maker = ExampleMaker::new(setup.dataset, config.augmentation, &config.loss);
        let failed_at = None;
        Ok(GpuEngine { step, maker, sharing, failed_at, values, momentum })
    }
}

impl<R: Runtime> Accelerator for GpuAccelerator<R> {
    fn check(&self, config: &RunConfig) -> Result<()> {
        layers::check_run(config)
    }

    fn computes(&self, precision: Precision) -> Result<()> {
        expect_precision(precision, self.client)
    }

    fn engine<'a>(&self, setup: Setup<'a>, _panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        self.engine_of(setup, None)
    }

    fn shared_engine<'a>(
        &self,
        setup: Setup<'a>,
        sharing: Box<dyn Sharing>,
    ) -> Result<Box<dyn Engine + 'a>> {
        self.engine_of(setup, Some(sharing))
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

struct GpuEngine<'a, R: Runtime, M> {
    step: GpuStep<'a, R, M>,
    maker: ExampleMaker<'a>,
    /// Processors that train other paths of an update.
    sharing: Option<Box<dyn Sharing>>,
    failed_at: Option<(u32, u64)>,
    /// Values after the last epoch.
    values: Vec<f32>,
    /// Momentum after the last epoch.
    momentum: Vec<Option<Vec<f32>>>,
}

impl<R: Runtime, M: Element> GpuEngine<'_, R, M> {
    fn train(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        if let Some(sharing) = &mut self.sharing {
            sharing.begin(input)?;
        }
        let examples = self.maker.examples(input.indices(), input.key);
        let job = &self.step.job;
        let archs = sampling::draw(&job.space.get(), job.step, input.key, input.update)?;
        let place = (input.rate, input.update);
        match &mut self.sharing {
            Some(sharing) => self.step.update_shared(&mut **sharing, &examples, &archs, place),
            None => self.step.update(&examples, &archs, input.rate, input.update),
        }
    }
}

impl<R: Runtime, M: Element> Learner for GpuEngine<'_, R, M> {
    fn update(&mut self, input: &UpdateInput<'_>) -> Result<Losses> {
        let losses = self.train(input);
        let keeps = self.sharing.as_ref().is_some_and(|sharing| sharing.keeps());
        // The parameters of the device are still those of the last whole update.
        if losses.is_err() && keeps && self.settle().is_ok() {
            let updates = input.range.start / self.step.job.step.batch;
            self.failed_at = Some((input.key.epoch, updates as u64));
        }
        losses
    }

    fn settle(&mut self) -> Result<Losses> {
        let losses = self.step.read()?;
        self.values = self.step.values()?;
        self.momentum = self.step.momentum()?;
        Ok(losses)
    }
}

impl<R: Runtime, M: Element> Engine for GpuEngine<'_, R, M> {
    fn values(&self) -> Vec<f32> {
        self.values.clone()
    }

    fn momentum(&self) -> Vec<Option<Vec<f32>>> {
        self.momentum.clone()
    }

    fn failed_at(&self) -> Option<(u32, u64)> {
        self.failed_at
    }

    fn validate(&self, panel: &Panel) -> Result<Vec<PanelScore>> {
        let job = &self.step.job;
        let plans = panel.archs.iter().map(|arch| job.plan(arch)).collect();
        let found = by_resolution(plans, |image, plans| {
            let (set, batches) = panel.at(image);
            scores(&self.step, plans, (panel.batch, batches), set)
        })?;
        let space = job.space.get();
        let score = |(arch, s): (&Arch, Evaluation)| PanelScore {
            code: arch.display(&space).to_string(),
            top1: s.top1,
            ce: s.ce,
        };
        Ok(panel.archs.iter().zip(found).map(score).collect())
    }
}
