//! Residual networks.

use crate::space::{Block, Layer, Shape, Shortcut, Space};

const GROUP1: &[u16] = &[4, 8, 12, 16];
const GROUP2: &[u16] = &[4, 8, 12, 16, 20, 24, 28, 32];
const GROUP3: &[u16] = &[4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 56, 60, 64];

const fn conv(widths: &'static [u16], stride: u8) -> Layer<'static> {
    Layer::conv(widths, 3, stride)
}

const RESIDUAL: Block = Block::Residual(Shortcut::Projection);

/// ResNet20, the space of the challenge and the paper (section 2.1): 19 searchable layers, a
/// projection shortcut in every block, 32x32x3 images, 100 classes, 7.2e16 sub-networks. A code may
/// have a 20th number, which is ignored.
pub const RESNET20: Space<'static> = Space {
    name: "resnet20",
    input: Shape { height: 32, width: 32, channels: 3 },
    classes: 100,
    layers: &[
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        conv(GROUP2, 2),
        conv(GROUP2, 1),
        conv(GROUP2, 1),
        conv(GROUP2, 1),
        conv(GROUP2, 1),
        conv(GROUP2, 1),
        conv(GROUP3, 2),
        conv(GROUP3, 1),
        conv(GROUP3, 1),
        conv(GROUP3, 1),
        conv(GROUP3, 1),
        conv(GROUP3, 1),
    ],
    blocks: &[
        Block::Conv,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
        RESIDUAL,
    ],
    ignored_digits: 1,
    ..Space::EMPTY
};

/// MLPerf Tiny's ResNet8 with searchable widths: 32x32x3 images, 10 classes, 262,144 sub-networks.
/// The first block has an identity shortcut, so its output is as wide as the stem.
pub const RESNET8: Space<'static> = Space {
    name: "resnet8",
    input: Shape { height: 32, width: 32, channels: 3 },
    classes: 10,
    layers: &[
        conv(GROUP1, 1),
        conv(GROUP1, 1),
        Layer { same_as: Some(0), ..conv(GROUP1, 1) },
        conv(GROUP2, 2),
        conv(GROUP2, 1),
        conv(GROUP3, 2),
        conv(GROUP3, 1),
    ],
    blocks: &[Block::Conv, Block::Residual(Shortcut::Identity), RESIDUAL, RESIDUAL],
    ..Space::EMPTY
};
