//! From images to an emulated Cortex-M4 in spaces of a user's own.

use std::fs;

use serde_json::Value;
use supernano_tests::command::{firmware, number, supernano};
use supernano_tests::small::{SmallRun, grey, large};

fn export(run: &SmallRun, code: &str, name: &str) -> String {
    let file = run.file(name);
    supernano(&["export", &run.name(), code, "-o", &file, "--json"]).json();
    file
}

fn on_device(command: &str, blob: &str, more: &[&str]) -> Value {
    firmware();
    let mut args = vec![command, blob, "--target", "qemu-m4", "--json"];
    args.extend(more);
    supernano(&args).json()
}

fn agrees_bit_for_bit(run: &SmallRun, code: &str, images: &str) {
    let blob = export(run, code, &format!("{code}-check.snb"));
    let checked = on_device("check", &blob, &["--images", images]);
    assert_eq!(number(&checked, "/images"), images.parse::<f64>().unwrap());
    assert_eq!(number(&checked, "/mismatches"), 0.0);
}

#[test]
fn grey_images_agree_on_the_device() {
    agrees_bit_for_bit(grey(), "4-8-8-4", "40");
    agrees_bit_for_bit(grey(), "12-12-16-16", "10");
}

#[test]
fn large_images_agree_on_the_device() {
    agrees_bit_for_bit(large(), "8-8-12", "10");
}

#[test]
fn the_same_input_exports_the_same_bytes() {
    for (run, code) in [(grey(), "8-8-4-8"), (large(), "4-8-8")] {
        let first = fs::read(export(run, code, "first.snb")).unwrap();
        let second = fs::read(export(run, code, "second.snb")).unwrap();
        assert!(!first.is_empty());
        assert!(first == second, "two exports of {code} differ");
    }
}

#[test]
fn counts_add_up_and_repeat() {
    let blob = export(grey(), "8-12-8-16", "counts.snb");
    let first = on_device("latency", &blob, &[]);
    let total = number(&first, "/instructions");
    let layers = first["layers"].as_array().unwrap();
    let sum: f64 = layers.iter().map(|l| number(l, "/instructions")).sum();
    assert!(total > 10_000.0 && (total - sum).abs() <= 0.01 * total, "{total} against {sum}");
    assert!(layers.len() >= 6, "{} layers", layers.len());
    let second = on_device("latency", &blob, &[]);
    assert_eq!(first["instructions"], second["instructions"]);
    assert_eq!(first["layers"], second["layers"]);
}
