//! One training step of a run. Stage n of the paper is step n + 1.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::plan::{BranchScheme, Enhancement};
use supernano_core::space::Space;

use super::{MOST_BATCH, range};
use crate::error::{Error, Result};

/// Most steps of a run.
const MOST_STEPS: usize = 100;
/// Most epochs of a step.
const MOST_EPOCHS: u32 = 1_000_000;
/// Most updates of an epoch.
const MOST_UPDATES: usize = 1_000_000_000;
/// Most sub-networks of an update.
const MOST_SUB_NETWORKS: usize = 1024;
/// Largest limit of a gradient norm.
const MOST_CLIP: f32 = 1e6;

/// The network that a step trains.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StepKind {
    /// The largest network only, with cross-entropy.
    Largest,
    /// The supernet (Algorithm 1).
    Supernet,
}

/// The teacher of the sub-networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Teacher {
    /// The largest network in the same update, which is trained with cross-entropy (the paper).
    Live,
    /// The largest network in the same update, which is not trained (step 3 of the reference code).
    Untrained,
    /// The largest network as it was before the step.
    Fixed,
}

/// Sampling of the K sub-networks of an update.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Sampling {
    /// Uniform and independent for each choice (the paper).
    Uniform,
    /// Uniform over the different networks: a depth is as probable as there are networks with it.
    Networks,
    /// Every option of a layer once per round, in random order (FairNAS).
    Fair,
    /// The smallest network first, the others uniform. The largest is part of every update.
    Sandwich,
    /// The smallest network first, the others fair (the challenge's third place).
    #[serde(rename = "sandwich-fair")]
    SandwichFair,
}

/// The moments at which the learning rate changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Stepped {
    /// Once per epoch (the reference code).
    Epoch,
    /// At every update, for steps of few epochs.
    Update,
}

/// The momentum at the start of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OptimizerState {
    /// Zero (the reference code has a new optimiser for every step).
    #[default]
    Fresh,
    /// The momentum of the step before. A branch starts with the momentum of its origin.
    Carried,
}

impl OptimizerState {
    fn is_fresh(&self) -> bool {
        *self == Self::Fresh
    }
}

/// One `[[step]]` of a configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StepConfig {
    /// The trained network.
    pub kind: StepKind,
    /// Options that share weights.
    #[serde(default = "shared")]
    #[schemars(schema_with = "super::schema::scheme")]
    pub scheme: BranchScheme,
    /// Number of passes over the training images.
    #[schemars(range(min = 1, max = MOST_EPOCHS))]
    pub epochs: u32,
    /// Initial learning rate; a cosine takes it to 0.
    #[schemars(range(max = 10.0), extend("exclusiveMinimum" = 0.0))]
    pub lr: f32,
    /// Moments at which the rate changes.
    #[serde(default = "epoch")]
    pub stepped: Stepped,
    /// Epochs of warm-up: epoch e, counted from 0, trains at (e + 1) / (warmup + 1) of the rate.
    #[serde(default)]
    pub warmup: u32,
    /// Largest L2 norm of the summed gradient over all parameters. A larger gradient is scaled down.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = MOST_CLIP), extend("exclusiveMinimum" = 0.0))]
    pub clip: Option<f32>,
    /// Most updates of an epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = MOST_UPDATES))]
    pub updates: Option<usize>,
    /// Images per update.
    #[serde(default = "batch")]
    #[schemars(range(min = 2, max = MOST_BATCH))]
    pub batch: usize,
    /// Sub-networks per update beside the largest.
    #[serde(default = "k")]
    #[schemars(range(min = 1, max = MOST_SUB_NETWORKS))]
    pub k: usize,
    /// Weight of the teacher in the loss (Eq. 2), 0 to 1.
    #[serde(default = "alpha")]
    #[schemars(range(min = 0.0, max = 1.0))]
    pub alpha: f32,
    /// Temperature of teacher and student.
    #[serde(default = "temperature")]
    #[schemars(range(min = 0.01, max = 100.0))]
    pub temperature: f32,
    /// Teacher of the sub-networks.
    #[serde(default = "live")]
    pub teacher: Teacher,
    /// Sampling of sub-networks.
    #[serde(default = "uniform")]
    pub sampling: Sampling,
    /// ReLU instead of PReLU in this step (step 1 of the reference code).
    #[serde(default)]
    pub relu: bool,
    /// Momentum at the start of the step.
    #[serde(default, skip_serializing_if = "OptimizerState::is_fresh")]
    pub optimizer_state: OptimizerState,
    /// Allows a supernet step as the first step.
    #[serde(default)]
    pub scratch: bool,
}

fn shared() -> BranchScheme {
    BranchScheme::Shared
}
fn batch() -> usize {
    128
}
fn k() -> usize {
    8
}
fn alpha() -> f32 {
    0.8
}
fn temperature() -> f32 {
    1.0
}
fn live() -> Teacher {
    Teacher::Live
}
fn epoch() -> Stepped {
    Stepped::Epoch
}
fn uniform() -> Sampling {
    Sampling::Uniform
}

