//! How the reference code names the tensors of a layout.

use supernano_core::space::{Block, Space};

use crate::supernet::{Entry, Role};

/// End of the name of a PReLU slope.
pub(super) const SLOPE: &str = ".p_relu.weight";

/// Slope of layers that have none in the file and never use it.
pub(super) const UNUSED_SLOPE: f32 = 0.25;

/// Names that belong to one tensor of a layout.
pub(super) struct Names {
    /// The tensor; `None` where the reference code has none.
    pub tensor: Option<String>,
    /// True for a PReLU slope.
    pub slope: bool,
    /// The batch norm that has its statistics under this name; for its factor only.
    pub norm: Option<String>,
}

/// The names of an entry. Residual blocks are `layerL.B`, L counting the resolutions from 1 and B
/// the blocks of one from 0; a convolution is number 0 of its sequence, its batch norm number 1.
pub(super) fn of(space: &Space<'_>, entry: &Entry) -> Names {
    let (mut group, mut index) = (1, None);
    let mut place = String::new();
    let mut ends_block = false;
    for placed in space.placed_blocks() {
        let residual = placed.block != Block::Conv;
        if space.layers[placed.first].stride != [1, 1] && index.is_some() {
            (group, index) = (group + 1, None);
        }
        if residual {
            index = Some(index.map_or(0, |i: usize| i + 1));
        }
        if (placed.first..=placed.last()).contains(&entry.layer) {
            let block = index.filter(|_| residual).map(|i| format!("layer{group}.{i}"));
            ends_block = residual && entry.layer == placed.last();
            place = match block {
                None => "conv1.conv1".to_owned(),
                Some(block) if entry.shortcut => format!("{block}.downsample"),
                Some(block) if entry.role == Role::Slope => block,
                Some(block) => format!("{block}.conv{}", entry.layer - placed.first + 1),
            };
        }
    }
    let tensor = match entry.role {
        Role::Weight => Some(format!("{place}.0.weight")),
        Role::Gamma => Some(format!("{place}.1.weight")),
        Role::Beta => Some(format!("{place}.1.bias")),
        Role::Slope => ends_block.then(|| format!("{place}{SLOPE}")),
        Role::Classifier => Some("fc.weight".to_owned()),
        Role::Bias => Some("fc.bias".to_owned()),
        Role::Transformation(_) => None,
    };
    let norm = (entry.role == Role::Gamma).then(|| format!("{place}.1"));
    Names { tensor, slope: entry.role == Role::Slope, norm }
}
