//! How the kernels of a layer share weights.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::space::{Layer, Space};

use crate::error::{Error, Result};

/// How the weights of a smaller kernel follow from those of the next larger one, in layers with
/// several kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum KernelTransformation {
    /// They are its centre.
    #[default]
    Centre,
    /// They are its centre times a learnt matrix, one for each layer and step of size (section 3.1 of
    /// arXiv 1908.09791). Training on the CPU only.
    Learnt,
}

impl KernelTransformation {
    pub(super) fn is_centre(&self) -> bool {
        *self == Self::Centre
    }

    /// Steps of size of a layer that have a matrix. Step `i` leads from kernel `i + 1` to kernel `i`.
    pub fn steps(self, layer: &Layer<'_>) -> usize {
        match self {
            Self::Learnt if layer.form.weighted() => layer.kernels.len().saturating_sub(1),
            Self::Learnt | Self::Centre => 0,
        }
    }

    /// Refuses matrices for a space without any layer that has several kernels.
    pub(super) fn validate(self, place: &str, space: &Space<'_>) -> Result<()> {
        if self.is_centre() || space.layers.iter().any(|layer| self.steps(layer) > 0) {
            return Ok(());
        }
        let expected = "`centre` for a space whose layers have one kernel each";
        Err(Error::invalid(place, "kernel_transformation", expected, "`learnt`"))
    }
}
