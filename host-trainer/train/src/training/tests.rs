mod kernels;
mod refused;

use std::path::Path;

use supernano_base::codes::truth::{Form, Recipe};
use supernano_base::config::RunConfig;
use supernano_base::error::Error;
use supernano_base::progress::Silent;
use supernano_core::arch::Arch;
use supernano_data::of_config;

use super::*;
use crate::run::Run;
use crate::run::checkpoint::{self, Checkpoint};
use crate::supernet::{EvalSet, Layout, Weights, evaluate};

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

fn trained(config: &RunConfig, run: &Path, begin: Begin) -> Vec<Epoch> {
    train(config, &of_config(config, None).unwrap(), run, begin, &SlicedAccelerator, &Silent)
        .unwrap()
}

fn bytes(run: &Path, step: usize) -> Vec<u8> {
    std::fs::read(checkpoint::finished_path(run, step)).unwrap()
}

/// What a run leaves when it is killed after an epoch: trains a configuration whose step is cut
/// short, at the rates of the whole.
fn interrupted(config: &RunConfig, run: &Path) {
    let dataset = of_config(config, None).unwrap();
    let stop = |s, e| (s, e) == (2, 1);
    train_until(config, &dataset, run, Begin::New, &SlicedAccelerator, &Silent, &stop).unwrap();
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
fn one_thread_and_two_train_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(SPACE);
    let with = |threads: usize| {
        let run = folder.path().join(threads.to_string());
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| trained(&config, &run, Begin::New));
        (1..=3).map(|step| bytes(&run, step)).collect::<Vec<_>>()
    };
    assert!(with(1) == with(2));
}

/// A supernet step from scratch with all that the challenge's third place adds.
fn third(config: &RunConfig) -> RunConfig {
    let mut config = config.clone();
    let step = &mut config.steps[1];
    step.scratch = true;
    step.sampling = supernano_base::config::Sampling::SandwichFair;
    (step.k, step.clip, step.warmup, step.alpha) = (3, Some(5.0), 1, 1.0);
    config.optimizer.weight_decay = 0.0;
    config.steps = vec![config.steps[1].clone()];
    config
}

#[test]
fn the_third_places_loss_trains_and_resumes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let config = third(&config(SPACE));
    let epochs = trained(&config, &whole, Begin::New);
    assert!(epochs[0].lr < epochs[1].lr * 1.1 && epochs[1].loss_students > 0.0);
    let dataset = of_config(&config, None).unwrap();
    let once = |_, _| true;
    train_until(&config, &dataset, &parts, Begin::New, &SlicedAccelerator, &Silent, &once).unwrap();
    assert!(!checkpoint::finished_path(&parts, 1).exists());
    let middle = Run::open_unfinished(&parts).unwrap();
    assert_eq!(middle.step, 1);
    trained(&config, &parts, Begin::Resume);
    assert!(bytes(&whole, 1) == bytes(&parts, 1));
}

/// A deadline ends an epoch after any update, and a resumed run computes the same bits.
#[test]
fn a_deadline_ends_training_within_an_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let config = third(&config(SPACE));
    trained(&config, &whole, Begin::New);
    let dataset = of_config(&config, None).unwrap();
    let mut begin = Begin::New;
    for calls in 0..100 {
        // The first call trains nothing, the others three updates each.
        let left = std::cell::Cell::new(if calls == 0 { 0u32 } else { 3 });
        let late = || left.replace(left.get().saturating_sub(1)) == 0;
        let stop = Stop::BeforeUpdate(&late);
        let (cpu, out) = (&SlicedAccelerator, &Silent);
        train_stopping(&config, &dataset, &parts, begin, cpu, out, stop).unwrap();
        begin = Begin::Resume;
        let current = checkpoint::current_path(&parts);
        assert!(calls != 1 || current.exists());
        if checkpoint::finished_path(&parts, 1).exists() {
            assert!(calls > 2, "{calls}");
            break;
        }
    }
    assert!(bytes(&whole, 1) == bytes(&parts, 1));
}

