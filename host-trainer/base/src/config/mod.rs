//! The configuration of a run in TOML: seed, space, data, enhancement and training steps. Every value
//! is checked before a run starts.
//!
//! A preset is a complete configuration ([`Preset`]). The values of a file replace those of its
//! preset, table by table. Steps are replaced as a whole.

mod augmentation;
mod data;
mod kernels;
mod loss;
mod origins;
mod parse;
mod precision;
pub mod schema;
mod sound;
mod space;
mod step;

use std::fmt::Display;
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::arch::Arch;
use supernano_core::plan::{ActivationScope, BranchScheme, Enhancement, WidthRule, cost, resolve};
use supernano_core::space::Space;

use crate::error::{Error, Result};
use crate::names;
use crate::space::SharedSpace;
pub use augmentation::Augmentation;
use data::MOST_IMAGES;
pub use data::{DataSource, DataSpec, Holdout, Resize, TargetRow, WindowSpec};
pub use kernels::KernelTransformation;
pub use loss::{ClassWeights, LossConfig, WeightRule};
pub use origins::origins;
pub use precision::Precision;
pub use sound::SoundConfig;
pub use space::SpaceSpec;
pub use step::{OptimizerState, Sampling, StepConfig, StepKind, Stepped, Teacher};

/// Most images of a batch.
const MOST_BATCH: usize = 65_536;
/// Most codes of the validation panel.
const MOST_PANEL: usize = 100_000;
/// Most checkpoints of a step.
const MOST_KEPT: usize = 1000;
/// Most parameters of the largest network: far more than a microcontroller holds, but a supernet of
/// this size still fits into the memory of a workstation.
const MOST_PARAMETERS: u64 = 100_000_000;

/// A named configuration that supplies the values a file leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Preset {
    /// The text of the paper: ResNet20, CIFAR-100, 300 epochs per step, `halves`, then `exclusive`.
    Paper,
    /// The reference code: alpha 0.8, `reference-4`, then `reference-fine`.
    Reference,
    /// Loss, sampling and rates of the challenge's third-placed solution: one step.
    ThirdPlace,
    /// Minutes on a CPU, for any space and data.
    Quick,
}

impl Preset {
    fn text(self) -> &'static str {
        match self {
            Self::Paper => include_str!("../../presets/paper.toml"),
            Self::Reference => include_str!("../../presets/reference.toml"),
            Self::ThirdPlace => include_str!("../../presets/third-place.toml"),
            Self::Quick => include_str!("../../presets/quick.toml"),
        }
    }
}

/// Stochastic gradient descent: `v = momentum v + g + weight_decay p; p -= lr v`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Optimizer {
    /// Momentum, without dampening and without Nesterov's correction.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub momentum: f32,
    /// Weight decay of every parameter.
    #[schemars(range(min = 0.0), extend("exclusiveMaximum" = 1.0))]
    pub weight_decay: f32,
}

impl Default for Optimizer {
    fn default() -> Self {
        Self { momentum: 0.9, weight_decay: 5e-4 }
    }
}

/// The images over which a sub-network's batch-norm statistics are computed: the first of the
/// training split, without augmentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Recalibration {
    /// Number of images.
    #[schemars(range(min = 2, max = MOST_IMAGES))]
    pub images: usize,
    /// Images per batch. The statistics are the unweighted mean over batches.
    #[schemars(range(min = 2, max = MOST_BATCH))]
    pub batch: usize,
}

impl Default for Recalibration {
    fn default() -> Self {
        Self { images: 1024, batch: 128 }
    }
}

