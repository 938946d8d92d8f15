use supernano_base::run_dir::RunDirectory;

use super::*;
use crate::session::Traffic;

#[test]
fn the_median_and_the_spread() {
    assert_eq!(median(&mut []), (0, 0));
    assert_eq!(median(&mut [7]), (7, 0));
    assert_eq!(median(&mut [9, 1]), (1, 8));
    assert_eq!(median(&mut [5, 100, 4]), (5, 96));
}

#[test]
fn the_unit_is_the_numbers_name() {
    let layer = LayerCount {
        name: "x".into(),
        count: Count::Cycles(3),
        spread: 1,
        macs: 2,
        vector_instructions: None,
        cycles_estimated: None,
        flash_reads: None,
    };
    let json = serde_json::to_value(&layer).unwrap();
    assert_eq!((&json["cycles"], json.get("instructions")), (&3.into(), None));
}

fn report() -> LatencyReport {
    LatencyReport {
        target: "tcp:a,b:1".into(),
        device: DeviceInfo { chip: "x".into(), clock_hz: 8, ..DeviceInfo::default() },
        code: "4-8".into(),
        unit: "cycles",
        total: Count::Cycles(3),
        vector_instructions: None,
        spread: 1,
        repeats: 5,
        milliseconds: Some(0.375),
        scaled: None,
        network: None,
        traffic: Traffic::default(),
        arena_bytes: 0,
        stack_bytes: 0,
        open_stack_bytes: 0,
        checksum: 0,
        estimate: None,
        layers: Vec::new(),
    }
}

#[test]
fn every_count_adds_a_line_to_the_table_of_the_run() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    append_counts(&run, &report()).unwrap();
    append_counts(&run, &report()).unwrap();
    let text = std::fs::read_to_string(run.latency_table()).unwrap();
    let line = "4-8,,tcp:a;b:1,x,8,cycles,3,1,5,0.375";
    assert_eq!(text.lines().skip(1).collect::<Vec<_>>(), [line; 2]);
    assert!(text.starts_with("code,rank_score,target,"), "{text}");
}

#[test]
fn scores_that_cannot_be_read_are_an_error() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    std::fs::write(run.config_file(), "preset = \"quick\"\n").unwrap();
    std::fs::write(run.scores(), "{\"arch1\": ").unwrap();
    let message = append_counts(&run, &report()).unwrap_err().to_string();
    assert!(message.contains("scores.json"), "{message}");
    assert!(!run.latency_table().exists());
}

#[test]
fn an_estimate_becomes_a_time_at_a_clock() {
    use supernano_base::cycles::{Cycles, FlashReads};
    let cycles = Cycles { low: 1000, mid: 2000, high: 4000 };
    let reads = FlashReads { code_lines: 300, constant_lines: 100, constant_words: 999 };
    let counted = Estimate::counted("cortex-m4", 600, cycles, reads).at(1_000_000, Some(5));
    let times = counted.milliseconds.unwrap();
    assert_eq!((times.low, times.mid, times.high), (1.0, 2.0, 4.0));
    let with_flash = counted.with_flash.unwrap();
    assert_eq!((with_flash.cycles_estimated, with_flash.milliseconds), (4000, 4.0));
    // A chip whose flash is not modelled, and a table without reads, give no such time.
    let unknown = Estimate::counted("cortex-m4", 600, cycles, reads).at(1_000_000, None);
    let modelled = Estimate::modelled("cortex-m4", cycles, 0.01).at(1_000_000, Some(5));
    assert_eq!((unknown.with_flash, modelled.with_flash), (None, None));
    assert!(unknown.note.contains("estimated") && !unknown.note.contains("measured"));
}
