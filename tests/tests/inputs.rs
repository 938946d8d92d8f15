//! The file of inputs of a run: larger sets than memory give the same results, and damage is repaired.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use supernano_tests::command::{supernano, supernano_with};
use supernano_tests::pictures::pictures;

/// Two resolutions, so that images are resized as well; mixup and weights of classes.
const CONFIG: &str = r#"
seed = 3
enhancement = "none"
panel = 1
augmentation = { crop_padding = 1, flip = false, brightness = 0.1, contrast = 0.0, rotation = 0.0, mixup = 0.3 }
recalibration = { images = 32, batch = 16 }
[loss]
label_smoothing = 0.1
class_weights = "balanced"
[data]
name = "pictures"
path = "PHOTOS"
[space]
name = "bars"
input = { resolution = [8, 12], channels = 3 }
classes = 3
[[space.block]]
conv = { kernel = 3, stride = 2, widths = [4, 8] }
[[space.block]]
conv = { kernel = 3, widths = [4, 8] }
[[step]]
kind = "supernet"
scratch = true
epochs = 2
lr = 0.05
batch = 16
k = 2
"#;

/// Trains, ranks four networks and exports the first; returns weights, scores and the network.
fn results(folder: &Path, name: &str, limit: &str) -> [Vec<u8>; 3] {
    let text = |path: &Path| path.to_str().unwrap().to_owned();
    let (config, run) = (text(&folder.join("bars.toml")), text(&folder.join(name)));
    let environment = [("SUPERNANO_MEMORY_MIB", OsString::from(limit))];
    let ends = |args: &[&str]| {
        let ended = supernano_with(args, &environment).succeeds();
        assert!(!ended.stderr.contains("are read again"), "{}", ended.stderr);
        ended
    };
    ends(&["train", &config, "-o", &run]);
    ends(&["rank", &run, "--random", "4"]);
    let code = "r8-4-8";
    ends(&["export", &run, code]);
    let read =
        |path: PathBuf| fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let run = Path::new(&run);
    [
        read(run.join("checkpoints/step-1.snw")),
        read(run.join("scores.json")),
        read(run.join("networks").join(code).with_extension("snb")),
    ]
}

#[test]
fn a_set_larger_than_memory_gives_the_same_results() {
    let folder = tempfile::tempdir().unwrap();
    let photos = folder.path().join("photos");
    pictures(&photos);
    let config = CONFIG.replace("PHOTOS", photos.to_str().unwrap());
    fs::write(folder.path().join("bars.toml"), config).unwrap();
    let held = results(folder.path(), "held", "256");
    let mapped = results(folder.path(), "mapped", "0");
    assert!(held == mapped, "other weights, scores or network");

    // A damaged file is made again, and so is one of other files.
    let run = folder.path().join("held");
    let (cache, run) = (run.join("data.cache"), run.to_str().unwrap());
    let mut bytes = fs::read(&cache).unwrap();
    let whole = bytes.clone();
    bytes[1000] ^= 1;
    fs::write(&cache, bytes).unwrap();
    let rank = ["rank", run, "--random", "5"];
    let ended = supernano(&rank).succeeds();
    assert!(ended.stderr.contains("changed since") && ended.stderr.contains("are read again"));
    // 150 pictures of 12x12x3 values.
    assert!(fs::read(&cache).unwrap()[..64_800] == whole[..64_800]);
    fs::remove_file(photos.join("left/0.bmp")).unwrap();
    let ended = supernano(&["rank", run, "--random", "6"]).succeeds();
    assert!(ended.stderr.contains("the files or the settings have changed"), "{}", ended.stderr);
    let ended = supernano(&["rank", run, "--random", "7"]).succeeds();
    assert!(!ended.stderr.contains("read again"), "{}", ended.stderr);
}
