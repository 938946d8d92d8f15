use std::vec;
use std::vec::Vec;

use super::pack::{WeightShape, pack, packed_len};
use super::{
    Host, MicroKernel, Mismatch, Packed, Reference, Requantise, Scalar, Sums, Window, check,
};
use crate::blob::BlobView;
use crate::error::Error;
use crate::exec::Network;
use crate::graph::Activation::{self, None as Linear, Prelu, Relu};
use crate::graph::KernelKind::{
    self, Direct, Winograd, WinogradOnline, WinogradTall, WinogradTallOnline,
};
use crate::shape::Shape;
use crate::testnet::{Layer, Net, Random, Values, outputs};

/// Runs a network with the reference kernels and, for every kind, with the packed ones. All tensors
/// and logits must be equal.
fn compare(net: &Net) {
    let image = Random(net.seed + 1).bytes(net.input.len());
    let direct = net.build();
    let view = BlobView::new_checked(direct.bytes()).unwrap();
    let expected = outputs(&Network::new(&view, Reference), &image, 0x1234_5678);
    let mixed = |i: usize| KINDS[(i + net.seed as usize) % KINDS.len()];
    let kinds: [&dyn Fn(usize) -> KernelKind; 6] = [
        &|_| Direct,
        &|_| Winograd,
        &|_| WinogradTall,
        &|_| WinogradOnline,
        &|_| WinogradTallOnline,
        &mixed,
    ];
    for (i, choose) in kinds.into_iter().enumerate() {
        let chosen = net.with_kinds(choose);
        if i > 0 && chosen.layers.iter().all(|l| l.kind == Direct) {
            continue;
        }
        let blob = chosen.build();
        let view = BlobView::new_checked(blob.bytes()).unwrap();
        let found = outputs(&Network::new(&view, Packed(Scalar)), &image, 0x8f7f_a55a);
        assert!(expected.0 == found.0, "maps differ: {chosen:?}");
        assert_eq!(expected.1, found.1, "{chosen:?}");
        let host = outputs(&Network::new(&view, Packed(Host::default())), &image, 0);
        assert!(expected == host, "the host's kernels differ: {chosen:?}");
        let bytes = outputs(&Network::new(&view, Packed(Bytes)), &image, 5);
        assert!(expected == bytes, "rows of bytes differ: {chosen:?}");
        if i == 1 || i == 2 {
            // The reference kernels read transformed weights too.
            let found = outputs(&Network::new(&view, Reference), &image, 7);
            assert!(expected == found, "{chosen:?}");
        }
    }
}

/// Portable primitives with rows of bytes.
pub(crate) struct Bytes;

impl Requantise for Bytes {}

impl MicroKernel for Bytes {
    const BYTE_ROWS: bool = true;

    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }
}

#[test]
fn rows_of_bytes_pass_the_suite() {
    check(&Bytes).unwrap();
}

const KINDS: [KernelKind; 5] = [Direct, Winograd, WinogradOnline, WinogradTall, WinogradTallOnline];

fn shape(height: u16, width: u16, channels: u16) -> Shape {
    Shape { height, width, channels }
}

const ACTIVATIONS: [Activation; 3] = [Linear, Relu, Prelu];

#[test]
fn all_widths_kernels_and_strides() {
    let mut seed = 0;
    for input in 1..=20 {
        for output in 1..=20 {
            for (kernel, stride) in [(1, 1), (3, 1), (5, 1), (1, 2), (3, 2), (5, 2)] {
                seed += 1;
                let (height, width) = (3 + seed % 5, 1 + seed / 3 % 11);
                let activation = ACTIVATIONS[seed as usize % 3];
                let layer = Layer { activation, ..Layer::new(0, output, kernel, stride) };
                let input = shape(height as u16, width as u16, input);
                compare(&Net {
                    input,
                    layers: vec![layer],
                    classes: 3,
                    values: Values::Random,
                    seed,
                });
            }
        }
    }
}

