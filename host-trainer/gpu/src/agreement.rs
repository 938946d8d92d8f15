//! Comparison of a device with the CPU: small updates of every kind, recalibration and evaluation.
//!
//! The reference is always the sliced execution on the CPU.

use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_base::rng::Key;
use supernano_core::arch::Arch;
use supernano_data::load;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::tile::{VARIANTS, Variant};
use supernano_train::backend::CpuAutodiff;
use supernano_train::run::recalibration_batches;
use supernano_train::supernet::{EvalSet, Weights};
use supernano_train::training::job::Job;
use supernano_train::training::sampling::draw;
use supernano_train::training::state::layout_of;
use supernano_train::training::{Losses, Panel, SlicedStep};

use crate::evaluation::scores;
use crate::results::Comparison;
use crate::step::GpuStep;
use crate::task::OnDevice;

/// A configuration whose space has a projection, an identity with a tied width, and several options
/// in every layer.
const CONFIG: &str = include_str!("../agreement.toml");
/// Configurations of other spaces, with their names in reports.
const OTHERS: [(&str, &str); 2] = [
    ("a separable space", include_str!("../separable.toml")),
    ("an inverted space", include_str!("../inverted.toml")),
];
/// A step with several branches.
const HALVES: &str = "[[step]]\nkind = \"supernet\"\nscheme = \"halves\"\nepochs = 1\n\
                      lr = 0.05\nbatch = 8\nk = 3\ntemperature = 2.0\n";
/// Number of images that are evaluated.
const IMAGES: usize = 96;

