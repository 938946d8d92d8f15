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
        validation: Some(8),
        test: Some(16),
        ..DataSpec::new(DataSource::Glyphs)
    };
    let dataset = data::load(&spec).unwrap();
    let net = network(shape, -0.7);
    let set = CalibrationSet::new(&dataset, 128).unwrap();
    let with = |equalise, correct| {
        let options = QuantiseOptions { equalise, correct, ..QuantiseOptions::default() };
        quantise_after_training(&net, &set, &options)
    };
    let auto = with(Switch::Auto, Switch::Auto);
    assert!(auto.error < 0.01, "{}", auto.error);
    for equalise in [Switch::On, Switch::Off] {
        for correct in [Switch::On, Switch::Off] {
            let fixed = with(equalise, correct);
            assert!(auto.error <= fixed.error);
            assert_eq!(fixed.equalised, equalise == Switch::On);
            assert_eq!(fixed.corrected, correct == Switch::On);
        }
    }
}
