use supernano_base::config::{DataSource, DataSpec};
use supernano_base::progress::Silent;
use supernano_core::exec::argmax;
use supernano_data as data;

use super::*;
use crate::export::build::tests::{network, small};
use crate::export::{Options, Source, build, quantise_after_training};

fn dataset(train: usize, test: usize) -> Dataset {
    let spec = DataSpec {
        shape: Some(small()),
        classes: Some(4),
        train: Some(train),
        validation: 64,
        test: Some(test),
        ..DataSpec::new(DataSource::Glyphs)
    };
    data::load(&spec).unwrap()
}

#[test]
fn the_trained_forward_pass_is_the_executors() {
    let dataset = dataset(64, 2000);
    for slope in [-0.8, 4.1] {
        let start =
            quantise_after_training(&network(small(), slope), &dataset, &Options::default());
        let trained = Trained::new(&start);
        let net = QuantisedNet::with(&trained.float(), &trained.affines, &dataset);
        let source = Source {
            space: "test",
            code: "5-9",
            dataset: &dataset,
            prefer: crate::export::Prefer::default(),
        };
        let expected = build(&net, &source).unwrap().logits(&dataset.test).unwrap();
        let mut found = Vec::new();
        let all: Vec<u32> = (0..2000).collect();
        for indices in all.chunks(250) {
            let images = dataset.batch(&dataset.test, indices);
            let pass = forward(&trained, &net, &images, indices.len());
            found.extend(pass.logits.into_data().iter::<f32>());
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
    let mut start = quantise_after_training(&net, &dataset, &Options::default());
    let clipped = (0..start.float.convs().count()).map(|conv| {
        let a = start.affines.get(conv, false);
        Affine { scale: a.scale / 3.0, ..a }
    });
    let affines = Affines::fixed(clipped);
    start.net = QuantisedNet::with(&start.float, &affines, &dataset);
    let images: Vec<u32> = (0..256).collect();
    let expected = net.forward(&dataset.batch(&dataset.train, &images), 256);
    let error = |q: &QuantisedNet| -> f64 {
        let x = crate::export::integer_images(q, &dataset, &dataset.train, &images);
        let logits = q.forward(x, &mut |_, _| {});
        let scale = q.classifier.logit_scale;
        expected.iter().zip(&logits).map(|(&f, &i)| f64::from(f - i as f32 * scale).powi(2)).sum()
    };
    let material = Material {
        dataset: &dataset,
        augmentation: &Augmentation::NONE,
        optimizer: Optimizer { momentum: 0.9, weight_decay: 0.0 },
    };
    let recipe = Finetune { epochs: 12, images: 256, lr: 0.003, batch: 32, alpha: 1.0, seed: 1 };
    let tuned = finetune(&start, &net, &material, &recipe, "test", &Silent).unwrap();
    assert_eq!(tuned.updates, 96);
    assert!(tuned.after < tuned.before, "{} -> {}", tuned.before, tuned.after);
    let (before, after) = (error(&start.net), error(&tuned.network.net));
    assert!(after < 0.5 * before, "{before} -> {after}");
    let again = finetune(&start, &net, &material, &recipe, "test", &Silent).unwrap();
    assert_eq!(again.network.net, tuned.network.net);

    // a rate that destroys the network: the start is kept
    let wild = Finetune { lr: 50.0, epochs: 1, ..recipe };
    if let Ok(kept) = finetune(&start, &net, &material, &wild, "test", &Silent) {
        assert_eq!(kept.network.net, start.net);
    }
}
