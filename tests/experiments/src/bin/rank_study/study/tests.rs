use supernano_base::codes::random_codes;
use supernano_core::space::{RESNET8, RESNET20};

use super::*;
use crate::designs::designs;

/// The 300 sub-networks of the challenge with the scores of the reference supernet and the truths.
/// `None` without the reference data.
fn challenge() -> Option<Sample> {
    let directory = supernano_base::testing::shared("challenge")?;
    let read = |name: &str, column: &[&str]| {
        supernano_base::stats::table::read(&directory.join(name), &RESNET20, column).unwrap()
    };
    let scores = "reference_step2_protocol_a_dev_300.csv";
    let top1 = read(scores, &["top1"]);
    let truth = read("ground_truth_dev_300.csv", &["standalone_top1"]);
    assert!(top1.iter().map(|e| &e.arch).eq(truth.iter().map(|e| &e.arch)));
    Some(Sample {
        archs: top1.iter().map(|e| e.arch.clone()).collect(),
        top1: top1.iter().map(|e| e.value).collect(),
        negative_ce: read(scores, &["ce_loss"]).iter().map(|e| -e.value).collect(),
        truth: truth.iter().map(|e| e.value).collect(),
    })
}

/// Two splits of the table of `docs/ranking.md`. The tolerance of 0.002 allows for the rounding of
/// other compilers, but not for another model.
#[test]
fn the_study_equals_the_golden_file() {
    let Some(sample) = challenge() else { return };
    let effort = Effort { splits: 2, seed: 1, resamples: 100 };
    let rows = run(&RESNET20, &sample, effort).unwrap();
    let golden: Vec<MethodRow> = serde_json::from_str(include_str!("../golden.json")).unwrap();
    assert_eq!(rows.len(), golden.len());
    for (row, golden) in rows.iter().zip(&golden) {
        assert_eq!(
            (&row.method, row.truths, row.judged),
            (&golden.method, golden.truths, golden.judged)
        );
        for (is, was) in [
            (row.mean.pearson, golden.mean.pearson),
            (row.mean.kendall_tau_b, golden.mean.kendall_tau_b),
            (row.mean.rmse / 100.0, golden.mean.rmse / 100.0),
        ] {
            assert!((is - was).abs() < 2e-3, "{}: {is} instead of {was}", row.method);
        }
    }
    // The method with 300 evaluations and no truths.
    let own = rows.iter().find(|r| r.method.contains("pairs by CV")).unwrap().mean;
    assert!(own.pearson > 0.976 && own.kendall_tau_b > 0.865 && own.best_tenth_pearson > 0.75);
}

#[test]
fn a_study_of_too_few_sub_networks_is_refused() {
    let archs = random_codes(&RESNET8, 50, 1).into_iter().map(|c| c.arch).collect();
    let values = vec![0.5; 50];
    let sample = Sample { archs, top1: values.clone(), negative_ce: values.clone(), truth: values };
    let effort = Effort { splits: 1, seed: 1, resamples: 10 };
    assert!(matches!(run(&RESNET8, &sample, effort), Err(Error::Invalid { .. })));
    assert!(matches!(designs(&RESNET8, &[], 100, 1), Err(Error::Invalid { .. })));
}