#[test]
fn odd_image_sizes() {
    for height in 1..=9 {
        for width in 1..=13 {
            for (kernel, stride) in [(3, 1), (5, 2), (7, 1), (7, 2), (3, 2), (1, 2)] {
                let seed = u64::from(height) * 100 + u64::from(width);
                let layers = vec![
                    Layer { activation: Prelu, ..Layer::new(0, 6, kernel, stride) },
                    Layer { activation: Linear, ..Layer::new(1, 3, kernel, 1) },
                ];
                let input = shape(height, width, 3);
                compare(&Net { input, layers, classes: 2, values: Values::Random, seed });
            }
        }
    }
}

#[test]
fn larger_widths() {
    for (input, output) in [(64, 64), (33, 47), (100, 2), (2, 100)] {
        let layers = vec![Layer::new(0, output, 3, 1), Layer::new(1, input, 3, 2)];
        let input = shape(8, 10, input);
        compare(&Net { input, layers, classes: 101, values: Values::Random, seed: 5 });
    }
}

/// Residual blocks with both shortcuts. Their lifetimes make outputs overlap residuals and inputs.
#[test]
fn residual_blocks() {
    for width in 1..=20 {
        for stride in [1, 2] {
            for activation in [Relu, Prelu] {
                let wide = width + width % 3;
                let layers = vec![
                    Layer::new(0, width, 3, 1),
                    Layer { activation, ..Layer::new(1, wide, 3, stride) },
                    Layer { activation: Linear, ..Layer::new(1, width, 1, stride) },
                    Layer { activation, residual: Some(3), ..Layer::new(2, width, 3, 1) },
                    // An identity shortcut, then one around a single convolution.
                    Layer { activation, ..Layer::new(4, wide, 3, 1) },
                    Layer { activation, residual: Some(4), ..Layer::new(5, width, 3, 1) },
                    Layer { activation, residual: Some(6), ..Layer::new(6, width, 5, 1) },
                    // A residual that is read again later.
                    Layer { activation, residual: Some(7), ..Layer::new(7, width, 1, 1) },
                    Layer { activation, residual: Some(7), ..Layer::new(8, width, 3, 1) },
                ];
                let seed = u64::from(width);
                let input = shape(7, 9, 3);
                compare(&Net { input, layers, classes: 5, values: Values::Random, seed });
            }
        }
    }
}

/// Blocks of every kernel size and stride, whose tensors grow, shrink and keep their width.
#[test]
fn rolled_blocks() {
    let mut seed = 0;
    for (kernel, second) in [(3, 3), (1, 3), (3, 1), (5, 3), (3, 5), (7, 3), (1, 1), (5, 7)] {
        for stride in [1, 2] {
            for (from, wide, to) in [(4, 4, 4), (3, 9, 16), (16, 5, 2), (7, 20, 33), (33, 2, 67)] {
                seed += 1;
                let (height, width) = (1 + seed % 9, 1 + seed / 2 % 18);
                let activation = ACTIVATIONS[seed as usize % 3];
                let layers = vec![
                    Layer::new(0, from, 3, 1),
                    Layer { activation, ..Layer::new(1, wide, kernel, stride) },
                    Layer { activation: Linear, ..Layer::new(1, to, 1, stride) },
                    Layer { activation, residual: Some(3), ..Layer::new(2, to, second, 1) },
                    Layer::new(4, wide, kernel, 1),
                    Layer { activation, residual: Some(4), ..Layer::new(5, to, second, 1) },
                    // A block whose input is read again, and one that reads it.
                    Layer::new(6, from, kernel, 1),
                    Layer { residual: Some(6), ..Layer::new(7, to, second, 1) },
                    Layer { residual: Some(8), ..Layer::new(6, to, 3, 1) },
                ];
                let input = shape(height as u16, width as u16, 1 + (seed % 5) as u16);
                compare(&Net { input, layers, classes: 3, values: Values::Random, seed });
            }
        }
    }
}

/// A block that reads the image.
#[test]
fn blocks_on_the_image() {
    for channels in 1..=9 {
        for stride in [1, 2] {
            let layers = vec![
                Layer::new(0, 6, 3, stride),
                Layer { activation: Linear, ..Layer::new(0, 5, 1, stride) },
                Layer { residual: Some(2), ..Layer::new(1, 5, 3, 1) },
            ];
            let (input, seed) = (shape(11, 13, channels), u64::from(channels));
            compare(&Net { input, layers, classes: 3, values: Values::Random, seed });
        }
    }
}

