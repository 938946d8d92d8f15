//! Whether a device computes what the CPU does: small updates of every kind, augmentation,
//! recalibration and evaluation, against the CPU's sliced execution of the same.

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

use crate::device::OnDevice;
use crate::judge::{Judge, judged};
use crate::masked::{MaskedStep, half};
use crate::network::Paths;
use crate::resident::Resident;

/// A projection, an identity with a tied width, every kind of option.
const SPACE: &str = include_str!("../agreement.toml");
/// A step of several branches.
const HALVES: &str = "[[step]]\nkind = \"supernet\"\nscheme = \"halves\"\nepochs = 1\n\
                      lr = 0.05\nbatch = 8\nk = 3\ntemperature = 2.0\n";
/// Images that are augmented, and that are judged.
const IMAGES: usize = 96;

/// Something that a device was asked for, and how far it is from the CPU.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Comparison {
    /// What was compared.
    pub what: String,
    /// Largest difference.
    pub difference: f64,
    /// Most that it may be.
    pub tolerance: f64,
}

impl Comparison {
    /// Whether the device agrees; not where the difference is not a number.
    pub fn agrees(&self) -> bool {
        self.difference <= self.tolerance
    }
}

/// All comparisons, on one device.
#[derive(Clone, Copy, Debug, Default)]
pub struct Agreement {
    /// Compared as well, by its losses, where it is not 32 bits.
    pub precision: Precision,
}

impl OnDevice for Agreement {
    type Output = Vec<Comparison>;

    fn on<B: AutodiffBackend>(self) -> Result<Vec<Comparison>> {
        let mut found = updates::<B>()?;
        found.push(augmentation::<B>()?);
        found.extend(judgement::<B>()?);
        if let Some(half) = half(self.precision) {
            let shared = config("prelu+oe", "")?;
            let rounded =
                masked::<B>(&RunConfig { precision: self.precision, ..shared.clone() }, 20)?;
            let whole = masked::<B>(&shared, 20)?;
            let what = format!("20 masked updates in {half:?} against float32: mean loss");
            let difference = whole.loss_difference(&rounded) / 20.0;
            found.push(Comparison { what, difference, tolerance: 0.05 });
        }
        Ok(found)
    }
}

pub(crate) fn config(enhancement: &str, step: &str) -> Result<RunConfig> {
    let text = format!("{}{step}", SPACE.replacen("prelu+oe", enhancement, 1));
    RunConfig::parse(&text, "agreement.toml")
}

/// Weights after some updates, and the summed losses.
pub(crate) struct After {
    pub values: Vec<f32>,
    pub losses: Losses,
}

impl After {
    fn difference(&self, other: &Self) -> f64 {
        largest(&self.values, &other.values)
    }

    fn loss_difference(&self, other: &Self) -> f64 {
        let (a, b) = (self.losses, other.losses);
        (a.largest - b.largest).abs().max((a.students - b.students).abs())
    }
}

/// The largest difference; not a number where one is not.
fn largest(a: &[f32], b: &[f32]) -> f64 {
    let worst = |worst: f64, d: f64| if d.is_nan() || d > worst { d } else { worst };
    a.iter().zip(b).map(|(a, b)| f64::from((a - b).abs())).fold(0.0, worst)
}

/// Weights whose branches, gammas and betas all differ.
fn uneven(config: &RunConfig) -> Weights {
    let layout = layout_of(config.shared_space(), config, config.steps.len());
    let mut weights = Weights::initial(layout, Key::new(config.seed));
    for (i, v) in weights.values.iter_mut().enumerate() {
        *v += 0.1 * ((i * i) as f32).sin();
    }
    weights
}

fn params_of<B: AutodiffBackend>(config: &RunConfig) -> Params<B> {
    let Weights { layout, values } = uneven(config);
    let step = config.steps.len();
    let start = Checkpoint::start(step, values);
    Params::new(layout, &start)
}

