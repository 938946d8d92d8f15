use std::path::Path;

use supernano_core::arch::Arch;

use super::*;
use crate::cli::Output;
use crate::rank::{EvalSet, evaluate};

const SPACE: &str = r#"
[space]
name = "tiny"
input = { height = 28, width = 28, channels = 1 }
classes = 4
layers = [
  { widths = [4, 8] },
  { widths = [4, 8], stride = 2 },
  { widths = [4, 8, 12] },
]
blocks = ["conv", "projection"]
"#;

const STEPS: &str = r#"
[[step]]
kind = "largest"
epochs = 2
lr = 0.1
batch = 16

[[step]]
kind = "supernet"
epochs = 2
lr = 0.05
batch = 16
k = 2

[[step]]
kind = "supernet"
scheme = "halves"
epochs = 1
lr = 0.01
batch = 16
k = 2
sampling = "fair"
teacher = "fixed"
temperature = 2.0
"#;

fn config(space: &str) -> RunConfig {
    let head = "seed = 3\nenhancement = \"prelu+oe\"\npanel = 1\n";
    let data = "[data]\nname = \"glyphs\"\ntrain = 64\nvalidation = 32\ntest = 32\n\
                [recalibration]\nimages = 32\nbatch = 16\n";
    RunConfig::parse(&format!("{head}{data}{space}{STEPS}"), "test").unwrap()
}

fn quiet() -> Output {
    Output::new(true)
}

fn trained(config: &RunConfig, run: &Path, begin: Begin) -> Vec<Epoch> {
    train(config, &load_data(config, None).unwrap(), run, begin, &quiet()).unwrap()
}

fn bytes(run: &Path, step: usize) -> Vec<u8> {
    std::fs::read(checkpoint::finished_path(run, step)).unwrap()
}

/// What a run leaves when it is killed after an epoch: trains a configuration whose step is cut
/// short, at the rates of the whole.
fn interrupted(config: &RunConfig, run: &Path) {
    let dataset = load_data(config, None).unwrap();
    epoch::train_until(config, &dataset, run, Begin::New, &quiet(), Some((2, 1))).unwrap();
    assert!(checkpoint::current_path(run).is_file());
    assert!(!checkpoint::finished_path(run, 2).exists());
}

#[test]
fn a_resumed_run_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let config = config(SPACE);
    assert_eq!(trained(&config, &whole, Begin::New).len(), 5);
    interrupted(&config, &parts);
    assert_eq!(trained(&config, &parts, Begin::Resume).len(), 2);
    for step in 1..=3 {
        assert!(bytes(&whole, step) == bytes(&parts, step), "step {step} differs");
    }
    let losses = |run: &Path| -> Vec<(f64, f64)> {
        let text = std::fs::read_to_string(run.join("metrics.jsonl")).unwrap();
        let lines = text.lines().map(|l| serde_json::from_str::<Epoch>(l).unwrap());
        lines.map(|e| (e.loss_largest, e.loss_students)).collect()
    };
    assert_eq!(losses(&whole), losses(&parts));
    assert!(trained(&config, &whole, Begin::Resume).is_empty());
}

#[test]
fn a_run_opens_at_its_last_step_and_scores() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SPACE);
    trained(&config, folder.path(), Begin::Overwrite);
    let run = Run::open(folder.path()).unwrap();
    assert_eq!((run.step, run.space().name), (3, "tiny"));
    assert_eq!(run.config.steps, config.steps);
    let dataset = run.dataset(None).unwrap();
    let set = EvalSet::new(&dataset, &dataset.validation, 32);
    let score = evaluate(&run.folded(&Arch::largest(run.space()), &dataset), &set);
    assert!(score.ce.is_finite() && score.images == 32);
    let again = train(&config, &dataset, folder.path(), Begin::New, &quiet()).unwrap_err();
    assert!(again.to_string().contains("--resume"), "{again}");
}

#[test]
fn a_large_two_class_space_trains() {
    let folder = tempfile::tempdir().unwrap();
    let space = SPACE
        .replace("height = 28, width = 28, channels = 1", "height = 96, width = 96, channels = 3")
        .replace("classes = 4", "classes = 2");
    let config = config(&space);
    let epochs = trained(&config, folder.path(), Begin::New);
    assert!(epochs[1].loss_largest < 1.5 && epochs[1].loss_largest > 0.0);
    assert_eq!(epochs[1].panel.len(), 1);
    assert_eq!(epochs[2].panel.len(), 3);
}

#[test]
fn a_loss_that_is_not_finite_stops_with_step_and_code() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(SPACE);
    config.steps[0].lr = 1e38;
    let dataset = load_data(&config, None).unwrap();
    let error = train(&config, &dataset, folder.path(), Begin::New, &quiet()).unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 1, .. }), "{error}");
    assert!(error.to_string().contains("8-8-12"), "{error}");
}

#[test]
fn a_damaged_checkpoint_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SPACE);
    trained(&config, folder.path(), Begin::New);
    let path = checkpoint::finished_path(folder.path(), 3);
    let mut file = bytes(folder.path(), 3);
    let middle = file.len() / 2;
    file[middle] ^= 1;
    std::fs::write(&path, &file).unwrap();
    let error = Run::open(folder.path()).unwrap_err().to_string();
    assert!(error.contains("CRC"), "{error}");
    file.truncate(10);
    std::fs::write(&path, &file).unwrap();
    assert!(Run::open(folder.path()).is_err());
}

#[test]
fn the_smallest_space_trains_alone_in_both_forms() {
    use standalone::{Form, Recipe, train_alone};
    let config = config(SPACE);
    let dataset = load_data(&config, None).unwrap();
    let coded = &crate::rank::random_codes(config.space(), 1, 1)[0];
    let truth = |form| {
        let recipe = Recipe { form, epochs: 1, lr: 0.05, seed: 9 };
        train_alone(&config, &dataset, coded, &recipe).unwrap()
    };
    let nominal = truth(Form::Nominal);
    assert_eq!(nominal, truth(Form::Nominal));
    assert_ne!(nominal.ce, truth(Form::Effective).ce);
}
