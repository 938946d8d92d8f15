use supernano_base::config::{DataSource, DataSpec};
use supernano_data as data;

use super::*;
use crate::export::build::tests::{network, small};

#[test]
fn auto_is_never_worse_than_any_fixed_choice_on_its_own_images() {
    let shape = small();
    let spec = DataSpec {
        shape: Some(shape),
        classes: Some(4),
        train: Some(128),
        validation: 8,
        test: Some(16),
        ..DataSpec::new(DataSource::Glyphs)
    };
    let dataset = data::load(&spec).unwrap();
    let net = network(shape, -0.7);
    let with = |equalise, correct| {
        let options = Options { calibration: 128, equalise, correct, ..Options::default() };
        quantise_after_training(&net, &dataset, &options)
    };
    let auto = with(Choice::Auto, Choice::Auto);
    assert!(auto.error < 0.01, "{}", auto.error);
    for equalise in [Choice::On, Choice::Off] {
        for correct in [Choice::On, Choice::Off] {
            let fixed = with(equalise, correct);
            assert!(auto.error <= fixed.error);
            assert_eq!(fixed.equalised, equalise == Choice::On);
            assert_eq!(fixed.corrected, correct == Choice::On);
        }
    }
}

#[test]
fn correction_takes_a_systematic_error_out() {
    let shape = small();
    let spec = DataSpec {
        shape: Some(shape),
        classes: Some(4),
        train: Some(128),
        validation: 8,
        test: Some(16),
        ..DataSpec::new(DataSource::Glyphs)
    };
    let dataset = data::load(&spec).unwrap();
    let net = network(shape, 0.25);
    let images: Vec<u32> = (0..128).collect();
    // ranges of a third: everything is clipped, so every mean is too low
    let affines = calibrate(&net, &dataset, &images).affines(RangeRule::Full);
    let clipped = (0..net.convs().count())
        .map(|conv| affines.get(conv, false))
        .map(|a| Affine { scale: a.scale / 3.0, ..a });
    let affines = Affines::fixed(clipped);
    let expected = net.forward(&dataset.batch(&dataset.train, &images), 128);
    let error = |net: &FoldedNet| {
        let q = QuantisedNet::with(net, &affines, &dataset);
        let x = simulate::images(&q, &dataset, &dataset.train, &images);
        relative_error(&expected, &q.forward(x, &mut |_, _| {}), q.classifier.logit_scale)
    };
    let (before, after) = (error(&net), error(&correct(&net, &affines, &dataset, &images)));
    assert!(after < 0.9 * before, "{before} -> {after}");
}
