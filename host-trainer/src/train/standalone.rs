//! Sub-networks trained alone: a search space with one option a layer, whose largest network is
//! the one wanted.

use std::fmt::Write as _;
use std::path::Path;

use burn::tensor::{ElementConversion as _, Tensor, TensorData};
use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{Layer, Space};

use super::checkpoint::Checkpoint;
use super::epoch::Step;
use super::params::Params;
use super::state::layout_of;
use super::{Run, loss};
use crate::backend::{CpuAutodiff, Map};
use crate::config::{RunConfig, StepConfig, StepKind};
use crate::data::rng::Purpose;
use crate::data::{Dataset, Key};
use crate::error::{Error, Result};
use crate::files;
use crate::rank::{Coded, EvalSet, evaluate};
use crate::supernet::{
    Act, Block, BnConv, FoldedNet, Layout, Role, SubNet, Weights, forward_train, recalibrate,
};

/// Which network a code stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Form {
    /// The widths that the code says, with ReLU: the form of the challenge's truths.
    Nominal,
    /// After the run's candidate enhancement: what is scored and what ships.
    Effective,
}

impl Form {
    fn name(self) -> &'static str {
        match self {
            Self::Nominal => "nominal",
            Self::Effective => "effective",
        }
    }
}

/// Where training started.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Start {
    /// Initial weights.
    Scratch,
    /// A supernet's weights.
    Inherited,
}

/// How sub-networks are trained alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recipe {
    /// Which network.
    pub form: Form,
    /// Epochs.
    pub epochs: u32,
    /// Learning rate at the start, cosine to 0.
    pub lr: f32,
    /// Seed of weights, order and augmentation.
    pub seed: u64,
}

/// A line of a truth file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Truth {
    /// Name in the file of codes.
    pub id: String,
    /// Code.
    pub arch: String,
    /// Top-1 on the test images, 0 to 1.
    pub standalone_top1: f64,
    /// Its standard error.
    pub top1_se: f64,
    /// Mean cross-entropy on the test images, nats.
    pub ce: f64,
    /// Test images.
    pub images: usize,
    /// Which network was trained.
    #[serde(rename = "as")]
    pub form: Form,
    /// Epochs of training.
    pub epochs: u32,
    /// Seed.
    pub seed: u64,
    /// Where training started.
    pub start: Start,
}

/// Trains a sub-network from scratch and evaluates it on the test images.
///
/// # Errors
/// [`crate::error::Error::NotFinite`].
pub fn train_alone(
    config: &RunConfig,
    dataset: &Dataset,
    coded: &Coded,
    recipe: &Recipe,
) -> Result<Truth> {
    let (space, config) = alone(config, coded, recipe);
    let layout = layout_of(space, &config, 1);
    let values = Weights::initial(layout.clone(), Key::new(recipe.seed)).values;
    let state = Checkpoint::start(1, values);
    let mut step = Step::<CpuAutodiff>::over(space, &config, dataset, Path::new(""), state, None);
    let bar = indicatif::ProgressBar::hidden();
    for _ in 0..recipe.epochs {
        step.epoch(&bar)?;
    }
    Ok(judged(&step.weights(), &config, dataset, coded, recipe, Start::Scratch))
}

/// What a sub-network inherits beside its own weights.
#[derive(Clone, Copy, Debug)]
pub struct Inheritance<'a> {
    /// The supernet.
    pub run: &'a Run,
    /// Its largest network, which teaches.
    pub teacher: &'a FoldedNet,
    /// Weight of the teacher against the labels, 0 to 1.
    pub alpha: f32,
}

