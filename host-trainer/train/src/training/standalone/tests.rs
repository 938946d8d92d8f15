use supernano_base::config::RunConfig;

use super::*;
use crate::training::{Begin, train};

const CONFIG: &str = r#"
seed = 5
enhancement = "prelu+oe"
augmentation = { crop_padding = 0, flip = false, brightness = 0.0, contrast = 0.0, rotation = 0.0 }
recalibration = { images = 32, batch = 16 }

[space]
name = "alone"
input = { height = 12, width = 12, channels = 1 }
classes = 3
layers = [{ widths = [4, 8] }, { widths = [4, 8], stride = 2 }, { widths = [4, 8] }]
blocks = ["conv", "projection"]

[data]
name = "glyphs"
train = 96
validation = 16
test = 64

[[step]]
kind = "largest"
epochs = 2
lr = 0.05
batch = 16

[[step]]
kind = "supernet"
epochs = 1
lr = 0.02
batch = 16
k = 1
"#;

#[test]
fn inherited_weights_are_the_supernets_and_training_starts_from_them() {
    let config = RunConfig::parse(CONFIG, "test").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let dataset = supernano_data::of_config(&config, None).unwrap();
    train(&config, &dataset, folder.path(), Begin::New, &SlicedAccelerator, &Silent).unwrap();
    let run = Run::open(folder.path()).unwrap();
    let arch = Arch::parse(&run.space(), "4-8-4").unwrap();
    let coded = Coded { id: "a".into(), written: "4-8-4".into(), arch: arch.clone() };
    let recipe = Recipe { form: Form::Effective, epochs: 0, lr: 1e-3, seed: 1 };
    let teacher = run.folded(&Arch::largest(&run.space()), &dataset).unwrap();
    let from = Inheritance { run: &run, teacher: &teacher, alpha: 0.5 };
    // nothing trained: what the supernet itself says of the code
    let truth = train_inherited(&from, &dataset, &coded, &recipe).unwrap();
    let set = EvalSet::new(&dataset, &dataset.test, usize::MAX);
    let score = evaluate(&run.folded(&arch, &dataset).unwrap(), &set);
    assert_eq!((truth.standalone_top1, truth.ce), (score.top1, score.ce));
    assert_eq!(truth.start, Start::Inherited);
    let more = Recipe { epochs: 3, lr: 0.02, ..recipe };
    let tuned = train_inherited(&from, &dataset, &coded, &more).unwrap();
    assert!(tuned.ce < truth.ce, "{} -> {}", truth.ce, tuned.ce);
    let nominal = Recipe { form: Form::Nominal, ..more };
    assert_ne!(train_inherited(&from, &dataset, &coded, &nominal).unwrap().ce, tuned.ce);
}
