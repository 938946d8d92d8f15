mod faults;
mod made;

use std::path::{Path, PathBuf};

use supernano_base::testing::shared;
use supernano_core::arch::Arch;

use super::*;
use crate::rank::{BnSource, Effort, Ranker, ScoreRequest, Split};
use crate::run::Run;

const STEP1: &str = "checkpoints/reference_step1_largest_best.pt";
const STEP2: &str = "checkpoints/reference_step2_shared_supernet_ep299.pt";

/// Imports a checkpoint with some of its bytes replaced.
fn changed(file: &Path, run: &Path, changes: &[(&str, &str)]) -> Error {
    let mut bytes = std::fs::read(file).unwrap();
    for (old, new) in changes {
        assert_eq!(old.len(), new.len());
        let at = bytes.windows(old.len()).position(|w| w == old.as_bytes()).unwrap();
        bytes[at..at + new.len()].copy_from_slice(new.as_bytes());
    }
    refused(&bytes, run)
}

fn refused(bytes: &[u8], run: &Path) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("changed.pt");
    std::fs::write(&path, bytes).unwrap();
    let error = import(&path, "resnet20", run, None).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("changed.pt"), "{error}");
    assert!(!run.exists());
    error
}

#[test]
fn every_tensor_is_accounted_for() {
    let Some(file) = shared(STEP2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let says = |changes: &[(&str, &str)], parts: &[&str]| {
        let error = changed(&file, &run, changes).to_string();
        assert!(parts.iter().all(|p| error.contains(p)), "{error}");
    };
    says(&[("fc.bias", "fc.bibs")], &["`fc.bias`", "shape [100]", "found nothing"]);
    says(
        &[("layer2.1.conv1.0.weight", "layer9.1.conv1.0.weight")],
        &["`layer2.1.conv1.0.weight`", "[32, 32, 3, 3]", "nothing"],
    );
    // two names exchanged: the shapes do not fit
    says(
        &[
            ("layer1.0.conv1.0.weight", "layer1.0.conv1.0.WEIGHT"),
            ("layer2.0.conv1.0.weight", "layer1.0.conv1.0.weight"),
            ("layer1.0.conv1.0.WEIGHT", "layer2.0.conv1.0.weight"),
        ],
        &["`layer1.0.conv1.0.weight`", "[16, 16, 3, 3]", "found [32, 16, 3, 3]"],
    );
    let error = import(&file, "resnet8", &run, None).unwrap_err().to_string();
    assert!(error.contains("layer1.0.downsample"), "{error}");
    let error = import(&file, "resnet99", &run, None).unwrap_err().to_string();
    assert!(error.contains("resnet99") && error.contains("resnet20"), "{error}");
    assert!(!run.exists());

    let imported = import(&file, "resnet20", &run, None).unwrap();
    assert_eq!((imported.step, imported.tensors, imported.values), (2, 179, 289_831));
    let error = import(&file, "resnet20", &run, None).unwrap_err().to_string();
    assert!(error.contains("a run"), "{error}");
}

#[test]
fn a_file_that_is_no_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let missing = import(Path::new("no-such.pt"), "resnet20", &run, None).unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }));
    for bytes in [&b""[..], b"not a pickle", &[0x80, 2, 0x4b, 1, 0x2e]] {
        refused(bytes, &run);
    }
    let Some(file) = shared(STEP1) else { return };
    let whole = std::fs::read(file).unwrap();
    // its second half is the optimiser's
    for part in [100, 5000, whole.len() / 4] {
        refused(&whole[..part], &run);
    }
}

/// Top-1 and cross-entropy of the largest network of step 1 with its own statistics.
#[test]
fn step_one_has_the_known_accuracy() {
    let (Some(file), Some(data)) = (shared(STEP1), shared("data/cifar-100-binary.tar.gz")) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("run");
    let imported = import(&file, "resnet20", &path, Some(&data)).unwrap();
    assert_eq!((imported.step, imported.tensors), (1, 170));
    let run = Run::open(&path).unwrap();
    let dataset = run.dataset(None).unwrap();
    let request = ScoreRequest {
        split: Split::Test,
        images: Some(800),
        bn: BnSource::Stored,
        bn_images: None,
    };
    let effort = Effort { share: true, memory: 1 << 30 };
    let ranker = Ranker::new(&run, &dataset, request, effort).unwrap();
    let (found, _) = ranker.evaluate(&[&Arch::largest(&run.space())], &|_| {}).unwrap();
    // of 10,000 images: 69.98 %, 1.1026
    assert!((found[0].top1 - 0.6998).abs() < 3.0 * found[0].top1_se, "{:?}", found[0]);
    assert!((found[0].ce - 1.1026).abs() < 3.0 * found[0].ce_se, "{:?}", found[0]);
}