/// A tiny clip leaves the weights nearly where they were; a huge one changes nothing.
#[test]
fn gradients_are_clipped() {
    let folder = tempfile::tempdir().unwrap();
    let base = third(&config(SPACE));
    let end = |clip: Option<f32>| {
        let mut config = base.clone();
        config.steps[0].clip = clip;
        let run = folder.path().join(format!("{clip:?}"));
        trained(&config, &run, Begin::New);
        Run::open(&run).unwrap().weights.values
    };
    let layout = Layout::new(base.shared_space(), base.enhancement, base.scheme(1));
    let start = Weights::initial(layout, supernano_base::rng::Key::new(base.seed)).values;
    let moved = |end: &[f32]| -> f64 {
        start.iter().zip(end).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>().sqrt()
    };
    let (free, loose, tight) = (end(None), end(Some(1e6)), end(Some(1e-3)));
    assert!(free == loose);
    // 8 updates at rates below 0.05, each of a gradient of at most 0.001, momentum 0.9
    assert!(moved(&tight) < 4e-3 && moved(&free) > 10.0 * moved(&tight), "{}", moved(&tight));
}

#[test]
fn earlier_checkpoints_are_kept_as_many_as_asked() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(SPACE);
    config.keep = 2;
    config.steps[0].epochs = 5;
    let dataset = of_config(&config, None).unwrap();
    let stop = |_, epoch| epoch == 4;
    train_until(&config, &dataset, folder.path(), Begin::New, &SlicedAccelerator, &Silent, &stop)
        .unwrap();
    let files = || {
        let entries = std::fs::read_dir(folder.path().join("checkpoints")).unwrap();
        let mut names: Vec<String> =
            entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(files(), ["current.snw", "earlier-1.snw"]);
    trained(&config, folder.path(), Begin::Resume);
    assert_eq!(files(), ["step-1.snw", "step-2.snw", "step-3.snw"]);
}

#[test]
fn an_epoch_ends_after_the_updates_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(SPACE);
    config.steps.truncate(1);
    config.steps[0].updates = Some(3);
    let updates: Vec<u64> =
        trained(&config, folder.path(), Begin::New).iter().map(|e| e.updates).collect();
    assert_eq!(updates, [3, 3]);
}

#[test]
fn the_panel_correlates_with_truths() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(SPACE);
    config.panel = 5;
    let codes = supernano_base::codes::random_codes(&config.space(), 8, 3);
    let lines: Vec<String> =
        codes.iter().enumerate().map(|(i, c)| format!("{},0.{}", c.written, i + 1)).collect();
    let file = folder.path().join("truth.csv");
    std::fs::write(&file, format!("arch,standalone_top1\n{}\n", lines.join("\n"))).unwrap();
    config.truths = Some(file.clone());
    let epochs = trained(&config, &folder.path().join("run"), Begin::New);
    assert_eq!(epochs[0].pearson, None);
    let last = epochs.last().unwrap();
    assert_eq!(last.panel.len(), 7);
    assert!(last.panel[2..].iter().all(|p| lines.iter().any(|l| l.starts_with(&p.code))));
    assert!(last.pearson.is_none_or(|r| (-1.0..=1.0).contains(&r)));
    // a code of another space is refused before a run directory is made
    std::fs::write(&file, "arch,standalone_top1\n4-4-5,0.5\n").unwrap();
    let run = folder.path().join("never");
    let dataset = of_config(&config, None).unwrap();
    assert!(train(&config, &dataset, &run, Begin::New, &SlicedAccelerator, &Silent).is_err());
    assert!(!run.exists());
}

