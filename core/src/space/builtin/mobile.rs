//! Depthwise-separable networks and inverted residuals.

use crate::space::{Activation, Block, Layer, Padding, Shape, Skip, Space, Stage};

const K3: &[[u8; 2]] = &[[3, 3]];
const K357: &[[u8; 2]] = &[[3, 3], [5, 5], [7, 7]];
const EXPANSIONS: &[u16] = &[3, 4, 5, 6];

/// A first convolution with "same" padding and ReLU6.
const fn stem(
    widths: &'static [u16],
    kernels: &'static [[u8; 2]],
    stride: [u8; 2],
) -> Layer<'static> {
    let (padding, activation) = (Padding::Same, Activation::Relu6);
    Layer { kernels, stride, padding, activation, ..Layer::conv(widths, 3, 1) }
}

const fn depthwise(stride: u8) -> Layer<'static> {
    Layer::depthwise(K3, stride)
}

const fn point(widths: &'static [u16]) -> Layer<'static> {
    Layer::point(widths)
}

/// The expansion of an inverted residual block.
const EXPAND: Layer<'static> = Layer { expands: true, ..point(EXPANSIONS) };

const fn window(stride: u8) -> Layer<'static> {
    Layer::depthwise(K357, stride)
}

/// The last layer of an inverted residual block.
const fn project(widths: &'static [u16]) -> Layer<'static> {
    Layer { activation: Activation::None, ..point(widths) }
}

const W16: &[u16] = &[8, 12, 16, 24];
const W32: &[u16] = &[16, 24, 32, 48];
const W64: &[u16] = &[32, 48, 64, 96];
const W128: &[u16] = &[48, 64, 96, 128, 160];
const W256: &[u16] = &[64, 96, 128, 192, 256];

/// MobileNetV1 at a quarter of its width: 96x96x3 images, 2 classes. MLPerf Tiny's network for visual
/// wake words is `8-16-32-32-64-64-d6-128-128-128-128-128-128-256-256`. Widths are computed as
/// written.
pub const MOBILENET_V1_025: Space<'static> = Space {
    name: "mobilenet-v1-025",
    input: Shape { height: 96, width: 96, channels: 3 },
    classes: 2,
    layers: &[
        stem(&[4, 8, 12, 16], K3, [2, 2]),
        depthwise(1),
        point(W16),
        depthwise(2),
        point(W32),
        depthwise(1),
        point(W32),
        depthwise(2),
        point(W64),
        depthwise(1),
        point(W64),
        depthwise(2),
        point(W128),
        depthwise(1),
        point(W128),
        depthwise(1),
        point(W128),
        depthwise(1),
        point(W128),
        depthwise(1),
        point(W128),
        depthwise(1),
        point(W128),
        depthwise(2),
        point(W256),
        depthwise(1),
        point(W256),
    ],
    blocks: &[
        Block::Conv,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
        Block::Separable,
    ],
    stages: &[Stage { first: 6, depths: &[1, 2, 3, 4, 5, 6] }],
    enhanced: &[],
    ..Space::EMPTY
};

const KEYWORDS: &[u16] = &[16, 24, 32, 40, 48, 56, 64];

/// Keywords in 49 rows of 10 features, 12 classes. MLPerf Tiny's network is `64-d4-64-64-64-64`.
pub const DS_CNN: Space<'static> = Space {
    name: "ds-cnn",
    input: Shape { height: 49, width: 10, channels: 1 },
    classes: 12,
    layers: &[
        stem(KEYWORDS, &[[10, 4]], [2, 2]),
        depthwise(1),
        point(KEYWORDS),
        depthwise(1),
        point(KEYWORDS),
        depthwise(1),
        point(KEYWORDS),
        depthwise(1),
        point(KEYWORDS),
    ],
    blocks: &[Block::Conv, Block::Separable, Block::Separable, Block::Separable, Block::Separable],
    stages: &[Stage { first: 1, depths: &[1, 2, 3, 4] }],
    ..Space::EMPTY
};

const INVERTED: Block = Block::Inverted(Skip::WhereItFits);
const A: &[u16] = &[8, 12, 16, 24];
const B: &[u16] = &[12, 16, 24, 32];
const C: &[u16] = &[16, 24, 32, 48];
const D: &[u16] = &[24, 32, 48, 64];
const E: &[u16] = &[32, 48, 64, 96];

/// Inverted residuals with kernels of 3, 5 and 7, expansions of 3 to 6, up to three blocks a stage and
/// images of 48 to 128 pixels square, 2 classes.
pub const MOBILENET_V2_TINY: Space<'static> = Space {
    name: "mobilenet-v2-tiny",
    input: Shape { height: 128, width: 128, channels: 3 },
    resolutions: &[48, 64, 80, 96, 112, 128],
    classes: 2,
    layers: &[
        stem(&[4, 8, 12, 16], K3, [2, 2]),
        depthwise(1),
        point(&[4, 8, 12, 16]),
        EXPAND,
        window(2),
        project(A),
        EXPAND,
        window(1),
        project(A),
        EXPAND,
        window(1),
        project(A),
        EXPAND,
        window(2),
        project(B),
        EXPAND,
        window(1),
        project(B),
        EXPAND,
        window(1),
        project(B),
        EXPAND,
        window(2),
        project(C),
        EXPAND,
        window(1),
        project(C),
        EXPAND,
        window(1),
        project(C),
        EXPAND,
        window(1),
        project(D),
        EXPAND,
        window(1),
        project(D),
        EXPAND,
        window(2),
        project(E),
        EXPAND,
        window(1),
        project(E),
        EXPAND,
        window(1),
        project(E),
    ],
    blocks: &[
        Block::Conv,
        Block::Separable,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
        INVERTED,
    ],
    stages: &[
        Stage { first: 2, depths: &[1, 2, 3] },
        Stage { first: 5, depths: &[1, 2, 3] },
        Stage { first: 8, depths: &[1, 2, 3] },
        Stage { first: 11, depths: &[1, 2] },
        Stage { first: 13, depths: &[1, 2, 3] },
    ],
    ..Space::EMPTY
};
