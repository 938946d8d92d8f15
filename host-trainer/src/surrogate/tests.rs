use std::path::PathBuf;

use rand::Rng as _;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::{RESNET8, RESNET20, Space};

use super::{FEWEST, Link, Surrogate, features};
use crate::data::rng::{Key, Purpose};
use crate::error::Error;
use crate::stats::{kendall_tau_b as tau_b, pearson};

fn random(space: &Space<'_>, n: usize, seed: u64) -> Vec<Arch> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 0);
    let size = space.size();
    (0..n).map(|_| Arch::from_code(space, ArchCode(rng.random_range(0..size))).unwrap()).collect()
}

/// A score that the features can express, plus noise from a seed.
fn scored(space: &Space<'_>, n: usize, noise: f64, seed: u64) -> Vec<(Arch, f64)> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 1);
    random(space, n, seed)
        .into_iter()
        .map(|arch| {
            let x = features(space, &arch);
            let clean = 0.05 * x[0] - 0.3 * x[5] + 0.02 * x[x.len() - 2];
            (arch, clean + noise * (rng.random::<f64>() - 0.5))
        })
        .collect()
}

#[test]
fn recovers_a_score_that_its_features_express() {
    let model = Surrogate::fit(&RESNET8, &scored(&RESNET8, 200, 0.0, 1), Link::Identity).unwrap();
    for (arch, truth) in scored(&RESNET8, 50, 0.0, 2) {
        let said = model.predict(&RESNET8, &arch);
        assert!((said.score - truth).abs() < 2e-3, "{} instead of {truth}", said.score);
    }
    assert!(model.cross_validation.pearson > 0.999);
}

#[test]
fn tables_and_features_say_the_same() {
    let model =
        Surrogate::fit(&RESNET20, &scored(&RESNET20, 100, 0.02, 3), Link::Identity).unwrap();
    for arch in random(&RESNET20, 20, 4) {
        let direct = model.ridge.predict(&features(&RESNET20, &arch));
        assert!((model.score(&RESNET20, &arch) - direct).abs() < 1e-9);
    }
}

#[test]
fn standard_error_covers_what_it_says() {
    let model = Surrogate::fit(&RESNET20, &scored(&RESNET20, 150, 0.1, 5), Link::Identity).unwrap();
    let fresh = scored(&RESNET20, 400, 0.1, 6);
    let inside = |k: f64| {
        let hit = |(arch, truth): &&(Arch, f64)| {
            let said = model.predict(&RESNET20, arch);
            (said.score - truth).abs() <= k * said.se
        };
        fresh.iter().filter(hit).count() as f64 / fresh.len() as f64
    };
    assert!((0.5..0.85).contains(&inside(1.0)), "{}", inside(1.0));
    assert!(inside(3.0) > 0.98, "{}", inside(3.0));
}

#[test]
fn survives_serialisation() {
    let model = Surrogate::fit(&RESNET8, &scored(&RESNET8, 60, 0.02, 7), Link::Identity).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let back: Surrogate = serde_json::from_str(&text).unwrap();
    for arch in random(&RESNET8, 10, 8) {
        let (a, b) = (model.predict(&RESNET8, &arch), back.predict(&RESNET8, &arch));
        assert!((a.score - b.score).abs() < 1e-12 && (a.se - b.se).abs() < 1e-12);
    }
}

#[test]
fn refuses_what_cannot_be_fitted() {
    let few = scored(&RESNET8, FEWEST - 1, 0.0, 9);
    assert!(matches!(Surrogate::fit(&RESNET8, &few, Link::Identity), Err(Error::Invalid { .. })));
    let mut broken = scored(&RESNET8, 20, 0.0, 9);
    broken[3].1 = f64::NAN;
    let message = Surrogate::fit(&RESNET8, &broken, Link::Identity).unwrap_err().to_string();
    assert!(message.contains(&broken[3].0.display(&RESNET8).to_string()), "{message}");
    let same: Vec<_> = broken.iter().map(|(a, _)| (a.clone(), 0.5)).collect();
    assert!(matches!(Surrogate::fit(&RESNET8, &same, Link::Identity), Err(Error::Invalid { .. })));
}

/// Column `column` of a CSV with the code in column 1, in the order of the file.
fn column(path: PathBuf, column: usize) -> Vec<(Arch, f64)> {
    let text = std::fs::read_to_string(&path).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            (Arch::parse(&RESNET20, cells[1]).unwrap(), cells[column].parse().unwrap())
        })
        .collect()
}

#[test]
fn smooths_the_reference_supernets_scores() {
    let Some(directory) = crate::shared_data::shared("challenge") else { return };
    let samples = column(directory.join("reference_step2_protocol_a_dev_300.csv"), 2);
    let truth = column(directory.join("ground_truth_dev_300.csv"), 2);
    assert!(samples.iter().map(|s| &s.0).eq(truth.iter().map(|t| &t.0)));
    let truth: Vec<f64> = truth.into_iter().map(|t| t.1).collect();
    let raw: Vec<f64> = samples.iter().map(|s| s.1).collect();
    let judge = |link, lambda: Option<f64>| {
        let model = Surrogate::fit_with(&RESNET20, &samples, link, lambda).unwrap();
        let said: Vec<f64> = samples.iter().map(|(a, _)| model.score(&RESNET20, a)).collect();
        let (r, tau) = (pearson(&said, &truth), tau_b(&said, &truth));
        let (lambda, validation) = (model.lambda, model.cross_validation);
        eprintln!("{link:?}, lambda {lambda}: Pearson {r:.4}, tau {tau:.4}, {validation:?}");
        (r, tau)
    };
    let raw = (pearson(&raw, &truth), tau_b(&raw, &truth));
    eprintln!("raw: Pearson {:.4}, tau {:.4}", raw.0, raw.1);
    for link in [Link::Identity, Link::Logit] {
        let chosen = judge(link, None);
        assert!(chosen.0 > 0.972 && chosen.0 > raw.0 && chosen.1 > raw.1);
    }
    let strong = judge(Link::Identity, Some(10.0));
    assert!(strong.0 > 0.976 && strong.1 > 0.866);
}

#[test]
fn accuracies_stay_accuracies_and_errors_cover_them() {
    let sigmoid = |v: f64| 1.0 / (1.0 + (-v).exp());
    let accuracies = |n, seed| -> Vec<(Arch, f64)> {
        let scores = scored(&RESNET20, n, 0.3, seed);
        scores.into_iter().map(|(a, s)| (a, sigmoid(20.0 * s - 5.0))).collect()
    };
    let samples = accuracies(150, 11);
    let model = Surrogate::fit(&RESNET20, &samples, Link::Logit).unwrap();
    let fresh = accuracies(400, 12);
    let inside = fresh
        .iter()
        .filter(|(arch, truth)| {
            let said = model.predict(&RESNET20, arch);
            assert!(said.score > 0.0 && said.score < 1.0 && said.se > 0.0);
            (said.score - truth).abs() <= 2.0 * said.se
        })
        .count();
    assert!(inside > 320, "{inside} of 400 within two standard errors");
    for arch in [Arch::smallest(&RESNET20), Arch::largest(&RESNET20)] {
        assert!((0.0..=1.0).contains(&model.score(&RESNET20, &arch)));
    }
    let mut broken = samples;
    broken[0].1 = 1.5;
    assert!(matches!(Surrogate::fit(&RESNET20, &broken, Link::Logit), Err(Error::Invalid { .. })));
}
