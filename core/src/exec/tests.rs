use std::vec;

use super::{ArenaPlan, Network, Observer, argmax, run};
use crate::blob::BlobView;
use crate::error::Error;
use crate::graph::Activation::None as Linear;
use crate::graph::Op;
use crate::kernel::{Packed, Reference, Scalar, row_words};
use crate::space::Shape;
use crate::testnet::{Layer, Net, Random, Values, outputs};

/// ResNet20 with a projection in every block at 16, 32 and 64 channels, on 32 x 32 x 3.
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

#[test]
fn resnet20_needs_two_maps_and_a_ring() {
    let blob = resnet20().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let map = Shape { height: 32, width: 32, channels: 16 };
    let ring = 3 * row_words(map, map, 3, 1);
    assert_eq!(ring, 3 * 8 * 34);
    assert_eq!(ArenaPlan::new(&view).bytes(), 2 * 16_384 + 4 * ring);
    assert!(ArenaPlan::separate(&view).bytes() >= 3 * 16_384);
}

#[test]
fn resnet20_agrees_with_the_reference() {
    let net = resnet20();
    let blob = net.build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let image = Random(1).bytes(view.image_len());
    let expected = outputs(&Network::new(&view, Reference), &image, 0);
    assert!(expected == outputs(&Network::new(&view, Packed(Scalar)), &image, u32::MAX));
    assert!(expected.1.iter().any(|l| *l != expected.1[0]));
}

#[test]
fn slices_of_a_wrong_length_are_refused() {
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let network = Network::new(&view, Packed(Scalar));
    let needed = network.plan().bytes();
    let mut arena = vec![0; network.plan().words()];
    let mut logits = [0; 4];
    let image = vec![0; view.image_len()];
    let last = arena.len() - 1;
    assert_eq!(
        network.run(&image, &mut arena[..last], &mut logits, &mut ()),
        Err(Error::ArenaTooSmall { needed, found: needed - 4 })
    );
    assert_eq!(
        network.step(0, &mut arena[..last], &mut logits),
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
    assert_eq!(run(&view, Packed(Scalar), &image, &mut arena, &mut logits, &mut ()), Ok(()));
}

#[test]
fn steps_equal_a_run_and_the_observer_sees_each() {
    #[derive(Default)]
    struct Count(usize, usize);
    impl Observer for Count {
        fn before(&mut self, index: usize) {
            assert_eq!(index, self.0);
            self.0 += 1;
        }
        fn after(&mut self, index: usize, _: &[u32]) {
            assert_eq!(index, self.1);
            self.1 += 1;
        }
    }
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let network = Network::new(&view, Packed(Scalar));
    let image = Random(9).bytes(view.image_len());
    let mut arena = vec![0; network.plan().words()];
    let (mut whole, mut steps, mut count) = ([0; 4], [0; 4], Count::default());
    network.run(&image, &mut arena, &mut whole, &mut count).unwrap();
    assert_eq!((count.0, count.1), (network.ops(), network.ops()));
    network.load(&image, &mut arena).unwrap();
    for index in 0..=network.ops() {
        network.step(index, &mut arena, &mut steps).unwrap();
    }
    assert_eq!(whole, steps);
}

/// No two things that live at the same time overlap, except outputs in place.
#[test]
fn scratch_lies_beside_what_its_operation_touches() {
    for net in [resnet20(), Net::golden()] {
        let blob = net.build();
        let view = BlobView::new_checked(blob.bytes()).unwrap();
        for plan in [ArenaPlan::new(&view), ArenaPlan::separate(&view)] {
            for (i, op) in view.header().ops.iter().enumerate() {
                let touched = match *op {
                    Op::Conv(c) => vec![Some(c.input), Some(c.output), c.residual],
                    Op::Classifier(c) => vec![Some(c.input)],
                };
                let scratch = plan.scratch(i);
                assert!(scratch.end <= plan.words());
                for tensor in touched.into_iter().flatten() {
                    let at = plan.tensor_at(tensor);
                    let end = at + view.header().tensors[usize::from(tensor)].words();
                    assert!(end <= plan.words());
                    assert!(end <= scratch.start || scratch.end <= at);
                }
            }
        }
    }
}

#[test]
fn ties_go_to_the_lowest_class() {
    assert_eq!(argmax(&[]), 0);
    assert_eq!(argmax(&[-3, 5, 5, 4]), 1);
    assert_eq!(argmax(&[-3, -5]), 0);
}
