//! The paper's reference weights of step 2, protocol A.

use serde::Deserialize;
use supernano_base::codes::read_codes;
use supernano_base::testing::shared;
use supernano_core::arch::Arch;

use super::super::*;
use crate::run::Run;
use crate::supernet::BnStats;

#[derive(Deserialize)]
struct Case {
    id: String,
    arch: String,
    logits: Vec<Vec<f32>>,
    #[serde(default)]
    bn_mean_all_layers: std::collections::HashMap<String, Vec<f32>>,
    #[serde(default)]
    bn_var_all_layers: std::collections::HashMap<String, Vec<f32>>,
}

fn names() -> Vec<String> {
    let block = |b| ["conv1", "conv2", "shortcut"].map(|part| format!("block{b}.{part}"));
    std::iter::once("stem".to_owned()).chain((0..9).flat_map(block)).collect()
}

fn assert_statistics(found: &BnStats, case: &Case) {
    assert_eq!(found.layers.len(), names().len());
    for (name, (mean, var)) in names().iter().zip(&found.layers) {
        let expected = (&case.bn_mean_all_layers[name], &case.bn_var_all_layers[name]);
        assert_eq!((mean.len(), var.len()), (expected.0.len(), expected.1.len()));
        for (c, (&v, &e)) in var.iter().zip(expected.1).enumerate() {
            // dead channels have variances far below eps
            assert!((v - e).abs() <= 1e-4 * e + 1e-7, "{name}, variance {c}: {v} against {e}");
            let (m, e) = (mean[c], expected.0[c]);
            let spread = e.abs() + v.sqrt();
            assert!((m - e).abs() <= 1e-4 * spread + 1e-6, "{name}, mean {c}: {m} against {e}");
        }
    }
}

#[test]
fn logits_statistics_and_scores_are_the_references() {
    let all = [
        "checkpoints/reference_step2_shared_supernet_ep299.pt",
        "data/cifar-100-binary.tar.gz",
        "challenge/reference_step2_logits_3x8.json",
        "challenge/reference_step2_protocol_a_dev_300.csv",
    ]
    .map(shared);
    let [Some(file), Some(data), Some(logits), Some(scores)] = all else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("run");
    crate::import::import(&file, "resnet20", &path, Some(&data)).unwrap();
    let run = Run::open(&path).unwrap();
    let dataset = run.dataset(None).unwrap();
    let first = dataset.batch(&dataset.test, &(0..8).collect::<Vec<_>>());
    let cases: Vec<Case> = supernano_base::files::read_json(&logits, "logits").unwrap();
    assert_eq!(cases.len(), 3);
    for case in &cases {
        let arch = Arch::parse(&run.space(), &case.arch).unwrap();
        let subnet = run.subnet(&arch);
        let stats = run.recalibrate(&subnet, &dataset).unwrap();
        if !case.bn_mean_all_layers.is_empty() {
            assert_eq!(case.id, "4");
            assert_statistics(&stats, case);
        }
        let found = subnet.fold(&stats).forward(&first, 8);
        for (i, (&f, &e)) in found.iter().zip(case.logits.iter().flatten()).enumerate() {
            assert!((f - e).abs() < 1e-3, "{}: logit {i}: {f} against {e}", case.id);
        }
        assert_eq!(found.len(), 800);
    }

    let expected = std::fs::read_to_string(scores).unwrap();
    let codes = read_codes(
        &shared("challenge/reference_step2_protocol_a_dev_300.csv").unwrap(),
        &run.space(),
    )
    .unwrap();
    let request = ScoreRequest {
        split: Split::Test,
        images: Some(2000),
        bn: BnSource::Recalibrate,
        bn_images: Some(1024),
    };
    let effort = Effort { share: true, memory: 1 << 30 };
    let ranker = Ranker::new(&run, &dataset, request, effort).unwrap();
    let archs: Vec<&Arch> = codes.iter().take(2).map(|c| &c.arch).collect();
    let (found, _) = ranker.evaluate(&archs, &|_| {}).unwrap();
    for (line, found) in expected.lines().skip(1).zip(found) {
        let numbers: Vec<f64> = line.split(',').skip(2).map(|x| x.parse().unwrap()).collect();
        assert!((found.top1 - numbers[0]).abs() < 0.75 / 2000.0, "{line}: {found:?}");
        assert!((found.ce - numbers[1]).abs() < 2e-5, "{line}: {found:?}");
    }
}
