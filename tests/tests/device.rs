//! From images to emulated cores, in user-defined spaces.

use std::fs;

use serde_json::Value;
use supernano_tests::command::{firmware, number, supernano};
use supernano_tests::small::{SmallRun, grey, large};

fn export(run: &SmallRun, code: &str, name: &str) -> String {
    let file = run.file(name);
    supernano(&["export", &run.name(), code, "-o", &file, "--json"]).json();
    file
}

fn on_device(command: &str, blob: &str, target: &str, more: &[&str]) -> Value {
    firmware("qemu-m4-agent");
    let mut args = vec![command, blob, "--target", target, "--json"];
    args.extend(more);
    supernano(&args).json()
}

fn agrees_bit_for_bit(run: &SmallRun, code: &str, target: &str, images: &str) {
    let blob = export(run, code, &format!("{code}-{target}.snb"));
    let checked = on_device("check", &blob, target, &["--images", images]);
    assert_eq!(number(&checked, "/images"), images.parse::<f64>().unwrap());
    assert_eq!(number(&checked, "/mismatches"), 0.0);
}

#[test]
fn grey_images_agree_on_every_core() {
    for core in ["m0", "m3", "m4", "m7", "m33", "m55"] {
        agrees_bit_for_bit(grey(), "4-8-8-4", &format!("qemu-{core}"), "40");
    }
    agrees_bit_for_bit(grey(), "12-12-16-16", "qemu-m4", "10");
}

#[test]
fn large_images_agree_on_the_device() {
    agrees_bit_for_bit(large(), "8-8-12", "qemu-m4", "10");
}

/// The agent reports its core, and the kernels that the core can run.
#[test]
fn every_agent_names_its_core_and_kernels() {
    let blob = export(grey(), "4-8-8-4", "named.snb");
    let mut counts = Vec::new();
    for (core, chip, named) in [
        ("m0", "mps2-an385", "cortex-m0 code on a cortex-m3"),
        ("m3", "mps2-an385", "cortex-m3"),
        ("m4", "mps2-an386", "cortex-m4"),
        ("m7", "mps2-an500", "cortex-m7"),
        ("m33", "mps2-an505", "cortex-m33"),
        ("m55", "mps3-an547", "cortex-m55"),
    ] {
        let counted = on_device("latency", &blob, &format!("qemu-{core}"), &[]);
        assert_eq!(counted["device"]["chip"], chip);
        assert_eq!(counted["device"]["core"], named);
        let kernels = match core {
            "m0" => "armv6-m",
            "m3" => "armv7-m",
            "m55" => "helium",
            _ => "dsp",
        };
        assert_eq!(counted["device"]["kernels"], kernels);
        assert!(number(&counted, "/stack_bytes") > 100.0, "{counted}");
        counts.push(number(&counted, "/instructions"));
    }
    let [m0, m3, m4, m7, m33, m55] = counts[..] else { panic!("{counts:?}") };
    assert!(m0 > m3 && m3 > m4 && m3 > m55, "{counts:?}");
    assert!((m4 - m7).abs() < 0.01 * m4 && (m4 - m33).abs() < 0.1 * m4, "{counts:?}");
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
    let first = on_device("latency", &blob, "qemu-m4", &[]);
    let total = number(&first, "/instructions");
    let layers = first["layers"].as_array().unwrap();
    let sum: f64 = layers.iter().map(|l| number(l, "/instructions")).sum();
    assert!(total > 10_000.0 && (total - sum).abs() <= 0.01 * total, "{total} against {sum}");
    assert!(layers.len() >= 6, "{} layers", layers.len());
    let second = on_device("latency", &blob, "qemu-m4", &[]);
    assert_eq!(first["instructions"], second["instructions"]);
    assert_eq!(first["layers"], second["layers"]);
}

/// Every value that the kernels of a core compute equals that of the reference kernels, over networks
/// that contain each pair of properties.
#[test]
fn kernels_are_exact_on_every_core() {
    firmware("qemu-m4-agent");
    for target in ["host", "qemu-m0", "qemu-m3", "qemu-m4", "qemu-m7", "qemu-m33", "qemu-m55"] {
        let found = supernano(&["dev", "selftest", "--target", target, "--json"]).json();
        assert_eq!(found["mismatches"], 0, "{found}");
        assert!(number(&found, "/networks") > 150.0 && number(&found, "/primitives") > 1000.0);
    }
}
