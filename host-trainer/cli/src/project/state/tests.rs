use super::*;

#[test]
fn stages_are_done_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path();
    let error = state(run).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("config.toml"), "{error}");
    let config = "preset = \"quick\"\nspace = \"resnet8\"\n";
    std::fs::write(run.join("config.toml"), config).unwrap();
    let found = state(run).unwrap();
    assert_eq!(found.stages.len(), 6);
    assert!(found.stages.iter().all(|s| !s.done));
    assert!(found.next.unwrap().ends_with("--resume"));
    std::fs::create_dir(run.join("networks")).unwrap();
    for name in ["b.snb", "a.snb", "a.h"] {
        std::fs::write(run.join("networks").join(name), "").unwrap();
    }
    std::fs::write(run.join("scores.json"), "").unwrap();
    let stages = state(run).unwrap().stages;
    let done: Vec<&str> = stages.iter().filter(|s| s.done).map(|s| s.command).collect();
    assert_eq!(done, ["rank", "export"]);
    assert_eq!(stages[3].detail, "networks/a.snb and 1 more");
}
