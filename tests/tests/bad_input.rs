//! Bad input ends with exit code 2, and a missing tool with 3. The message names the file, the field,
//! the expected value and the value found. There is never a panic and never an incomplete file.

use std::fs;
use std::path::Path;

use supernano_tests::command::{firmware, supernano, supernano_with};
use supernano_tests::small::{GREY, grey};
use tempfile::TempDir;

fn scratch(name: &str, contents: &[u8]) -> (TempDir, String) {
    let directory = TempDir::new().unwrap();
    let file = directory.path().join(name);
    fs::write(&file, contents).unwrap();
    let text = file.display().to_string();
    (directory, text)
}

fn exported(code: &str, name: &str) -> String {
    let file = grey().file(name);
    supernano(&["export", &grey().name(), code, "-o", &file, "--json"]).json();
    file
}

#[test]
fn a_configuration_with_an_unknown_field_is_refused() {
    let (dir, file) = scratch("config.toml", format!("colour = 3\n{GREY}").as_bytes());
    let run = dir.path().join("run").display().to_string();
    supernano(&["train", &file, "-o", &run]).fails(2, &["config.toml", "colour"]);
    assert!(!Path::new(&run).exists());
}

#[test]
fn a_configuration_with_a_value_out_of_range_is_refused() {
    let (_dir, file) = scratch("config.toml", GREY.replace("k = 2", "k = 0").as_bytes());
    supernano(&["train", &file]).fails(2, &["config.toml", "step 2: k", "at least 1", "found 0"]);
}

#[test]
fn a_missing_file_is_named() {
    let missing = "no-such-directory/net.toml";
    supernano(&["train", missing]).fails(2, &[missing, "not found"]);
    let missing = "no-such-directory/net.snb";
    supernano(&["check", missing, "--target", "host"]).fails(2, &[missing, "not found"]);
    supernano(&["latency", missing, "--target", "qemu-m4"]).fails(2, &[missing, "not found"]);
    supernano(&["rank", "no-such-directory"]).fails(2, &["no-such-directory"]);
    supernano(&["search", "no-such-directory"]).fails(2, &["no-such-directory"]);
    supernano(&["report", "no-such-directory"]).fails(2, &["no-such-directory"]);
    supernano(&["correlate", "no-scores.json", "no-truth.csv"]).fails(2, &["no-scores.json"]);
}

#[test]
fn wrong_use_is_two() {
    supernano(&["no-such-subcommand"]).fails(2, &["no-such-subcommand"]);
    supernano(&["export"]).fails(2, &["Usage"]);
    let blob = exported("4-4-4-4", "target.snb");
    supernano(&["check", &blob, "--target", "abacus"]).fails(2, &["abacus", "qemu-m4"]);
}

#[test]
fn a_code_that_is_not_in_the_space_is_refused() {
    let run = grey().name();
    let file = grey().file("refused.snb");
    let export = |code: &str| supernano(&["export", &run, code, "-o", &file]);
    export("4-4-4").fails(2, &["expected 4 parts", "found 3"]);
    export("4-4-4-4-4").fails(2, &["expected 4 parts", "found 5"]);
    export("4-4-4-5").fails(2, &["layer 5", "4 to 16", "found 5"]);
    export("4-4-x-4").fails(2, &["position 2"]);
    export("").fails(2, &["code"]);
    assert!(!Path::new(&file).exists());
}

#[test]
fn a_damaged_blob_is_refused() {
    let good = fs::read(exported("8-4-8-4", "damaged.snb")).unwrap();
    let check = |bytes: &[u8]| {
        let (_dir, file) = scratch("net.snb", bytes);
        let ended = supernano(&["check", &file, "--target", "host"]).fails(2, &["net.snb"]);
        assert!(ended.stdout.is_empty(), "{}", ended.stdout);
    };
    for length in [0, 1, 4, good.len() / 2, good.len() - 1] {
        check(&good[..length]);
    }
    for place in [0, 5, good.len() / 3, good.len() / 2, good.len() - 1] {
        let mut flipped = good.clone();
        flipped[place] ^= 0x10;
        check(&flipped);
    }
}

#[test]
fn no_qemu_is_three_and_says_how_to_get_it() {
    let blob = exported("4-8-8-4", "no-qemu.snb");
    firmware("qemu-m4-agent");
    let nowhere = TempDir::new().unwrap();
    let nowhere =
        ["PATH", "XDG_DATA_HOME"].map(|name| (name, nowhere.path().as_os_str().to_owned()));
    for command in ["check", "latency"] {
        supernano_with(&[command, &blob, "--target", "qemu-m4"], &nowhere)
            .fails(3, &["qemu-system-arm"]);
    }
}
