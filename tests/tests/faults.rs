//! Inputs with known faults, and the right answer to each. The inputs are in `faults/` of the shared
//! data.

use std::path::Path;

use supernano_base::testing::shared;
use supernano_tests::command::supernano;
use supernano_tests::small::{GREY, SmallRun, grey};
use tempfile::TempDir;

const CIFAR: &str = "data/cifar-100-binary.tar.gz";
const LARGEST: &str = "16-16-16-16-16-16-16-32-32-32-32-32-32-64-64-64-64-64-64";

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The result of `import-pytorch` in a new run directory.
fn imported(folder: &TempDir, file: &Path) -> String {
    let run = text(&folder.path().join("run"));
    let import = ["import-pytorch", &text(file), "--space", "resnet20", "-o", &run];
    supernano(&import).succeeds();
    run
}

#[test]
fn a_network_that_overflows_is_not_shipped() {
    let (Some(file), Some(data)) = (shared("faults/overflow-panic/overflow.pt"), shared(CIFAR))
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let run = imported(&folder, &file);
    let output = text(&folder.path().join("n.snb"));
    let common = ["--bn", "stored", "--calibration", "64", "--data", &text(&data)];
    let says = ["outputs of layer 1:", "finite values", &format!("network {LARGEST} of ")];
    let export = [&["export", &run, LARGEST, "-o", &output], &common[..]].concat();
    supernano(&export).fails(2, &says);
    let ship = [&["ship", &run, LARGEST, "--format", "snb,onnx,c", "-o", &output], &common[..]];
    supernano(&ship.concat()).fails(2, &says);
    let codes = [LARGEST, &LARGEST.replacen("16", "12", 1)];
    let rank = [&["int8-rank", &run, codes[0], codes[1], "--images", "10"], &common[..]].concat();
    supernano(&rank).fails(2, &says);
    let scores = ["rank", &run, LARGEST, "--bn", "stored", "--images", "10", "-o", &output];
    supernano(&[&scores[..], &["--data", &text(&data)]].concat()).fails(2, &["finite loss"]);
    assert!(!Path::new(&output).exists());
}

#[test]
fn stored_statistics_of_a_supernet_are_refused_everywhere() {
    let Some(file) = shared("checkpoints/reference_step2_shared_supernet_ep299.pt") else { return };
    let folder = TempDir::new().unwrap();
    let run = imported(&folder, &file);
    let output = text(&folder.path().join("out"));
    let other = LARGEST.replacen("16", "12", 1);
    for command in [
        vec!["rank", &run, LARGEST, "-o", &output],
        vec!["export", &run, LARGEST, "-o", &output],
        vec!["ship", &run, LARGEST, "--format", "snb", "-o", &output],
        vec!["int8-rank", &run, LARGEST, &other, "-o", &output],
    ] {
        let command = [&command[..], &["--bn", "stored"]].concat();
        supernano(&command).fails(2, &["--bn", "recalibrate: the stored statistics"]);
    }
    assert!(!Path::new(&output).exists());
}

#[test]
fn a_network_is_checked_on_its_own_classes_alone() {
    let run = grey();
    let network = run.file("classes.snb");
    supernano(&["export", &run.name(), "4-8-8-16", "-o", &network]).succeeds();
    let check = |of: &SmallRun| supernano(&["check", &network, "--target", "host", "--run", &of.name()]);
    check(run).succeeds();
    let more = SmallRun::train(&GREY.replace("classes = 4", "classes = 7"));
    check(&more).fails(2, &["data set glyphs: classes: expected 4", "found 7"]);
    let wide = SmallRun::train(&GREY.replace("height = 28", "height = 24"));
    check(&wide).fails(2, &["data set glyphs: image shape: expected 28x28x1", "found 24x28x1"]);
}
