//! Inputs with known faults, and the right answer to each. The inputs are in `faults/` of the shared
//! data.

use std::fs;
use std::path::Path;
#[cfg(unix)]
use std::process::{Command, Stdio};

use supernano_base::testing::shared;
#[cfg(unix)]
use supernano_tests::command::binary;
use supernano_tests::command::{Ended, supernano, supernano_with};
use supernano_tests::small::{GREY, SmallRun, grey};
use tempfile::TempDir;

const CIFAR: &str = "data/cifar-100-binary.tar.gz";
const LARGEST: &str = "16-16-16-16-16-16-16-32-32-32-32-32-32-64-64-64-64-64-64";

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The result of `import-pytorch` in a new run directory.
fn imported(folder: &TempDir, file: &Path) -> String {
    let run = text(&folder.path().join("run"));
    let import = ["import-pytorch", &text(file), "--space", "resnet20", "-o", &run];
    supernano(&import).succeeds();
    run
}

#[test]
fn a_network_that_overflows_is_not_shipped() {
    let (Some(file), Some(data)) = (shared("faults/overflow-panic/overflow.pt"), shared(CIFAR))
    else {
        return;
    };
    let folder = TempDir::new().unwrap();
    let run = imported(&folder, &file);
    let output = text(&folder.path().join("n.snb"));
    let common = ["--bn", "stored", "--calibration", "64", "--data", &text(&data)];
    let says = ["outputs of layer 2:", "finite values", &format!("network {LARGEST} of ")];
    let export = [&["export", &run, LARGEST, "-o", &output], &common[..]].concat();
    supernano(&export).fails(2, &says);
    let ship = [&["ship", &run, LARGEST, "--format", "snb,onnx,c", "-o", &output], &common[..]];
    supernano(&ship.concat()).fails(2, &says);
    let codes = [LARGEST, &LARGEST.replacen("16", "12", 1)];
    let rank = [&["int8-rank", &run, codes[0], codes[1], "--images", "10"], &common[..]].concat();
    supernano(&rank).fails(2, &says);
    let scores = ["rank", &run, LARGEST, "--bn", "stored", "--images", "10", "-o", &output];
    supernano(&[&scores[..], &["--data", &text(&data)]].concat()).fails(2, &["finite loss"]);
    assert!(!Path::new(&output).exists());
}

#[test]
fn stored_statistics_of_a_supernet_are_refused_everywhere() {
    let Some(file) = shared("checkpoints/reference_step2_shared_supernet_ep299.pt") else { return };
    let folder = TempDir::new().unwrap();
    let run = imported(&folder, &file);
    let output = text(&folder.path().join("out"));
    let other = LARGEST.replacen("16", "12", 1);
    for command in [
        vec!["rank", &run, LARGEST, "-o", &output],
        vec!["export", &run, LARGEST, "-o", &output],
        vec!["ship", &run, LARGEST, "--format", "snb", "-o", &output],
        vec!["int8-rank", &run, LARGEST, &other, "-o", &output],
    ] {
        let command = [&command[..], &["--bn", "stored"]].concat();
        supernano(&command).fails(2, &["--bn", "recalibrate: the stored statistics"]);
    }
    assert!(!Path::new(&output).exists());
}

#[test]
fn a_network_is_checked_on_its_own_classes_alone() {
    let run = grey();
    let network = run.file("classes.snb");
    supernano(&["export", &run.name(), "4-8-8-16", "-o", &network]).succeeds();
    let check =
        |of: &SmallRun| supernano(&["check", &network, "--target", "host", "--run", &of.name()]);
    check(run).succeeds();
    let more = SmallRun::train(&GREY.replace("classes = 4", "classes = 7"));
    check(&more).fails(2, &["data set glyphs: classes: expected 4", "found 7"]);
    let wide = SmallRun::train(&GREY.replace("height = 28", "height = 24"));
    check(&wide).fails(2, &["data set glyphs: image shape: expected 28x28x1", "found 24x28x1"]);
}

/// Runs `standalone` for one code, for one epoch.
fn alone(code: &str, output: &str, more: &[&str]) -> Ended {
    let run = grey().name();
    let args = ["standalone", &run, code, "--as", "nominal", "--epochs", "1", "-o", output];
    supernano(&[&args[..], more].concat())
}

