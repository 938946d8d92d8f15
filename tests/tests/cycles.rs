//! Estimated cycles: the plugin against the timer of the emulator, times, and their names.

use serde_json::Value;
use supernano_tests::command::{firmware, number, root, supernano, supernano_with};
use supernano_tests::line::{Emulated, Start, posing_line};
use supernano_tests::small::{by_eight, grey};

fn latency(target: &str, more: &[&str]) -> Value {
    firmware(&format!("{target}-agent"));
    let args = ["latency", by_eight(), "--target", target, "--repeats", "1", "--json"];
    supernano(&[&args[..], more].concat()).json()
}

#[test]
fn the_plugin_counts_the_instructions_that_the_timer_counts() {
    for (target, core) in
        [("qemu-m4", "cortex-m4"), ("qemu-m3", "cortex-m3"), ("qemu-m0", "cortex-m0+")]
    {
        let report = latency(target, &[]);
        let estimate = &report["estimate"];
        assert_eq!(
            (&estimate["method"], &estimate["core"]),
            (&"by instruction".into(), &core.into())
        );
        assert_eq!(estimate["instructions"], report["instructions"], "{target}");
        let [low, mid, high] =
            ["low", "mid", "high"].map(|e| number(estimate, &format!("/cycles_estimated/{e}")));
        assert!(number(&report, "/instructions") < low && low <= mid && mid <= high, "{estimate}");
        // The layers include the reads of the timer between them.
        let layers = report["layers"].as_array().unwrap();
        let sum: f64 = layers.iter().map(|l| number(l, "/cycles_estimated/mid")).sum();
        assert!(sum > mid && sum < 1.05 * mid, "{target}: {sum} against {mid}");
    }
}

#[test]
fn a_chip_gives_a_time_that_is_called_estimated() {
    let report = latency("qemu-m4", &["--chip", "STM32F446RETx"]);
    let estimate = &report["estimate"];
    let cycles = number(estimate, "/cycles_estimated/mid");
    let expected = cycles / 180e6 * 1e3;
    assert!((number(estimate, "/milliseconds/mid") / expected - 1.0).abs() < 1e-9, "{estimate}");
    let lines = number(estimate, "/flash_reads/code_lines")
        + number(estimate, "/flash_reads/constant_lines");
    assert_eq!(number(estimate, "/with_flash/cycles_estimated"), cycles + 5.0 * lines);
    let note = estimate["note"].as_str().unwrap();
    assert!(note.contains("estimated") && !estimate.to_string().contains("measured"), "{estimate}");
    // The flash of this chip is not modelled.
    let other = latency("qemu-m4", &["--chip", "nRF52840_xxAA"]);
    assert!(other["estimate"]["with_flash"].is_null(), "{other}");
    let args = ["latency", by_eight(), "--target", "qemu-m4", "--chip", "RP2040"];
    supernano(&args).fails(2, &["--chip", "cortex-m0+"]);
}

#[test]
fn cores_without_published_timings_have_no_estimate() {
    let report = latency("qemu-m33", &[]);
    assert!(report["estimate"].is_null(), "{report}");
    let args = ["latency", by_eight(), "--target", "qemu-m33", "--clock", "100"];
    supernano(&args).fails(2, &["--clock", "published timings"]);
}

#[test]
fn without_the_plugin_a_table_models_the_cycles() {
    let counted = latency("qemu-m4", &[]);
    let nowhere = [("SUPERNANO_CYCLE_PLUGIN_DIR", "nowhere".into())];
    let args = ["latency", by_eight(), "--target", "qemu-m4", "--repeats", "1", "--json"];
    let modelled = supernano_with(&args, &nowhere).json();
    assert_eq!(modelled["estimate"]["method"], "modelled");
    assert!(modelled["estimate"]["instructions"].is_null(), "{modelled}");
    assert_eq!(modelled["instructions"], counted["instructions"]);
    let mid = |report: &Value| number(report, "/estimate/cycles_estimated/mid");
    let ratio = mid(&modelled) / mid(&counted);
    assert!((ratio - 1.0).abs() < 0.05, "{ratio}");
}

#[test]
fn a_search_limits_the_estimated_time() {
    let (run, scores) = (grey().name(), grey().file("cycles-scores.json"));
    supernano(&["rank", &run, "--random", "30", "-o", &scores, "--json"]).succeeds();
    let search = |more: &[&str]| {
        let front = grey().file("cycles-front.json");
        let args = ["search", &run, "--scores", &scores, "-o", &front, "--json"];
        // The weights are random, so no model predicts their scores.
        let options = ["--chip", "STM32F446RETx", "--force", "--overwrite"];
        supernano(&[&args[..], &options, more].concat())
    };
    let slowest = |found: &Value| {
        let listed = found["networks"].as_array().unwrap();
        let time = |n: &Value| number(n, "/time/milliseconds_estimated/mid");
        listed.iter().map(time).fold(0.0, f64::max)
    };
    let all = search(&[]).json();
    let less = format!("{}us", (slowest(&all) * 750.0).round());
    let found = search(&["--latency", &less]).json();
    assert!(slowest(&found) <= slowest(&all) * 0.75 + 1e-3, "{found}");
    assert_eq!(found["instructions"]["unit"], "instructions");
    let limit = number(&found, "/time/limit_cycles");
    for network in found["networks"].as_array().unwrap() {
        let cycles = number(network, "/time/cycles_estimated/mid");
        assert!(cycles <= limit && cycles > number(network, "/instructions"), "{network}");
    }
    assert!(found["time"]["note"].as_str().unwrap().starts_with("estimated"), "{found}");
    search(&["--latency", "1us"]).fails(1, &["--latency, in estimated cycles"]);
}

#[test]
fn a_board_settles_the_estimate() {
    let start = Start { placed: None, counting: true };
    let emulated = Emulated::with(&firmware("qemu-m4-agent"), start);
    drop(emulated.connect());
    let port = posing_line(&emulated, "STM32F446RETx", 180_000_000);
    let target = format!("tcp:127.0.0.1:{port}");
    let file = grey().file("cycles.json");
    let args = ["dev", "cycles", by_eight(), "--target", &target, "-o", &file, "--json"];
    let found = supernano(&args).json();
    let total = &found["total"];
    let expected = number(total, "/cycles_measured") / number(total, "/cycles_estimated/mid");
    assert!((number(total, "/ratio") - expected).abs() < 1e-12, "{total}");
    // This board is an emulator that calls its instructions cycles.
    assert_eq!(total["cycles_measured"], total["instructions"]);
    assert_eq!((&found["chip"], &found["core"]), (&"STM32F446RETx".into(), &"cortex-m4".into()));
    assert_eq!(number(&found, "/estimate/with_flash/wait_states"), 5.0);
    let written = std::fs::read_to_string(root().join(&file)).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&written).unwrap(), found);
    let args = ["dev", "cycles", by_eight(), "--target", "qemu-m4"];
    supernano(&args).fails(2, &["--target", "board"]);
}
