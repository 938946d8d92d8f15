use super::*;
use crate::testing::{call, text};

fn stored() -> Stored {
    Stored::floats("0", &ramp(4))
}

fn tensor() -> Object {
    stored().tensor(false, &[4])
}

/// A file whose storage is there even where no tensor uses it.
fn file(root: &Object) -> Vec<u8> {
    zipped(root, &[stored()], false)
}

fn network(prefix: &str) -> Object {
    dict(["conv.x", "conv.bias", "x"].map(|name| (format!("{prefix}{name}"), tensor())))
}

/// Names of the network of `conv.x`, and its place.
fn names(root: &Object) -> Result<(String, Vec<String>), Error> {
    let network = open(&file(root))?.state_dict("conv.x")?;
    Ok((network.place, network.tensors.into_keys().collect()))
}

fn says(root: &Object, words: &[&str]) {
    let error = names(root).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(words.iter().all(|word| error.to_string().contains(word)), "{error}");
}

#[test]
fn the_network_is_found_wherever_it_is() {
    let rng = || ("rng", tensor());
    let epoch = || ("epoch", Object::Int(3));
    let state = dict([("state", Object::Dict(vec![(Object::Int(0), dict([("m", tensor())]))]))]);
    let nested = dict([("conv", dict([("x", tensor()), ("bias", tensor())])), ("x", tensor())]);
    let class = Object::Global("argparse", "Namespace");
    let arguments =
        Object::State(Box::new(Object::Call(Box::new(class), vec![])), Box::new(state.clone()));
    for (root, place) in [
        (network(""), ""),
        (network("module."), "module."),
        (network("module._orig_mod."), "module._orig_mod."),
        (nested.clone(), ""),
        (dict([("state_dict", network("")), epoch(), rng()]), "state_dict."),
        (dict([("model", network("net.")), ("optimizer", state), ("a", arguments)]), "model.net."),
        (dict([("net", dict([("state_dict", network("module."))]))]), "net.state_dict.module."),
        (dict([("best", nested), rng()]), "best."),
        (
            dict([(
                "model",
                Object::Ordered(match network("") {
                    Object::Dict(items) => items,
                    _ => unreachable!(),
                }),
            )]),
            "model.",
        ),
    ] {
        let (found, names) = names(&root).unwrap();
        assert_eq!(
            (found.as_str(), names),
            (place, ["conv.bias", "conv.x", "x"].map(String::from).to_vec())
        );
    }
}

#[test]
fn several_networks_are_refused() {
    let two = dict([("state_dict", network("")), ("ema", network("module."))]);
    says(&two, &["tensor `conv.x`", "one network", "2: `ema.module`, `state_dict`", "save one"]);
    let siblings = dict([("teacher.conv.x", tensor()), ("student.conv.x", tensor())]);
    says(&siblings, &["2: `student`, `teacher`"]);
    let bare = dict([("conv.x", tensor()), ("old", network(""))]);
    says(&bare, &["2: `(top level)`, `old`"]);
}

#[test]
fn every_entry_beside_the_network_is_named() {
    let with = |prefix: &str, name: &str, value: Object| {
        let Object::Dict(mut items) = network(prefix) else { unreachable!() };
        items.push((text(name), value));
        Object::Dict(items)
    };
    says(
        &with("module.", "n_averaged", tensor()),
        &["the file", "begin with `module.`", "`n_averaged` without it"],
    );
    says(&with("module.", "module2.x", tensor()), &["`module2.x` without it"]);
    says(&with("", "epoch", Object::Int(3)), &["tensor `epoch`", "found the number 3"]);
    says(&with("", "extra", dict::<&str>([])), &["tensor `extra`", "a dictionary of 0"]);
    says(&with("", "none", Object::None), &["tensor `none`", "found None"]);
    says(&with("", "list", Object::List(vec![tensor()])), &["tensor `list`", "a list of 1"]);
    says(&with("", "conv.x", tensor()), &["entry `conv.x`: expected it once, found it twice"]);
    says(&with("", "conv", dict([("x", tensor())])), &["networks"].map(|_| "`conv.x`"));
    says(&with("", "conv", dict([("bias", tensor())])), &["tensor `conv.bias`", "it twice"]);
    let Object::Dict(mut items) = network("") else { unreachable!() };
    items.push((Object::Int(5), tensor()));
    says(&Object::Dict(items), &["the file: expected texts", "found (the number 5)"]);
    says(&with("", &"a".repeat(257), tensor()), &["texts of up to 256 bytes"]);
    let nested = dict([("model", with("", "epoch", Object::Int(3)))]);
    says(&nested, &["a tensor in `model`"]);
}

