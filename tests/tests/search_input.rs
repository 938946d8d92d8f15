//! Inputs that `search` refuses, with their exit codes. A refused search leaves no file behind.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use supernano_tests::command::{Ended, supernano};
use supernano_tests::small::{GREY, grey};
use tempfile::TempDir;

/// Runs `search` on the small run. Returns its end and the path of its front.
fn search(more: &[&str]) -> (Ended, String) {
    static SCORES: OnceLock<String> = OnceLock::new();
    let scores = SCORES.get_or_init(|| {
        let file = grey().file("search-input-scores.json");
        supernano(&["rank", &grey().name(), "--random", "30", "-o", &file, "--json"]).json();
        file
    });
    let front = grey().file(&format!("front-{}.json", more.join("")).replace(['/', '\\'], "_"));
    let run = grey().name();
    let mut args = vec!["search", &run, "--scores", scores, "-o", &front, "--json", "--force"];
    args.extend(more);
    (supernano(&args), front)
}

fn refused(more: &[&str], code: i32, says: &[&str]) {
    let (outcome, front) = search(more);
    outcome.fails(code, says);
    assert!(!Path::new(&front).exists(), "{front}");
}

#[test]
fn unknown_chips_bring_the_nearest_names() {
    refused(&["--chip", "nRF52480_xxAA"], 2, &["--chip", "nRF52480_xxAA", "nRF52840_xxAA"]);
}

#[test]
fn time_needs_a_table_of_the_board() {
    let says = ["--latency", "calibrate", "--instructions", "cortex-m7"];
    refused(&["--chip", "STM32F746ZGTx", "--latency", "60ms"], 2, &says);
    refused(&["--core", "m4", "--latency", "60ms"], 2, &["--latency", "--chip"]);
    refused(&["--latency", "60ms", "--instructions", "5M"], 2, &["--instructions"]);
}

#[test]
fn impossible_budgets_say_what_would_do() {
    refused(&["--flash", "1kB"], 1, &["nothing feasible", "--flash 1000", "needs"]);
    refused(&["--ram", "100B"], 1, &["--ram 100", "needs"]);
    refused(&["--instructions", "10"], 1, &["--instructions 10", "needs"]);
    refused(&["--chip", "STM32F103C8", "--ram", "1MiB"], 2, &["--ram", "20480", "STM32F103C8"]);
}

#[test]
fn a_run_without_a_finished_step_is_refused() {
    let directory = TempDir::new().unwrap();
    fs::write(directory.path().join("config.toml"), GREY).unwrap();
    let run = directory.path().display().to_string();
    supernano(&["search", &run]).fails(2, &["checkpoints", "finished", "train"]);
    assert!(!directory.path().join("front.json").exists());
}

#[test]
fn scores_of_another_space_are_refused() {
    let file = grey().file("other-space.csv");
    fs::write(&file, "arch,top1\n16-16-32-32-64-64-4-4-4,0.5\n").unwrap();
    let run = grey().name();
    supernano(&["search", &run, "--scores", &file]).fails(2, &["other-space.csv"]);
    fs::write(&file, "arch,colour\n4-4-4-4,0.5\n").unwrap();
    supernano(&["search", &run, "--scores", &file]).fails(2, &["other-space.csv"]);
}