/// All widths up to 67 as input and as output of the Winograd kinds.
#[test]
fn winograd_widths() {
    for width in 1..=67 {
        let layers = vec![Layer::new(0, width, 3, 1), Layer::new(1, 68 - width, 3, 1)];
        let (input, seed) = (shape(5, 9, 68 - width), u64::from(width));
        compare(&Net { input, layers, classes: 2, values: Values::Random, seed });
    }
}

#[test]
fn extreme_values() {
    for values in [Values::Low, Values::High] {
        for activation in ACTIVATIONS {
            for seed in 0..4 {
                let layers = vec![
                    Layer { activation, ..Layer::new(0, 64, 3, 1) },
                    Layer { activation, ..Layer::new(1, 64, 7, 1) },
                    Layer { activation, ..Layer::new(2, 64, 3, 1) },
                    Layer { activation, residual: Some(1), ..Layer::new(3, 64, 3, 1) },
                ];
                compare(&Net { input: shape(6, 6, 4), layers, classes: 3, values, seed });
            }
        }
    }
}

#[test]
fn primitives_agree_with_the_suite() {
    assert!(check(&Scalar).unwrap() > 1000);
    assert_eq!(check(&Host::default()), check(&Scalar));
}

/// An implementation with one wrong product in a corner, which the suite must find.
struct Wrong;

impl Requantise for Wrong {}

impl MicroKernel for Wrong {
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
        if window.stride() == 2 && window.planes()[1] == 6 && x == 3 {
            sums[1][3] += 1;
        }
    }
}

#[test]
fn the_suite_notices_a_wrong_tile() {
    let expected = Mismatch::Tile { kernel: 3, stride: 2, planes: (4, 6), x: 3 };
    assert_eq!(check(&Wrong), Err(expected));
}

#[test]
fn packing_places_every_weight_once() {
    for (output, kernel, input) in [(1, 1, 1), (2, 3, 4), (5, 3, 6), (3, 5, 9), (4, 7, 2)] {
        let shape = WeightShape { output, kernel: [kernel; 2], input };
        let mut taken = vec![0; packed_len(shape)];
        for o in 0..usize::from(output) {
            for at in 0..usize::from(kernel).pow(2) {
                for i in 0..usize::from(input) {
                    let (ky, kx) = (at / usize::from(kernel), at % usize::from(kernel));
                    taken[shape.index(o, ky, kx, i)] += 1;
                }
            }
        }
        assert!(taken.iter().all(|&t| t <= 1));
        assert_eq!(taken.iter().sum::<usize>(), shape.len());
    }
}

#[test]
fn packing_order_is_the_documented_one() {
    let shape = WeightShape { output: 2, kernel: [1; 2], input: 4 };
    let mut out = [0; 8];
    let weights: Vec<i8> = (1..=8).collect();
    assert_eq!(pack(shape, &weights, &mut out), Ok(8));
    assert_eq!(out, [1, 5, 3, 7, 2, 6, 4, 8]);
    assert_eq!(
        pack(shape, &weights[1..], &mut out),
        Err(Error::SliceLength { expected: 8, found: 7 })
    );
    assert_eq!(
        pack(shape, &weights, &mut out[1..]),
        Err(Error::BufferTooSmall { needed: 8, found: 7 })
    );
}

#[test]
fn windows_refuse_what_a_tile_would_leave() {
    let words = [0; 64];
    assert!(Window::new([&words[..15], &[]], 5, 3, 1).is_none());
    assert!(Window::new([&words[..16], &[]], 8, 3, 1).is_some());
    assert!(Window::new([&words[..17], &[]], 8, 3, 1).is_none());
    assert!(Window::new([&words[..16], &[]], 8, 3, 3).is_none());
    let window = Window::new([&words[..16], &words[..16]], 8, 3, 1).unwrap();
    assert!(window.holds(2, 12) && !window.holds(3, 12) && !window.holds(0, 11));
}
