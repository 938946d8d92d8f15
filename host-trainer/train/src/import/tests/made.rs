//! Checkpoints made here: a network of step 1 or 2 in every form that `torch.save` has.

use std::collections::BTreeMap;

use supernano_pt::testing::{Object, Stored, call, dict, legacy, zipped};

use super::*;

/// Shape and values by name.
type Tensors = BTreeMap<String, (Vec<i64>, Vec<f32>)>;

/// A small network; its values are exact in every type of floating point.
fn network(step: usize) -> Tensors {
    let spec = SpaceSpec::builtin("resnet8").unwrap();
    let config = config(&spec, CLASSES, step, None).unwrap();
    let layout = Layout::new(config.shared_space(), config.enhancement, BranchScheme::Shared);
    let mut tensors = Tensors::new();
    let mut add = |name: String, shape: &[usize], first: usize| {
        let values =
            (0..shape.iter().product()).map(|i: usize| ((i * 7 + first) % 13) as f32 / 8.0);
        tensors.insert(name, (shape.iter().map(|&n| n as i64).collect(), values.collect()));
    };
    for (i, entry) in layout.entries.iter().enumerate() {
        let names = names::of(&config.space(), entry);
        if let Some(name) = names.tensor.filter(|_| step == 2 || !names.slope) {
            add(name, &entry.shape, i);
        }
        if let Some(norm) = names.norm {
            add(format!("{norm}.running_mean"), &entry.shape, i + 1);
            add(format!("{norm}.running_var"), &entry.shape, i + 2);
        }
    }
    tensors
}

/// How a checkpoint is written.
#[derive(Clone, Copy, Default)]
struct Form {
    old: bool,
    deflated: bool,
    /// Storages hold the dimensions in reverse order.
    reversed: bool,
    /// All tensors are views of one storage.
    flat: bool,
    /// Class of the storages; float32 by default.
    class: Option<&'static str>,
    prefix: &'static str,
    keys: &'static [&'static str],
}

/// Bytes of values in a storage of this class.
fn encode(values: &[f32], class: &str) -> Vec<u8> {
    let each = |v: &f32| match class {
        "DoubleStorage" => f64::from(*v).to_le_bytes().to_vec(),
        "BFloat16Storage" => v.to_le_bytes()[2..].to_vec(),
        // positive normal numbers
        "HalfStorage" if *v == 0.0 => vec![0; 2],
        "HalfStorage" => ((v.to_bits() >> 13) as u16 - (112 << 10)).to_le_bytes().to_vec(),
        "LongStorage" => (*v as i64).to_le_bytes().to_vec(),
        _ => v.to_le_bytes().to_vec(),
    };
    values.iter().flat_map(each).collect()
}

impl Form {
    fn file(self, tensors: &Tensors) -> Vec<u8> {
        let class = self.class.unwrap_or("FloatStorage");
        let flat: Vec<f32> = tensors.values().flat_map(|(_, values)| values.clone()).collect();
        let store = |key: String, values: &[f32]| {
            let (count, bytes) = (values.len() as i64, encode(values, class));
            Stored { key, class, count, bytes }
        };
        let mut storages = vec![Stored {
            key: "steps".into(),
            class: "LongStorage",
            count: 1,
            bytes: vec![0xff; 8],
        }];
        let mut items = vec![];
        let (one, mut offset) = (store("flat".into(), &flat), 0);
        for (i, (name, (shape, values))) in tensors.iter().enumerate() {
            let name = format!("{}{name}", self.prefix);
            let object = if self.flat {
                one.view(self.old, offset, shape, &supernano_pt::testing::contiguous(shape))
            } else if self.reversed {
                let (values, strides) = reversed(shape, values);
                let stored = store(i.to_string(), &values);
                let object = stored.view(self.old, 0, shape, &strides);
                storages.push(stored);
                object
            } else {
                let stored = store(i.to_string(), values);
                let object = stored.tensor(self.old, shape);
                storages.push(stored);
                object
            };
            offset += values.len() as i64;
            if let Some(norm) = name.strip_suffix("running_var") {
                let steps = storages[0].tensor(self.old, &[]);
                items.push((format!("{norm}num_batches_tracked"), steps));
            }
            items.push((name, object));
        }
        if self.flat {
            storages.push(one);
        }
        let mut root = dict(items);
        for key in self.keys.iter().rev() {
            let arguments = call("argparse", "Namespace", vec![]);
            root = dict([("epoch", Object::Int(3)), ("args", arguments), (*key, root)]);
        }
        if self.old { legacy(&root, &storages) } else { zipped(&root, &storages, self.deflated) }
    }
}