/// Compares a device with the CPU: updates of every kind in the default tiling, an update in every
/// other tiling, recalibration and evaluation. `report` is called after each comparison and ends the
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
        let expected = sliced(&case.config, case.updates)?;
        let found = on_device(client, &case.config, case.updates, case.variant)?;
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
    for comparison in validation(client)? {
        report(&comparison);
        all.push(comparison);
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

/// The built-in configuration with another enhancement and additional TOML text.
fn config(enhancement: &str, step: &str) -> Result<RunConfig> {
    let text = format!("{}{step}", CONFIG.replacen("prelu+oe", enhancement, 1));
    RunConfig::parse(&text, "agreement.toml")
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

/// Weights for the last step of a configuration, with a different value in every element.
fn weights_of(config: &RunConfig) -> Weights {
    let layout = layout_of(config.shared_space(), config, config.steps.len());
    let mut weights = Weights::initial(layout, Key::new(config.seed));
    for (i, value) in weights.values.iter_mut().enumerate() {
        *value += 0.1 * ((i * i) as f32).sin();
    }
    weights
}

/// The data of one update: normalised synthetic images `[batch, channels, height, width]`, their
/// classes, and the sub-networks.
struct UpdateData {
    pixels: Vec<f32>,
    labels: Vec<u16>,
    archs: Vec<Arch>,
}

/// The data of `n` updates of the last step of a configuration.
fn synthetic(config: &RunConfig, n: u64) -> Result<Vec<UpdateData>> {
    let space = config.space();
    let step = &config.steps[config.steps.len() - 1];
    let key = Key::new(config.seed);
    let data = |update: u64| {
        let wave = |i: usize| ((i as u64 * 7 + update * 131) as f32 * 0.37).sin();
        let pixels = (0..step.batch * space.input.len()).map(wave).collect();
        let labels = (0..step.batch as u16).map(|i| i % space.classes).collect();
        Ok(UpdateData { pixels, labels, archs: draw(&space, step, key, update)? })
    };
    (0..n).map(data).collect()
}

/// The last step of a configuration.
fn last_step(config: &RunConfig) -> Job<'_, CpuAutodiff> {
    let number = config.steps.len();
    let step = &config.steps[number - 1];
    let enhancement = step.enhancement(config.enhancement);
    let (space, optimizer) = (config.shared_space(), config.optimizer);
    Job { space, enhancement, step, number, optimizer, fixed: None }
}

/// Runs `n` updates of the last step on a device.
fn on_device<R: Runtime>(
    client: &ComputeClient<R>,
    config: &RunConfig,
    n: u64,
    variant: Variant,
) -> Result<UpdateOutcome> {
    let Weights { layout, values } = weights_of(config);
    let job = last_step(config);
    let rate = job.step.lr;
    let mut step = GpuStep::<R, f32>::new(client.clone(), job, layout, (&values, &[]), variant)?;
    let mut losses = Losses::default();
    for (update, data) in (0..).zip(synthetic(config, n)?) {
        losses.add(step.update((&data.pixels, &data.labels), &data.archs, rate, update)?);
    }
    losses.add(step.read()?);
    Ok(UpdateOutcome { values: step.values()?, losses })
}

/// Runs the same updates on the CPU, path after path.
fn sliced(config: &RunConfig, n: u64) -> Result<UpdateOutcome> {
    let mut step = SlicedStep::new(last_step(config), weights_of(config));
    let rate = step.job().step.lr;
    let mut losses = Losses::default();
    for (update, data) in (0..).zip(synthetic(config, n)?) {
        losses.add(step.update((&data.pixels, &data.labels), &data.archs, rate, update)?);
    }
    Ok(UpdateOutcome { values: step.values(), losses })
}

/// Updates that are compared.
struct Case {
    what: String,
    config: RunConfig,
    updates: u64,
    tolerance: f64,
    variant: Variant,
}

/// Updates of every kind, and in every tiling.
fn cases() -> Result<Vec<Case>> {
    let untrained = HALVES.replace("temperature = 2.0", "teacher = \"untrained\"");
    let exclusive = HALVES.replace("halves", "exclusive");
    let clipped = HALVES.replace("k = 3", "k = 3\nclip = 0.5");
    let shared = config("prelu+oe", "")?;
    // Rounding errors grow with every update and with the learning rate.
    let mut slow = config("prelu+oe", "")?;
    slow.steps[0].lr = 0.01;
    let [default, others @ ..] = VARIANTS;
    let mut cases = Vec::new();
    for (what, config, updates, tolerance) in [
        ("an update", shared.clone(), 1, 2e-5),
        ("20 updates", slow, 20, 2e-4),
        ("an update without enhancement", config("none", "")?, 1, 2e-5),
        ("an update of halves", config("oe", HALVES)?, 1, 2e-5),
        ("an update of exclusive branches", config("prelu+oe", &exclusive)?, 1, 2e-5),
        ("an update with the untrained teacher", config("prelu+oe", &untrained)?, 1, 2e-5),
        ("an update with clipping", config("prelu+oe", &clipped)?, 1, 2e-5),
    ] {
        cases.push(Case { what: what.into(), config, updates, tolerance, variant: default });
    }
    for (space, text) in OTHERS {
        for (scheme, text) in [("", text.to_owned()), (" of halves", format!("{text}{HALVES}"))] {
            let what = format!("an update of {space}{scheme}");
            let config = RunConfig::parse(&text, "agreement.toml")?;
            cases.push(Case { what, config, updates: 1, tolerance: 2e-5, variant: default });
        }
    }
    for (tiling, variant) in (1..).zip(others) {
        let what = format!("an update in tiling {tiling}");
        cases.push(Case { what, config: shared.clone(), updates: 1, tolerance: 2e-5, variant });
    }
    Ok(cases)
}

/// Compares scores after recalibration.
fn validation<R: Runtime>(client: &ComputeClient<R>) -> Result<Vec<Comparison>> {
    let config = config("prelu+oe", "")?;
    let dataset = load(&config.data)?;
    let space = config.space();
    let key = Key::new(config.seed);
    let weights = weights_of(&config);
    let mut archs = Vec::new();
    for update in 0..3 {
        archs.extend(draw(&space, &config.steps[0], key, update)?);
    }
    let mut panel = Panel::new(&config, &dataset, &[], true)?;
    (panel.batch, panel.batches) = recalibration_batches(&dataset, &config, usize::MAX);
    panel.set = EvalSet::new(&dataset, &dataset.validation, IMAGES);
    panel.archs = archs;
    let Weights { layout, values } = weights.clone();
    let step = GpuStep::<R, f32>::new(
        client.clone(),
        last_step(&config),
        layout,
        (&values, &[]),
        VARIANTS[0],
    )?;
    let plans: Vec<_> = panel.archs.iter().map(|arch| step.job.plan(arch)).collect();
    let found = scores(&step, &plans, (panel.batch, &panel.batches), &panel.set)?;
    let (mut ce, mut top1) = (0.0, 0.0);
    for (expected, found) in panel.scores(&weights, config.enhancement).iter().zip(found) {
        ce = worst(ce, (found.ce - expected.ce).abs());
        top1 = worst(top1, (found.top1 - expected.top1).abs());
    }
    let what =
        |result: &str| format!("{} sub-networks recalibrated and evaluated: {result}", plans.len());
    Ok(vec![
        Comparison { what: what("cross-entropy"), difference: ce, tolerance: 1e-4 },
        // Rounding can exchange two almost equal logits.
        Comparison { what: what("top-1"), difference: top1, tolerance: 1.5 / IMAGES as f64 },
    ])
}
