//! The `[loss]` table of a configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::space::{Head, Space};

use super::range;
use crate::error::{Error, Result};

/// Most probability that label smoothing takes from the label.
const MOST_SMOOTHING: f32 = 0.9;
/// Smallest weight of a class.
const LEAST_WEIGHT: f32 = 0.001;
/// Largest weight of a class.
const MOST_WEIGHT: f32 = 1000.0;

/// The loss of training on items with classes. Scores and accuracies do not depend on it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LossConfig {
    /// Probability that the target of an item spreads equally over all classes; the label keeps the rest.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = MOST_SMOOTHING))]
    pub label_smoothing: f32,
    /// Weights of the losses of items by class: `"balanced"` (training items, over classes times training
    /// items of the class), or a number for each class in the order of the labels. Default: 1 each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class_weights: Option<ClassWeights>,
}

fn is_zero(value: &f32) -> bool {
    *value == 0.0
}

/// Weights of the losses of items by class.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected `balanced` or a list of numbers")]
pub enum ClassWeights {
    /// A rule.
    Rule(WeightRule),
    /// The weight of each class in the order of the labels.
    Each(Vec<f32>),
}

/// A rule for the weights of classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WeightRule {
    /// `n / (classes * n_c)` for `n` training items, of which `n_c` are of the class: the mean over the
    /// items is 1, and all classes together weigh the same.
    Balanced,
}

impl LossConfig {
    /// True if the loss is the plain one.
    pub fn is_plain(&self) -> bool {
        *self == Self::default()
    }

    /// Checks every value for a space.
    pub(super) fn validate(&self, place: &str, space: &Space<'_>) -> Result<()> {
        range(place, "loss.label_smoothing", self.label_smoothing, 0.0, MOST_SMOOTHING)?;
        let given = [
            ("loss.label_smoothing", self.label_smoothing > 0.0),
            ("loss.class_weights", self.class_weights.is_some()),
        ];
        if let Some((field, _)) =
            given.iter().find(|(_, given)| *given && space.head != Head::Classes)
        {
            let expected = format!("nothing for the head of space {}", space.name);
            return Err(Error::invalid(place, *field, expected, "a value"));
        }
        if let Some(ClassWeights::Each(weights)) = &self.class_weights {
            if weights.len() != usize::from(space.classes) {
                let expected = format!("{} numbers, one for each class", space.classes);
                return Err(Error::invalid(place, "loss.class_weights", expected, weights.len()));
            }
            for (class, &weight) in weights.iter().enumerate() {
                let field = format!("loss.class_weights of class {class}");
                range(place, &field, weight, LEAST_WEIGHT, MOST_WEIGHT)?;
            }
        }
        Ok(())
    }
}
