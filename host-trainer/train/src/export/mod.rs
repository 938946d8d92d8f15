//! Export: a sub-network in float becomes one int8 file for the device.
//!
//! [`Material`] takes the images from the data set once. [`ship`] then hands values from step to
//! step, a file each:
//!
//! 1. fold batch norm into the convolutions ([`crate::supernet`]);
//! 2. `equalise` channels across layers;
//! 3. [`observe`] the feature maps, and choose the range of each;
//! 4. `correct` biases for the mean error of their channel;
//! 5. `quantise`: the integers of `core/docs/quantization.md`; `post_training` keeps the variant
//!    of steps 2 to 5 with the least error;
//! 6. `tune` the same network in integers, where it is asked for;
//! 7. [`build`] the network file;
//! 8. [`measure`] it.
//!
//! [`formats`] writes the result for other tools, [`explain`](explain::explain) says where it loses.

pub(crate) mod build;
mod correct;
mod equalise;
pub mod explain;
pub mod formats;
mod integers;
pub mod kernels;
mod material;
mod measure;
mod observe;
mod post_training;
pub mod preserve;
mod quantise;
mod ship;
mod simulate;
mod tune;

pub use build::{BlobInfo, build};
pub use integers::QuantParams;
pub use kernels::Prefer;
pub use material::{CalibrationSet, ImageBatch, ImageSet, Material, Normalisation};
pub use measure::{Accuracies, Exported, OpSummary, accuracies, measure};
pub use observe::{ActivationParams, ActivationSamples, RangeRule, observe};
pub use post_training::{PostTraining, QuantiseOptions, Switch, quantise_after_training};
pub use quantise::{QConv, QuantisedNet};
pub use ship::{ExportOptions, Shipment, Tuning, ship};
pub use tune::{TuneRecipe, TuneReport};