#[test]
fn a_truth_file_is_kept_unless_the_user_says_otherwise() {
    let folder = TempDir::new().unwrap();
    let output = text(&folder.path().join("t.csv"));
    let codes = || -> Vec<String> {
        let all = fs::read_to_string(&output).unwrap();
        all.lines().skip(1).map(|l| l.split(',').nth(1).unwrap().to_owned()).collect()
    };
    alone("4-4-4-4", &output, &[]).succeeds();
    let before = fs::read(&output).unwrap();
    alone("8-4-4-4", &output, &[]).fails(2, &["t.csv", "--resume continues it, --overwrite"]);
    assert_eq!(fs::read(&output).unwrap(), before);
    alone("8-4-4-4", &output, &["--resume"]).succeeds();
    assert_eq!(codes(), ["4-4-4-4", "8-4-4-4"]);

    // lists of their own count their ids from arch1
    for (list, code) in [("a.txt", "12-4-4-4"), ("b.txt", "4-8-4-4")] {
        let list = text(&folder.path().join(list));
        fs::write(&list, format!("{code}\n")).unwrap();
        alone(&list, &output, &["--resume"]).succeeds();
        alone(&list, &output, &["--resume"]).succeeds();
    }
    assert_eq!(codes(), ["4-4-4-4", "8-4-4-4", "12-4-4-4", "4-8-4-4"]);
    let scores = text(&folder.path().join("scores.json"));
    let run = grey().name();
    let rank = ["rank", &run, &output, "--images", "10", "-o", &scores];
    supernano(&rank).succeeds();
    alone("8-8-4-4", &output, &["--overwrite"]).succeeds();
    assert_eq!(codes(), ["8-8-4-4"]);
    alone("8-8-4-4", "/proc/nope/x", &[]).fails(3, &["/proc/nope/x"]);

    // a pipe receives the truths once
    let piped = alone("4-4-8-8", "/dev/stdout", &[]).succeeds().stdout;
    assert_eq!(piped.matches("id,arch,").count(), 1);
}

#[test]
fn two_processes_add_to_one_truth_file() {
    let folder = TempDir::new().unwrap();
    for existing in ["", "4-4-4-4"] {
        let output = text(&folder.path().join(format!("t{existing}.csv")));
        if !existing.is_empty() {
            alone(existing, &output, &[]).succeeds();
        }
        let halves = [["8-4-4-4", "12-4-4-4", "4-8-4-4"], ["8-8-4-4", "12-4-4-4", "12-12-4-4"]];
        let more = |codes: [&'static str; 3]| {
            let output = output.clone();
            std::thread::spawn(move || {
                alone(codes[0], &output, &[codes[1], codes[2], "--resume"]).succeeds();
            })
        };
        let both = halves.map(more);
        both.into_iter().for_each(|t| t.join().unwrap());
        let all = fs::read_to_string(&output).unwrap();
        let mut codes: Vec<&str> =
            all.lines().skip(1).map(|l| l.split(',').nth(1).unwrap()).collect();
        codes.sort_unstable();
        let mut expected = vec!["12-12-4-4", "12-4-4-4", "4-8-4-4", "8-4-4-4", "8-8-4-4"];
        expected.extend(Some(existing).filter(|e| !e.is_empty()));
        expected.sort_unstable();
        assert_eq!(codes, expected);
    }
}

#[test]
fn outputs_that_cannot_be_are_refused_before_the_work() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| text(&folder.path().join(name));
    alone("4-4-4-4", &at("new/"), &[]).fails(2, &["new/: output", "the name of a directory"]);
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("nowhere", at("link")).unwrap();
        alone("4-4-4-4", &at("link/t.csv"), &[]).fails(3, &["link: No such file"]);
    }
    assert!(fs::read_dir(folder.path()).unwrap().all(|e| e.unwrap().file_name() == "link"));
}

