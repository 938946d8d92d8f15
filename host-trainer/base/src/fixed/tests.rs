use supernano_core::exec::macs;

use super::*;

/// Multiply-accumulates are those that MLPerf Tiny's networks have, and rolling changes neither
/// weights nor logits. The published 221,794 and 24,908 parameters count batch norm apart: 4 more for
/// each of the 2,736 channels of MobileNetV1, and of the 576 of DS-CNN.
#[test]
fn sizes_are_those_of_the_benchmark() {
    for (name, expected, parameters) in
        [("mobilenet-v1-025", 7_489_664, 210_850), ("ds-cnn", 2_656_768, 22_604)]
    {
        let net = network(name).unwrap();
        let (flat, rolled) = (blob(&net, usize::MAX, 1).unwrap(), blob(&net, 0, 1).unwrap());
        let image: Vec<u8> = (0..net.input.len()).map(|i| (i * i / 7) as u8).collect();
        let logits = |blob: &Blob| {
            use supernano_core::exec::Network;
            use supernano_core::kernel::{Host, Packed};
            let view = blob.view().unwrap();
            let network = Network::new(&view, Packed(Host::default()));
            let mut arena = vec![0; network.arena_words()];
            let mut logits = vec![0; view.classes()];
            network.run(&image, &mut arena, &mut logits, &mut ()).unwrap();
            logits
        };
        assert_eq!(logits(&flat), logits(&rolled));
        let view = rolled.view().unwrap();
        let total: u64 = view.header().ops.iter().map(|op| macs(&view, op)).sum();
        assert_eq!(total, expected);
        let [mut weights, mut read] = [0, usize::from(net.input.channels)];
        for layer in &net.layers {
            let inputs = if layer.form == Form::Full { read } else { 1 };
            weights += (layer.geometry.taps() * inputs + 1) * usize::from(layer.channels);
            read = usize::from(layer.channels);
        }
        weights += (read + 1) * usize::from(net.classes);
        assert_eq!(weights, parameters, "{name}");
        let arena = |blob: &Blob| blob.view().unwrap().arena_bytes();
        assert!(arena(&rolled) <= arena(&flat), "{} {}", arena(&rolled), arena(&flat));
    }
}

/// All kernels agree with the reference on random networks, and a seed gives the same networks again.
#[test]
fn random_networks_are_checked_ones() {
    use supernano_core::exec::{Digest, Network};
    use supernano_core::kernel::{Host, Kernels, Packed, Reference};
    fn digest<K: Kernels>(blob: &Blob, image: &[u8], kernels: K) -> u32 {
        let view = blob.view().unwrap();
        let network = Network::new(&view, kernels);
        let mut arena = vec![0; network.arena_words()];
        let mut logits = vec![0; view.classes()];
        let mut digest = Digest::new(&view);
        network.run(image, &mut arena, &mut logits, &mut digest).unwrap();
        digest.finish(&logits)
    }
    for index in 0..24 {
        let net = if index < 12 { random(3, index) } else { random_prelu(3, index) };
        let again = if index < 12 { random(3, index) } else { random_prelu(3, index) };
        assert_eq!((&net.layers, net.activation), (&again.layers, again.activation));
        let limit = if index % 2 == 0 { usize::MAX } else { 0 };
        let blob = blob(&net, limit, 1).unwrap();
        let image: Vec<u8> = (0..net.input.len()).map(|i| (i * i / 7) as u8).collect();
        let expected = digest(&blob, &image, Reference);
        assert_eq!(digest(&blob, &image, Packed(Host::default())), expected, "{net:?}");
    }
    assert_ne!(random(3, 0).layers, random(4, 0).layers);
}
