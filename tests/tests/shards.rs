//! The merged shards of a ranking equal the whole ranking. Bad lists and bad shards are refused.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use supernano_tests::command::{Ended, binary, number, root, run, supernano};
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
fn shards_of_truths_merge_to_the_whole_byte_for_byte() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let run = grey().name();
    let truths = |more: &[&str]| {
        let args = ["standalone", &run, "4-4-4-4", "8-8-8-8", "12-12-16-16", "--as", "nominal"];
        supernano(&[&args[..], &["--epochs", "1", "--json"], more].concat())
    };
    let codes = |found: Value| -> Vec<String> {
        let all = found.as_array().unwrap().iter();
        all.map(|truth| truth["arch"].as_str().unwrap().to_owned()).collect()
    };
    let shard = |shard: &str, to: &str| truths(&["--shard", shard, "-o", &at(to)]);
    assert_eq!(codes(shard("1/2", "1.json").json()), ["4-4-4-4", "12-12-16-16"]);
    assert_eq!(codes(shard("2/2", "2.json.gz").json()), ["8-8-8-8"]);
    let again = shard("1/2", "1.json").succeeds();
    assert!(again.stderr.contains("done already"), "{}", again.stderr);
    truths(&["-o", &at("whole.csv")]).succeeds();
    let merge = |shards: &[&str], to: &str| {
        let shards: Vec<String> = shards.iter().map(|s| at(s)).collect();
        let mut arguments = vec!["merge", "-o", to];
        arguments.extend(shards.iter().map(String::as_str));
        supernano(&arguments)
    };
    merge(&["2.json.gz", "1.json"], &at("merged.csv")).succeeds();
    let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("merged.csv"), bytes("whole.csv"));
    merge(&["1.json"], &at("hole.csv")).fails(2, &["shard 2/2"]);
    merge(&["1.json", "whole.csv"], &at("hole.csv")).fails(2, &["whole.csv", "JSON"]);
    truths(&["--shard", "2/2", "--seed", "9", "-o", &at("other.json")]).succeeds();
    merge(&["1.json", "other.json"], &at("hole.csv")).fails(2, &["other.json", "training: seed"]);
    shard("0/2", "0.json").fails(2, &["0/2", "I from 1 to N"]);
    shard("1/2", "truth.csv").fails(2, &["--output", "merge"]);
}

/// Runs a shell command of the documentation in a folder, with the program in the path.
fn shell(text: &str, folder: &Path, variables: &[(String, String)]) -> Ended {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", binary().parent().unwrap().display());
    let mut command = Command::new("sh");
    command.args(["-c", text]).current_dir(folder).env("PATH", path);
    run(command.envs(variables.iter().cloned()))
}

