//! What a search promises is what an export writes: the kernels and the sizes of `front.json`.

use std::fs;
use std::sync::OnceLock;

use serde_json::Value;
use supernano_tests::command::{Ended, number, supernano};
use supernano_tests::small::grey;

/// The front of the small run, at a path of its own, and the file.
fn front() -> &'static (Value, String) {
    static FRONT: OnceLock<(Value, String)> = OnceLock::new();
    FRONT.get_or_init(|| {
        let (run, scores) = (grey().name(), grey().file("promise-scores.json"));
        supernano(&["rank", &run, "--random", "30", "-o", &scores, "--json"]).json();
        let file = grey().file("promise-front.json");
        let args = ["search", &run, "--scores", &scores, "--ram", "40kB", "-o", &file, "--json"];
        (supernano(&[&args[..], &["--force"]].concat()).json(), file)
    })
}

/// A listed network with a kernel other than the direct one.
fn promised() -> &'static Value {
    let networks = front().0["networks"].as_array().unwrap();
    let fast = |n: &&Value| {
        n["kernels"]
            .as_array()
            .unwrap()
            .iter()
            .any(|k| k.as_str().is_some_and(|k| k.starts_with("winograd")))
    };
    networks.iter().find(fast).expect("a network with a Winograd kernel")
}

fn code() -> &'static str {
    promised()["code"].as_str().unwrap()
}

fn export(more: &[&str]) -> Ended {
    let (run, file) = (grey().name(), grey().file("promise.snb"));
    let args = ["export", &run, code(), "-o", &file, "--front", &front().1, "--json"];
    supernano(&[&args[..], more].concat())
}

#[test]
fn an_export_keeps_the_kernels_and_the_sizes_of_the_front() {
    let exported = export(&[]).json();
    let promise = promised();
    assert_eq!(exported["kernels"]["layers"], promise["kernels"]);
    assert_eq!(exported["kernels"]["source"], "front");
    assert_eq!(exported["kernels"]["instructions"], promise["instructions"]);
    assert_eq!(exported["blob_bytes"], promise["blob_bytes"]);
    assert_eq!(exported["arena_bytes"], promise["arena_bytes"]);
    let written = fs::metadata(grey().file("promise.snb")).unwrap().len();
    assert_eq!(written as f64, number(promise, "/blob_bytes"));
    let (run, file) = (grey().name(), grey().file("promise.snb"));
    let said = supernano(&["export", &run, code(), "-o", &file, "--front", &front().1]).succeeds();
    let wanted = format!("kernels: as promised in {}", front().1);
    assert!(said.stdout.contains(&wanted), "{}", said.stdout);
}

#[test]
fn limits_given_again_must_agree_with_the_front() {
    let (blob, arena) = (number(promised(), "/blob_bytes"), number(promised(), "/arena_bytes"));
    let same = [blob, arena].map(|bytes| bytes.to_string());
    let agreed = export(&["--max-blob", &same[0], "--max-arena", &same[1], "--core", "m4"]).json();
    assert_eq!(agreed["kernels"]["source"], "front");
    let [less_blob, less_arena] = [blob - 4.0, arena - 4.0].map(|bytes| bytes.to_string());
    let place = front().1.as_str();
    export(&["--max-blob", &less_blob]).fails(2, &["--max-blob", code(), &same[0], place]);
    export(&["--max-arena", &less_arena]).fails(2, &["--max-arena", code(), &same[1], place]);
    export(&["--core", "m0"]).fails(2, &["--core", "cortex-m4", "cortex-m0", place]);
    export(&["--prefer", "ram"]).fails(2, &["--prefer ram", "layer", "direct", place]);
}

#[test]
fn a_promise_can_be_ignored() {
    let run = grey().name();
    let file = grey().file("ignored.snb");
    let exported =
        supernano(&["export", &run, code(), "-o", &file, "--ignore-front", "--json"]).json();
    assert_eq!(exported["kernels"]["source"], "preference");
    let layers = exported["kernels"]["layers"].as_array().unwrap();
    assert!(layers.iter().all(|kernel| kernel == "direct"), "{exported}");
}

#[test]
fn a_promise_of_another_time_is_refused() {
    let mut old = front().0.clone();
    for network in old["networks"].as_array_mut().unwrap() {
        network["arena_bytes"] = 4.into();
    }
    let file = grey().file("old-front.json");
    fs::write(&file, old.to_string()).unwrap();
    let (run, out) = (grey().name(), grey().file("old.snb"));
    let args = ["export", &run, code(), "-o", &out, "--front", &file];
    supernano(&args).fails(2, &["old-front.json", "arena", code(), "search again"]);
    assert!(!std::path::Path::new(&out).exists());
}

#[test]
fn a_shipped_network_keeps_the_promise_too() {
    let (run, directory) = (grey().name(), grey().file("promise-shipped"));
    let args = ["ship", &run, code(), "--format", "snb", "-o", &directory, "--front", &front().1];
    let shipped = supernano(&[&args[..], &["--json"]].concat()).json();
    assert_eq!(shipped["kernels"]["layers"], promised()["kernels"]);
    assert_eq!(shipped["blob_bytes"], promised()["blob_bytes"]);
}
