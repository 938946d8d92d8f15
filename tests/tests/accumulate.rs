//! Scores accumulate in a run, by weights, images and settings.

use std::collections::BTreeMap;
use std::fs;

use serde_json::Value;
use supernano_tests::command::{Ended, number, supernano};
use supernano_tests::small::{GREY, SmallRun};

/// The scores of `scores.json` by code.
fn scores(run: &SmallRun) -> BTreeMap<String, Value> {
    let text = fs::read_to_string(run.path().join("scores.json")).unwrap();
    let file: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    file.into_values().map(|s| (s["arch"].as_str().unwrap().to_owned(), s)).collect()
}

fn rank(run: &SmallRun, more: &[&str]) -> Ended {
    supernano(&[&["rank", &run.name(), "--json"], more].concat())
}

#[test]
fn one_more_code_is_added_to_the_scores_of_many() {
    let run = SmallRun::train(GREY);
    let first = rank(&run, &["--random", "20"]).json();
    assert_eq!((number(&first, "/total"), number(&first, "/known")), (20.0, 0.0));
    let before = scores(&run);
    assert_eq!(before.len(), 20);

    // A code that is known: nothing is computed, and nothing changes.
    let known = before.keys().next().unwrap().clone();
    let again = rank(&run, &[&known]).json();
    assert_eq!((number(&again, "/total"), number(&again, "/known")), (20.0, 1.0));
    assert_eq!(again["scores"].as_array().unwrap().len(), 1);
    assert_eq!(again["scores"][0]["acc"], before[&known]["acc"]);
    assert_eq!(scores(&run), before);

    // A new code.
    let new = ["4-4-4-4", "12-12-16-16", "8-8-8-8"];
    let new = *new.iter().find(|code| !before.contains_key(**code)).unwrap();
    let added = rank(&run, &[new]).json();
    assert_eq!((number(&added, "/total"), number(&added, "/known")), (21.0, 0.0));
    let all = scores(&run);
    assert!(before.iter().all(|(code, score)| all[code] == *score) && all.contains_key(new));

    // Other images have a list of their own, and the first list comes back.
    let other = rank(&run, &[new, "--images", "16"]).json();
    assert_eq!((number(&other, "/total"), number(&other, "/known")), (1.0, 0.0));
    assert_eq!(scores(&run).len(), 1);
    let back = rank(&run, &[new]).json();
    assert_eq!((number(&back, "/total"), number(&back, "/known")), (21.0, 1.0));
    assert_eq!(scores(&run), all);

    // Another file holds the requested scores only.
    let file = run.file("alone.json");
    rank(&run, &[new, "-o", &file]).succeeds();
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(serde_json::from_str::<BTreeMap<String, Value>>(&text).unwrap().len(), 1);
    assert_eq!(scores(&run), all);

    let fresh = rank(&run, &[new, "--fresh"]).json();
    assert_eq!((number(&fresh, "/total"), number(&fresh, "/known")), (1.0, 0.0));

    // Scores of unknown settings are not replaced.
    let file = run.path().join("scores.json");
    let foreign = fs::read_to_string(&file).unwrap().replace("\"images\"", "\"pictures\"");
    fs::write(&file, &foreign).unwrap();
    rank(&run, &[&known]).fails(2, &["scores.json", "--fresh"]);
    assert_eq!(fs::read_to_string(&file).unwrap(), foreign);
}

#[test]
fn predictions_do_not_take_the_place_of_scores() {
    let run = SmallRun::train(GREY);
    let predicted = rank(&run, &["--random", "40", "--surrogate", "15", "--force"]).json();
    assert_eq!(predicted["scores"].as_array().unwrap().len(), 40);
    for one in predicted["scores"].as_array().unwrap() {
        let (low, high) = (number(one, "/interval/0"), number(one, "/interval/1"));
        let top1 = number(one, "/top1");
        assert!(0.0 <= low && low <= top1 && top1 <= high && high <= 1.0, "{one}");
    }
    assert_eq!(scores(&run).len(), 15);
    assert!(run.path().join("predicted.json").is_file());
    rank(&run, &["--random", "40", "--surrogate", "15", "--force"])
        .fails(2, &["predicted.json: output", "--overwrite replaces it"]);

    // Truths of codes that are not predicted.
    let (scores, truths, codes) = (run.file("s.csv"), run.file("t.csv"), run.file("c.txt"));
    let widths = [4, 8, 12];
    let listed: Vec<(String, f64)> = widths
        .iter()
        .flat_map(|a| widths.map(move |b| (format!("{a}-{b}-4-8"), f64::from(a + b))))
        .chain([("4-4-16-16".into(), 20.0), ("12-12-16-16".into(), 40.0)])
        .collect();
    let table = |column: &str, shift: f64| {
        let row = |(code, size): &(String, f64)| format!("{code},{}\n", 0.2 + size / 100.0 + shift);
        format!("code,{column}\n{}", listed.iter().map(row).collect::<String>())
    };
    fs::write(&scores, table("top1", 0.0)).unwrap();
    fs::write(&truths, table("truth", 0.1)).unwrap();
    fs::write(&codes, "8-8-8-8\n8-12-8-4\n").unwrap();
    let args = ["predict", &scores, &codes, "--space", &run.name(), "--truth", &truths, "--json"];
    let found = supernano(&[&args[..], &["--force"]].concat()).json();
    assert_eq!(found["scores"].as_array().unwrap().len(), 2, "{found}");
    assert!(number(&found, "/scores/0/top1") > 0.3, "{found}");
}

#[test]
fn a_supernet_that_has_not_learnt_is_named() {
    // A rate of almost 0: the weights stay as they were drawn.
    let config = GREY.replace("lr = 0.05", "lr = 1e-9").replace("lr = 0.02", "lr = 1e-9");
    let run = SmallRun::train(&config.replace("validation = 32", "validation = 200"));
    let ranked = rank(&run, &["--random", "30"]);
    assert!(ranked.stderr.contains("the supernet has not learnt"), "{}", ranked.stderr);
    let report = ranked.json();
    assert_eq!(number(&report, "/chance"), 0.25);
    assert!(report["remark"].as_str().unwrap().contains("chance is 25.0"), "{report}");
    let searched = supernano(&["search", &run.name(), "--force", "--json"]);
    assert!(searched.stderr.contains("the supernet has not learnt"), "{}", searched.stderr);
    let truths = run.file("truths.csv");
    let alone = ["standalone", "--from", &run.name(), "4-4-4-4", "--as", "effective"];
    let alone =
        supernano(&[&alone[..], &["--epochs", "1", "--lr", "1e-9", "-o", &truths]].concat());
    assert!(alone.stderr.contains("the supernet has not learnt"), "{}", alone.stderr);
    alone.succeeds();
}