/// Five codes for the grey run in a file, and the variables of the documentation's scripts.
fn variables(folder: &Path) -> Vec<(String, String)> {
    let codes = "4-4-4-4\n8-8-8-8\n12-12-16-16\n4-8-8-4\n8-4-4-16\n";
    fs::write(folder.join("codes.txt"), codes).unwrap();
    let (config, options) = (grey().name(), "--as nominal --epochs 1");
    [("CONFIG", &*config), ("CODES", "codes.txt"), ("OPTIONS", options), ("TRUTHS", "truths")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// The truths of one process.
fn whole(folder: &Path) -> Vec<u8> {
    let text = "supernano standalone \"$CONFIG\" \"$CODES\" $OPTIONS -o whole.csv";
    shell(text, folder, &variables(folder)).succeeds();
    fs::read(folder.join("whole.csv")).unwrap()
}

/// The code block of `docs/scale.md` that begins with this line.
fn block(first: &str) -> String {
    let text = fs::read_to_string(root().join("docs/scale.md")).unwrap();
    let mut blocks = text.split("```").skip(1).step_by(2);
    let found = blocks.find_map(|b| b.split_once('\n').filter(|(_, b)| b.starts_with(first)));
    found.unwrap_or_else(|| panic!("no block that begins with {first}")).1.to_owned()
}

#[test]
fn the_documented_shell_loops_give_the_whole() {
    let folder = TempDir::new().unwrap();
    let mut variables = variables(folder.path());
    let more = [("SHARDS", "4"), ("JOBS", "2"), ("MACHINES", "2")];
    variables.extend(more.map(|(name, value)| (name.to_owned(), value.to_owned())));
    let text = block("seq 1");
    shell(&text, folder.path(), &variables).succeeds();
    let merged = || fs::read(folder.path().join("truths.csv")).unwrap();
    assert_eq!(merged(), whole(folder.path()));
    // Again: all shards are done, and the merge refuses to replace its file.
    shell(&text, folder.path(), &variables).fails(2, &["done already", "--overwrite"]);

    fs::remove_file(folder.path().join("truths.csv")).unwrap();
    fs::remove_dir_all(folder.path().join("truths")).unwrap();
    for machine in ["1", "2"] {
        variables.push(("MACHINE".into(), machine.into()));
        shell(&block("for shard in"), folder.path(), &variables).succeeds();
    }
    let merge = text.lines().find(|line| line.starts_with("supernano merge")).unwrap();
    shell(merge, folder.path(), &variables).succeeds();
    assert_eq!(merged(), fs::read(folder.path().join("whole.csv")).unwrap());
}

/// The pods of a Kubernetes Job of the documentation: the variables and the command of its container,
/// and the number of its shards.
fn pods(name: &str) -> (Vec<(String, String)>, Vec<String>, usize) {
    let text = fs::read_to_string(root().join("docs").join(name)).unwrap();
    let job: Value = yaml_serde::from_str(&text).unwrap();
    assert_eq!((job["apiVersion"].as_str(), job["kind"].as_str()), (Some("batch/v1"), Some("Job")));
    assert_eq!(job["spec"]["completionMode"].as_str(), Some("Indexed"));
    let container = &job["spec"]["template"]["spec"]["containers"][0];
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let list = |value: &Value| value.as_array().unwrap().clone();
    let variables =
        list(&container["env"]).into_iter().map(|v| (text(&v["name"]), text(&v["value"])));
    let command: Vec<String> =
        [list(&container["command"]), list(&container["args"])].concat().iter().map(text).collect();
    let variables: Vec<(String, String)> = variables.collect();
    let completions = job["spec"]["completions"].as_u64().unwrap() as usize;
    let shards = variables.iter().find(|(name, _)| name == "SHARDS").unwrap();
    assert_eq!(shards.1, completions.to_string());
    (variables, command, completions)
}

#[test]
fn the_documented_kubernetes_jobs_run_every_shard() {
    let folder = TempDir::new().unwrap();
    let expected = whole(folder.path());
    for name in ["standalone.yaml", "rank.yaml"] {
        let (mut environment, command, completions) = pods(name);
        assert_eq!((command[0].as_str(), command[1].as_str()), ("sh", "-c"));
        environment.extend(variables(folder.path()));
        environment.push(("RUN".into(), grey().name()));
        environment.push(("SHARDS".into(), "3".into()));
        if name == "rank.yaml" {
            environment.push(("OPTIONS".into(), "--images 20".into()));
        }
        assert!(completions > 3);
        for index in 0..3 {
            environment.push(("JOB_COMPLETION_INDEX".into(), index.to_string()));
            shell(&command[2], folder.path(), &environment).succeeds();
        }
    }
    let merge = "supernano merge truths/*-of-3.json -o truths.csv && \
                 supernano merge \"$CONFIG\"/shards/*-of-3.json -o scores.json && \
                 supernano rank \"$CONFIG\" codes.txt --images 20 -o whole.json";
    shell(merge, folder.path(), &variables(folder.path())).succeeds();
    let bytes = |name: &str| fs::read(folder.path().join(name)).unwrap();
    assert_eq!(bytes("truths.csv"), expected);
    assert_eq!(bytes("scores.json"), bytes("whole.json"));
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
