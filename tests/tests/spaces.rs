//! Spaces beyond residual networks, from training to a device: depthwise-separable and inverted blocks,
//! pools and dense layers on a rectangular input, with choices of width, expansion, kernel and depth.

use std::sync::OnceLock;

use supernano_tests::command::{number, supernano};
use supernano_tests::small::SmallRun;

const DATA: &str = r#"
[data]
name = "glyphs"
train = 64
validation = 32
test = 32
"#;

const LARGEST: &str = r#"
[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 16
"#;

/// A step that a configuration may extend: it comes last.
const SUPERNET: &str = r#"
[[step]]
kind = "supernet"
epochs = 1
lr = 0.02
batch = 16
"#;

/// Every kind of block; 25 x 10 x 1 images and 4 classes.
const BLOCKS: &str = r#"
seed = 5
panel = 1
enhancement = "prelu+oe"
recalibration = { images = 32, batch = 16 }

[space]
name = "blocks"
input = { height = 25, width = 10, channels = 1 }
classes = 4

[[space.block]]
conv = { kernel = "5x4", stride = 2, padding = "same", widths = [4, 8, 12], activation = "relu6" }

[[space.block]]
separable = { kernel = 3, widths = [4, 8, 12] }

[[space.block]]
depth = [1, 2]
separable = { kernel = [3, 5], widths = [8, 12], activation = "relu6" }

[[space.block]]
inverted = { expansion = [1, 2], kernel = 3, widths = [8, 12], activation = "relu6" }

[[space.block]]
pool = { kind = "maximum", kernel = 2 }

[[space.block]]
pool = { kind = "average", kernel = "2x1" }

[[space.block]]
dense = { widths = [8, 16] }
"#;

/// Keywords in spectrograms: MLPerf Tiny's network, but smaller.
const KEYWORDS: &str = r#"
seed = 6
panel = 1
enhancement = "none"
recalibration = { images = 32, batch = 16 }

[space]
name = "keywords"
input = { height = 49, width = 10, channels = 1 }
classes = 3

[[space.block]]
conv = { kernel = "10x4", stride = 2, padding = "same", widths = [8, 12], activation = "relu6" }

[[space.block]]
depth = [1, 2, 3]
separable = { kernel = 3, widths = [8, 12, 16], activation = "relu6" }
"#;

/// Inverted blocks on pictures of several resolutions.
const RESOLUTIONS: &str = r#"
seed = 7
panel = 2
enhancement = "none"
recalibration = { images = 32, batch = 16 }

[space]
name = "resolutions"
input = { channels = 3, resolution = [12, 16, 24] }
classes = 2

[[space.block]]
conv = { stride = 2, widths = [4, 8], activation = "relu6" }

[[space.block]]
depth = [1, 2]
inverted = { stride = 2, expansion = [2, 3], kernel = [3, 5], widths = [4, 8], activation = "relu6" }
"#;

/// Trains the configuration of these parts.
fn train(parts: &[&str]) -> SmallRun {
    SmallRun::train(&parts.concat())
}

fn blocks() -> &'static SmallRun {
    static RUN: OnceLock<SmallRun> = OnceLock::new();
    RUN.get_or_init(|| train(&[BLOCKS, DATA, LARGEST, SUPERNET, "k = 2"]))
}

/// Exports sub-networks of a run and compares their answers with those of emulated devices.
fn agree(run: &SmallRun, codes: &[&str], targets: &[&str]) {
    for code in codes {
        let file = run.file(&format!("{code}.snb"));
        supernano(&["export", &run.name(), code, "-o", &file]).succeeds();
        for target in targets {
            let args = ["check", &file, "--run", &run.name(), "--target", target];
            let images = ["--images", "4", "--json"];
            let checked = supernano(&[&args[..], &images].concat()).json();
            let text = checked.to_string();
            assert_eq!(number(&checked, "/mismatches"), 0.0, "{code} on {target}: {text}");
            assert_eq!(number(&checked, "/images"), 4.0, "{code} on {target}: {text}");
        }
    }
}

#[test]
fn every_kind_of_block_is_trained_ranked_and_equal_on_devices() {
    let run = blocks();
    let codes = ["12-8-d2-12k5-8k3-12e2-16", "4-4-d1-8k3-8e1-8"];
    let scores = run.file("scores.json");
    let args = ["rank", &run.name(), codes[0], codes[1], "-o", &scores, "--json"];
    let ranked = supernano(&args).json();
    assert_eq!(ranked["scores"].as_array().unwrap().len(), 2);
    agree(run, &codes, &["host", "qemu-m4"]);
    agree(run, &codes[..1], &["qemu-m0", "qemu-m3", "qemu-m33"]);
}

