//! Sizes of class labels and of front ends in a network file. They need no images.

use supernano_base::config::{DataSource, RunConfig};
use supernano_base::error::Result;

use crate::{glyphs, sources};

/// Bytes of CIFAR-100's fine class names in a blob, a line feed after each.
pub const CIFAR100_LABELS: usize = 725;

/// Bytes of CIFAR-10's class names in a blob, a line feed after each.
const CIFAR10_LABELS: usize = 60;

/// Bytes of the labels in the blobs of a run.
pub fn label_bytes(config: &RunConfig) -> usize {
    match config.data.name {
        DataSource::Cifar100 => CIFAR100_LABELS,
        DataSource::Cifar10 => CIFAR10_LABELS,
        DataSource::Pictures
        | DataSource::Idx
        | DataSource::Numpy
        | DataSource::Sensors
        | DataSource::Sound => {
            let names = config.data.targets.as_ref().or(config.data.labels.as_ref());
            names.into_iter().flatten().map(|name| name.len() + 1).sum()
        }
        DataSource::Glyphs => {
            let classes = usize::from(config.space().classes);
            glyphs::CLASSES.iter().take(classes).map(|(name, _)| name.len() + 1).sum()
        }
    }
}

/// Bytes of the front end in the blobs of a run; 0 without one.
///
/// # Errors
/// As [`sources::load`], for settings of sound that do not suit the space.
pub fn front_end_bytes(config: &RunConfig) -> Result<usize> {
    sources::front_end_bytes(&config.data, config.space().input)
}
