//! `supernano dev gpu` on the CPU: the same program that a rented GPU runs.

use supernano_tests::command::{number, supernano};

const CONFIG: &str = "host-trainer/gpu/agreement.toml";

#[test]
fn a_device_is_checked_timed_and_trained_on_in_several_calls() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gpu");
    let output = output.to_str().unwrap();
    let call = |minutes: &str| {
        supernano(&[
            "dev",
            "gpu",
            "--device",
            "cpu",
            "--config",
            CONFIG,
            "--updates",
            "2",
            "--sliced-updates",
            "1",
            "--minutes",
            minutes,
            "-o",
            output,
            "--json",
        ])
        .json()
    };
    let first = call("0");
    assert_eq!(first["check"]["agrees"], true);
    assert!(first["check"]["comparisons"].as_array().unwrap().len() > 15);
    let steps = first["bench"]["timings"]["steps"].as_array().unwrap();
    let executions: Vec<_> = steps.iter().map(|s| s["execution"].as_str().unwrap()).collect();
    assert_eq!(executions, ["masked", "sliced"]);
    assert!(steps.iter().all(|s| number(s, "/step_ms") > 0.0 && number(s, "/loss") > 0.0));
    assert_eq!((&first["finished"], &first["train"]["epochs"]), (&false.into(), &0.into()));
    let second = call("5");
    assert_eq!((&second["finished"], &second["train"]["epochs"]), (&true.into(), &1.into()));
    assert_eq!(second["bench"], first["bench"]);
    assert_eq!(number(&second, "/train/updates"), 25.0);
}

#[test]
fn a_missing_device_is_reported_before_anything_is_written() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("gpu");
    let output_text = output.to_str().unwrap();
    let arguments = ["dev", "gpu", "--device", "cuda", "--config", CONFIG, "-o", output_text];
    supernano(&arguments).fails(3, &["--device cuda", "--features cuda"]);
    assert!(!output.exists());
}