#[test]
fn objects_inside_the_network_are_refused_by_their_names() {
    let one = |module, name| {
        let array = call(module, name, vec![Object::Int(1)]);
        dict([("conv.x", tensor()), ("odd", array)])
    };
    for (module, name) in [
        ("os", "system"),
        ("numpy.core.multiarray", "_reconstruct"),
        ("torch._utils", "_rebuild_future"),
        ("builtins", "eval"),
    ] {
        says(&one(module, name), &["tensor `odd`", &format!("`{module}.{name}`")]);
    }
    says(&one("torch._utils", "_rebuild_qtensor"), &["tensor `odd`", "dequantize()"]);
    says(&one("torch._utils", "_rebuild_sparse_tensor"), &["to_dense()"]);
    says(&one("torch._utils", "_rebuild_meta_tensor_no_storage"), &["no data"]);
    // a tensor that its class changes
    let class = |name| {
        let Object::Call(function, arguments) = tensor() else { unreachable!() };
        let arguments = vec![
            *function,
            Object::Global("my.code", name),
            Object::Tuple(arguments),
            Object::None,
        ];
        dict([("conv.x", call("torch._tensor", "_rebuild_from_type_v2", arguments))])
    };
    says(&class("Scaled"), &["tensor `conv.x`", "`my.code.Scaled`"]);
    let changed = Object::State(Box::new(tensor()), Box::new(Object::Int(1)));
    says(&dict([("conv.x", changed)]), &["tensor `conv.x`", "a plain tensor"]);
    // pending negation
    let Object::Call(function, mut arguments) = tensor() else { unreachable!() };
    arguments.push(dict([("conj", Object::Bool(false)), ("neg", Object::Bool(true))]));
    says(&dict([("conv.x", Object::Call(function, arguments))]), &["`neg` bit", "resolve_neg()"]);
}

#[test]
fn a_file_without_the_network_says_what_it_has() {
    let many = (0..25).rev().map(|i| (format!("layer{i:02}.x"), tensor()));
    let many = dict([("net", dict(many)), ("rng", tensor())]);
    says(
        &many,
        &["tensor `conv.x`", "`net` with 25 tensors: `layer00.x`", "`layer09.x` and 15 more"],
    );
    says(&dict([("epoch", Object::Int(1))]), &["no tensors, only `epoch`", "state_dict()"]);
    says(&tensor(), &["a single tensor"]);
    says(&Object::List(vec![tensor()]), &["a list of 1"]);
    let class = Object::Global("model", "ResNet");
    let whole =
        Object::State(Box::new(Object::Call(Box::new(class), vec![])), Box::new(network("")));
    says(&whole, &["a whole object of class `model.ResNet`"]);
    // as PyTorch before 1.6 saved whole models
    let module = Object::Persistent(vec![
        text("module"),
        Object::Global("model", "ResNet"),
        text("model.py"),
        text("class ResNet"),
    ]);
    let whole =
        Object::State(Box::new(Object::Call(Box::new(module), vec![])), Box::new(network("")));
    says(&whole, &["a whole object of class `model.ResNet`"]);
}

#[test]
fn dictionaries_within_dictionaries_end() {
    // a dictionary that holds itself, and one whose paths double at each level
    let itself = Object::Raw(b"}q\0(X\x01\0\0\0ah\0u".to_vec());
    says(&itself, &["tensor `conv.x`"]);
    let mut doubling = b"}q\0".to_vec();
    for level in 0..40_u8 {
        doubling.extend(b"}q");
        doubling.push(level + 1);
        doubling.push(b'(');
        for name in b"abcdefgh" {
            doubling.extend([b'X', 1, 0, 0, 0, *name, b'h', level]);
        }
        doubling.push(b'u');
    }
    // the last dictionary alone stays on the stack
    let mut root = b"(".to_vec();
    root.extend(doubling);
    root.extend(b"1h\x28");
    says(&Object::Raw(root), &["entries"]);
}