/// A validated run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// Supplies the values that the file leaves out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preset: Option<Preset>,
    /// Seed of weights, order, augmentation and sampling.
    pub seed: u64,
    /// Number of classes, if it differs from that of the space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub classes: Option<u16>,
    /// Candidate enhancement R(s).
    #[serde(with = "enhancement")]
    #[schemars(schema_with = "schema::enhancement")]
    pub enhancement: Enhancement,
    /// A built-in space by name, or a table that defines a space.
    #[schemars(schema_with = "schema::space")]
    pub space: SpaceSpec,
    /// How the weights of a smaller kernel follow from those of a larger one.
    #[serde(default, skip_serializing_if = "KernelTransformation::is_centre")]
    pub kernel_transformation: KernelTransformation,
    /// Data set.
    pub data: DataSpec,
    /// Augmentation of training images.
    #[serde(default)]
    pub augmentation: Augmentation,
    /// Loss of items with classes.
    #[serde(default, skip_serializing_if = "LossConfig::is_plain")]
    pub loss: LossConfig,
    /// Optimiser.
    #[serde(default)]
    pub optimizer: Optimizer,
    /// Precision of convolutions in training. The CPU supports `float32` only.
    #[serde(default, skip_serializing_if = "Precision::is_whole")]
    pub precision: Precision,
    /// Recalibration of batch-norm statistics.
    #[serde(default)]
    pub recalibration: Recalibration,
    /// Number of random codes of the validation panel, beside the smallest and the largest.
    #[serde(default = "default_panel")]
    #[schemars(range(max = MOST_PANEL))]
    pub panel: usize,
    /// Truth file. It supplies the random codes of the panel, and each epoch reports the Pearson
    /// correlation with its accuracies.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub truths: Option<PathBuf>,
    /// Number of checkpoints that the current step keeps, including the latest. Every finished step
    /// keeps one more.
    #[serde(default = "default_keep")]
    #[schemars(range(min = 1, max = MOST_KEPT))]
    pub keep: usize,
    /// Limits of the device, for `supernano run`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<BudgetSpec>,
    /// Training steps, in order.
    #[serde(rename = "step")]
    pub steps: Vec<StepConfig>,
}

/// The `[budget]` table of a configuration: the limits of the device. Each value is written as on
/// the command line of `supernano search`, which checks it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BudgetSpec {
    /// Chip, in the spelling of probe-rs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chip: Option<String>,
    /// Core, if there is no chip.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub core: Option<String>,
    /// Limit of flash, such as `128KiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub flash: Option<String>,
    /// Limit of RAM, such as `24KiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ram: Option<String>,
    /// Limit of instructions of one inference, such as `5M`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl BudgetSpec {
    /// The names and the values of the limits that are set, in the order of the table.
    pub fn set(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let Self { chip, core, flash, ram, instructions } = self;
        [
            ("chip", chip),
            ("core", core),
            ("flash", flash),
            ("ram", ram),
            ("instructions", instructions),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value.as_deref()?)))
    }
}

fn default_panel() -> usize {
    14
}

fn default_keep() -> usize {
    1
}

