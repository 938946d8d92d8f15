use serde::Deserialize;
use supernano_core::space::{RESNET8, RESNET20};

use super::*;

#[derive(Deserialize)]
struct Golden {
    cases: Vec<Case>,
    wilson: Vec<Proportion>,
    challenge: Challenge,
}

/// Of the 300 sub-networks with known truth.
#[derive(Deserialize)]
struct Challenge {
    step2_top1: Agreement,
    winner: Agreement,
}

#[derive(Deserialize)]
struct Agreement {
    pearson: f64,
    spearman: f64,
    kendall_tau_b: f64,
    best_tenth: BestTenth,
    top1_regret: f64,
    top10_regret: f64,
    rmse: f64,
}

#[derive(Deserialize)]
struct BestTenth {
    pearson: f64,
    kendall_tau_b: f64,
}

#[derive(Deserialize)]
struct Case {
    x: Vec<f64>,
    y: Vec<f64>,
    pearson: f64,
    spearman: f64,
    kendall_tau_b: f64,
}

#[derive(Deserialize)]
struct Proportion {
    k: usize,
    n: usize,
    low: f64,
    high: f64,
}

fn close(a: f64, b: f64) {
    assert!((a - b).abs() < 1e-12, "{a} and {b}");
}

#[test]
fn coefficients_are_those_of_scipy() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    assert_eq!(golden.cases.len(), 4);
    for case in golden.cases {
        close(pearson(&case.x, &case.y), case.pearson);
        close(spearman(&case.x, &case.y), case.spearman);
        close(kendall_tau_b(&case.x, &case.y), case.kendall_tau_b);
    }
    for p in golden.wilson {
        let [low, high] = wilson(p.k as f64 / p.n as f64, p.n, 0.95);
        assert!((low - p.low).abs() < 1e-9 && (high - p.high).abs() < 1e-9, "{} of {}", p.k, p.n);
    }
}

#[test]
fn tau_b_equals_counting_pairs() {
    let x: Vec<f64> = (0..60).map(|i| f64::from(i * 37 % 11)).collect();
    let y: Vec<f64> = (0..60).map(|i| f64::from(i * 53 % 17)).collect();
    let (mut sum, mut free_x, mut free_y) = (0.0, 0.0, 0.0);
    for i in 0..60 {
        for j in 0..i {
            let sign = |v: &[f64]| (v[i] - v[j]).partial_cmp(&0.0).unwrap() as i32;
            sum += f64::from(sign(&x) * sign(&y));
            free_x += f64::from(sign(&x).abs());
            free_y += f64::from(sign(&y).abs());
        }
    }
    close(kendall_tau_b(&x, &y), sum / f64::sqrt(free_x * free_y));
}

#[test]
fn numbers_of_any_size_correlate() {
    let (x, y) = ([0.1, 0.4, 0.2, 0.9], [0.3, 0.5, 0.1, 0.8]);
    let r = pearson(&x, &y);
    for factor in [1e-320, 1e-300, 1e-160, 1e150, 1e200, 1e308] {
        let scaled = x.map(|v| v * factor);
        let digits = if factor < 1e-307 { 1e-3 } else { 1e-12 };
        assert!((pearson(&scaled, &y) - r).abs() < digits, "{factor}");
        assert!((pearson(&y, &scaled) - r).abs() < digits, "{factor}");
    }
    assert!((pearson(&[1e300, -1e300, 0.0], &[1.0, -1.0, 0.0]) - 1.0).abs() < 1e-12);
}

#[test]
fn a_constant_series_has_no_coefficient() {
    let (x, y) = ([1.0; 5], [1.0, 2.0, 3.0, 4.0, 5.0]);
    assert!(
        pearson(&x, &y).is_nan() && spearman(&x, &y).is_nan() && kendall_tau_b(&x, &y).is_nan()
    );
    let q = Quality::of(&x, &y);
    assert_eq!((q.n, q.pearson, q.spearman, q.kendall_tau_b), (5, None, None, None));
}

#[test]
fn intervals_are_seeded_and_hold_the_coefficient() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    let case = &golden.cases[3];
    let of = |seed| {
        let how = Resampling { seed, resamples: 300, ..Resampling::default() };
        how.intervals(&case.x, &case.y, [Coefficient::Pearson, Coefficient::Kendall])
    };
    let [[low, high], [tau_low, tau_high]] = of(1);
    assert_eq!(of(1), of(1));
    assert_ne!(of(1), of(2));
    assert!(low < case.pearson && case.pearson < high && high - low < 0.2);
    // Fisher's interval is within a hundredth on normal data of this size.
    let half = 1.96 / 297f64.sqrt();
    assert!((low - (case.pearson.atanh() - half).tanh()).abs() < 0.02, "{low}");
    assert!(tau_low < case.kendall_tau_b && case.kendall_tau_b < tau_high);
}