#[test]
fn results_are_kept_unless_the_user_says_otherwise() {
    let folder = TempDir::new().unwrap();
    let at = |name: &str| text(&folder.path().join(name));
    let (run, network) = (grey().name(), grey().file("kept.snb"));
    let ranked = grey().file("kept-scores.json");
    supernano(&["export", &run, "4-8-8-16", "-o", &network]).succeeds();
    supernano(&["rank", &run, "--random", "20", "--images", "20", "-o", &ranked]).succeeds();
    let shard = ["rank", &run, "--random", "20", "--images", "20", "--shard", "1/1"];
    supernano(&[&shard[..], &["-o", &at("1.json")]].concat()).succeeds();
    let (codes, shard) = (["4-8-8-16", "4-4-4-4"], at("1.json"));
    for command in [
        vec!["rank", &run, codes[0], "--images", "20"],
        vec!["rank", &run, codes[0], "--images", "20", "--shard", "1/1"],
        vec!["predict", &ranked, "--space", &run, "--force"],
        vec!["merge", &shard],
        vec!["search", &run, "--scores", &ranked, "--top", "1", "--force"],
        vec!["int8-rank", &run, codes[0], codes[1], "--images", "10"],
        vec!["check", &network, "--target", "host", "--images", "10", "--run", &run],
    ] {
        let output = at("kept.json");
        let with = |more: &[&str]| supernano(&[&command[..], &["-o", &output], more].concat());
        fs::write(&output, "precious").unwrap();
        with(&[]).fails(2, &["kept.json: output: expected a file that does not exist yet"]);
        assert_eq!(fs::read_to_string(&output).unwrap(), "precious");
        with(&["--overwrite"]).succeeds();
        assert!(fs::read_to_string(&output).unwrap().starts_with('{'), "{command:?}");
        let nowhere = [&command[..], &["-o", "/proc/nope/x"]].concat();
        supernano(&nowhere).fails(3, &["/proc/nope/x"]);
        if cfg!(target_os = "linux") {
            let full = [&command[..], &["-o", "/dev/full"]].concat();
            supernano(&full).fails(3, &["/dev/full"]);
        }
    }
}

/// Runs the binary with its standard output and error connected to files.
#[cfg(unix)]
fn redirected(script: &str) -> i32 {
    let run = Command::new("sh").args(["-c", script, binary().to_str().unwrap()]).status();
    run.unwrap().code().unwrap_or(-1)
}

#[cfg(unix)]
#[test]
fn a_stdout_that_is_full_is_an_error_and_a_stderr_is_not() {
    let folder = TempDir::new().unwrap();
    let pairs = folder.path().join("pairs.csv");
    let list = "code,score,standalone_top1\n4-4-4-4-4-4,1,0.1\n8-4-4-4-4-4,2,0.2\n\
                12-4-4-4-4-4,3,0.25\n16-4-4-4-4-4,4,0.3\n";
    fs::write(&pairs, list).unwrap();
    let pairs = text(&pairs);
    let correlate = format!("\"$0\" correlate {pairs} {pairs}");
    for more in ["", " --json"] {
        assert_eq!(redirected(&format!("{correlate}{more} >/dev/full")), 3);
        assert_eq!(redirected(&format!("{correlate}{more} >/dev/null 2>/dev/full")), 0);
        assert_eq!(redirected(&format!("{correlate}{more} >/dev/null 2>&-")), 0);
        assert_eq!(redirected(&format!("{correlate}{more} >&-")), 0);
    }
    let mut unread = Command::new(binary())
        .args(["correlate", &pairs, &pairs])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(unread.stdout.take());
    assert_eq!(unread.wait().unwrap().code(), Some(0));
    assert_eq!(redirected("\"$0\" --help >/dev/full"), 3);
    assert_eq!(redirected("\"$0\" --version >/dev/full"), 3);
    for stderr in ["2>/dev/full", "2>&-", ">&- 2>&-"] {
        assert_eq!(redirected(&format!("\"$0\" correlate no such {stderr}")), 2);
        assert_eq!(redirected(&format!("\"$0\" no-such-command {stderr}")), 2);
    }
}

