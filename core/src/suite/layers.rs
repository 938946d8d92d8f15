//! Cases with every pair of properties of a layer: its operation, window, surroundings and values.

use std::vec;
use std::vec::Vec;

use super::{Case, VALUES, cover, finished};
use crate::graph::{Activation, Form, Geometry, KernelKind};
use crate::shape::Shape;
use crate::testnet::{Layer, Net, Random};

const PROPERTIES: usize = 12;
/// Indices into [`WHATS`], [`ROWS`], [`COLUMNS`], [`DOWN`], [`ACROSS`], [`PADDINGS`], [`CHANNELS`],
/// [`HEIGHTS`], [`WIDTHS`], [`ACTIVATIONS`], [`VALUES`] and [`PLACES`].
type Choice = [usize; PROPERTIES];

/// The operation, and the kind of a convolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Full,
    Pointwise,
    Image,
    Flat,
    Depthwise,
    Maximum,
    Average,
    Global,
    Dense,
    DenseImage,
    Add,
}

/// The unit of the layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// A unit of its own.
    Alone,
    /// The first of a rolled unit.
    First,
    /// The last of a rolled unit.
    Last,
    /// Between others of a long rolled unit.
    Between,
    /// The middle of an inverted residual block.
    Inverted,
}

/// The padding before and behind the input, from a side of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Padding {
    None,
    Same,
    Behind,
    Most,
}

const WHATS: [What; 11] = [
    What::Full,
    What::Pointwise,
    What::Image,
    What::Flat,
    What::Depthwise,
    What::Maximum,
    What::Average,
    What::Global,
    What::Dense,
    What::DenseImage,
    What::Add,
];
const ROWS: [u8; 8] = [1, 2, 3, 3, 4, 5, 7, 10];
const COLUMNS: [u8; 8] = [1, 2, 3, 3, 4, 5, 6, 7];
const DOWN: [u8; 4] = [1, 2, 3, 4];
const ACROSS: [u8; 2] = [1, 2];
const PADDINGS: [Padding; 4] = [Padding::None, Padding::Same, Padding::Behind, Padding::Most];
const CHANNELS: [u16; 10] = [1, 2, 3, 4, 5, 8, 9, 17, 32, 67];
const HEIGHTS: [u16; 8] = [1, 2, 3, 4, 5, 8, 11, 13];
const WIDTHS: [u16; 10] = [1, 2, 3, 4, 5, 6, 8, 9, 13, 17];
const ACTIVATIONS: [Activation; 4] =
    [Activation::None, Activation::Relu, Activation::Prelu, Activation::Clipped];
const PLACES: [Place; 5] =
    [Place::Alone, Place::First, Place::Last, Place::Between, Place::Inverted];
const LEVELS: Choice = [
    WHATS.len(),
    ROWS.len(),
    COLUMNS.len(),
    DOWN.len(),
    ACROSS.len(),
    PADDINGS.len(),
    CHANNELS.len(),
    HEIGHTS.len(),
    WIDTHS.len(),
    ACTIVATIONS.len(),
    VALUES.len(),
    PLACES.len(),
];

pub(super) fn pairs(random: &mut Random) -> Vec<Case> {
    let choices = cover(random, &LEVELS, possible);
    let mut cases = Vec::new();
    for choice in choices {
        let net = network(&choice, random.next());
        cases.push(finished(&net, random));
    }
    cases
}

/// The nearest choice that is possible.
fn possible(mut choice: Choice) -> Choice {
    let what = WHATS[choice[0]];
    let image = matches!(what, What::Image | What::Flat | What::DenseImage);
    let whole = matches!(what, What::Dense | What::DenseImage | What::Add);
    let place = PLACES[choice[11]];
    if whole || (image && place != Place::First) {
        choice[11] = usize::from(image && !whole && place != Place::Alone);
    }
    if place == Place::Inverted && !image && !whole {
        (choice[3], choice[4], choice[5]) = (0, 0, 1);
        // Odd sides, so that the padding keeps the shape.
        choice[1] = [0, 0, 2, 3, 2, 5, 6, 6][choice[1]];
        choice[2] = [0, 0, 2, 3, 2, 5, 5, 7][choice[2]];
        if what == What::Global {
            choice[11] = 1;
        }
    }
    choice
}