#[test]
fn regret_and_best_tenth() {
    let score = [0.3, 0.9, 0.9, 0.1];
    let truth = [0.8, 0.5, 0.7, 0.6];
    close(regret(&score, &truth, 1), 0.3);
    close(regret(&score, &truth, 2), 0.1);
    close(regret(&score, &truth, 3), 0.0);
    assert_eq!(best_tenth(&[1.0, 3.0, 2.0]), [1]);
    let eleven: Vec<f64> = (0..11).map(f64::from).collect();
    assert_eq!(best_tenth(&eleven), [10, 9]);
    close(accuracy_se(0.5, 100), 0.05);
}

fn refused(text: &str) -> String {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("t.csv");
    std::fs::write(&path, text).unwrap();
    let error = table::read(&path, &RESNET8, table::TRUTH).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn errors_name_line_and_code() {
    const C: &str = "4-4-4-4-4-4";
    let says = |text: String, parts: &[&str]| {
        let error = refused(&text);
        parts.iter().for_each(|p| assert!(error.contains(p), "{p}: {error}"));
    };
    says("id,code,x\n".into(), &["t.csv:1", "standalone_top1", "id,code,x"]);
    says(format!("code,truth\n{C},.5\n{C}-4,.5\n"), &["t.csv:3", "4-4-4-4-4-4-4"]);
    says(format!("code,truth\n{C},.5\n8-4-4-4-4-5,.5\n"), &["t.csv:3", "layer 7", "5"]);
    says(format!("code,truth\n{C},NaN\n"), &["t.csv:2", C, "NaN"]);
    says(format!("code,truth\n{C},0.5,1\n"), &["t.csv:2", "expected 2", "found 3"]);
    says(format!("code,truth\n{C},.5\n\n{C},.5\n"), &["t.csv:4", C, "t.csv:2"]);
    says("{\"a\": {\"arch\": \"4-4\"}}".into(), &["t.csv: a", "truth"]);
    says(String::new(), &["header"]);
}

#[test]
fn truths_are_fractions_and_scores_are_finite() {
    const C: &str = "4-4-4-4-4-4";
    for truth in ["62.85", "-0.2", "1e300", "1.0000001", "NaN", "inf", "-inf", "1e999", "", "x"] {
        let error = refused(&format!("id,arch,standalone_top1\n1,{C},{truth}\n"));
        assert!(error.contains("t.csv:2") && error.contains(C), "{error}");
        assert_eq!(error.contains("percent"), truth.parse().is_ok_and(f64::is_finite), "{error}");
    }
    for truth in ["62.85", "-0.2", "\"62.85\"", "null", "true"] {
        let error = refused(&format!("{{\"a\": {{\"arch\": \"{C}\", \"truth\": {truth}}}}}"));
        assert!(error.contains("t.csv: a: number of 4-4"), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s.csv");
    for (score, valid) in [("62.85", true), ("-3", true), ("NaN", false), ("inf", false)] {
        std::fs::write(&path, format!("arch,acc\n{C},{score}\n")).unwrap();
        assert_eq!(table::read(&path, &RESNET8, table::SCORE).is_ok(), valid, "{score}");
    }
}

#[test]
fn repeated_ids_keys_and_columns_are_refused() {
    let (a, b) = ("4-4-4-4-4-4", "8-4-4-4-4-4");
    let says = |text: String, parts: &[&str]| {
        let error = refused(&text);
        parts.iter().for_each(|p| assert!(error.contains(p), "{p}: {error}"));
    };
    says(
        format!("id,arch,truth\nx,{a},.5\nx,{b},.6\n"),
        &["t.csv:3: id: expected x once", "t.csv:2"],
    );
    says(
        format!(
            "{{\"x\": {{\"arch\": \"{a}\", \"acc\": 0}},\n\"x\": {{\"arch\": \"{b}\", \"acc\": 1}}}}"
        ),
        &["t.csv:2:", "`x` again"],
    );
    says(format!("[{{\"arch\": \"{a}\", \"acc\": 0, \"acc\": 1}}]"), &["t.csv:1:", "`acc` again"]);
    says(
        format!(
            "[{{\"id\": 1, \"arch\": \"{a}\", \"acc\": 0}}, {{\"id\": 1, \"arch\": \"{b}\", \"acc\": 0}}]"
        ),
        &["t.csv: [1]: id"],
    );
    says(format!("arch,code,truth\n{a},{b},.5\n"), &["t.csv:1: header: expected one column of"]);
    says(
        format!("[{{\"code\": \"{b}\", \"arch\": \"{a}\", \"acc\": 0}}]"),
        &["one key of `code` and `arch`"],
    );
    says(format!("arch,truth,truth\n{a},.5,.6\n"), &["t.csv:1: header", "`truth` once"]);
}

#[test]
fn tables_are_read_with_a_mark_and_with_quotes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.csv");
    let text = "\u{feff}\"id\",\"arch\",\"truth\"\r\n\"a,b\",\"4-4-4-4-4-4\",\"0.5\"\r\n";
    std::fs::write(&path, text).unwrap();
    let read = table::read(&path, &RESNET8, table::TRUTH).unwrap();
    assert_eq!((read[0].value, read[0].text.as_str()), (0.5, "4-4-4-4-4-4"));
    std::fs::write(&path, "\u{feff}[{\"arch\": \"4-4-4-4-4-4\", \"acc\": 0.5}]").unwrap();
    assert_eq!(table::read(&path, &RESNET8, table::TRUTH).unwrap().len(), 1);
}

#[test]
fn truths_need_scores() {
    let directory = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = directory.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let scores = write(
        "s.json",
        r#"{"arch1": {"acc": 0.4, "arch": "4-4-4-4-4-4"}, "arch2": {"acc": 0.5, "arch": "8-4-4-4-4-4"},
            "arch3": {"acc": 0.6, "arch": "8-8-4-4-4-4"}}"#,
    );
    let scores = table::read(&scores, &RESNET8, table::SCORE).unwrap();
    let truths = |text: &str| table::read(&write("t.csv", text), &RESNET8, table::TRUTH).unwrap();
    let all =
        truths("id,arch,standalone_top1\n1,8-4-4-4-4-4,.2\n2,4-4-4-4-4-4,.1\n3,8-8-4-4-4-4,.3\n");
    let (_, score, truth) = table::matched(&RESNET8, &scores, &all).unwrap();
    assert_eq!((score, truth), (vec![0.5, 0.4, 0.6], vec![0.2, 0.1, 0.3]));
    let missing = truths("code,truth\n16-4-4-4-4-4,.2\n");
    let error = table::matched(&RESNET8, &scores, &missing).unwrap_err().to_string();
    assert!(error.contains("t.csv:2") && error.contains("16-4-4-4-4-4"), "{error}");
    assert!(table::matched(&RESNET8, &scores, &all[..2]).is_err());
}

#[test]
fn published_scores_agree_with_scipy() {
    let Some(challenge) = crate::testing::shared("challenge") else { return };
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    let truths = challenge.join("ground_truth_dev_300.csv");
    let truths = table::read(&truths, &RESNET20, table::TRUTH).unwrap();
    for (file, column, golden) in [
        ("reference_step2_protocol_a_dev_300.csv", "top1", golden.challenge.step2_top1),
        ("reference_scores_50000.csv.gz", "bma_p59_top1_percent", golden.challenge.winner),
    ] {
        let scores = table::read(&challenge.join(file), &RESNET20, &[column]).unwrap();
        let (archs, score, truth) = table::matched(&RESNET20, &scores, &truths).unwrap();
        let how = Resampling { resamples: 50, ..Resampling::default() };
        let made = report(&RESNET20, &archs, &score, &truth, &how);
        assert_eq!(made.n, 300);
        let is = |x: Option<f64>, expected: f64| {
            assert!((x.unwrap() - expected).abs() < 1e-9, "{column}: {x:?}, scipy {expected}");
        };
        is(made.pearson, golden.pearson);
        is(made.spearman, golden.spearman);
        is(made.kendall_tau_b, golden.kendall_tau_b);
        is(made.best_tenth.pearson, golden.best_tenth.pearson);
        is(made.best_tenth.kendall_tau_b, golden.best_tenth.kendall_tau_b);
        is(Some(made.top1_regret), golden.top1_regret);
        is(Some(made.top10_regret), golden.top10_regret);
        is(made.rmse, golden.rmse);
        assert!(made.baselines.macs.all.pearson.unwrap() < 0.6);
    }
}

#[test]
fn the_json_has_the_documented_keys() {
    let codes = ["4-4-4-4-4-4", "8-4-4-4-8-4", "8-8-8-8-8-8", "16-16-32-32-64-64"];
    let archs = codes.map(|c| supernano_core::arch::Arch::parse(&RESNET8, c).unwrap());
    let (score, truth) = ([0.1, 0.4, 0.3, 0.5], [0.2, 0.3, 0.5, 0.8]);
    let made = report(&RESNET8, &archs, &score, &truth, &Resampling::default());
    let value = serde_json::to_value(&made).unwrap();
    for pointer in [
        "/n",
        "/pearson",
        "/pearson_ci/0",
        "/spearman",
        "/spearman_ci/1",
        "/kendall_tau_b",
        "/kendall_ci/1",
        "/best_tenth/pearson",
        "/best_tenth/kendall_tau_b",
        "/top1_regret",
        "/top10_regret",
        "/rmse",
        "/baselines/macs/pearson",
        "/baselines/params/kendall_tau_b",
        "/baselines/width/layer",
        "/baselines/macs/best_tenth/pearson",
    ] {
        assert!(value.pointer(pointer).is_some(), "{pointer}: {value}");
    }
    assert!(value.get("pairs").is_none());
    assert_eq!(value["baselines"]["macs"]["kendall_tau_b"], 1.0);
    // One network alone in the best tenth has no coefficient.
    assert!(value["best_tenth"]["pearson"].is_null());
    let value = serde_json::to_value(made.with_pairs(&RESNET8, &archs, &score, &truth)).unwrap();
    assert_eq!(value["pairs"][1]["code"], codes[1]);
    assert_eq!(serde_json::from_value::<Report>(value.clone()).unwrap().pairs.len(), 4);
}