/// As [`train_alone`], from a supernet's weights and taught by its largest network (Eq. 2).
///
/// # Errors
/// [`crate::error::Error::NotFinite`].
pub fn train_inherited(
    from: &Inheritance<'_>,
    dataset: &Dataset,
    coded: &Coded,
    recipe: &Recipe,
) -> Result<Truth> {
    let run = from.run;
    let (space, config) = alone(&run.config, coded, recipe);
    let step = &config.steps[0];
    let enhancement = step.enhancement(config.enhancement);
    let scheme = run.weights.layout.scheme;
    let inherited = run.weights.subnet(&resolve(run.space(), &coded.arch, enhancement, scheme));
    let layout = layout_of(space, &config, 1);
    let values = inherit(&inherited, layout.clone()).values;
    let state = Checkpoint::start(1, values);
    let mut params = Params::<CpuAutodiff>::new(layout.clone(), &state);
    let plan = resolve(space, &Arch::largest(space), enhancement, BranchScheme::Shared);
    let (device, s) = (Default::default(), dataset.shape);
    let mut update = 0;
    for epoch in 0..recipe.epochs {
        let key = Key { seed: recipe.seed, epoch, step: 1 };
        let order = key.permutation(Purpose::Shuffle, dataset.train.len());
        for indices in order.chunks(step.batch).filter(|c| c.len() > 1) {
            let pixels = dataset.augmented(indices, &config.augmentation, key);
            let n = indices.len();
            let images =
                Map::from_images(&pixels, n, s.channels.into(), s.height.into(), s.width.into());
            let labels = dataset.labels(indices);
            let labels = loss::one_hot::<CpuAutodiff>(&labels, space.classes.into(), &device);
            let answers = from.teacher.forward(&pixels, n);
            let answers = TensorData::new(answers, [n, usize::from(space.classes)]);
            let answers = loss::soften(Tensor::<CpuAutodiff, 2>::from_data(answers, &device), 1.0);
            let (net, leaves) = params.path(&plan);
            let (logits, _) = forward_train(&net, &images);
            let value = loss::distilled(logits, labels, Some(answers), from.alpha, 1.0);
            let found: f32 = value.clone().into_scalar().elem();
            if !found.is_finite() {
                let (code, layer) = (coded.written.clone(), "the classifier".into());
                return Err(Error::NotFinite { step: 1, update, code, layer });
            }
            params.add(&leaves, &value.backward());
            params.update(config.optimizer, step.rate(epoch.into()), step.clip);
            update += 1;
        }
    }
    let weights = Weights { layout, values: params.host_values() };
    Ok(judged(&weights, &config, dataset, coded, recipe, Start::Inherited))
}

/// The space of one sub-network, and the configuration that trains it.
fn alone(
    config: &RunConfig,
    coded: &Coded,
    recipe: &Recipe,
) -> (&'static Space<'static>, RunConfig) {
    let step = StepConfig {
        epochs: recipe.epochs,
        lr: recipe.lr,
        kind: StepKind::Largest,
        scheme: BranchScheme::Shared,
        relu: recipe.form == Form::Nominal,
        ..config.steps[0].clone()
    };
    let enhancement = match recipe.form {
        Form::Nominal => Enhancement::NONE,
        Form::Effective => config.enhancement,
    };
    let space = single(config.space(), &coded.arch);
    (space, RunConfig { seed: recipe.seed, enhancement, steps: vec![step], ..config.clone() })
}

/// A sub-network's weights under a layout of its own space. A layer's slope that its activation
/// does not have is 0.25.
fn inherit(net: &SubNet, layout: Layout) -> Weights {
    let mut convs: Vec<(usize, bool, &BnConv)> = Vec::new();
    let mut layer = 0;
    for block in &net.blocks {
        match block {
            Block::Conv(conv) => convs.push((layer, false, conv)),
            Block::Residual { first, second, shortcut } => {
                convs.push((layer, false, first));
                layer += 1;
                convs.push((layer, false, second));
                convs.extend(shortcut.as_ref().map(|conv| (layer, true, conv)));
            }
        }
        layer += 1;
    }
    let mut values = Vec::with_capacity(layout.len());
    for e in &layout.entries {
        let conv = convs.iter().find(|c| c.0 == e.layer && c.1 == e.shortcut).map(|c| c.2);
        match (e.role, conv) {
            (Role::Weight, Some(conv)) => values.extend(&conv.weight),
            (Role::Gamma, Some(conv)) => values.extend(&conv.gamma),
            (Role::Beta, Some(conv)) => values.extend(&conv.beta),
            (Role::Slope, Some(BnConv { act: Act::Prelu(slope), .. })) => values.push(*slope),
            (Role::Classifier, _) => values.extend(&net.classifier.weight),
            (Role::Bias, _) => values.extend(&net.classifier.bias),
            (Role::Slope, _) | (_, None) => values.extend(std::iter::repeat_n(0.25, e.len())),
        }
    }
    Weights { layout, values }
}