impl StepConfig {
    /// The enhancement of the step: that of the run, perhaps with ReLU in every layer.
    pub fn enhancement(&self, of_run: Enhancement) -> Enhancement {
        if self.relu {
            Enhancement { activation: Enhancement::NONE.activation, ..of_run }
        } else {
            of_run
        }
    }

    /// Learning rate after `passed` epochs, which may be a fraction:
    /// `lr (1 + cos(pi passed / epochs)) / 2`, smaller during the warm-up.
    pub fn rate(&self, passed: f64) -> f32 {
        let whole = passed.floor();
        let passed = if self.stepped == Stepped::Epoch { whole } else { passed };
        let done = passed / f64::from(self.epochs);
        let warm = ((whole + 1.0) / (f64::from(self.warmup) + 1.0)).min(1.0);
        (f64::from(self.lr) * warm * 0.5 * (1.0 + (std::f64::consts::PI * done).cos())) as f32
    }
}

/// Checks every step, and that each can start from the step before it.
pub(super) fn validate(
    steps: &[StepConfig],
    space: &Space<'_>,
    enhancement: Enhancement,
    place: &str,
) -> Result<()> {
    let mut previous: Option<&StepConfig> = None;
    if steps.is_empty() || steps.len() > MOST_STEPS {
        let expected = format!("at least one [[step]], at most {MOST_STEPS}");
        return Err(Error::invalid(place, "step", expected, steps.len()));
    }
    for (i, step) in steps.iter().enumerate() {
        let fail = |field: &str, expected: &str, found: &dyn std::fmt::Display| {
            Err(Error::invalid(place, format!("step {}: {field}", i + 1), expected, found))
        };
        let field = |name: &str| format!("step {}: {name}", i + 1);
        range(place, &field("epochs"), step.epochs, 1, MOST_EPOCHS)?;
        range(place, &field("batch"), step.batch, 2, MOST_BATCH)?;
        range(place, &field("updates"), step.updates.unwrap_or(1), 1, MOST_UPDATES)?;
        if !(0.0..=1.0).contains(&step.alpha) {
            return fail("alpha", "0 to 1", &step.alpha);
        }
        if step.kind == StepKind::Supernet {
            range(place, &field("k"), step.k, 1, MOST_SUB_NETWORKS)?;
        }
        if !(step.lr > 0.0 && step.lr <= 10.0) {
            return fail("lr", "above 0, at most 10", &step.lr);
        }
        if step.warmup >= step.epochs {
            return fail("warmup", "fewer than the step's epochs", &step.warmup);
        }
        if let Some(clip) = step.clip.filter(|c| !(*c > 0.0 && *c <= MOST_CLIP)) {
            return fail("clip", &format!("above 0, at most {MOST_CLIP}"), &clip);
        }
        if step.optimizer_state == OptimizerState::Carried && previous.is_none() {
            return fail("optimizer_state", "`fresh` in the first step", &"`carried`");
        }
        if !(step.temperature >= 0.01 && step.temperature <= 100.0) {
            return fail("temperature", "above 0: at least 0.01, at most 100", &step.temperature);
        }
        match (step.kind, previous) {
            (StepKind::Largest, _) if step.scheme != BranchScheme::Shared => {
                return fail("scheme", "`shared` for the largest network", &name(step.scheme));
            }
            (StepKind::Supernet, None) if !step.scratch => {
                return fail("kind", "a step before it, or `scratch = true`", &"none");
            }
            (StepKind::Supernet, before) if step.scheme != BranchScheme::Shared => {
                let Some(before) = before.filter(|b| b.kind == StepKind::Supernet) else {
                    return fail("scheme", "a shared supernet step before branches", &"none");
                };
                if super::origins(space, enhancement, before.scheme, step.scheme).is_none() {
                    let expected = format!("a scheme that divides `{}`", name(before.scheme));
                    return fail("scheme", &expected, &name(step.scheme));
                }
            }
            (StepKind::Largest, Some(_)) => {
                return fail("kind", "`largest` in the first step only", &"`largest`");
            }
            _ => {}
        }
        if let Some(before) = previous.filter(|b| b.scheme != BranchScheme::Shared)
            && step.scheme == BranchScheme::Shared
        {
            let expected = format!("a scheme that divides `{}`", name(before.scheme));
            return fail("scheme", &expected, &"`shared`");
        }
        previous = Some(step);
    }
    Ok(())
}

/// The name of a scheme in configurations.
pub fn name(scheme: BranchScheme) -> &'static str {
    match scheme {
        BranchScheme::Shared => "shared",
        BranchScheme::Halves => "halves",
        BranchScheme::Exclusive => "exclusive",
        BranchScheme::Reference4 => "reference-4",
        BranchScheme::ReferenceFine => "reference-fine",
    }
}
