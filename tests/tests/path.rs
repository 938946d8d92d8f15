//! The commands of a user: help, JSON, and the path from scores to a report.

use std::fs;

use supernano_tests::command::{number, supernano};
use supernano_tests::small::grey;

/// Commands in the order of `--help`.
const COMMANDS: [&str; 21] = [
    "data",
    "new",
    "run",
    "status",
    "train",
    "import-pytorch",
    "spaces",
    "rank",
    "merge",
    "predict",
    "correlate",
    "standalone",
    "search",
    "export",
    "ship",
    "int8-rank",
    "check",
    "latency",
    "flash",
    "watch",
    "report",
];

/// Commands below `supernano dev`.
const DEVELOPERS: [&str; 4] = ["selftest", "calibrate", "synthetic", "gpu"];

#[test]
fn every_command_has_help_with_an_example() {
    let general = supernano(&["--help"]).succeeds().stdout;
    assert!(general.contains("Exit codes"), "{general}");
    let listed = COMMANDS.map(|command| general.find(&format!("\n  {command} ")));
    assert!(listed.iter().all(Option::is_some) && listed.is_sorted(), "{general}");
    for command in COMMANDS {
        has_an_example(&[command]);
    }
    let developers = supernano(&["dev", "--help"]).succeeds().stdout;
    for command in DEVELOPERS {
        assert!(developers.contains(command), "{command} is not listed");
        has_an_example(&["dev", command]);
        supernano(&[command]).fails(2, &["unrecognized subcommand"]);
    }
}

fn has_an_example(command: &[&str]) {
    let help = supernano(&[command, &["--help"]].concat()).succeeds().stdout;
    let command = command.join(" ");
    for text in ["Example", "--json", &format!("supernano {command}")] {
        assert!(help.contains(text), "{command}: no {text:?} in {help}");
    }
}

#[test]
fn scores_lead_to_a_front_whose_costs_are_those_of_the_exported_files() {
    let run = grey().name();
    let scores = grey().file("scores.json");
    let ranked = supernano(&["rank", &run, "--random", "40", "-o", &scores, "--json"]).json();
    let listed = ranked["scores"].as_array().unwrap();
    assert_eq!(listed.len(), 40);
    for score in listed {
        assert!((0.0..=1.0).contains(&number(score, "/acc")));
    }
    let front = grey().file("front.json");
    let search = |more: &[&str]| {
        let mut args = vec!["search", &run, "--scores", &scores, "-o", &front, "--json", "--force"];
        args.push("--overwrite");
        args.extend(more);
        supernano(&args)
    };
    let found = search(&["--spread", "3", "--verify", "--images", "64"]).json();
    let networks = found["networks"].as_array().unwrap();
    assert!(!networks.is_empty());
    let int8 = |n: &serde_json::Value| number(n, "/verified/int8");
    let best = networks.iter().map(int8).fold(0.0, f64::max);
    let winner = networks.iter().find(|n| n["code"] == found["winner"]).unwrap();
    assert_eq!(int8(winner), best);
    for network in [winner, &found["uniform"]] {
        let code = network["code"].as_str().unwrap();
        let file = grey().path().join("networks").join(code).with_extension("snb");
        let length = fs::metadata(&file).unwrap().len();
        assert_eq!(number(network, "/blob_bytes"), length as f64);
        let overhead = &found["overhead"];
        let flash = length as f64 + number(overhead, "/code");
        assert_eq!(number(network, "/flash_bytes"), flash);
        let file = file.display().to_string();
        let latency = supernano(&["latency", &file, "--target", "qemu-m4", "--json"]).json();
        assert_eq!(number(network, "/arena_bytes"), number(&latency, "/arena_bytes"));
        let modelled = number(network, "/instructions");
        let counted = number(&latency, "/instructions");
        // The table was fitted to 32 x 32 images, whose rows are whole tiles and blocks. These images are
        // 28 x 28, and the incomplete last tile of each row costs 8 %.
        assert!((modelled / counted - 1.0).abs() < 0.1, "{code}: {modelled} {counted}");
    }
    search(&["--flash", "1kB"]).fails(1, &["feasible", "flash"]);
    search(&["--flash", "many"]).fails(2, &["flash", "many"]);
}

#[test]
fn scores_do_not_depend_on_company() {
    let run = grey().name();
    let rank = |codes: &[&str], name: &str| {
        let file = grey().file(name);
        let mut args = vec!["rank", &run, "-o", &file, "--json"];
        args.extend(codes);
        supernano(&args).json()["scores"].clone()
    };
    let alone = rank(&["4-8-4-8"], "alone.json");
    let together = rank(&["12-12-16-16", "4-8-4-8"], "together.json");
    assert_eq!(alone[0], together[1]);
}

#[test]
fn a_report_is_one_page() {
    let run = grey().name();
    let made = supernano(&["report", &run, "--json"]).json();
    let page = fs::read_to_string(grey().path().join("report.html")).unwrap();
    assert!(made["report"].as_str().unwrap().ends_with("report.html"));
    assert!(page.contains("<svg") && page.trim_end().ends_with("</html>"));
    for outside in ["http://", "https://", "<script src", "<link"] {
        let elsewhere = page.replace("http://www.w3.org/", "");
        assert!(!elsewhere.contains(outside), "{outside}");
    }
}

#[test]
fn training_again_gives_the_same_weights() {
    let again = supernano_tests::small::SmallRun::train(supernano_tests::small::GREY);
    let export = |run: &supernano_tests::small::SmallRun| {
        let file = run.file("repeat.snb");
        supernano(&["export", &run.name(), "8-4-8-8", "-o", &file]).succeeds();
        fs::read(file).unwrap()
    };
    assert!(export(&again) == export(grey()), "the same seed trained other weights");
}
