use super::*;
use crate::testing::{call, contiguous, numbers, text};

/// A sequence of numbers below a limit each (a linear congruential generator).
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |limit| {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % limit
    }
}

/// The values of a view by the definition of strides.
fn expected(values: &[f32], offset: i64, sizes: &[i64], strides: &[i64]) -> Vec<f32> {
    match (sizes, strides) {
        ([size, sizes @ ..], [stride, strides @ ..]) => {
            (0..*size).flat_map(|i| expected(values, offset + i * stride, sizes, strides)).collect()
        }
        _ => vec![values[offset as usize]],
    }
}

#[test]
fn every_view_has_its_values() {
    let mut next = random(1);
    let (mut inside, mut outside) = (0, 0);
    for case in 0..600 {
        let values = ramp(1 + next(60) as usize);
        let stored = Stored::floats("0", &values);
        let dimensions = next(5) as usize;
        let sizes: Vec<i64> = (0..dimensions).map(|_| next(5) as i64).collect();
        let strides: Vec<i64> = (0..dimensions).map(|_| next(9) as i64).collect();
        let offset = next(12) as i64;
        let last: i64 = offset + sizes.iter().zip(&strides).map(|(n, s)| (n - 1) * s).sum::<i64>();
        let old = case % 2 == 0;
        let root = dict([("x", stored.view(old, offset, &sizes, &strides))]);
        let file = match old {
            true => legacy(&root, &[stored]),
            false => zipped(&root, &[stored], case % 4 == 1),
        };
        if sizes.contains(&0) || last < values.len() as i64 {
            inside += 1;
            let right = if sizes.contains(&0) {
                vec![]
            } else {
                expected(&values, offset, &sizes, &strides)
            };
            assert_eq!(read(&file).unwrap()["x"], right, "{sizes:?} {strides:?} {offset}");
        } else {
            outside += 1;
            refused(&file, &["tensor `x`: expected a view inside its storage"]);
        }
    }
    assert!(inside > 150 && outside > 80, "{inside}, {outside}");
}

#[test]
fn views_that_no_storage_has_are_refused() {
    let stored = Stored::floats("0", &ramp(8));
    let view = |offset: i64, sizes: &[i64], strides: &[i64]| {
        let root = dict([("x", stored.view(false, offset, sizes, strides))]);
        zipped(&root, std::slice::from_ref(&stored), false)
    };
    let big = 1 << 62;
    refused(&view(-1, &[2], &[1]), &["tensor `x`", "offset of at least 0", "the number -1"]);
    refused(&view(0, &[-2], &[1]), &["tensor `x`", "sizes"]);
    refused(&view(7, &[2], &[-1]), &["tensor `x`", "strides of at least 0"]);
    refused(&view(0, &[2, 2], &[1]), &["a stride for each size", "[1] for [2, 2]"]);
    refused(&view(0, &[big, big], &[big, big]), &["inside its storage"]);
    refused(&view(big, &[2], &[big]), &["inside its storage"]);
    refused(&view(0, &[1; 65], &[1; 65]), &["64 dimensions"]);
    // not more memory than a network needs, from a storage of one number
    refused(&view(0, &[big], &[0]), &["at most 268435456 values"]);
    refused(&view(0, &[big, 8], &[0, 0]), &["at most 268435456 values"]);
    // empty, however large the other sizes
    assert_eq!(read(&view(0, &[big, big, 0], &[big, 1, 1])).unwrap()["x"].len(), 0);
    assert_eq!(read(&view(big, &[0], &[1])).unwrap()["x"].len(), 0);
}

#[test]
fn many_tensors_share_one_storage() {
    for deflated in [false, true] {
        let stored = Stored::floats("flat", &ramp(24));
        let root = dict([
            ("x", stored.view(false, 0, &[2, 3], &contiguous(&[2, 3]))),
            ("tied", stored.view(false, 0, &[2, 3], &contiguous(&[2, 3]))),
            ("rest", stored.view(false, 6, &[18], &[1])),
        ]);
        let tensors = read(&zipped(&root, &[stored], deflated)).unwrap();
        assert_eq!(tensors["x"], ramp(6));
        assert_eq!(tensors["tied"], ramp(6));
        assert_eq!(tensors["rest"], ramp(24)[6..]);
    }
}

