use super::*;
use crate::export::build::tests::{glyphs, network, small};
use crate::export::{CalibrationSet, QuantiseOptions, quantise_after_training};

#[test]
fn a_part_alone_costs_less_than_the_whole_and_a_coarse_map_costs_most() {
    let shape = small();
    let dataset = glyphs(shape, 64, 16);
    let set = CalibrationSet::new(&dataset, 64).unwrap();
    let images = set.images.part(0..64);
    let mut quantised =
        quantise_after_training(&network(shape, 0.25), &set, &QuantiseOptions::default());
    // the map of the second layer has steps that are 20 times as large
    quantised.net.layers.items_mut()[1].to.scale *= 20.0;
    let expected = quantised.reference.forward(&images.values, images.n);
    let error = |found: &[f32]| -> f64 {
        assert_eq!(found.len(), expected.len());
        found.iter().zip(&expected).map(|(f, e)| f64::from(f - e).powi(2)).sum()
    };
    let found: Vec<Alone> = alone(&quantised, &images).collect();
    assert_eq!(found.len(), quantised.net.convs().count());
    let maps: Vec<f64> = found.iter().map(|part| error(&part.map)).collect();
    for (i, part) in found.iter().enumerate() {
        let weights = error(part.weights.as_ref().unwrap());
        assert!(weights > 0.0 && weights < maps[1], "weights of step {i}: {weights}");
        assert!(maps[i] > 0.0 && (i == 1 || maps[i] < maps[1]), "map of step {i}: {}", maps[i]);
    }
}
