//! Number formats of training.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Number format of the convolutions in training. Everything else has 32 bits.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema, clap::ValueEnum,
)]
#[serde(rename_all = "lowercase")]
#[value(rename_all = "lower")]
pub enum Precision {
    /// 32 bits.
    #[default]
    Float32,
    /// bfloat16, on GPUs that support it.
    Bfloat16,
    /// IEEE half precision, on GPUs that support it.
    Float16,
}

impl Precision {
    pub(super) fn is_whole(&self) -> bool {
        *self == Self::Float32
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Float32 => "float32",
            Self::Bfloat16 => "bfloat16",
            Self::Float16 => "float16",
        })
    }
}
