//! Sizes of class labels in a network file. They need no images.

use supernano_base::config::{DataSource, RunConfig};

use crate::glyphs;

/// Bytes of CIFAR-100's fine class names in a blob, a line feed after each.
pub const CIFAR100_LABELS: usize = 725;

/// Bytes of CIFAR-10's class names in a blob, a line feed after each.
const CIFAR10_LABELS: usize = 60;

/// Bytes of the labels in the blobs of a run.
pub fn label_bytes(config: &RunConfig) -> usize {
    match config.data.name {
        DataSource::Cifar100 => CIFAR100_LABELS,
        DataSource::Cifar10 => CIFAR10_LABELS,
        DataSource::Pictures | DataSource::Idx | DataSource::Numpy | DataSource::Sensors => {
            config.data.labels.iter().flatten().map(|name| name.len() + 1).sum()
        }
        DataSource::Glyphs => {
            let classes = usize::from(config.space().classes);
            glyphs::CLASSES.iter().take(classes).map(|(name, _)| name.len() + 1).sum()
        }
    }
}
