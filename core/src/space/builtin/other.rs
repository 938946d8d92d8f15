//! Windows of samples, and an autoencoder.

use crate::graph::Form;
use crate::space::{Activation, Block, GLOBAL, Head, Layer, Padding, Shape, Space, Stage};

const NARROW: &[u16] = &[8, 12, 16, 24];
const WIDE: &[u16] = &[8, 12, 16, 24, 32];

/// A convolution along the samples.
const fn along(widths: &'static [u16], kernels: &'static [[u8; 2]], down: u8) -> Layer<'static> {
    let (padding, stride) = (Padding::Same, [down, 1]);
    Layer { kernels, stride, padding, ..Layer::conv(widths, 3, 1) }
}

/// Windows of 128 samples of three axes, 6 classes: the first convolution reads all axes, and the
/// others go along the samples.
pub const CONV1D: Space<'static> = Space {
    name: "conv1d",
    input: Shape { height: 128, width: 3, channels: 1 },
    classes: 6,
    layers: &[
        Layer { padding: Padding::Valid, ..along(NARROW, &[[7, 3]], 1) },
        Layer::pool(Form::Maximum, &[[2, 1]], [2, 1]),
        along(WIDE, &[[3, 1], [5, 1], [7, 1]], 2),
        along(WIDE, &[[3, 1], [5, 1], [7, 1]], 1),
        along(WIDE, &[[3, 1], [5, 1], [7, 1]], 1),
        Layer::pool(Form::Average, &[GLOBAL], [1, 1]),
        Layer { activation: Activation::Relu, ..Layer::dense(&[8, 16, 32]) },
    ],
    blocks: &[
        Block::Conv,
        Block::Pool,
        Block::Conv,
        Block::Conv,
        Block::Conv,
        Block::Pool,
        Block::Dense,
    ],
    stages: &[Stage { first: 2, depths: &[1, 2, 3] }],
    ..Space::EMPTY
};

const HIDDEN: Layer<'static> =
    Layer { activation: Activation::Relu, ..Layer::dense(&[32, 64, 96, 128]) };

/// Spectrum of a sound, 640 values, and its reconstruction. MLPerf Tiny's network for anomalies is
/// `d4-128-128-128-128-8-d4-128-128-128-128`. Widths are computed as written.
pub const AUTOENCODER: Space<'static> = Space {
    name: "autoencoder",
    input: Shape { height: 1, width: 1, channels: 640 },
    classes: 640,
    head: Head::Values,
    layers: &[
        HIDDEN,
        HIDDEN,
        HIDDEN,
        HIDDEN,
        Layer { widths: &[4, 8, 12, 16], ..HIDDEN },
        HIDDEN,
        HIDDEN,
        HIDDEN,
        HIDDEN,
    ],
    blocks: &[Block::Dense; 9],
    stages: &[Stage { first: 0, depths: &[1, 2, 3, 4] }, Stage { first: 5, depths: &[1, 2, 3, 4] }],
    enhanced: &[],
    ..Space::EMPTY
};