#[cfg(unix)]
#[test]
fn a_file_size_limit_is_an_error() {
    let folder = TempDir::new().unwrap();
    let output = text(&folder.path().join("n.snb"));
    let run = grey().name();
    let script = format!("ulimit -f 1; \"$0\" export {run} 12-12-16-16 -o {output} 2>/dev/null");
    assert_eq!(redirected(&script), 3);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn too_many_threads_are_refused_at_once() {
    let with = |n: &str| supernano_with(&["spaces"], &[("RAYON_NUM_THREADS", n.into())]);
    for n in ["100000", "18446744073709551616", "many", "-1"] {
        with(n).fails(2, &["environment: RAYON_NUM_THREADS: expected 0 (one a core) to 1024", n]);
    }
    with("3").succeeds();
}

#[test]
fn a_byte_order_mark_changes_nothing() {
    let Some(folder) = shared("faults/byte-order-mark") else { return };
    let at = |name: &str| text(&folder.join(name));
    let here = TempDir::new().unwrap();
    let plain = |name: &str| {
        let whole = fs::read_to_string(folder.join(name)).unwrap();
        let path = here.path().join(name);
        fs::write(&path, whole.strip_prefix('\u{feff}').unwrap_or(&whole)).unwrap();
        text(&path)
    };
    let correlate = |scores: &str, truth: &str| supernano(&["correlate", scores, truth, "--json"]);
    let marked = correlate(&at("scores.json"), &at("truth.json")).json();
    assert_eq!(marked, correlate(&plain("scores.json"), &plain("truth.json")).json());
    for list in ["codes.txt", "codes.csv", "codes.json"] {
        let output = text(&here.path().join("networks"));
        let networks = |codes: &str| {
            supernano(&["dev", "synthetic", "resnet8", codes, "-o", &output, "--json"]).json()
        };
        assert_eq!(networks(&at(list)), networks(&plain(list)));
    }
}

#[test]
fn a_repeated_key_is_named() {
    let Some(folder) = shared("faults/json-key-twice") else { return };
    let [scores, truth] = ["scores.json", "truth.json"].map(|name| text(&folder.join(name)));
    supernano(&["correlate", &scores, &truth, "--json"]).fails(2, &["arch1", "again"]);
}

#[test]
fn archives_are_read_to_their_end() {
    let Some(folder) = shared("faults") else { return };
    let here = TempDir::new().unwrap();
    let train = |fault: &str, archive: &str| {
        let at = |name: &str| text(&folder.join(fault).join(name));
        let run = text(&here.path().join(archive));
        supernano(&["train", &at("c.toml"), "--data", &at(archive), "-o", &run])
    };
    train("checksums-not-read", "flipped.tar.gz").fails(2, &["flipped.tar.gz", "gzip"]);
    train("checksums-not-read", "badcrc.tar.gz").fails(2, &["badcrc.tar.gz", "checksum"]);
    train("multi-member-gzip", "multi.tar.gz").succeeds();
}

#[test]
fn quoted_lists_are_read_and_written() {
    let Some(folder) = shared("faults/csv-not-quoted") else { return };
    let here = TempDir::new().unwrap();
    let output = text(&here.path().join("networks"));
    let networks = |list: &str, space: &str| {
        let list = text(&folder.join(list));
        supernano(&["dev", "synthetic", space, &list, "-o", &output, "--json"]).json()
    };
    assert_eq!(networks("codes.json", "resnet8").as_array().unwrap().len(), 3);
    assert!(!networks("quoted.csv", "resnet20").as_array().unwrap().is_empty());
}

#[test]
fn a_name_that_breaks_a_source_file_is_refused() {
    let Some(file) = shared("faults/space-name-in-source/odd.toml") else { return };
    let here = TempDir::new().unwrap();
    let run = text(&here.path().join("run"));
    supernano(&["train", &text(&file), "-o", &run]).fails(2, &["odd.toml: space.name"]);
}

#[cfg(unix)]
#[test]
fn a_pipe_stays_a_pipe() {
    use std::os::unix::fs::FileTypeExt as _;
    let here = TempDir::new().unwrap();
    let pipe = here.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let reader = Command::new("cat").arg(&pipe).stdout(Stdio::piped()).spawn().unwrap();
    let run = grey().name();
    supernano(&["rank", &run, "4-4-4-4", "--images", "10", "-o", &text(&pipe)]).succeeds();
    let read = reader.wait_with_output().unwrap().stdout;
    assert!(String::from_utf8_lossy(&read).contains("4-4-4-4"));
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(fs::read_dir(here.path()).unwrap().count(), 1);
}

#[test]
fn a_second_training_in_a_run_is_refused() {
    let Some(file) = shared("faults/two-processes/two.toml") else { return };
    let here = TempDir::new().unwrap();
    let run = text(&here.path().join("run"));
    let train = || {
        let file = text(&file);
        let run = run.clone();
        std::thread::spawn(move || supernano(&["train", &file, "-o", &run]).code)
    };
    let mut codes: Vec<i32> = [train(), train()].map(|t| t.join().unwrap()).into();
    codes.sort_unstable();
    assert_eq!(codes, [0, 2]);
    let metrics = fs::read_to_string(here.path().join("run/metrics.jsonl")).unwrap();
    let epoch = |line: &str| -> serde_json::Value {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        serde_json::json!([line["step"], line["epoch"]])
    };
    let epochs: Vec<_> = metrics.lines().map(epoch).collect();
    let distinct: std::collections::HashSet<String> =
        epochs.iter().map(|e| e.to_string()).collect();
    assert_eq!(distinct.len(), epochs.len());
}
