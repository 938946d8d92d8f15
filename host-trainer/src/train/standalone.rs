//! Sub-networks trained alone: a search space with one option a layer, whose largest network is
//! the one wanted.

use std::fmt::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{Layer, Space};

use super::checkpoint::Checkpoint;
use super::epoch::{Step, layout_of};
use crate::backend::CpuAutodiff;
use crate::config::{RunConfig, StepConfig, StepKind};
use crate::data::{Dataset, Key};
use crate::error::Result;
use crate::files;
use crate::rank::{Coded, EvalSet, evaluate};
use crate::supernet::{Weights, recalibrate};

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
    let (of_run, arch) = (config.space(), &coded.arch);
    let space = single(of_run, arch);
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
    let config = RunConfig { seed: recipe.seed, enhancement, steps: vec![step], ..config.clone() };
    let layout = layout_of(space, &config, 1);
    let values = Weights::initial(layout.clone(), Key::new(recipe.seed)).values;
    let state = Checkpoint { step: 1, epoch: 0, values, momentum: Vec::new(), statistics: None };
    let mut step = Step::<CpuAutodiff>::over(space, &config, dataset, Path::new(""), state, None);
    let bar = indicatif::ProgressBar::hidden();
    for _ in 0..recipe.epochs {
        step.epoch(&bar)?;
    }
    let weights = step.weights();
    let plan = resolve(space, &Arch::largest(space), enhancement, BranchScheme::Shared);
    let subnet = weights.subnet(&plan);
    let (batch, batches) = super::recalibration_batches(dataset, &config, usize::MAX);
    let folded = subnet.fold(&recalibrate(&subnet, batch, batches));
    let found = evaluate(&folded, &EvalSet::new(dataset, &dataset.test, usize::MAX));
    Ok(Truth {
        id: coded.id.clone(),
        arch: coded.written.clone(),
        standalone_top1: found.top1,
        top1_se: found.top1_se,
        ce: found.ce,
        images: found.images,
        form: recipe.form,
        epochs: recipe.epochs,
        seed: recipe.seed,
    })
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

/// Writes a truth file: CSV with the columns of [`Truth`].
///
/// # Errors
/// [`crate::error::Error::Io`].
pub fn write_truths(path: &Path, truths: &[Truth]) -> Result<()> {
    let mut text = "id,arch,standalone_top1,top1_se,ce,images,as,epochs,seed\n".to_owned();
    for t in truths {
        let Truth { id, arch, standalone_top1, top1_se, ce, images, form, epochs, seed } = t;
        let form = form.name();
        let _ = writeln!(
            text,
            "{id},{arch},{standalone_top1},{top1_se:.5},{ce:.5},{images},{form},{epochs},{seed}"
        );
    }
    files::write(path, text.as_bytes())
}
