//! Residual networks whose maps are no multiples of tiles and blocks, or that begin with a stride.

use supernano_core::space::{Layer, RESNET8, Shape, Space};

/// The layers of [`RESNET8`].
const PLAIN: [Layer<'static>; 7] = {
    let mut layers = [Layer::conv(&[], 3, 1); 7];
    let mut i = 0;
    while i < layers.len() {
        layers[i] = RESNET8.layers[i];
        i += 1;
    }
    layers
};

/// The same with a first layer of stride 2.
const STRIDED: [Layer<'static>; 7] = {
    let mut layers = PLAIN;
    layers[0].stride = [2, 2];
    layers
};

const fn shaped(name: &'static str, [height, width]: [u16; 2], channels: u16) -> Space<'static> {
    // A single channel comes with a plain first layer, three with a strided one.
    let layers: &'static [Layer<'static>] = if channels == 1 { &PLAIN } else { &STRIDED };
    Space { name, input: Shape { height, width, channels }, layers, ..RESNET8 }
}

/// The spaces.
pub(super) const SHAPED: [Space<'static>; 4] = [
    shaped("resnet8 28x28", [28, 28], 1),
    shaped("resnet8 64x64", [64, 64], 3),
    shaped("resnet8 25x14", [25, 14], 1),
    shaped("resnet8 44x44", [44, 44], 3),
];