/// One update of a comparison: normalised images `[batch, channels, height, width]`, their classes,
/// and the sub-networks.
struct Turn {
    pixels: Vec<f32>,
    labels: Vec<u16>,
    archs: Vec<Arch>,
}

/// The updates of a configuration's last step over made-up images.
fn turns(config: &RunConfig, n: u64) -> Result<Vec<Turn>> {
    let space = config.space();
    let step = &config.steps[config.steps.len() - 1];
    let key = Key::new(config.seed);
    let turn = |update: u64| {
        let wave = |i: usize| ((i as u64 * 7 + update * 131) as f32 * 0.37).sin();
        let pixels = (0..step.batch * space.input.len()).map(wave).collect();
        let labels = (0..step.batch as u16).map(|i| i % space.classes).collect();
        Ok(Turn { pixels, labels, archs: draw(&space, step, key, update)? })
    };
    (0..n).map(turn).collect()
}

/// The last step of a configuration.
fn last<B: AutodiffBackend>(config: &RunConfig) -> Job<'_, B> {
    let number = config.steps.len();
    let step = &config.steps[number - 1];
    let enhancement = step.enhancement(config.enhancement);
    let (space, optimizer) = (config.shared_space(), config.optimizer);
    Job { space, enhancement, step, number, optimizer, fixed: None }
}

/// Trains `n` updates with all paths in one batch.
pub(crate) fn masked<B: AutodiffBackend>(config: &RunConfig, n: u64) -> Result<After> {
    let mut params = params_of::<B>(config);
    let mut step = MaskedStep::new(last::<B>(config), config.precision);
    let (device, space) = (Default::default(), config.space());
    let [channels, height, width] =
        [space.input.channels, space.input.height, space.input.width].map(usize::from);
    let mut losses = Losses::default();
    for (update, turn) in (0..).zip(turns(config, n)?) {
        let shape = [turn.labels.len(), channels, height, width];
        let images = Tensor::from_data(TensorData::new(turn.pixels, shape), &device);
        let labels = loss::one_hot(&turn.labels, space.classes.into(), &device);
        let paths = Paths::new(vec![step.plans(&turn.archs)], &device);
        let at = (step.job.step.lr, update);
        losses.add(step.update(&mut params, (images, labels), paths.of(0), at)?);
    }
    losses.add(step.read()?);
    Ok(After { values: params.host_values(), losses })
}

/// Trains the same updates path after path on the CPU.
fn sliced(config: &RunConfig, n: u64) -> Result<After> {
    let mut params = params_of::<CpuAutodiff>(config);
    let job = last::<CpuAutodiff>(config);
    let input = config.space().input;
    let mut losses = Losses::default();
    for (update, turn) in (0..).zip(turns(config, n)?) {
        let batch = Batch::new(&turn.pixels, &turn.labels, input);
        losses.add(job.update(&mut params, &batch, &turn.archs, job.step.lr, update)?);
    }
    Ok(After { values: params.host_values(), losses })
}

fn updates<B: AutodiffBackend>() -> Result<Vec<Comparison>> {
    let untrained = HALVES.replace("temperature = 2.0", "teacher = \"untrained\"");
    let exclusive = HALVES.replace("halves", "exclusive");
    let clipped = HALVES.replace("k = 3", "k = 3\nclip = 0.5");
    let (shared, mut slow) = (config("prelu+oe", "")?, config("prelu+oe", "")?);
    // Rounding grows with every update, the faster the larger the rate.
    slow.steps[0].lr = 0.01;
    let mut found = Vec::new();
    for (what, config, n, tolerance) in [
        ("a masked update", shared, 1, 2e-4),
        ("20 masked updates", slow, 20, 2e-3),
        ("a masked update without enhancement", config("none", "")?, 1, 2e-4),
        ("a masked update of halves", config("oe", HALVES)?, 1, 2e-4),
        ("a masked update of exclusive branches", config("prelu+oe", &exclusive)?, 1, 2e-4),
        ("a masked update, teacher untrained", config("prelu+oe", &untrained)?, 1, 2e-4),
        ("a masked update that is clipped", config("prelu+oe", &clipped)?, 1, 2e-4),
    ] {
        let expected = sliced(&config, n)?;
        let got = masked::<B>(&config, n)?;
        let difference = got.difference(&expected);
        found.push(Comparison { what: format!("{what}: weights"), difference, tolerance });
        let (what, difference) = (format!("{what}: losses"), got.loss_difference(&expected));
        found.push(Comparison { what, difference, tolerance: 10.0 * tolerance });
    }
    Ok(found)
}

