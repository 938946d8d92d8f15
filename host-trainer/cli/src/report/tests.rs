use super::*;

const RESULTS: &str = r#"{"networks": [
  {"code": "16-16-32-32-64-64", "score": 0.9, "score_se": 0.01, "top1_float": 0.91,
   "top1_int8": 0.905, "top1_device": 0.905, "flash_bytes": 123456, "arena_bytes": 34816,
   "instructions": 13800000,
   "cycles_estimated": {"low": 20000000, "mid": 21600000, "high": 22000000},
   "clock_hz": 180000000, "layers": [{"name": "stem", "instructions": 3800000},
   {"name": "block1 <a>", "instructions": 10000000}]},
  {"code": "4-4-4-4-4-4", "score": 0.6, "score_se": 0.02, "top1_float": 0.61, "top1_int8": 0.6,
   "top1_device": null, "flash_bytes": 2345, "arena_bytes": 9000, "instructions": 700000,
   "layers": []}],
 "correlation": {"n": 20, "pearson": 0.912, "pearson_ci": [0.85, 0.95], "spearman": 0.9,
  "kendall_tau_b": 0.75, "best_tenth": {"pearson": null}, "top1_regret": 0.004,
  "baselines": {"macs": {"pearson": 0.432}}, "pairs": [{"score": 0.5, "truth": 0.7},
  {"score": 0.6, "truth": 0.75}]}, "seconds": 240.4}"#;

const METRICS: &str = "{\"event\": \"start\"}\n\
    {\"step\": 1, \"epoch\": 0, \"loss\": 2.0}\n{\"step\": 1, \"epoch\": 0, \"loss\": 1.0}\n\
    {\"step\": 1, \"epoch\": 1, \"loss\": 0.5, \"panel\": [0.4, 0.6]}\n\
    {\"step\": 2, \"epoch\": 0, \"loss_largest\": 0, \"loss_students\": 3.0, \"panel\": {\"a\": {\"top1\": 0.7, \"ce\": 2.0}}}\n\
    {\"step\": 2, \"epo";

fn made(files: &[(&str, &str)]) -> Result<String> {
    let run = tempfile::tempdir().unwrap();
    for (name, text) in files {
        std::fs::write(run.path().join(name), text).unwrap();
    }
    let path = write(run.path())?;
    assert_eq!(path, run.path().join("report.html"));
    Ok(std::fs::read_to_string(path).unwrap())
}

#[test]
fn a_whole_run_shows_everything() {
    let page = made(&[("results.json", RESULTS), ("metrics.jsonl", METRICS)]).unwrap();
    // Front, pairs, loss, panel, layers of one network.
    assert_eq!(page.matches("<svg").count(), 5);
    for part in [
        "16-16-32-32-64-64",
        "88.0 to 92.0",
        "90.50",
        "123,456",
        "34,816",
        "13,800,000",
        "21,600,000",
        "120.00 (111.11 to 122.22)",
        "estimated (core model, no wait states)",
        "240 s",
        "0.912 (0.850 to 0.950)",
        "MACs",
        "0.432",
        "step 2, sub-networks",
        "Instructions by layer",
    ] {
        assert!(page.contains(part), "{part}");
    }
    assert!(!page.contains("<a>"), "names are escaped");
    for outside in ["http:", "https:", "<script", "<link", "src="] {
        let plain = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!plain.contains(outside), "{outside}");
    }
}

#[test]
fn missing_parts_are_left_out() {
    let page = made(&[("metrics.jsonl", METRICS)]).unwrap();
    assert_eq!(page.matches("<svg").count(), 2);
    assert!(!page.contains("<table"));
    let page =
        made(&[("results.json", r#"{"networks": [{"code": "4-4", "score": 0.5}]}"#)]).unwrap();
    assert_eq!(page.matches("<svg").count(), 0);
    assert!(page.contains("50.00") && !page.contains("flash") && !page.contains("interval"));
}

#[test]
fn nothing_or_nonsense_is_an_error() {
    let error = made(&[]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("results.json"));
    let error = made(&[("results.json", "{\"networks\": 3}")]).unwrap_err();
    assert!(error.to_string().contains("results.json:1"), "{error}");
    let error = made(&[("metrics.jsonl", "{}\nx\n{}\n")]).unwrap_err();
    assert!(error.to_string().contains("metrics.jsonl:2"), "{error}");
}

#[test]
fn curves_are_read_with_their_means() {
    let run = tempfile::tempdir().unwrap();
    let path = run.path().join("metrics.jsonl");
    std::fs::write(&path, METRICS).unwrap();
    let points = metrics(&path).unwrap();
    assert_eq!(points.len(), 4);
    assert_eq!(
        points[2],
        Point { step: 1, at: 1.0, loss: Some(0.5), students: None, panel: Some(0.5) }
    );
    assert_eq!(
        points[3],
        Point { step: 2, at: 0.0, loss: None, students: Some(3.0), panel: Some(0.7) }
    );
}
