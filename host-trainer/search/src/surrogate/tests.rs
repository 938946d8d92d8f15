use rand::Rng as _;
use supernano_base::error::Error;
use supernano_base::rng::{Key, Purpose};
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::space::{RESNET8, RESNET20, Space};

use super::calibrated::{Components, FEWEST_TRUTHS};
use super::widths;
use super::{Calibrated, Choices, FEWEST, Link, Sign, Surrogate, Terms, design};

fn random(space: &Space<'_>, n: usize, seed: u64) -> Vec<Arch> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 0);
    let size = space.size();
    (0..n).map(|_| Arch::from_code(space, ArchCode(rng.random_range(0..size))).unwrap()).collect()
}

/// A score that is linear in the features, plus random noise.
fn scored(space: &Space<'_>, n: usize, noise: f64, seed: u64) -> Vec<(Arch, f64)> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 1);
    random(space, n, seed)
        .into_iter()
        .map(|arch| {
            let x = Terms::Additive.of(space, &arch);
            // ln w of the first free layer, -1/w of the second, ln MACs.
            let clean = 0.05 * x[3] + 0.3 * x[5] + 0.02 * x[0];
            (arch, clean + noise * (rng.random::<f64>() - 0.5))
        })
        .collect()
}

#[test]
fn a_fit_recovers_a_score_that_is_linear_in_the_features() {
    let model = Surrogate::fit(&RESNET8, &scored(&RESNET8, 200, 0.0, 1), Link::Identity).unwrap();
    for (arch, truth) in scored(&RESNET8, 50, 0.0, 2) {
        let predicted = model.predict(&RESNET8, &arch);
        assert!((predicted.score - truth).abs() < 2e-3, "{} instead of {truth}", predicted.score);
    }
    assert!(model.cross_validation.pearson > 0.999);
}

#[test]
fn tables_and_features_give_equal_scores() {
    let model =
        Surrogate::fit(&RESNET20, &scored(&RESNET20, 100, 0.02, 3), Link::Identity).unwrap();
    for arch in random(&RESNET20, 20, 4) {
        let direct = model.ridge.predict(&model.terms.of(&RESNET20, &arch));
        assert!((model.score(&RESNET20, &arch) - direct).abs() < 1e-9);
    }
}

#[test]
fn standard_errors_cover_the_stated_share() {
    let model = Surrogate::fit(&RESNET20, &scored(&RESNET20, 150, 0.1, 5), Link::Identity).unwrap();
    let fresh = scored(&RESNET20, 400, 0.1, 6);
    let inside = |k: f64| {
        let hit = |(arch, truth): &&(Arch, f64)| {
            let predicted = model.predict(&RESNET20, arch);
            (predicted.score - truth).abs() <= k * predicted.se
        };
        fresh.iter().filter(hit).count() as f64 / fresh.len() as f64
    };
    assert!((0.5..0.85).contains(&inside(1.0)), "{}", inside(1.0));
    assert!(inside(3.0) > 0.98, "{}", inside(3.0));
}

#[test]
fn a_model_survives_serialisation() {
    let model = Surrogate::fit(&RESNET8, &scored(&RESNET8, 60, 0.02, 7), Link::Identity).unwrap();
    let text = serde_json::to_string(&model).unwrap();
    let back: Surrogate = serde_json::from_str(&text).unwrap();
    for arch in random(&RESNET8, 10, 8) {
        let (a, b) = (model.predict(&RESNET8, &arch), back.predict(&RESNET8, &arch));
        assert!((a.score - b.score).abs() < 1e-12 && (a.se - b.se).abs() < 1e-12);
    }
}

#[test]
fn samples_that_cannot_be_fitted_are_refused() {
    let few = scored(&RESNET8, FEWEST - 1, 0.0, 9);
    assert!(matches!(Surrogate::fit(&RESNET8, &few, Link::Identity), Err(Error::Invalid { .. })));
    let mut broken = scored(&RESNET8, 20, 0.0, 9);
    broken[3].1 = f64::NAN;
    let message = Surrogate::fit(&RESNET8, &broken, Link::Identity).unwrap_err().to_string();
    assert!(message.contains(&broken[3].0.display(&RESNET8).to_string()), "{message}");
    let same: Vec<_> = broken.iter().map(|(a, _)| (a.clone(), 0.5)).collect();
    assert!(matches!(Surrogate::fit(&RESNET8, &same, Link::Identity), Err(Error::Invalid { .. })));
}