fn images() -> Result<(RunConfig, Dataset)> {
    let config = config("prelu+oe", "")?;
    let dataset = load(&config.data)?;
    Ok((config, dataset))
}

fn augmentation<B: AutodiffBackend>() -> Result<Comparison> {
    let (config, dataset) = images()?;
    let key = Key { seed: config.seed, epoch: 1, step: 1 };
    let order = key.permutation(Purpose::Shuffle, dataset.train.len());
    let plan = resolve(
        &config.space(),
        &Arch::largest(&config.space()),
        config.enhancement,
        config.scheme(1),
    );
    let how = Augmentation::default();
    let resident = Resident::<B::InnerBackend>::new(&dataset, how);
    let drawn = resident.epoch(&order, key, vec![vec![plan]]);
    let (images, _) = resident.batch(&drawn, 0..IMAGES);
    let found: Vec<f32> = images.into_data().iter::<f32>().collect();
    let expected = dataset.augmented(&order[..IMAGES], &how, key);
    let same = found.iter().zip(&expected).filter(|(a, b)| (*a - *b).abs() < 1e-4).count();
    let differ = expected.len() - same;
    let what = "augmented images: share of values that differ by 1e-4 or more".into();
    let difference = differ as f64 / expected.len().max(1) as f64;
    // A rotated pixel on the border of two may be taken from either.
    Ok(Comparison { what, difference, tolerance: 2e-3 })
}

fn judgement<B: AutodiffBackend>() -> Result<Vec<Comparison>> {
    let (config, dataset) = images()?;
    let space = config.space();
    let key = Key::new(config.seed);
    let archs: Vec<_> = (0..3)
        .map(|u| draw(&space, &config.steps[0], key, u))
        .collect::<Result<Vec<_>>>()?
        .concat();
    let (weights, params) = (uneven(&config), params_of::<B>(&config));
    let plans: Vec<_> = archs
        .iter()
        .map(|a| resolve(&space, a, config.enhancement, weights.layout.scheme))
        .collect();
    let (batch, batches) = recalibration_batches(&dataset, &config, usize::MAX);
    let judge = Judge::new(&dataset, &dataset.validation, IMAGES, batch, &batches);
    let set = EvalSet::new(&dataset, &dataset.validation, IMAGES);
    let (mut ce, mut top1) = (0.0, 0.0);
    for (plan, found) in plans.iter().zip(judged(&params, &judge, &plans)) {
        let subnet = weights.subnet(plan);
        let stats = recalibrate(&subnet, batch, batches.iter().cloned());
        let expected = evaluate(&subnet.fold(&stats), &set);
        let worst = |worst: f64, d: f64| if d.is_nan() || d > worst { d } else { worst };
        ce = worst(ce, (found.ce - expected.ce).abs());
        top1 = worst(top1, (found.top1 - expected.top1).abs());
    }
    let what = |of: &str| format!("{} sub-networks recalibrated and evaluated: {of}", plans.len());
    Ok(vec![
        Comparison { what: what("cross-entropy"), difference: ce, tolerance: 1e-3 },
        // Two logits that are all but equal may change places.
        Comparison { what: what("top-1"), difference: top1, tolerance: 1.5 / IMAGES as f64 },
    ])
}