/// Old files name a part of a storage; PyTorch counts the offset from its start.
#[test]
fn parts_of_storages_have_their_own_start() {
    let stored = Stored::floats("0", &ramp(10));
    let file = |first: i64, length: i64, offset: i64| {
        let Object::Persistent(mut items) = stored.object(true) else { unreachable!() };
        items[5] = Object::Tuple(vec![text("part"), Object::Int(first), Object::Int(length)]);
        let arguments =
            vec![Object::Persistent(items), Object::Int(offset), numbers(&[2]), numbers(&[2])];
        let root = dict([("x", call("torch._utils", "_rebuild_tensor", arguments))]);
        legacy(&root, std::slice::from_ref(&stored))
    };
    assert_eq!(read(&file(3, 5, 1)).unwrap()["x"], [2.0, 3.0]);
    refused(&file(3, 5, 3), &["inside its storage", "in 5 numbers"]);
    refused(&file(8, 5, 0), &["a part inside its storage"]);
    refused(&file(i64::MAX, i64::MAX, 0), &["a part inside its storage"]);
}

fn typed(class: &'static str, bytes: Vec<u8>, count: i64) -> Vec<u8> {
    let stored = Stored { key: "0".into(), class, count, bytes };
    zipped(&dict([("x", stored.tensor(false, &[count]))]), &[stored], false)
}

#[test]
fn floating_point_types_are_converted() {
    let half = [0x3c00_u16, 0xc000, 0x0001, 0x7bff].iter().flat_map(|v| v.to_le_bytes()).collect();
    let right = [1.0, -2.0, 2.0_f32.powi(-24), 65504.0];
    assert_eq!(read(&typed("HalfStorage", half, 4)).unwrap()["x"], right);
    let brain = [0x3f80_u16, 0xc000, 0x7f7f].iter().flat_map(|v| v.to_le_bytes()).collect();
    let right = [1.0, -2.0, f32::from_bits(0x7f7f_0000)];
    assert_eq!(read(&typed("BFloat16Storage", brain, 3)).unwrap()["x"], right);
    let double = |values: &[f64]| values.iter().flat_map(|v| v.to_le_bytes()).collect();
    let file = typed("DoubleStorage", double(&[0.1, -3e-300]), 2);
    assert_eq!(read(&file).unwrap()["x"], [0.1, -0.0]);
    refused(
        &typed("DoubleStorage", double(&[0.1, 1e300]), 2),
        &["tensor `x`: expected finite float32 values, found 1e300 (float64) as value 1 of 2"],
    );
    for (class, size, name) in [
        ("LongStorage", 8, "int64"),
        ("BoolStorage", 1, "bool"),
        ("ComplexFloatStorage", 8, "complex64"),
    ] {
        refused(&typed(class, vec![0; 2 * size], 2), &["tensor `x`: expected float32", name]);
    }
    refused(&typed("NewStorage", vec![0; 2], 2), &["storage `0`", "`torch.NewStorage`"]);
}

#[test]
fn values_that_are_not_finite_are_refused_by_name() {
    for (value, word) in [(f32::NAN, "NaN"), (f32::INFINITY, "inf"), (f32::NEG_INFINITY, "-inf")] {
        for place in 0..4 {
            let mut values = ramp(4);
            values[place] = value;
            let stored = Stored::floats("0", &values);
            let root = dict([("x", stored.view(true, 0, &[2, 2], &[1, 2]))]);
            refused(
                &legacy(&root, &[stored]),
                &["tensor `x`", "finite", &format!("found {word} ")],
            );
        }
    }
    // those that no tensor of the network uses do not matter
    let stored = Stored::floats("0", &[1.0, f32::NAN, 2.0]);
    let root = dict([("x", stored.view(true, 0, &[2], &[2]))]);
    assert_eq!(read(&legacy(&root, &[stored])).unwrap()["x"], [1.0, 2.0]);
}

#[test]
fn strides_that_are_never_taken_do_not_matter() {
    let stored = Stored::floats("0", &ramp(4));
    let root = dict([("x", stored.view(false, 0, &[1, 4, 1], &[i64::MAX, 1, i64::MAX]))]);
    assert_eq!(read(&zipped(&root, &[stored], false)).unwrap()["x"], ramp(4));
}