impl RunConfig {
    /// The space of the run.
    pub fn space(&self) -> Space<'_> {
        self.space.space(self.classes)
    }

    /// The run's space, to be kept longer than the configuration.
    pub fn shared_space(&self) -> SharedSpace {
        SharedSpace::of(&self.space())
    }

    /// The configuration as TOML, with every value.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a value that TOML cannot hold: a path that is not UTF-8, or a seed
    /// above 2^63 - 1.
    pub fn to_toml(&self) -> Result<String> {
        let invalid = |e: &dyn Display| {
            Error::invalid("configuration", "TOML", "values that TOML can hold", e)
        };
        let text = toml::to_string(self).map_err(|e| invalid(&e))?;
        // The serialiser writes integers that the parser refuses.
        toml::from_str::<toml::Table>(&text).map_err(|e| invalid(&e.to_string().trim()))?;
        Ok(text)
    }

    /// Takes shape and classes of generated images from the space.
    fn complete(&mut self) {
        self.data.complete();
        if self.data.name == DataSource::Glyphs {
            let Space { input, classes, .. } = self.space();
            self.data.shape.get_or_insert(input);
            self.data.classes.get_or_insert(classes);
        }
    }

    fn validate(&self, place: &str) -> Result<()> {
        let fail = |field: &str, expected: &str, found: String| {
            Err(Error::invalid(place, field, expected, found))
        };
        let space = self.space();
        names::check(place, "space.name", space.name)?;
        space.validate().map_err(|e| Error::core(place, e))?;
        let largest =
            resolve(&space, &Arch::largest(&space), self.enhancement, BranchScheme::Shared);
        let parameters = cost(&space, &largest).params;
        if parameters > MOST_PARAMETERS {
            let expected = format!("a largest network of at most {MOST_PARAMETERS} parameters");
            return fail("space.layers", &expected, parameters.to_string());
        }
        if matches!(self.preset, Some(Preset::Paper | Preset::Reference | Preset::ThirdPlace)) {
            if self.data.name != DataSource::Cifar100 {
                let found = format!("`{}`", self.data.name.name());
                return fail("data.name", "`cifar100` with this preset", found);
            }
            if space.name != "resnet20" {
                return fail("space", "`resnet20` with this preset", format!("`{}`", space.name));
            }
        }
        let (shape, classes) = match (self.data.name.fixed(), &self.data.labels) {
            (Some(fixed), _) => fixed,
            (None, Some(labels)) => (space.input, u16::try_from(labels.len()).unwrap_or(u16::MAX)),
            (None, None) => {
                (self.data.shape.unwrap_or(space.input), self.data.classes.unwrap_or(space.classes))
            }
        };
        if shape != space.input {
            let text = |s: supernano_core::space::Shape| {
                format!("{}x{}x{}", s.height, s.width, s.channels)
            };
            return fail("space.input", &format!("the data's {}", text(shape)), text(space.input));
        }
        if classes != space.classes {
            return fail("classes", &format!("the data's {classes}"), space.classes.to_string());
        }
        let Recalibration { images, batch } = self.recalibration;
        if batch < 2 || images < batch || images > MOST_IMAGES || batch > MOST_BATCH {
            return fail(
                "recalibration",
                &format!(
                    "at least one batch of at least 2 images, at most {MOST_IMAGES} images and \
                     {MOST_BATCH} a batch"
                ),
                format!("{images} images, batch {batch}"),
            );
        }
        self.data.validate(place)?;
        self.data.check_head(place, &space)?;
        self.augmentation.validate(place, shape)?;
        self.loss.validate(place, &space)?;
        self.kernel_transformation.validate(place, &space)?;
        range(place, "panel", self.panel, 0, MOST_PANEL)?;
        range(place, "keep", self.keep, 1, MOST_KEPT)?;
        let Optimizer { momentum, weight_decay } = self.optimizer;
        if !(0.0..1.0).contains(&momentum) {
            return fail("optimizer.momentum", "0 to below 1", momentum.to_string());
        }
        if !(0.0..1.0).contains(&weight_decay) {
            return fail("optimizer.weight_decay", "0 to below 1", weight_decay.to_string());
        }
        step::validate(&self.steps, &space, self.enhancement, place)
    }

    /// Branch scheme of the weights after step `step`, counted from 1; `shared` for 0.
    pub fn scheme(&self, step: usize) -> BranchScheme {
        step.checked_sub(1)
            .and_then(|i| self.steps.get(i))
            .map_or(BranchScheme::Shared, |s| s.scheme)
    }
}

/// Checks that a number is from `low` to `high`; NaN is not.
fn range<T: PartialOrd + Display>(
    place: &str,
    field: &str,
    value: T,
    low: T,
    high: T,
) -> Result<()> {
    if value >= low && value <= high {
        return Ok(());
    }
    Err(Error::invalid(place, field, format!("at least {low}, at most {high}"), value))
}

/// `none`, `oe`, `prelu+oe`, or a table with `widths` and `activation`.
mod enhancement {
    use super::{ActivationScope, Enhancement, WidthRule};
    use serde::de::Error as _;
    use serde::{Deserialize as _, Deserializer, Serialize as _, Serializer};

    pub fn serialize<S: Serializer>(value: &Enhancement, to: S) -> Result<S::Ok, S::Error> {
        value.serialize(to)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Enhancement, D::Error> {
        let value = toml::Value::deserialize(from)?;
        let named = |widths, activation| Ok(Enhancement { widths, activation });
        match value.as_str() {
            Some("none") => named(WidthRule::None, ActivationScope::None),
            Some("oe") => named(WidthRule::Oe, ActivationScope::None),
            Some("prelu+oe") => named(WidthRule::Oe, ActivationScope::AfterAdd),
            Some(other) => Err(D::Error::custom(format!(
                "enhancement: expected `none`, `oe`, `prelu+oe` or a table, found `{other}`"
            ))),
            None => value.try_into().map_err(|e| D::Error::custom(format!("enhancement: {e}"))),
        }
    }
}

#[cfg(test)]
mod tests;
