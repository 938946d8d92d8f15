//! Comparison of a device with the CPU: small updates of every kind, augmentation, recalibration
//! and evaluation.
//!
//! [`Agreement`] is a task for [`Device::compare`](crate::device::Device::compare). The reference is always
//! the sliced execution on the CPU.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use serde::{Deserialize, Serialize};
use supernano_base::config::{Augmentation, Precision, RunConfig};
use supernano_base::error::Result;
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::plan::resolve;
use supernano_data::{Dataset, load};
use supernano_train::backend::CpuAutodiff;
use supernano_train::run::checkpoint::Checkpoint;
use supernano_train::run::recalibration_batches;
use supernano_train::supernet::{EvalSet, Weights, evaluate, recalibrate};
use supernano_train::training::job::{Batch, Job};
use supernano_train::training::params::Params;
use supernano_train::training::sampling::draw;
use supernano_train::training::state::layout_of;
use supernano_train::training::{Losses, loss};

use crate::plans::PlanSets;
use crate::resident::Resident;
use crate::step::{MaskedStep, half};
use crate::task::OnDevice;
use crate::validation::{ValidationImages, validate};

/// A configuration whose space has a projection, an identity with a tied width, and several options
/// in every layer.
const CONFIG: &str = include_str!("../agreement.toml");
/// A step with several branches.
const HALVES: &str = "[[step]]\nkind = \"supernet\"\nscheme = \"halves\"\nepochs = 1\n\
                      lr = 0.05\nbatch = 8\nk = 3\ntemperature = 2.0\n";
/// Number of images that are augmented, and number of images that are evaluated.
const IMAGES: usize = 96;

/// The largest difference between a device and the CPU in one result.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// Description of the result.
    pub what: String,
    /// Largest absolute difference.
    pub difference: f64,
    /// Largest accepted difference.
    pub tolerance: f64,
}

impl Comparison {
    /// True if the difference is at most the tolerance. NaN is never accepted.
    pub fn agrees(&self) -> bool {
        self.difference <= self.tolerance
    }
}

/// All comparisons on one device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agreement {
    /// A second precision, whose losses are compared with those of 32 bits.
    pub precision: Precision,
}

impl OnDevice for Agreement {
    type Output = Vec<Comparison>;

    fn on<B: AutodiffBackend>(self) -> Result<Vec<Comparison>> {
        let mut comparisons = updates::<B>()?;
        comparisons.push(augmentation::<B>()?);
        comparisons.extend(validation::<B>()?);
        if let Some(half) = half(self.precision) {
            let shared = config("prelu+oe", "")?;
            let rounded = RunConfig { precision: self.precision, ..shared.clone() };
            let rounded = masked::<B>(&rounded, 20)?;
            let whole = masked::<B>(&shared, 20)?;
            let what = format!("20 masked updates in {half:?} against float32: mean loss");
            let difference = whole.loss_difference(&rounded) / 20.0;
            comparisons.push(Comparison { what, difference, tolerance: 0.05 });
        }
        Ok(comparisons)
    }
}

/// The built-in configuration with another enhancement and additional TOML text.
pub(crate) fn config(enhancement: &str, step: &str) -> Result<RunConfig> {
    let text = format!("{}{step}", CONFIG.replacen("prelu+oe", enhancement, 1));
    RunConfig::parse(&text, "agreement.toml")
}

