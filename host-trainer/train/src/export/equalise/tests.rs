use super::*;
use crate::export::build::tests::{glyphs, network, small};

#[test]
fn an_equalised_network_computes_the_same_and_uses_its_maps_better() {
    let shape = small();
    let dataset = glyphs(shape, 64, 16);
    let images = ImageSet::first(&dataset, &dataset.train, 32);
    let all = images.part(0..32);
    for slope in [0.25, -0.6, 3.0] {
        let mut net = network(shape, slope);
        // channel 1 of the first map is made 12 times as large, and read 12 times as weakly
        let stem = &mut net.layers.items_mut()[0];
        let size = stem.weight.len() / stem.output;
        stem.weight[size..2 * size].iter_mut().for_each(|w| *w *= 12.0);
        stem.bias[1] *= 12.0;
        let equal = equalise(&net, &images);
        let (a, b) = (net.forward(&all.values, all.n), equal.forward(&all.values, all.n));
        let largest = a.iter().fold(0f32, |m, v| m.max(v.abs()));
        for (a, b) in a.iter().zip(&b) {
            assert!((a - b).abs() <= 1e-4 * largest, "slope {slope}: {a} {b}");
        }
        let spread = |net: &FoldedNet| {
            let seen = observe(net, &images);
            let largest = &seen[0].largest;
            let most = largest.iter().copied().fold(0.0, f32::max);
            most / largest.iter().copied().filter(|&v| v > 0.0).fold(f32::INFINITY, f32::min)
        };
        assert!(spread(&equal) < spread(&net), "slope {slope}");
    }
}