#[test]
fn no_effect_is_negative_and_wider_is_never_worse() {
    // A score that decreases with the width of the second layer and with the costs.
    let perverse = |(arch, score): (Arch, f64)| {
        let x = Terms::Additive.of(&RESNET8, &arch);
        (arch, score - 0.1 * x[6] - 0.05 * x[0])
    };
    let samples: Vec<_> = scored(&RESNET8, 120, 0.01, 13).into_iter().map(perverse).collect();
    let model = Surrogate::fit(&RESNET8, &samples, Link::Identity).unwrap();
    assert!(!model.coefficients().is_empty());
    assert!(model.coefficients().iter().all(|c| c.value > 0.0));
    for arch in random(&RESNET8, 30, 14) {
        let here = model.score(&RESNET8, &arch);
        for (position, layer) in RESNET8.free_layers().enumerate() {
            let mut options: Vec<u8> = RESNET8.free_layers().map(|i| arch.options()[i]).collect();
            options[position] += 1;
            if usize::from(options[position]) < RESNET8.layers[layer].widths.len() {
                let wider = Arch::from_options(&RESNET8, options).unwrap();
                assert!(model.score(&RESNET8, &wider) >= here - 1e-12);
            }
        }
    }
    let free = Choices { sign: Sign::Free, terms: vec![Terms::Additive], ..Choices::default() };
    let free = Surrogate::fit_with(&RESNET8, &samples, Link::Identity, &free).unwrap();
    assert!(free.coefficients().iter().any(|c| c.value < 0.0));
}

#[test]
fn the_active_set_satisfies_the_optimality_conditions() {
    use super::ridge::Ridge;
    let samples = scored(&RESNET20, 80, 0.1, 15);
    let rows: Vec<Vec<f64>> = samples.iter().map(|(a, _)| Terms::Pairs.of(&RESNET20, a)).collect();
    let y: Vec<f64> = samples.iter().map(|s| s.1).collect();
    let weights = vec![1.0; y.len()];
    let lambda = 0.5;
    let fitted = Ridge::fit(&rows, &y, &weights, lambda, Sign::NonNegative);
    let n = y.len() as f64;
    let coefficients: Vec<(usize, f64)> = fitted.raw_coefficients().collect();
    let residual: Vec<f64> = rows.iter().zip(&y).map(|(x, y)| y - fitted.predict(x)).collect();
    for j in 0..rows[0].len() {
        let mean = rows.iter().map(|r| r[j]).sum::<f64>() / n;
        let scale = (rows.iter().map(|r| (r[j] - mean).powi(2)).sum::<f64>() / n).sqrt();
        let own = coefficients.iter().find(|c| c.0 == j).map_or(0.0, |c| c.1 * scale);
        let slope: f64 =
            rows.iter().zip(&residual).map(|(r, e)| e * (r[j] - mean) / scale).sum::<f64>()
                - lambda * own;
        assert!(own >= 0.0);
        let fine = if own > 0.0 { slope.abs() < 1e-6 } else { slope < 1e-6 };
        assert!(fine, "column {j}: coefficient {own}, slope {slope}");
    }
}

#[test]
fn designs_select_the_number_asked_for() {
    let archs = random(&RESNET8, 60, 16);
    for chosen in [design::random(60, 25, 3), design::informative(&RESNET8, &archs, 25)] {
        assert_eq!(chosen.len(), 25);
        assert!(chosen.windows(2).all(|w| w[0] < w[1]) && chosen[24] < 60);
    }
    assert_ne!(design::random(60, 25, 3), design::random(60, 25, 4));
    assert_eq!(design::informative(&RESNET8, &archs, 100).len(), 60);
}

/// Truths: a straight line in the scores, plus an effect of the last layer that the scores lack.
fn true_accuracies(samples: &[(Arch, f64)], noise: f64, seed: u64) -> Vec<(Arch, f64)> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 2);
    let of = |(arch, score): &(Arch, f64)| {
        let x = Terms::Additive.of(&RESNET8, arch);
        let linear = 0.5 + 1.2 * Link::Logit.linear(*score) + 0.2 * x[x.len() - 2];
        let truth = Link::Logit.score(linear + noise * (rng.random::<f64>() - 0.5));
        (arch.clone(), truth)
    };
    samples.iter().map(of).collect()
}