/// The result of some updates.
pub(crate) struct UpdateOutcome {
    /// Weights.
    pub values: Vec<f32>,
    /// Sums over the updates.
    pub losses: Losses,
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

fn params_of<B: AutodiffBackend>(config: &RunConfig) -> Params<B> {
    let Weights { layout, values } = weights_of(config);
    let step = config.steps.len();
    let start = Checkpoint::start(step, values);
    Params::new(layout, &start)
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
fn last_step<B: AutodiffBackend>(config: &RunConfig) -> Job<'_, B> {
    let number = config.steps.len();
    let step = &config.steps[number - 1];
    let enhancement = step.enhancement(config.enhancement);
    let (space, optimizer) = (config.shared_space(), config.optimizer);
    Job { space, enhancement, step, number, optimizer, fixed: None }
}

/// Runs `n` updates of the last step with all paths in one batch.
pub(crate) fn masked<B: AutodiffBackend>(config: &RunConfig, n: u64) -> Result<UpdateOutcome> {
    let mut params = params_of::<B>(config);
    let mut step = MaskedStep::new(last_step::<B>(config), config.precision);
    let (device, space) = (Default::default(), config.space());
    let [channels, height, width] =
        [space.input.channels, space.input.height, space.input.width].map(usize::from);
    let mut losses = Losses::default();
    for (update, data) in (0..).zip(synthetic(config, n)?) {
        let shape = [data.labels.len(), channels, height, width];
        let images = Tensor::from_data(TensorData::new(data.pixels, shape), &device);
        let labels = loss::one_hot(&data.labels, space.classes.into(), &device);
        let sets = PlanSets::new(vec![step.plans(&data.archs)], &device);
        let at = (step.job.step.lr, update);
        losses.add(step.update(&mut params, (images, labels), sets.get(0), at)?);
    }
    losses.add(step.read()?);
    Ok(UpdateOutcome { values: params.host_values(), losses })
}

/// Runs the same updates on the CPU, path after path.
fn sliced(config: &RunConfig, n: u64) -> Result<UpdateOutcome> {
    let mut params = params_of::<CpuAutodiff>(config);
    let job = last_step::<CpuAutodiff>(config);
    let input = config.space().input;
    let mut losses = Losses::default();
    for (update, data) in (0..).zip(synthetic(config, n)?) {
        let batch = Batch::new(&data.pixels, &data.labels, input);
        losses.add(job.update(&mut params, &batch, &data.archs, job.step.lr, update)?);
    }
    Ok(UpdateOutcome { values: params.host_values(), losses })
}

/// Compares updates of every kind: weights and losses.
fn updates<B: AutodiffBackend>() -> Result<Vec<Comparison>> {
    let untrained = HALVES.replace("temperature = 2.0", "teacher = \"untrained\"");
    let exclusive = HALVES.replace("halves", "exclusive");
    let clipped = HALVES.replace("k = 3", "k = 3\nclip = 0.5");
    let shared = config("prelu+oe", "")?;
    // Rounding errors grow with every update and with the learning rate.
    let mut slow = config("prelu+oe", "")?;
    slow.steps[0].lr = 0.01;
    let mut comparisons = Vec::new();
    for (what, config, n, tolerance) in [
        ("a masked update", shared, 1, 2e-4),
        ("20 masked updates", slow, 20, 2e-3),
        ("a masked update without enhancement", config("none", "")?, 1, 2e-4),
        ("a masked update of halves", config("oe", HALVES)?, 1, 2e-4),
        ("a masked update of exclusive branches", config("prelu+oe", &exclusive)?, 1, 2e-4),
        ("a masked update with the untrained teacher", config("prelu+oe", &untrained)?, 1, 2e-4),
        ("a masked update with clipping", config("prelu+oe", &clipped)?, 1, 2e-4),
    ] {
        let expected = sliced(&config, n)?;
        let found = masked::<B>(&config, n)?;
        comparisons.push(Comparison {
            what: format!("{what}: weights"),
            difference: found.difference(&expected),
            tolerance,
        });
        comparisons.push(Comparison {
            what: format!("{what}: losses"),
            difference: found.loss_difference(&expected),
            tolerance: 10.0 * tolerance,
        });
    }
    Ok(comparisons)
}

fn images() -> Result<(RunConfig, Dataset)> {
    let config = config("prelu+oe", "")?;
    let dataset = load(&config.data)?;
    Ok((config, dataset))
}

/// Compares augmented images.
fn augmentation<B: AutodiffBackend>() -> Result<Comparison> {
    let (config, dataset) = images()?;
    let space = config.space();
    let key = Key { seed: config.seed, epoch: 1, step: 1 };
    let order = key.permutation(Purpose::Shuffle, dataset.train.len());
    let plan = resolve(&space, &Arch::largest(&space), config.enhancement, config.scheme(1));
    let augmentation = Augmentation::default();
    let resident = Resident::<B::InnerBackend>::new(&dataset, augmentation);
    let epoch = resident.epoch(&order, key, vec![vec![plan]]);
    let (images, _) = resident.batch(&epoch, 0..IMAGES);
    let found: Vec<f32> = images.into_data().iter::<f32>().collect();
    let expected = dataset.augmented(&order[..IMAGES], &augmentation, key);
    let same = found.iter().zip(&expected).filter(|(a, b)| (*a - *b).abs() < 1e-4).count();
    let differ = expected.len() - same;
    Ok(Comparison {
        what: "augmented images: share of values that differ by 1e-4 or more".into(),
        difference: differ as f64 / expected.len().max(1) as f64,
        // A rotated pixel on the border of two source pixels can take either of them.
        tolerance: 2e-3,
    })
}

/// Compares scores after recalibration.
fn validation<B: AutodiffBackend>() -> Result<Vec<Comparison>> {
    let (config, dataset) = images()?;
    let space = config.space();
    let key = Key::new(config.seed);
    let weights = weights_of(&config);
    let params = params_of::<B>(&config);
    let mut plans = Vec::new();
    for update in 0..3 {
        for arch in draw(&space, &config.steps[0], key, update)? {
            plans.push(resolve(&space, &arch, config.enhancement, weights.layout.scheme));
        }
    }
    let (batch, batches) = recalibration_batches(&dataset, &config, usize::MAX);
    let images = ValidationImages::new(&dataset, &dataset.validation, IMAGES, batch, &batches);
    let set = EvalSet::new(&dataset, &dataset.validation, IMAGES);
    let mut ce = 0.0;
    let mut top1 = 0.0;
    for (plan, found) in plans.iter().zip(validate(&params, &images, &plans)) {
        let subnet = weights.subnet(plan);
        let stats = recalibrate(&subnet, batch, batches.iter().cloned());
        let expected = evaluate(&subnet.fold(&stats), &set);
        ce = worst(ce, (found.ce - expected.ce).abs());
        top1 = worst(top1, (found.top1 - expected.top1).abs());
    }
    let what =
        |result: &str| format!("{} sub-networks recalibrated and evaluated: {result}", plans.len());
    Ok(vec![
        Comparison { what: what("cross-entropy"), difference: ce, tolerance: 1e-3 },
        // Rounding can exchange two almost equal logits.
        Comparison { what: what("top-1"), difference: top1, tolerance: 1.5 / IMAGES as f64 },
    ])
}