/// The device sees the kernels alone, not the matrices that they were made with.
#[test]
fn learnt_kernels_are_ranked_and_equal_on_a_device() {
    let run = train(&[
        "kernel_transformation = \"learnt\"\n",
        BLOCKS,
        DATA,
        SUPERNET,
        "scratch = true\nk = 2",
    ]);
    let codes = ["12-8-d2-12k5-8k3-12e2-16", "4-4-d1-8k3-8e1-8"];
    let scores = run.file("scores.json");
    supernano(&["rank", &run.name(), codes[0], codes[1], "-o", &scores, "--json"]).json();
    agree(&run, &codes, &["host", "qemu-m4"]);
}

#[test]
fn a_network_for_keywords_is_equal_on_a_device() {
    let run = train(&[KEYWORDS, DATA, SUPERNET, "scratch = true\nk = 2"]);
    agree(&run, &["12-d3-16-8-12", "8-d1-8"], &["qemu-m4"]);
    let scores = run.file("scores.json");
    supernano(&["rank", &run.name(), "--random", "12", "-o", &scores, "--json"]).json();
    for core in ["m0", "m3", "m4", "m7", "m33", "m55"] {
        searched(&run, &scores, core);
    }
}

/// Searches under half the instructions of the largest network, and compares the instructions that the
/// search promises with those that the core's emulator counts.
fn searched(run: &SmallRun, scores: &str, core: &str) {
    let (front, file) = (run.file(&format!("{core}.json")), run.file(&format!("{core}.snb")));
    let search = |limit: &str| {
        let args = ["search", &run.name(), "--scores", scores, "-o", &front, "--overwrite"];
        let more = ["--core", core, "--instructions", limit, "--force", "--json"];
        let found = supernano(&[&args[..], &more].concat()).json();
        let best = found["networks"][0].clone();
        (best["code"].as_str().unwrap_or_default().to_owned(), number(&best, "/instructions"))
    };
    let (_, most) = search("1G");
    let limit = (most / 2.0).floor();
    let (code, modelled) = search(&limit.to_string());
    assert!(modelled <= limit, "{core}: {code} {modelled} {limit}");
    let export = ["export", &run.name(), &code, "-o", &file, "--front", &front, "--json"];
    supernano(&export).json();
    let target = format!("qemu-{core}");
    let latency = supernano(&["latency", &file, "--target", &target, "--json"]).json();
    let counted = number(&latency, "/instructions");
    assert!((modelled / counted - 1.0).abs() < 0.03, "{core}: {code} {modelled} {counted}");
}

#[test]
fn networks_of_every_resolution_are_ranked_and_equal_on_a_device() {
    let run = train(&[RESOLUTIONS, DATA, LARGEST, SUPERNET, "k = 3"]);
    let codes = ["r24-8-d2-8e3k5-8e3k5", "r16-4-d2-4e2k3-4e2k5", "r12-8-d1-8e2k3"];
    let (path, scores) = (run.name(), run.file("scores.json"));
    let rank = |codes: &[&str]| {
        let args = ["rank", &path, "-o", &scores, "--json", "--overwrite", "--fresh"];
        supernano(&[&args[..], codes].concat()).json()["scores"].clone()
    };
    let together = rank(&codes);
    for (i, code) in codes.iter().enumerate() {
        assert_eq!(rank(&[code])[0], together[i], "{code}");
    }
    agree(&run, &codes, &["qemu-m4"]);
}

#[test]
fn scores_of_other_blocks_do_not_depend_on_company() {
    let run = blocks();
    let rank = |codes: &[&str], share: bool, name: &str| {
        let file = run.file(name);
        let mut args = vec!["rank", "--json", "-o", &file];
        let path = run.name();
        args.push(&path);
        args.extend(codes);
        if !share {
            args.push("--plain");
        }
        supernano(&args).json()["scores"].clone()
    };
    let codes = [
        "12-8-d2-12k5-8k3-12e2-16",
        "12-8-d2-12k5-8k3-12e1-16",
        "12-8-d1-12k5-12e2-16",
        "12-8-d1-12k3-12e2-16",
        "12-8-d1-12k3-8e2-8",
    ];
    let together = rank(&codes, true, "together.json");
    assert_eq!(together, rank(&codes, false, "unshared.json"));
    for (i, code) in codes.iter().enumerate() {
        assert_eq!(rank(&[code], true, &format!("alone{i}.json"))[0], together[i], "{code}");
    }
}
