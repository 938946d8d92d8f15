use std::vec;

use super::{Network, argmax};
use crate::arena::ArenaPlan;
use crate::blob::BlobView;
use crate::error::{Error, GraphProblem};
use crate::graph::Activation::None as Linear;
use crate::graph::KernelKind::{
    self, Direct, Winograd, WinogradOnline, WinogradTall, WinogradTallOnline,
};
use crate::graph::{KernelSet, Observer};
use crate::kernel::{MicroKernel, Packed, Reference, Requantise, Scalar, Sums, Window};
use crate::shape::Shape;
use crate::testnet::{Layer, Net, Random, Values, outputs};

/// ResNet20 with a projection in every block: 16, 32 and 64 channels, images of 32 x 32 x 3.
fn resnet20() -> Net {
    let mut layers = vec![Layer::new(0, 16, 3, 1)];
    for (group, channels) in [16, 32, 64].into_iter().enumerate() {
        for block in 0..3 {
            let input = layers.len() as u8;
            let stride = if group > 0 && block == 0 { 2 } else { 1 };
            layers.push(Layer::new(input, channels, 3, stride));
            layers.push(Layer { activation: Linear, ..Layer::new(input, channels, 1, stride) });
            layers
                .push(Layer { residual: Some(input + 2), ..Layer::new(input + 1, channels, 3, 1) });
        }
    }
    let input = Shape { height: 32, width: 32, channels: 3 };
    Net { input, layers, classes: 100, values: Values::Random, seed: 20 }
}

fn arena(net: &Net) -> usize {
    let blob = net.build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    assert_eq!(ArenaPlan::of_header(&view.header()).bytes(), view.arena_bytes());
    view.arena_bytes()
}

#[test]
fn resnet20_needs_one_map_and_a_few_rows() {
    let net = resnet20();
    // The block of stride 2 from 16 to 32 channels needs the most: its input, its two ring buffers
    // of 3 rows, the words that the projection reads behind the ring buffer, and a row of 32
    // channels.
    let (odd, even) = (3 * 8 * 2 * 17, 3 * 16 * 18);
    assert_eq!(arena(&net), 16_384 + 4 * (odd + 17 + even + 16 * 32 / 4));
    assert!(arena(&net) <= 24 * 1024);
    let winograd = arena(&net.with_kinds(|_| Winograd));
    assert!(winograd <= 30 * 1024, "{winograd}");
    let online = arena(&net.with_kinds(|_| WinogradOnline));
    assert!(online <= 36 * 1024, "{online}");
    let tall = arena(&net.with_kinds(|_| WinogradTall));
    assert!(tall <= 37 * 1024, "{tall}");
    let tall_online = arena(&net.with_kinds(|_| WinogradTallOnline));
    assert!(tall_online <= 48 * 1024, "{tall_online}");
}

#[test]
fn resnet20_agrees_with_the_reference() {
    let net = resnet20();
    let blob = net.build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let image = Random(1).bytes(view.image_len());
    let expected = outputs(&Network::new(&view, Reference), &image, 0);
    assert!(expected.1.iter().any(|l| *l != expected.1[0]));
    let all = [Direct, Winograd, WinogradOnline, WinogradTall, WinogradTallOnline];
    let mixed = |i: usize| all[i % all.len()];
    let kinds: [&dyn Fn(usize) -> KernelKind; 6] = [
        &|_| Direct,
        &|_| Winograd,
        &|_| WinogradOnline,
        &|_| WinogradTall,
        &|_| WinogradTallOnline,
        &mixed,
    ];
    for choose in kinds {
        let blob = net.with_kinds(choose).build();
        let view = BlobView::new_checked(blob.bytes()).unwrap();
        assert!(expected == outputs(&Network::new(&view, Packed(Scalar)), &image, u32::MAX));
    }
}