#[test]
fn truths_correct_effects_that_the_scores_lack() {
    let samples: Vec<(Arch, f64)> = scored(&RESNET8, 150, 0.02, 21)
        .into_iter()
        .map(|(a, s)| (a, Link::Logit.score(6.0 * s - 2.0)))
        .collect();
    let truths = true_accuracies(&samples, 0.05, 22);
    let surrogate = Surrogate::fit(&RESNET8, &samples, Link::Logit).unwrap();
    let line = Components { score: true, layers: false, products: false };
    let error = |known: usize, components| {
        let model = Calibrated::fit(&RESNET8, &surrogate, &truths[..known], components).unwrap();
        let judged = &truths[100..];
        let (mut squares, mut inside) = (0.0, 0);
        for (arch, truth) in judged {
            let predicted = model.predict(&RESNET8, arch);
            assert!((predicted.score - model.score(&RESNET8, arch)).abs() < 1e-12);
            squares += (predicted.score - truth).powi(2);
            inside += usize::from((predicted.score - truth).abs() <= 2.0 * predicted.se);
        }
        assert!(inside * 10 >= judged.len() * 7, "{known}: {inside} of {}", judged.len());
        (squares / judged.len() as f64).sqrt()
    };
    let (few, many) = (error(10, Components::default()), error(100, Components::default()));
    assert!(many < few && many < 0.4 * error(100, line), "{few}, {many}");
    let model =
        Calibrated::fit(&RESNET8, &surrogate, &truths[..100], Components::default()).unwrap();
    assert!(model.cross_validation.pearson > 0.98);
    assert!(model.variances().iter().all(|v| v.1 > 0.0));
}

#[test]
fn unusable_truths_are_refused() {
    let samples: Vec<(Arch, f64)> = scored(&RESNET8, 40, 0.02, 23)
        .into_iter()
        .map(|(a, s)| (a, Link::Logit.score(s)))
        .collect();
    let surrogate = Surrogate::fit(&RESNET8, &samples, Link::Logit).unwrap();
    let refused = |truths: &[(Arch, f64)]| {
        let made = Calibrated::fit(&RESNET8, &surrogate, truths, Components::default());
        match made {
            Err(error @ Error::Invalid { .. }) => error.to_string(),
            _ => panic!("accepted"),
        }
    };
    let good = &samples[..10];
    assert!(refused(&good[..FEWEST_TRUTHS - 1]).contains("at least"));
    let mut bad = good.to_vec();
    bad[2].1 = f64::NAN;
    assert!(refused(&bad).contains(&bad[2].0.display(&RESNET8).to_string()));
    let same: Vec<_> = good.iter().map(|(a, _)| (a.clone(), 0.5)).collect();
    assert!(refused(&same).contains("differ"));
}

