//! Number formats of maps and of the operands of convolutions.

use supernano_base::config::Precision;
use supernano_base::error::{Error, Result};
use supernano_gpu_kernels::bf16;
use supernano_gpu_kernels::cubecl::Runtime;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::cubecl::ir::features::TypeUsage;
use supernano_gpu_kernels::cubecl::ir::{ElemType, FloatKind};
use supernano_gpu_kernels::cubecl::prelude::{CubeElement, Float};

/// The element of maps and of the operands of convolutions.
pub(crate) trait Element: Float + CubeElement {}

impl Element for f32 {}
impl Element for bf16 {}

/// Makes sure that a device has the element of a precision.
///
/// # Errors
/// [`Error::Invalid`] naming the precision.
pub(crate) fn expect_precision<R: Runtime>(
    precision: Precision,
    client: impl Fn() -> ComputeClient<R>,
) -> Result<()> {
    let expected = match precision {
        Precision::Float32 => return Ok(()),
        Precision::Bfloat16 => {
            let usage = client().properties().type_usage(ElemType::Float(FloatKind::BF16).into());
            if usage.contains(TypeUsage::Buffer) && usage.contains(TypeUsage::Conversion) {
                return Ok(());
            }
            "`float32`: this GPU or its driver does not store bfloat16"
        }
        Precision::Float16 => "`float32` or `bfloat16`",
    };
    Err(Error::invalid("configuration", "precision", expected, precision))
}
