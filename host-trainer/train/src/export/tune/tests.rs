use supernano_base::config::{DataSource, DataSpec};
use supernano_base::progress::Silent;
use supernano_core::exec::argmax;
use supernano_data as data;

use super::*;
use crate::export::build::tests::{network, small};
use crate::export::{
    ActivationParams, BlobInfo, CalibrationSet, Prefer, QuantParams, QuantiseOptions, build,
    quantise_after_training,
};

fn dataset(train: usize, test: usize) -> Dataset {
    let spec = DataSpec {
        shape: Some(small()),
        classes: Some(4),
        train: Some(train),
        validation: Some(64),
        test: Some(test),
        ..DataSpec::new(DataSource::Glyphs)
    };
    data::load(&spec).unwrap()
}

#[test]
fn the_trained_forward_pass_is_the_executors() {
    let dataset = dataset(64, 2000);
    let set = CalibrationSet::new(&dataset, 512).unwrap();
    let test = ImageSet::first(&dataset, &dataset.test, 2000);
    let options = QuantiseOptions::default();
    for slope in [-0.8, 4.1] {
        let start = quantise_after_training(&network(small(), slope), &set, &options);
        let trained = TrainedNetwork::new(&start);
        let (_, net) = trained.networks();
        let info = BlobInfo {
            space: "test",
            code: "5-9",
            residual: true,
            classes: &dataset.classes,
            front_end: None,
        };
        let blob = build(&net, &info, Prefer::default()).unwrap();
        let expected = blob.logits(&test.bytes).unwrap();
        let mut found = Vec::new();
        for start in (0..2000).step_by(250) {
            let batch = test.part(start..start + 250);
            let (logits, _) = trained.forward(&net, &batch.values, batch.n);
            found.extend(logits.into_data().iter::<f32>());
        }
        let steps: Vec<i32> =
            found.iter().map(|v| (v / net.classifier.logit_scale).round() as i32).collect();
        for (a, b) in steps.iter().zip(&expected) {
            assert!((a - b).abs() <= 1, "slope {slope}: {a} {b}");
        }
        let rows = steps.chunks_exact(4).zip(expected.chunks_exact(4));
        let same = rows.filter(|(a, b)| argmax(a) == argmax(b)).count();
        assert!(same >= 1998, "slope {slope}: {same}");
    }
}

#[test]
fn tuning_wins_back_what_narrow_ranges_lose() {
    let dataset = dataset(256, 16);
    let net = network(small(), 0.25);
    let calibration = CalibrationSet::new(&dataset, 512).unwrap();
    let mut start = quantise_after_training(&net, &calibration, &QuantiseOptions::default());
    let clipped = (0..start.float.convs().count()).map(|conv| {
        let params = start.params.get(conv, false);
        QuantParams { scale: params.scale / 3.0, ..params }
    });
    let params = ActivationParams::fixed(clipped);
    start.net = QuantisedNet::with(&start.float, &params, &calibration.normalisation);
    let all = calibration.images.part(0..256);
    let expected = net.forward(&all.values, all.n);
    let error = |q: &QuantisedNet| -> f64 {
        let logits = q.forward(integer_input(q, &all), &mut |_, _| {});
        let scale = q.classifier.logit_scale;
        expected.iter().zip(&logits).map(|(&f, &i)| f64::from(f - i as f32 * scale).powi(2)).sum()
    };
    let optimizer = Optimizer { momentum: 0.9, weight_decay: 0.0 };
    let set =
        TuningSet::with(&dataset, Augmentation::NONE, &LossConfig::default(), optimizer).unwrap();
    let recipe = TuneRecipe { epochs: 12, images: 256, lr: 0.003, batch: 32, alpha: 1.0, seed: 1 };
    let tuned = tune(&start, &net, &set, &recipe, "test", &Silent).unwrap();
    let report = tuned.report;
    assert_eq!((report.updates, report.kept), (96, true));
    assert!(report.after < report.before, "{} -> {}", report.before, report.after);
    let (before, after) = (error(&start.net), error(&tuned.network.net));
    assert!(after < 0.5 * before, "{before} -> {after}");
    let again = tune(&start, &net, &set, &recipe, "test", &Silent).unwrap();
    assert_eq!(again.network.net, tuned.network.net);

    // a rate that destroys the network: the start is kept
    let wild = TuneRecipe { lr: 50.0, epochs: 1, ..recipe };
    if let Ok(kept) = tune(&start, &net, &set, &wild, "test", &Silent) {
        assert_eq!(kept.network.net, start.net);
    }
}