/// A side of the kernel, and the padding before and behind the input, for an input of this size.
fn side(kernel: u8, padding: Padding, size: u16) -> (u8, [u8; 2]) {
    let most = kernel - 1;
    let both = match padding {
        Padding::None => [0, 0],
        Padding::Same => [most / 2, most - most / 2],
        Padding::Behind => [0, most],
        Padding::Most => [most, most],
    };
    if u16::from(kernel) <= size + u16::from(both[0]) + u16::from(both[1]) {
        (kernel, both)
    } else {
        (size as u8, [0, 0])
    }
}

fn network(choice: &Choice, seed: u64) -> Net {
    let what = WHATS[choice[0]];
    let channels = CHANNELS[choice[6]];
    let (height, width) = (HEIGHTS[choice[7]], WIDTHS[choice[8]]);
    let (rows, vertical) = side(ROWS[choice[1]], PADDINGS[choice[5]], height);
    let (columns, horizontal) = side(COLUMNS[choice[2]], PADDINGS[choice[5]], width);
    let geometry = match what {
        What::Pointwise | What::Dense | What::DenseImage | What::Add => Geometry::POINT,
        What::Global => Geometry::valid([height as u8, width as u8], [1, 1]),
        _ => Geometry {
            kernel: [rows, columns],
            stride: [DOWN[choice[3]], ACROSS[choice[4]]],
            padding: [vertical[0], vertical[1], horizontal[0], horizontal[1]],
        },
    };
    let activation = match what {
        What::Maximum | What::Average | What::Global => Activation::None,
        _ => ACTIVATIONS[choice[9]],
    };
    let form = match what {
        What::Full | What::Pointwise | What::Image | What::Flat => Form::Full,
        What::Depthwise => Form::Depthwise,
        What::Maximum => Form::Maximum,
        What::Average | What::Global => Form::Average,
        What::Dense | What::DenseImage => Form::Dense,
        What::Add => Form::Add,
    };
    let kind = match what {
        What::Flat => KernelKind::Flat,
        What::Pointwise => KernelKind::Pointwise,
        _ => KernelKind::Direct,
    };
    let main = |input: u8| {
        let residual = (what == What::Add).then_some(1);
        let other = Layer::other(form, input, channels, geometry);
        Layer { activation, kind, residual, ..other }
    };
    // The layer reads every row of an input of this height.
    let reads_all =
        geometry.output(Shape { height, width, channels }, channels).is_some_and(|out| {
            let last = (out.height - 1) * u16::from(geometry.stride[0]);
            height + u16::from(geometry.padding[0]) <= last + u16::from(geometry.kernel[0])
        });
    // Pointwise convolutions have both kinds that suit them.
    let pointwise =
        if choice[8].is_multiple_of(2) { KernelKind::Pointwise } else { KernelKind::Direct };
    let point = |input: u8, channels: u16| Layer {
        kind: if input == 0 { KernelKind::Direct } else { pointwise },
        ..Layer::new(input, channels, 1, 1)
    };
    let depthwise =
        |input: u8| Layer::other(Form::Depthwise, input, channels, Geometry::same(3, 1));
    let image = matches!(what, What::Image | What::Flat | What::DenseImage);
    let mut place = PLACES[choice[11]];
    if !reads_all && matches!(place, Place::Last | Place::Between | Place::Inverted) {
        place = Place::First;
    }
    let layers = match place {
        Place::Alone if image => vec![main(0)],
        Place::Alone if what == What::Add => {
            vec![point(0, channels), Layer::new(1, channels, 3, 1), main(2)]
        }
        Place::Alone => vec![point(0, channels), main(1)],
        _ if image => vec![main(0).rolling(), depthwise(1).rolling(), point(2, 5)],
        Place::First => vec![point(0, channels), main(1).rolling(), point(2, 6)],
        Place::Last => vec![point(0, channels).rolling(), main(1)],
        Place::Between => vec![
            Layer::new(0, channels, 3, 1).rolling(),
            main(1).rolling(),
            depthwise(2).rolling(),
            point(3, 7).rolling(),
            Layer::other(Form::Depthwise, 4, 7, Geometry::same(3, 2)),
        ],
        Place::Inverted => vec![
            point(0, 6),
            point(1, channels).rolling(),
            main(2).rolling(),
            Layer { residual: Some(1), activation: Activation::None, ..point(3, 6) },
        ],
    };
    let read = if image { channels.min(9) } else { 3 };
    let input = Shape { height, width, channels: read };
    Net { input, layers, classes: 3, values: VALUES[choice[10]], seed }
}
