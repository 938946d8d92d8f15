//! The built-in spaces.

mod mobile;
mod other;
mod resnet;

pub use self::mobile::{DS_CNN, MOBILENET_V1_025, MOBILENET_V2_TINY};
pub use self::other::{AUTOENCODER, CONV1D};
pub use self::resnet::{RESNET8, RESNET20};

use super::Space;

/// All built-in spaces.
pub const BUILTIN: &[Space<'static>] =
    &[RESNET20, RESNET8, MOBILENET_V1_025, MOBILENET_V2_TINY, DS_CNN, CONV1D, AUTOENCODER];
