//! The merged shards of a ranking equal the whole ranking. Bad lists and bad shards are refused.

use std::fs;
use std::path::Path;

use supernano_tests::command::{number, supernano};
use supernano_tests::small::grey;
use tempfile::TempDir;

#[test]
fn shards_merge_to_the_whole_byte_for_byte() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let run = grey().name();
    let codes = at("codes.csv");
    let list = "id,arch\nb,4-8-4-16\na,12-12-16-16\nd,4-8-4-4\nc,4-8-8-4\ne,4-4-4-4\n";
    fs::write(&codes, list).unwrap();
    let rank = |more: &[&str]| {
        supernano(&[&["rank", &run, &codes, "--images", "20", "--json"], more].concat())
    };
    let whole = rank(&["-o", &at("whole.json")]).json();
    assert!(number(&whole, "/macs_computed") < number(&whole, "/macs"));
    assert_eq!((whole["images"].as_u64(), whole["split"].as_str()), (Some(20), Some("validation")));
    let plain = rank(&["-o", &at("plain.json"), "--plain"]).json();
    assert_eq!(number(&plain, "/macs_computed"), number(&plain, "/macs"));
    let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("whole.json"), bytes("plain.json"));

    for i in 1..=3 {
        let shard = format!("{i}/3");
        rank(&["--shard", &shard, "-o", &at(&format!("{i}.json"))]).json();
    }
    let again = rank(&["--shard", "2/3", "-o", &at("2.json")]).succeeds();
    assert!(again.stderr.contains("done already"), "{}", again.stderr);
    let merge = |shards: &[&str], to: &str| {
        let shards: Vec<String> = shards.iter().map(|s| at(s)).collect();
        let mut arguments = vec!["merge", "--overwrite", "-o", to];
        arguments.extend(shards.iter().map(String::as_str));
        supernano(&arguments)
    };
    for _ in 0..2 {
        merge(&["3.json", "1.json", "2.json"], &at("merged.json")).succeeds();
        assert_eq!(bytes("merged.json"), bytes("whole.json"));
    }
    merge(&["1.json", "3.json"], &at("hole.json")).fails(2, &["shard 2/3"]);
    merge(&["1.json", "whole.json"], &at("hole.json")).fails(2, &["whole.json", "rank --shard"]);
    rank(&["--shard", "2/3", "--bn-images", "16", "-o", &at("other.json")]).succeeds();
    merge(&["1.json", "other.json", "3.json"], &at("hole.json"))
        .fails(2, &["other.json", "settings"]);
    assert!(!Path::new(&at("hole.json")).exists());
}

/// `standalone` takes every N-th code from the I-th, and counts from 1 as `rank` does.
#[test]
fn shards_of_truths_count_from_one() {
    let folder = TempDir::new().unwrap();
    let run = grey().name();
    let truths = |shard: &str| {
        let file = folder.path().join("truth.csv").display().to_string();
        let args = ["standalone", &run, "4-4-4-4", "8-8-8-8", "12-12-16-16", "--as", "nominal"];
        let more = ["--epochs", "1", "--shard", shard, "-o", &file, "--json", "--overwrite"];
        supernano(&[&args[..], &more[..]].concat())
    };
    let codes = |found: serde_json::Value| -> Vec<String> {
        let all = found.as_array().unwrap().iter();
        all.map(|truth| truth["arch"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(codes(truths("1/2").json()), ["4-4-4-4", "12-12-16-16"]);
    assert_eq!(codes(truths("2/2").json()), ["8-8-8-8"]);
    truths("0/2").fails(2, &["0/2", "I from 1 to N"]);
}

#[test]
fn bad_lists_are_refused_with_line_and_code() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let run = grey().name();
    let refused = |list: &str, texts: &[&str]| {
        fs::write(folder.path().join("codes.csv"), list).unwrap();
        let arguments = ["rank", &run, &at("codes.csv"), "-o", &at("scores.json")];
        supernano(&arguments).fails(2, texts);
        assert!(!folder.path().join("scores.json").exists());
    };
    refused("id,arch\n1,4-4-4-4\n2,4-4-4\n", &["codes.csv:3", "2 `4-4-4`", "found 3"]);
    refused("id,arch\n1,4-4-4-4\n1,4-4-4-8\n", &["codes.csv:3", "id 1 `4-4-4-8`", "again"]);
    refused("{\"a\": {\"arch\": \"4-4-4-5\"}}", &["codes.csv:1: a `4-4-4-5`", "found 5"]);
    let shard = |text: &str| supernano(&["rank", &run, "4-4-4-4", "--shard", text]);
    shard("4/3").fails(2, &["4/3", "I/N"]);
    let memory = ["rank", &run, "4-4-4-4", "--memory", "0", "-o", &at("scores.json")];
    supernano(&memory).fails(2, &["--memory", "at least"]);
}