/// Values with the first dimension innermost, and the strides of the view that undoes this.
fn reversed(shape: &[i64], values: &[f32]) -> (Vec<f32>, Vec<i64>) {
    let mut strides = vec![1; shape.len()];
    for d in 1..shape.len() {
        strides[d] = strides[d - 1] * shape[d - 1];
    }
    let mut out = vec![0.0; values.len()];
    for (i, &value) in values.iter().enumerate() {
        let (mut rest, mut at) = (i as i64, 0);
        for d in (0..shape.len()).rev() {
            at += rest % shape[d] * strides[d];
            rest /= shape[d];
        }
        out[at as usize] = value;
    }
    (out, strides)
}

/// The run of a file: what was imported, and the bytes of its checkpoint.
fn run(bytes: &[u8]) -> Result<(Imported, Vec<u8>)> {
    let folder = tempfile::tempdir().unwrap();
    let (file, run) = (folder.path().join("made.pt"), folder.path().join("run"));
    std::fs::write(&file, bytes).unwrap();
    let imported = import(&file, "resnet8", &run, None);
    if imported.is_err() {
        assert!(!run.exists());
    }
    let imported = imported?;
    let checkpoint = std::fs::read(finished_path(&run, imported.step)).unwrap();
    Ok((imported, checkpoint))
}

fn says(bytes: &[u8], words: &[&str]) {
    let error = run(bytes).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.contains("made.pt: ") && words.iter().all(|w| text.contains(w)), "{text}");
}

#[test]
fn every_form_gives_the_same_run() {
    for step in [1, 2] {
        let tensors = network(step);
        let (imported, right) = run(&Form::default().file(&tensors)).unwrap();
        assert_eq!(imported.step, step);
        assert!(imported.converted.is_empty());
        let plain = Form::default();
        for (i, form) in [
            Form { keys: &["state_dict"], ..plain },
            Form { keys: &["model"], prefix: "module.", ..plain },
            Form { keys: &["net", "state_dict"], prefix: "_orig_mod.module.", ..plain },
            Form { old: true, ..plain },
            Form { old: true, reversed: true, keys: &["state_dict"], ..plain },
            Form { reversed: true, ..plain },
            Form { deflated: true, ..plain },
            Form { deflated: true, flat: true, prefix: "module.", ..plain },
            Form { flat: true, old: true, ..plain },
            Form { class: Some("DoubleStorage"), reversed: true, ..plain },
            Form { class: Some("HalfStorage"), ..plain },
            Form { class: Some("BFloat16Storage"), flat: true, ..plain },
        ]
        .into_iter()
        .enumerate()
        {
            let (imported, checkpoint) = run(&form.file(&tensors)).unwrap();
            assert!(checkpoint == right, "form {i} of step {step}");
            let converted: usize = imported.converted.values().sum();
            assert_eq!(converted, if form.class.is_some() { tensors.len() } else { 0 });
        }
    }
    let whole = Form { class: Some("LongStorage"), ..Form::default() };
    says(&whole.file(&network(1)), &["expected float32", "found int64"]);
}

