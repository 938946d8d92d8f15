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

/// Scores that say nothing: a search of all sub-networks is refused, and one among the evaluated ones
/// takes the best of them that fits.
#[test]
fn scores_that_predict_nothing_still_choose_among_the_evaluated() {
    let (ranked, _) = search(&["--top", "3"]);
    let codes: Vec<String> = ranked.json()["samples"]
        .as_array()
        .unwrap()
        .iter()
        .map(|sample| sample["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 30);
    // Each score has nothing to do with its network.
    let value = |i: usize| 0.3 + 0.4 * (i as f64 * 0.618_033_988_75).fract();
    let lines: Vec<String> =
        codes.iter().enumerate().map(|(i, code)| format!("{code},{}\n", value(i))).collect();
    let (file, front) = (grey().file("noise.csv"), grey().file("front-noise.json"));
    fs::write(&file, format!("arch,top1\n{}", lines.concat())).unwrap();
    let run = grey().name();
    let searched = |more: &[&str]| {
        let args = ["search", &run, "--scores", &file, "-o", &front, "--overwrite", "--json"];
        supernano(&[&args[..], more].concat())
    };
    searched(&[]).fails(1, &["no better than chance", "--candidates evaluated"]);
    let best = |codes: &mut dyn Iterator<Item = usize>| {
        codes.max_by(|&a, &b| value(a).total_cmp(&value(b))).unwrap()
    };
    for candidates in ["evaluated", "auto"] {
        let found = searched(&["--candidates", candidates, "--top", "30"]).json();
        assert_eq!(found["evaluated_only"], true);
        assert_eq!(found["winner"], codes[best(&mut (0..30))].as_str());
        for network in found["networks"].as_array().unwrap() {
            assert_eq!(network["score"], network["evaluated"], "{network}");
            let [low, high] = [0, 1].map(|end| network["interval"][end].as_f64().unwrap());
            let score = network["score"].as_f64().unwrap();
            assert!(low < score && score < high, "{network}");
        }
        assert!(found["remark"].as_str().unwrap().contains("one of the 30 evaluated"), "{found}");
    }
    // Within a limit, the winner is one of the evaluated ones that fits, with its own score.
    let all = searched(&["--candidates", "evaluated", "--top", "1"]).json();
    let flash = |i: usize| all["samples"][i]["flash_bytes"].as_u64().unwrap();
    let limit = (0..30).map(flash).min().unwrap();
    let within = format!("{limit}B");
    let found = searched(&["--candidates", "evaluated", "--flash", &within, "--top", "1"]).json();
    let place = codes.iter().position(|code| found["winner"] == code.as_str()).unwrap();
    assert_eq!(found["networks"][0]["score"], value(place));
    assert!(found["networks"][0]["flash_bytes"].as_u64().unwrap() <= limit, "{found}");
    searched(&["--candidates", "evaluated", "--flash", "1kB"])
        .fails(1, &["none of the 30 evaluated"]);
}