#[test]
fn slices_of_a_wrong_length_are_refused() {
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let network = Network::new(&view, Packed(Scalar));
    let needed = network.arena_bytes();
    let mut arena = vec![0; network.arena_words()];
    let mut logits = [0; 4];
    let image = vec![0; view.image_len()];
    let last = arena.len() - 1;
    assert_eq!(
        network.run(&image, &mut arena[..last], &mut logits, &mut ()),
        Err(Error::ArenaTooSmall { needed, found: needed - 4 })
    );
    assert_eq!(
        network.step(0, &mut arena[..last], &mut logits, &mut ()),
        Err(Error::ArenaTooSmall { needed, found: needed - 4 })
    );
    assert_eq!(
        network.run(&image[1..], &mut arena, &mut logits, &mut ()),
        Err(Error::ImageLength { expected: image.len(), found: image.len() - 1 })
    );
    assert_eq!(
        network.run(&image, &mut arena, &mut logits[1..], &mut ()),
        Err(Error::SliceLength { expected: 4, found: 3 })
    );
    assert_eq!(network.run(&image, &mut arena, &mut logits, &mut ()), Ok(()));
}

#[test]
fn steps_equal_a_run_and_the_observer_sees_each() {
    struct Entered([bool; 7]);
    impl Observer for Entered {
        fn enter(&mut self, op: usize) {
            self.0[op] = true;
        }
    }
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let network = Network::new(&view, Packed(Scalar));
    let image = Random(9).bytes(view.image_len());
    let mut arena = vec![0; network.arena_words()];
    let (mut whole, mut steps, mut entered) = ([0; 4], [0; 4], Entered([false; 7]));
    network.run(&image, &mut arena, &mut whole, &mut entered).unwrap();
    assert_eq!(entered.0, [true; 7]);
    network.image_mut(&mut arena).unwrap().copy_from_slice(&image);
    let (mut op, mut starts) = (0, vec![]);
    while op < network.ops() {
        starts.push(op);
        op = network.step(op, &mut arena, &mut steps, &mut ()).unwrap();
    }
    assert_eq!(whole, steps);
    // Operations 1 to 3 are a block with a projection, 4 and 5 a block without.
    assert_eq!(starts, [0, 1, 4, 6]);
    assert_eq!(network.step(op, &mut arena, &mut steps, &mut ()), Ok(7));
    assert_eq!(whole, steps);
}

/// [`Scalar`] with the kernels of a direct ResNet20 only.
struct DirectScalar;

impl Requantise for DirectScalar {}

impl MicroKernel for DirectScalar {
    const KERNELS: KernelSet = KernelSet::from_bits(0x13);

    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }
}

#[test]
fn kernels_that_are_left_out_are_refused() {
    let net = resnet20();
    let blob = net.build();
    let view = BlobView::new_intact(blob.bytes()).unwrap();
    assert_eq!(view.kernels(), DirectScalar::KERNELS);
    assert_eq!(crate::blob::kernels(blob.bytes()), DirectScalar::KERNELS);
    let image = Random(1).bytes(view.image_len());
    let expected = outputs(&Network::new(&view, Packed(Scalar)), &image, 0);
    let network = Network::from_bytes(blob.bytes(), Packed(DirectScalar)).unwrap();
    assert!(expected == outputs(&network, &image, 1));
    let blob = net.with_kinds(|i| if i == 6 { Winograd } else { Direct }).build();
    let refused = Network::from_bytes(blob.bytes(), Packed(DirectScalar)).map(|_| ());
    assert_eq!(refused, Err(Error::BlobOp { op: 6, problem: GraphProblem::Kind }));
    assert!(crate::blob::kernels(blob.bytes()).winograd());
    assert!(!crate::blob::kernels(blob.bytes()).online());
}

#[test]
fn ties_go_to_the_lowest_class() {
    assert_eq!(argmax(&[]), 0);
    assert_eq!(argmax(&[-3, 5, 5, 4]), 1);
    assert_eq!(argmax(&[-3, -5]), 0);
}
