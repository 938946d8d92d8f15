//! Comparison of a device with the CPU: small updates of every kind, recalibration and evaluation.
//!
//! The reference is always the sliced execution on the CPU.

mod cases;

use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_base::rng::Key;
use supernano_data::load;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_train::supernet::Weights;
use supernano_train::training::sampling::draw;
use supernano_train::training::{Losses, Panel, SlicedStep};

use self::cases::{Case, OTHERS, UpdateData, cases, config};
use crate::evaluation::{by_resolution, scores};
use crate::results::Comparison;
use crate::step::GpuStep;
use crate::task::OnDevice;

/// Number of images that are evaluated.
const IMAGES: usize = 96;

/// Compares a device with the CPU: updates of every kind in the default tiling, an update in every
/// other tiling, updates on undefined buffers, recalibration and evaluation. `report` is called after each comparison and ends the
/// comparisons by returning false.
///
/// # Errors
/// The errors of training.
fn compare<R: Runtime>(
    client: &ComputeClient<R>,
    report: &mut dyn FnMut(&Comparison) -> bool,
) -> Result<Vec<Comparison>> {
    let mut all = Vec::new();
    for case in cases()? {
        let expected = sliced(&case)?;
        let found = on_device(client, &case, None)?;
        for (result, difference, tolerance) in [
            ("weights", found.difference(&expected), case.tolerance),
            ("losses", found.loss_difference(&expected), 10.0 * case.tolerance),
        ] {
            let what = format!("{}: {result}", case.what);
            all.push(Comparison { what, difference, tolerance });
            if !report(&all[all.len() - 1]) {
                return Ok(all);
            }
        }
    }
    for compare in [absent, validation] {
        for comparison in compare(client)? {
            all.push(comparison);
            if !report(&all[all.len() - 1]) {
                return Ok(all);
            }
        }
    }
    Ok(all)
}

/// [`compare`] as a task.
pub(crate) struct Agreement<'a> {
    pub report: &'a mut dyn FnMut(&Comparison) -> bool,
}

impl OnDevice for Agreement<'_> {
    type Output = Vec<Comparison>;

    fn on<R: Runtime>(self, client: fn() -> ComputeClient<R>) -> Result<Vec<Comparison>> {
        compare(&client(), self.report)
    }
}

/// The result of some updates.
struct UpdateOutcome {
    /// Weights.
    values: Vec<f32>,
    /// Sums over the updates.
    losses: Losses,
}

impl UpdateOutcome {
    fn difference(&self, other: &Self) -> f64 {
        let differences = self.values.iter().zip(&other.values).map(|(a, b)| (a - b).abs());
        differences.map(f64::from).fold(0.0, worst)
    }

    fn loss_difference(&self, other: &Self) -> f64 {
        let (a, b) = (self.losses, other.losses);
        (a.largest - b.largest).abs().max((a.students - b.students).abs())
    }
}

/// The larger of two differences, or NaN if the second is NaN.
fn worst(worst: f64, difference: f64) -> f64 {
    if difference.is_nan() || difference > worst { difference } else { worst }
}

/// Runs a case on a device. With `spoilt`, all that an update writes before it reads it has this value
/// before the first update.
fn on_device<R: Runtime>(
    client: &ComputeClient<R>,
    case: &Case,
    spoilt: Option<f32>,
) -> Result<UpdateOutcome> {
    let mut step = gpu_step(client, case)?;
    let rate = step.job.step.lr;
    let mut losses = Losses::default();
    for (update, UpdateData { examples, archs }) in (0..).zip(case.data()?) {
        if let (Some(value), 0) = (spoilt, update) {
            step.spoil(examples.labels.len() as u32, &archs, value);
        }
        losses.add(step.update(&examples, &archs, rate, update)?);
    }
    losses.add(step.read()?);
    Ok(UpdateOutcome { values: step.values()?, losses })
}

fn gpu_step<'a, R: Runtime>(
    client: &ComputeClient<R>,
    case: &'a Case,
) -> Result<GpuStep<'a, R, f32>> {
    let Weights { layout, values } = case.weights();
    GpuStep::new(client.clone(), case.job(), layout, (&values, &[]), case.variant)
}

/// Runs the same updates on the CPU, path after path.
fn sliced(case: &Case) -> Result<UpdateOutcome> {
    let mut step = SlicedStep::new(case.job(), case.weights());
    let rate = step.job().step.lr;
    let mut losses = Losses::default();
    for (update, data) in (0..).zip(case.data()?) {
        losses.add(step.update(&data.examples, &data.archs, rate, update)?);
    }
    Ok(UpdateOutcome { values: step.values(), losses })
}

/// Compares updates on buffers full of NaN with those on buffers full of 0: no channel that a path lacks is
/// read.
fn absent<R: Runtime>(client: &ComputeClient<R>) -> Result<Vec<Comparison>> {
    let mut spaces = vec![("a residual space", config("prelu+oe", "")?)];
    for (what, text) in OTHERS {
        spaces.push((what, RunConfig::parse(text, "agreement.toml")?));
    }
    let one = |(space, config): (&str, RunConfig)| {
        let case = Case { updates: 2, ..Case::new(space, config) };
        let zero = on_device(client, &case, Some(0.0))?;
        let nan = on_device(client, &case, Some(f32::NAN))?;
        let difference = worst(zero.difference(&nan), zero.loss_difference(&nan));
        let what = format!("two updates of {space} without reading absent channels");
        Ok(Comparison { what, difference, tolerance: 0.0 })
    };
    spaces.into_iter().map(one).collect()
}

/// Compares scores after recalibration, of a space of one resolution and of one of two.
fn validation<R: Runtime>(client: &ComputeClient<R>) -> Result<Vec<Comparison>> {
    let mut all = Vec::new();
    for config in [config("prelu+oe", "")?, RunConfig::parse(OTHERS[1].1, "agreement.toml")?] {
        let dataset = load(&config.data)?;
        let space = config.space();
        let mut archs = Vec::new();
        for update in 0..3 {
            archs.extend(draw(&space, &config.steps[0], Key::new(config.seed), update)?);
        }
        let panel = Panel::of(&config, &dataset, archs, [usize::MAX, IMAGES])?;
        let case = Case::new(space.name, config.clone());
        let step = gpu_step(client, &case)?;
        let plans: Vec<_> = panel.archs.iter().map(|arch| step.job.plan(arch)).collect();
        let networks = plans.len();
        let found = by_resolution(plans, |image, plans| {
            let (set, batches) = panel.at(image);
            scores(&step, plans, (panel.batch, batches), set)
        })?;
        let (mut ce, mut top1) = (0.0, 0.0);
        for (expected, found) in panel.scores(&case.weights(), config.enhancement).iter().zip(found)
        {
            ce = worst(ce, (found.ce - expected.ce).abs());
            top1 = worst(top1, (found.top1 - expected.top1).abs());
        }
        for (result, difference, tolerance) in [
            ("cross-entropy", ce, 1e-4),
            // Rounding can exchange two almost equal logits.
            ("top-1", top1, 1.5 / IMAGES as f64),
        ] {
            let space = space.name;
            let what =
                format!("{networks} sub-networks of {space} recalibrated and evaluated: {result}");
            all.push(Comparison { what, difference, tolerance });
        }
    }
    Ok(all)
}