/// The file of a network with one value changed.
fn with(name: &str, place: usize, value: f32) -> Vec<u8> {
    let mut tensors = network(2);
    tensors.get_mut(name).unwrap().1[place] = value;
    Form { reversed: true, ..Form::default() }.file(&tensors)
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    for name in network(2).keys() {
        for (value, word) in
            [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")]
        {
            let last = network(2)[name].1.len() - 1;
            says(&with(name, last, value), &[&format!("tensor `{name}`"), "finite", word]);
        }
    }
}

#[test]
fn statistics_that_no_training_gives_are_refused() {
    let name = "layer2.0.conv1.1.running_var";
    says(&with(name, 3, -0.5), &[name, "at least 0", "-0.5 of channel 3"]);
    says(&with(name, 3, -1e-12), &[name, "at least 0"]);
    assert!(run(&with(name, 3, 0.0)).is_ok());
}

#[test]
fn weights_that_overflow_with_batch_norm_are_refused() {
    let large = f32::MAX / 2.0;
    let mut tensors = network(1);
    let norm = "layer2.0.conv2.1";
    let mut set = |name: String, value: f32| tensors.get_mut(&name).unwrap().1[5] = value;
    set(format!("{norm}.weight"), 1.0);
    set(format!("{norm}.running_var"), 1e-6);
    set(format!("{norm}.running_mean"), large);
    // mean * 301
    let words = ["tensor `layer2.0.conv2.0.weight`", "batch norm folded in", "in channel 5"];
    says(&Form::default().file(&tensors), &words);
    let mut set = |name: String, value: f32| tensors.get_mut(&name).unwrap().1[5] = value;
    set(format!("{norm}.running_mean"), 0.0);
    assert!(run(&Form::default().file(&tensors)).is_ok());
    let (shape, weights) = tensors.get_mut("layer2.0.conv2.0.weight").unwrap();
    let row: i64 = shape[1..].iter().product();
    weights[5 * row as usize] = -large;
    says(&Form::default().file(&tensors), &words);
    // another channel does not have the factor
    weights_moved(&mut tensors, row as usize);
    assert!(run(&Form::default().file(&tensors)).is_ok());
}

/// Moves the large weight to the next channel, whose factor is at most 2.
fn weights_moved(tensors: &mut Tensors, row: usize) {
    let weights = &mut tensors.get_mut("layer2.0.conv2.0.weight").unwrap().1;
    weights.swap(5 * row, 6 * row);
    let mut set = |name: &str, value: f32| tensors.get_mut(name).unwrap().1[6] = value;
    set("layer2.0.conv2.1.weight", 1.0);
    set("layer2.0.conv2.1.running_var", 1.0);
}

#[test]
fn names_that_are_missing_or_new_are_said_with_their_neighbours() {
    let mut tensors = network(1);
    let taken = tensors.remove("layer3.0.conv2.1.bias").unwrap();
    tensors.insert("layer3.0.conv2.1.bios".into(), taken);
    says(
        &Form::default().file(&tensors),
        &[
            "tensor `layer3.0.conv2.1.bias`",
            "found nothing; the nearest that are left are",
            "`layer3.0.conv2.1.bios`",
        ],
    );
    let mut tensors = network(1);
    for i in 0..15 {
        tensors.insert(format!("new.{i:02}"), (vec![1], vec![0.0]));
    }
    says(
        &Form::default().file(&tensors),
        &["tensor `new.00`: expected no such tensor, found shape [1]", "`new.01`, ", " and 4 more"],
    );
    let shape = |name: &str, shape: Vec<i64>| {
        let mut tensors = network(1);
        let count = shape.iter().product::<i64>() as usize;
        tensors.insert(name.into(), (shape, vec![0.0; count]));
        Form::default().file(&tensors)
    };
    says(&shape("fc.bias", vec![100, 1]), &["tensor `fc.bias`", "shape [100]", "found [100, 1]"]);
    says(&shape("fc.weight", vec![]), &["tensor `fc.weight`", "a matrix"]);
    says(&shape("fc.weight", vec![10, 64]), &["tensor `fc.weight`", "100 rows", "found 10"]);
    says(&shape("fc.weight", vec![70_000, 1]), &["tensor `fc.weight`", "65535"]);
}