/// In a round of as many draws as a layer has options, each comes once; the smallest comes first
/// in every update of the sandwich.
#[test]
fn fair_draws_are_fair() {
    use supernano_base::config::Sampling;
    let config = config(SPACE);
    let space = config.space();
    for (sampling, k, others) in [(Sampling::Fair, 3, 3), (Sampling::SandwichFair, 4, 3)] {
        let step = supernano_base::config::StepConfig { sampling, k, ..config.steps[2].clone() };
        let key = supernano_base::rng::Key { seed: 3, epoch: 0, step: 2 };
        let mut seen = vec![vec![0usize; 3]; 3];
        for update in 0..4 {
            let archs = sampling::draw(&space, &step, key, update).unwrap();
            assert_eq!(archs.len(), k);
            if sampling == Sampling::SandwichFair {
                assert_eq!(archs[0], Arch::smallest(&space));
            }
            for arch in &archs[k - others..] {
                for (layer, &option) in arch.options().iter().enumerate() {
                    seen[layer][usize::from(option)] += 1;
                }
            }
        }
        assert_eq!(seen, [vec![6, 6, 0], vec![6, 6, 0], vec![4, 4, 4]]);
    }
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
    let score = evaluate(&run.folded(&Arch::largest(&run.space()), &dataset).unwrap(), &set);
    assert!(score.ce.is_finite() && score.images == 32);
    let again = train(&config, &dataset, folder.path(), Begin::New, &SlicedAccelerator, &Silent)
        .unwrap_err();
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
    let dataset = of_config(&config, None).unwrap();
    let error = train(&config, &dataset, folder.path(), Begin::New, &SlicedAccelerator, &Silent)
        .unwrap_err();
    assert!(matches!(error, Error::NotFinite { step: 1, .. }), "{error}");
    assert!(error.to_string().contains("8-8-12"), "{error}");
}

#[test]
fn the_smallest_space_trains_alone_in_both_forms() {
    use standalone::train_alone;
    let config = config(SPACE);
    let dataset = of_config(&config, None).unwrap();
    let coded = &supernano_base::codes::random_codes(&config.space(), 1, 1)[0];
    let truth = |form| {
        let recipe = Recipe { form, epochs: 1, lr: 0.05, seed: 9 };
        train_alone(&config, &dataset, coded, &recipe).unwrap()
    };
    let nominal = truth(Form::Nominal);
    assert_eq!(nominal, truth(Form::Nominal));
    assert_ne!(nominal.ce, truth(Form::Effective).ce);
}

#[test]
fn a_step_goes_on_with_the_momentum_of_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = config(SPACE);
    let mut carried = fresh.clone();
    carried.steps[2].optimizer_state = supernano_base::config::OptimizerState::Carried;
    let run = |name: &str, config: &RunConfig| {
        let run = folder.path().join(name);
        trained(config, &run, Begin::New);
        run
    };
    let (without, with) = (run("fresh", &fresh), run("carried", &carried));
    assert!(bytes(&without, 1) == bytes(&with, 1));
    assert!(bytes(&without, 3) != bytes(&with, 3));
    let old = state::layout_of(carried.shared_space(), &carried, 2);
    let before = checkpoint::finished_path(&with, 2);
    let before = Checkpoint::read(&before).unwrap().split(&old, &before).unwrap();
    let unused = |e: &crate::supernet::Entry| e.role == crate::supernet::Role::Slope;
    let known = before.momentum.iter().zip(&old.entries);
    assert!(known.clone().all(|(m, e)| m.is_some() || unused(e)));
    assert_eq!(known.len(), old.entries.len());
    let start = state::start(&carried, &with, 3).unwrap();
    let new = state::layout_of(carried.shared_space(), &carried, 3);
    assert!(new.entries.len() > old.entries.len());
    assert_eq!(start.momentum.len(), new.entries.len());
    let origins = old.origins(new.scheme).unwrap();
    for (i, &origin) in origins.iter().enumerate() {
        assert!(start.momentum[i] == before.momentum[origin]);
        let (value, copy) = (&old.entries[origin], &new.entries[i]);
        let (value, copy) =
            (value.offset..value.offset + value.len(), copy.offset..copy.offset + copy.len());
        assert!(start.values[copy] == before.values[value]);
    }
    // A run whose earlier step has none says so.
    let path = checkpoint::finished_path(&with, 2);
    Checkpoint { momentum: Vec::new(), ..before }.write(&path).unwrap();
    let error = state::start(&carried, &with, 3).unwrap_err().to_string();
    assert!(error.contains("optimizer_state"), "{error}");
}

#[test]
fn the_cpu_refuses_half_precision() {
    let folder = tempfile::tempdir().unwrap();
    let mut config = config(SPACE);
    config.precision = supernano_base::config::Precision::Bfloat16;
    let dataset = of_config(&config, None).unwrap();
    let run = folder.path().join("run");
    let error =
        train(&config, &dataset, &run, Begin::New, &SlicedAccelerator, &Silent).unwrap_err();
    assert!(error.to_string().contains("precision") && error.exit_code() == 2, "{error}");
    assert!(!run.exists());
}