/// Recalibrates trained weights and evaluates them on the test images.
fn judged(
    weights: &Weights,
    config: &RunConfig,
    dataset: &Dataset,
    coded: &Coded,
    recipe: &Recipe,
    start: Start,
) -> Truth {
    let space = weights.layout.space;
    let enhancement = config.steps[0].enhancement(config.enhancement);
    let plan = resolve(space, &Arch::largest(space), enhancement, BranchScheme::Shared);
    let subnet = weights.subnet(&plan);
    let (batch, batches) = super::recalibration_batches(dataset, config, usize::MAX);
    let folded = subnet.fold(&recalibrate(&subnet, batch, batches));
    let found = evaluate(&folded, &EvalSet::new(dataset, &dataset.test, usize::MAX));
    Truth {
        id: coded.id.clone(),
        arch: coded.written.clone(),
        standalone_top1: found.top1,
        top1_se: found.top1_se,
        ce: found.ce,
        images: found.images,
        form: recipe.form,
        epochs: recipe.epochs,
        seed: recipe.seed,
        start,
    }
}

/// The space with the options of one sub-network alone. Lives as long as the process.
fn single(space: &Space<'_>, arch: &Arch) -> &'static Space<'static> {
    let layers: Vec<Layer<'static>> = space
        .layers
        .iter()
        .enumerate()
        .map(|(i, layer)| Layer {
            widths: vec![arch.nominal(space, i).0].leak(),
            kernel: layer.kernel,
            stride: layer.stride,
            same_as: layer.same_as,
        })
        .collect();
    Box::leak(Box::new(Space {
        name: space.name.to_owned().leak(),
        input: space.input,
        classes: space.classes,
        layers: layers.leak(),
        blocks: space.blocks.to_vec().leak(),
        ignored_digits: 0,
    }))
}

const HEADER: &str = "id,arch,standalone_top1,top1_se,ce,images,as,epochs,seed,start";

/// Writes a truth file: CSV with the columns of [`Truth`].
///
/// # Errors
/// [`Error::Io`].
pub fn write_truths(path: &Path, truths: &[Truth]) -> Result<()> {
    let mut text = format!("{HEADER}\n");
    for t in truths {
        let Truth { id, arch, standalone_top1, top1_se, ce, images, form, epochs, seed, start } = t;
        let form = form.name();
        let start = match start {
            Start::Scratch => "scratch",
            Start::Inherited => "inherited",
        };
        let _ = writeln!(
            text,
            "{id},{arch},{standalone_top1},{top1_se:.5},{ce:.5},{images},{form},{epochs},{seed},\
             {start}"
        );
    }
    files::write(path, text.as_bytes())
}

/// Reads a truth file that [`write_truths`] wrote, to go on with it: every line must have been
/// trained as `recipe` and `start` say.
///
/// # Errors
/// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] naming line, column, expected and found.
pub fn read_truths(path: &Path, recipe: &Recipe, start: Start) -> Result<Vec<Truth>> {
    let text = String::from_utf8(files::read(path)?)
        .map_err(|e| Error::invalid(path.display(), "encoding", "UTF-8", e))?;
    let mut lines = text.lines().enumerate();
    let header = lines.next().map_or("", |l| l.1);
    if header != HEADER {
        return Err(Error::invalid(path.display(), "header", HEADER, header));
    }
    let columns: Vec<&str> = HEADER.split(',').collect();
    lines
        .map(|(i, line)| {
            let place = format!("{}:{}", path.display(), i + 1);
            let cells: Vec<&str> = line.split(',').collect();
            if cells.len() != columns.len() {
                return Err(Error::invalid(&place, "cells", columns.len(), cells.len()));
            }
            fn number<T: std::str::FromStr>(place: &str, column: &str, cell: &str) -> Result<T> {
                cell.parse().map_err(|_| Error::invalid(place, column, "a number", cell))
            }
            let start_name = if start == Start::Scratch { "scratch" } else { "inherited" };
            for (at, expected) in [
                (6, recipe.form.name().to_owned()),
                (7, recipe.epochs.to_string()),
                (8, recipe.seed.to_string()),
                (9, start_name.to_owned()),
            ] {
                if cells[at] != expected {
                    let expected = format!("{expected}, as this command trains");
                    return Err(Error::invalid(&place, columns[at], expected, cells[at]));
                }
            }
            Ok(Truth {
                id: cells[0].into(),
                arch: cells[1].into(),
                standalone_top1: number(&place, columns[2], cells[2])?,
                top1_se: number(&place, columns[3], cells[3])?,
                ce: number(&place, columns[4], cells[4])?,
                images: number(&place, columns[5], cells[5])?,
                form: recipe.form,
                epochs: recipe.epochs,
                seed: recipe.seed,
                start,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests;