#[test]
fn predicted_accuracies_stay_in_range_and_errors_cover_them() {
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
            let predicted = model.predict(&RESNET20, arch);
            assert!(predicted.score > 0.0 && predicted.score < 1.0 && predicted.se > 0.0);
            (predicted.score - truth).abs() <= 2.0 * predicted.se
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

/// Accuracies with effects that no feature has, and with noise of heavy tails.
fn difficult(n: usize, seed: u64) -> Vec<(Arch, f64)> {
    let mut rng = Key::new(seed).rng(Purpose::Sample, 3);
    scored(&RESNET20, n, 0.1, seed)
        .into_iter()
        .map(|(arch, score)| {
            let options = arch.options();
            let parity = f64::from((options[2] + options[9] + options[15]) % 2);
            let (a, b): (f64, f64) = (rng.random(), rng.random());
            let heavy = (a - 0.5) / (0.1 + b);
            let linear = 20.0 * score - 5.0 + 0.15 * parity + 0.1 * heavy;
            (arch, Link::Logit.score(linear))
        })
        .collect()
}

/// Share of the values within the intervals of their predictions.
fn coverage(inside: impl Iterator<Item = (f64, [f64; 2])>) -> f64 {
    let all: Vec<bool> = inside.map(|(value, [low, high])| low <= value && value <= high).collect();
    all.iter().filter(|&&inside| inside).count() as f64 / all.len() as f64
}

#[test]
fn intervals_cover_95_percent_of_held_out_codes() {
    for samples in [40, 120] {
        let shares: Vec<f64> = (0..12)
            .map(|seed| {
                let fitted = difficult(samples, 100 + seed);
                let model = Surrogate::fit(&RESNET20, &fitted, Link::Logit).unwrap();
                let fresh = difficult(200, 200 + seed);
                coverage(
                    fresh
                        .iter()
                        .map(|(arch, truth)| (*truth, model.predict(&RESNET20, arch).interval)),
                )
            })
            .collect();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!((0.90..=0.99).contains(&mean), "{samples}: {mean} of {shares:?}");
    }
}

#[test]
fn intervals_reach_back_to_the_fitted_codes_where_scores_saturate() {
    // Narrow sub-networks are all equally good, below every fitted one in width.
    let saturated = |archs: Vec<Arch>| -> Vec<(Arch, f64)> {
        let width = |arch: &Arch| -> f64 {
            widths(&RESNET20, arch).iter().map(|&w| f64::from(w).ln()).sum::<f64>()
        };
        let floor = width(&Arch::smallest(&RESNET20)) + 8.0;
        archs.into_iter().map(|a| (0.03 * width(&a).max(floor), a)).map(|(s, a)| (a, s)).collect()
    };
    let fitted = saturated(random(&RESNET20, 120, 700));
    let model = Surrogate::fit(&RESNET20, &fitted, Link::Identity).unwrap();
    let (smallest, truth) = saturated(vec![Arch::smallest(&RESNET20)]).remove(0);
    let predicted = model.predict(&RESNET20, &smallest);
    assert!(predicted.score < truth, "{predicted:?} for {truth}");
    let lowest = fitted.iter().map(|(a, _)| model.predict(&RESNET20, a));
    let lowest = lowest.min_by(|a, b| a.score.total_cmp(&b.score)).unwrap();
    assert_eq!(predicted.interval[1], lowest.interval[1]);
    assert!(predicted.interval[0] < predicted.score - (lowest.score - lowest.interval[0]) * 0.5);
    let largest = model.predict(&RESNET20, &Arch::largest(&RESNET20));
    let symmetric = largest.interval[1] - largest.score;
    assert!(largest.score - largest.interval[0] > 2.0 * symmetric, "{largest:?}");
}

#[test]
fn intervals_of_corrected_predictions_cover_95_percent_of_held_out_truths() {
    for known in [25, 80] {
        let shares: Vec<f64> = (0..8)
            .map(|seed| {
                let samples: Vec<(Arch, f64)> = scored(&RESNET8, 300, 0.02, 300 + seed)
                    .into_iter()
                    .map(|(a, s)| (a, Link::Logit.score(6.0 * s - 2.0)))
                    .collect();
                let truths = true_accuracies(&samples, 0.3, 400 + seed);
                let surrogate = Surrogate::fit(&RESNET8, &samples[..100], Link::Logit).unwrap();
                let (fitted, judged) = truths.split_at(known);
                let components = Components::default();
                let model = Calibrated::fit(&RESNET8, &surrogate, fitted, components).unwrap();
                coverage(
                    judged
                        .iter()
                        .map(|(arch, truth)| (*truth, model.predict(&RESNET8, arch).interval)),
                )
            })
            .collect();
        let mean = shares.iter().sum::<f64>() / shares.len() as f64;
        assert!((0.90..=0.99).contains(&mean), "{known}: {mean} of {shares:?}");
    }
}

#[test]
fn differences_of_two_codes_are_covered() {
    let model = Surrogate::fit(&RESNET20, &difficult(120, 500), Link::Logit).unwrap();
    let fresh = difficult(400, 501);
    let share = coverage(fresh.chunks_exact(2).map(|pair| {
        let found = model.difference(&RESNET20, &pair[0].0, &pair[1].0);
        (pair[0].1 - pair[1].1, [found.low, found.high])
    }));
    assert!((0.90..=0.99).contains(&share), "{share}");
    let (arch, _) = &fresh[0];
    assert_eq!(model.difference(&RESNET20, arch, arch).mean, 0.0);
}

#[test]
fn a_surrogate_of_noise_is_not_useful() {
    let mut rng = Key::new(9).rng(Purpose::Sample, 4);
    let noise: Vec<(Arch, f64)> = random(&RESNET20, 100, 600)
        .into_iter()
        .map(|arch| (arch, 0.1 + 0.02 * rng.random::<f64>()))
        .collect();
    let useless = Surrogate::fit(&RESNET20, &noise, Link::Logit).unwrap().cross_validation;
    let error = useless.require_useful(100, false).unwrap_err();
    assert!(!useless.is_useful(100) && error.exit_code() == 1);
    let text = error.to_string();
    assert!(text.contains("100 sub-networks") && text.contains("--force"), "{text}");
    assert!(!text.trim_end_matches('.').contains(". "), "one sentence: {text}");
    assert!(useless.require_useful(100, true).unwrap().is_some());

    let useful = Surrogate::fit(&RESNET20, &difficult(100, 601), Link::Logit).unwrap();
    assert!(useful.cross_validation.is_useful(100), "{:?}", useful.cross_validation);
    assert_eq!(useful.cross_validation.require_useful(100, false).unwrap(), None);
    // Constant predictions are null in JSON, and are read back.
    let constant = super::CrossValidation { pearson: f64::NAN, ..useless };
    let text = serde_json::to_string(&constant).unwrap();
    let back: super::CrossValidation = serde_json::from_str(&text).unwrap();
    assert!(back.pearson.is_nan() && !back.is_useful(100));
}
