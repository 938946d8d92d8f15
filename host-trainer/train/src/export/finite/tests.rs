use supernano_base::config::{DataSource, DataSpec};
use supernano_data as data;

use super::*;
use crate::export::build::tests::{network as built, small};
use crate::export::measure::accuracies;
use crate::export::{
    BlobInfo, CalibrationSet, Prefer, QuantiseOptions, build, quantise_after_training,
};

fn images() -> CalibrationSet {
    let spec = DataSpec {
        shape: Some(small()),
        classes: Some(4),
        train: Some(70),
        validation: Some(2),
        test: Some(2),
        ..DataSpec::new(DataSource::Glyphs)
    };
    CalibrationSet::new(&data::load(&spec).unwrap(), 70).unwrap()
}

/// A network with a value in place of the first weight of its convolution `index`, in the order of
/// storage.
fn with_weight(index: usize, value: f32) -> FoldedNet {
    built(small(), 0.25).map(|i, conv| {
        let mut conv = conv.clone();
        if i == index {
            conv.weight[0] = value;
        }
        conv
    })
}

fn plain(net: &FoldedNet) -> BnStats {
    BnStats { layers: net.convs().map(|c| (vec![0.0; c.output], vec![1.0; c.output])).collect() }
}

fn refusal(stats: &BnStats, net: &FoldedNet) -> String {
    let error = network("net", stats, net, &images().images).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn the_first_layer_that_is_not_finite_is_named() {
    let net = built(small(), 0.25);
    network("net", &plain(&net), &net, &images().images).unwrap();
    let names: Vec<String> = net.convs().map(|c| c.name.clone()).collect();
    for (index, name) in names.iter().enumerate() {
        for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e18] {
            let net = with_weight(index, bad);
            let said = refusal(&plain(&net), &net);
            assert!(said.contains(&format!("net: weights of {name} ")), "{said}");
        }
        for (mean, variance) in [(f32::NAN, 1.0), (0.0, -1.0), (0.0, f32::INFINITY)] {
            let mut stats = plain(&net);
            stats.layers[index].0[0] = mean;
            stats.layers[index].1[0] = variance;
            let said = refusal(&stats, &net);
            assert!(said.contains("net: batch-norm ") && said.contains(name), "{said}");
        }
    }
}

#[test]
fn outputs_that_overflow_name_their_layer() {
    let net = with_weight(0, 9e17);
    let said = refusal(&plain(&net), &net);
    assert!(said.contains(&format!("net: outputs of {}: expected", name_of(&net, 0))), "{said}");

    let mut net = built(small(), 0.25);
    net.classifier.bias[1] = f32::NAN;
    assert!(refusal(&plain(&net), &net).contains("biases of the classifier"));
    net.classifier.bias[1] = 0.0;
    net.classifier.weight.fill(9e17);
    assert!(refusal(&plain(&net), &net).contains("net: logits"));
}

fn name_of(net: &FoldedNet, index: usize) -> String {
    net.convs().nth(index).unwrap().name.clone()
}

#[test]
fn accuracies_of_a_network_that_is_not_finite_are_refused() {
    let set = images();
    let net = built(small(), 0.25);
    let quantised = quantise_after_training(&net, &set, &QuantiseOptions::default());
    scales("net", &quantised.net).unwrap();
    let info =
        BlobInfo { space: "test", code: "5-9", residual: true, classes: &[], front_end: None };
    let blob = build(&quantised.net, &info, Prefer::default()).unwrap();
    accuracies(&net, &blob, &set.images).unwrap();
    let broken = with_weight(1, f32::NAN);
    let error = accuracies(&broken, &blob, &set.images).unwrap_err().to_string();
    let name = name_of(&net, 1);
    assert!(error.contains(&format!("network 5-9: outputs of {name}")), "{error}");
}
