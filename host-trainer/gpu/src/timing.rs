//! Timing of a supernet step on a device, in every tiling and in every precision that it has, and of the
//! CPU beside it.

use std::ops::Range;
use std::time::Instant;

use supernano_base::config::{Precision, RunConfig, StepKind};
use supernano_base::error::{Error, Result};
use supernano_base::rng::{Key, Purpose};
use supernano_data::ExampleMaker;
use supernano_gpu_kernels::bf16;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::step::Work;
use supernano_gpu_kernels::tile::VARIANTS;
use supernano_train::backend::CpuAutodiff;
use supernano_train::supernet::Weights;
use supernano_train::training::SlicedStep;
use supernano_train::training::job::Job;
use supernano_train::training::sampling::draw;
use supernano_train::training::state::layout_of;

use crate::precision::{Element, expect_precision};
use crate::results::{Bench, StepTiming};
use crate::step::GpuStep;
use crate::task::OnDevice;

/// Updates before the clock starts.
const WARM_UP: u64 = 3;

/// A [`Bench`] as a task. `report` is called after each execution and ends the timing by returning
/// false.
pub(crate) struct Timing<'a> {
    pub bench: Bench<'a>,
    pub report: &'a mut dyn FnMut(&StepTiming) -> bool,
}

impl OnDevice for Timing<'_> {
    type Output = Vec<StepTiming>;

    fn on<R: Runtime>(self, client: fn() -> ComputeClient<R>) -> Result<Vec<StepTiming>> {
        let Self { bench, report } = self;
        let client = client();
        let mut all = Vec::new();
        let own = bench.config.precision;
        expect_precision(own, || client.clone())?;
        let others = [Precision::Float32, Precision::Bfloat16].into_iter().filter(|p| *p != own);
        let others = others.filter(|p| expect_precision(*p, || client.clone()).is_ok());
        for precision in std::iter::once(own).chain(others) {
            for tiling in 0..VARIANTS.len() {
                all.push(match precision {
                    Precision::Bfloat16 => bench.device::<R, bf16>(&client, precision, tiling)?,
                    _ => bench.device::<R, f32>(&client, precision, tiling)?,
                });
                if !report(&all[all.len() - 1]) {
                    return Ok(all);
                }
            }
        }
        if bench.sliced_updates > 0 {
            all.push(bench.sliced()?);
            report(&all[all.len() - 1]);
        }
        Ok(all)
    }
}

/// Milliseconds since a moment.
fn ms(started: Instant) -> f64 {
    1e3 * started.elapsed().as_secs_f64()
}

/// The first supernet step of a configuration, and its initial weights.
///
/// # Errors
/// [`Error::Invalid`] if there is none.
pub(crate) fn supernet_step(config: &RunConfig) -> Result<(Job<'_, CpuAutodiff>, Weights)> {
    let place = config.steps.iter().position(|s| s.kind == StepKind::Supernet);
    let number = place
        .map(|i| i + 1)
        .ok_or_else(|| Error::invalid("configuration", "step", "a supernet step", "none"))?;
    let space = config.shared_space();
    let step = &config.steps[number - 1];
    let layout = layout_of(space.clone(), config, number);
    let weights = Weights::initial(layout, Key::new(config.seed));
    let enhancement = step.enhancement(config.enhancement);
    let optimizer = config.optimizer;
    Ok((Job { space, enhancement, step, number, optimizer, fixed: None }, weights))
}

impl Bench<'_> {
    /// Positions of an update's images in an epoch, which repeats.
    fn range(&self, update: u64, batch: usize) -> Range<usize> {
        let images = self.dataset.train.len();
        let batches = (images / batch).max(1) as u64;
        let from = (update % batches) as usize * batch;
        from..(from + batch).min(images)
    }

    fn maker(&self) -> ExampleMaker<'_> {
        ExampleMaker::new(self.dataset, self.config.augmentation, &self.config.loss)
    }

    /// Times a tiling on the device.
    fn device<R: Runtime, M: Element>(
        &self,
        client: &ComputeClient<R>,
        precision: Precision,
        tiling: usize,
    ) -> Result<StepTiming> {
        let (job, Weights { layout, values }) = supernet_step(self.config)?;
        let (config, dataset) = (self.config, self.dataset);
        let (space, step) = (job.space.clone(), job.step);
        let paths = step.k + usize::from(job.trains_largest());
        let key = Key::new(config.seed);
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        let start = (values.as_slice(), &[][..]);
        let mut gpu = GpuStep::<R, M>::new(client.clone(), job, layout, start, VARIANTS[tiling])?;
        let mut update = 0;
        let maker = self.maker();
        let (mut work, mut counted) = (Work::default(), 0);
        let mut run = |waits: bool| -> Result<(f64, f64)> {
            let examples = maker.examples(&order[self.range(update, step.batch)], key);
            let archs = draw(&space.get(), step, key, update)?;
            let started = Instant::now();
            let mut losses = gpu.update(&examples, &archs, step.lr, update)?;
            if waits {
                losses.add(gpu.read()?);
            }
            update += 1;
            let took = ms(started);
            if waits {
                gpu.work(examples.labels.len() as u32, &archs)
                    .into_values()
                    .for_each(|w| work += w);
                counted += 1;
            }
            Ok((took, losses.students))
        };
        let (first_ms, loss) = run(true)?;
        for _ in 0..WARM_UP {
            run(true)?;
        }
        let each_ms = (0..self.updates).map(|_| Ok(run(true)?.0)).collect::<Result<Vec<f64>>>()?;
        let started = Instant::now();
        for i in 0..self.updates {
            run(i + 1 == self.updates)?;
        }
        let batch = self.range(0, step.batch).len();
        let step_ms = ms(started) / self.updates.max(1) as f64;
        let execution = "device".into();
        let tiling = Some(tiling);
        Ok(StepTiming {
            execution,
            precision,
            tiling,
            batch,
            paths,
            launches: work.launches as usize / counted,
            gflop: 1e-9 * work.operations / counted as f64,
            gb: 1e-9 * work.bytes / counted as f64,
            first_ms,
            each_ms,
            step_ms,
            loss,
        })
    }

    /// Times the sliced execution on the CPU, to compare the device with.
    fn sliced(&self) -> Result<StepTiming> {
        let (job, weights) = supernet_step(self.config)?;
        let (step, dataset) = (job.step, self.dataset);
        let mut sliced = SlicedStep::new(job, weights);
        let key = Key::new(self.config.seed);
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        let maker = self.maker();
        let mut each_ms = Vec::new();
        let mut loss = 0.0;
        for update in 0..self.sliced_updates {
            let examples = maker.examples(&order[self.range(update, step.batch)], key);
            let archs = draw(&sliced.job().space.get(), step, key, update)?;
            let started = Instant::now();
            let found = sliced.update(&examples, &archs, step.lr, update)?.students;
            each_ms.push(ms(started));
            if update == 0 {
                loss = found;
            }
        }
        Ok(StepTiming {
            execution: "sliced".into(),
            precision: Precision::Float32,
            tiling: None,
            batch: self.range(0, step.batch).len(),
            paths: step.k + usize::from(sliced.job().trains_largest()),
            launches: 0,
            gflop: 0.0,
            gb: 0.0,
            first_ms: each_ms.first().copied().unwrap_or_default(),
            step_ms: each_ms.iter().sum::<f64>() / each_ms.len().max(1) as f64,
            each_ms,
            loss,
        })
    }
}
