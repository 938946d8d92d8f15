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
    let layer = LayerCount { name: "x".into(), count: Count::Cycles(3), spread: 1, macs: 2 };
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
