//! Export: a sub-network in float becomes an int8 network file for a device.
//!
//! [`Material`] reads the images from the data set once. [`ship`] then passes values from step to
//! step, with a file for each step:
//!
//! 1. `crate::supernet` folds batch norm into the convolutions, and `finite` checks the result.
//! 2. `equalise` scales channels across layers.
//! 3. [`observe`] samples the feature maps, and chooses the range of each.
//! 4. `correct` compensates the mean error of each channel in its bias.
//! 5. `quantise` computes the integers that `core/docs/quantization.md` defines. `post_training`
//!    keeps the variant of steps 2 to 5 with the least error.
//! 6. `tune` trains the network in integers, if that is requested.
//! 7. [`build`] makes the network file; [`promise`] has the kernels that a search promised.
//! 8. [`measure`] evaluates it.
//!
//! [`formats`] writes files for other tools. [`explain`](explain::explain) shows the sources of the
//! quantisation error.

mod alone;
pub(crate) mod build;
mod correct;
mod equalise;
pub mod explain;
mod finite;
pub mod formats;
mod integers;
pub mod kernels;
mod material;
mod measure;
mod observe;
mod post_training;
pub mod preserve;
pub mod promise;
mod quantise;
mod ship;
pub(crate) mod simulate;
mod tune;

pub use build::{BlobInfo, build};
pub use integers::QuantParams;
pub use kernels::Prefer;
pub use material::{CalibrationSet, ImageBatch, ImageSet, Material, Materials, Normalisation};
pub use measure::{Accuracies, Exported, OpSummary, Qualities, accuracies, measure};
pub use observe::{ActivationParams, ActivationSamples, RangeRule, observe};
pub use post_training::{PostTraining, QuantiseOptions, Switch, quantise_after_training};
pub use quantise::{QConv, QuantisedNet};
pub use ship::{ExportOptions, Shipment, Tuning, ship};
pub use tune::{TuneRecipe, TuneReport};
