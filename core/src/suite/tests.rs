use super::*;
use crate::kernel::tests::Bytes;
use crate::kernel::{Host, Packed, Scalar};

/// Every pair of properties occurs, except those that are impossible.
#[test]
fn every_pair_of_properties_is_there() {
    let found = cover(&mut Random(1), &LEVELS, possible);
    assert!(found.len() < 400, "{} cases", found.len());
    for i in 0..PROPERTIES {
        for j in i + 1..PROPERTIES {
            for a in 0..LEVELS[i] {
                for b in 0..LEVELS[j] {
                    let stride2 = i == 2 && a >= 4;
                    let never = (stride2 && j == 7 && matches!(b, 2 | 4))
                        || (i == 2 && a != 1 && j == 8 && b != 0);
                    let there = found.iter().any(|c| c[i] == a && c[j] == b);
                    assert_eq!(there, !never, "properties {i} and {j}: {a} and {b}");
                }
            }
        }
    }
}

#[test]
fn all_kernels_agree_with_the_reference_on_all_pairs() {
    for case in pairs(1).into_iter().chain(widths(1)) {
        let expected = case.expected().unwrap();
        assert_eq!(case.digest(Packed(Scalar)).unwrap(), expected, "{}", case.name);
        assert_eq!(case.digest(Packed(Host::default())).unwrap(), expected, "{}", case.name);
        assert_eq!(case.digest(Packed(Bytes)).unwrap(), expected, "{}", case.name);
    }
}

/// A digest distinguishes a changed value, a changed row and a changed logit.
#[test]
fn digests_differ() {
    let case = &pairs(1)[0];
    let view = BlobView::new_checked(case.bytes()).unwrap();
    let digest = |op: usize, y: usize, word: u32, logit: i32| {
        let mut digest = Digest::new(&view);
        crate::graph::Observer::row(&mut digest, op, y, &[word; 17]);
        digest.finish(&[logit])
    };
    let base = digest(0, 0, 0, 0);
    for other in [digest(0, 1, 0, 0), digest(0, 0, 1, 0), digest(0, 0, 0, 1)] {
        assert_ne!(base, other);
    }
    assert_eq!(base, digest(0, 0, 0, 0));
}

/// The cases of layers contain every operation, also in rolled units, and every activation.
#[test]
fn every_layer_is_there() {
    use crate::graph::{Conv, Form, Graph as _, KernelKind, KernelSet};
    let (mut kernels, mut rolled, mut clipped) = (KernelSet::NONE, 0, 0);
    let mut forms = [false; 5];
    for case in layers::pairs(&mut Random(1)) {
        let view = BlobView::new_checked(case.bytes()).unwrap();
        kernels = kernels.union(view.kernels());
        let convs: Vec<Conv> = (0..view.ops()).filter_map(|op| view.conv(op)).collect();
        for (i, conv) in convs.iter().enumerate() {
            let inside = conv.rolls || i.checked_sub(1).is_some_and(|i| convs[i].rolls);
            rolled += usize::from(inside);
            clipped += usize::from(conv.activation == Activation::Clipped);
            let form = match conv.form {
                Form::Full if conv.kind == KernelKind::Flat => 0,
                Form::Full => 1,
                Form::Depthwise => 2,
                Form::Maximum => 3,
                Form::Average => 4,
                Form::Dense | Form::Add => continue,
            };
            forms[form] |= inside;
        }
    }
    assert!(kernels.union(KernelSet::RESIDUAL).contains(KernelSet::ALL), "{kernels:?}");
    assert!(rolled > 200 && clipped > 15 && forms == [true; 5], "{rolled} {clipped} {forms:?}");
}
