use super::*;
use crate::space::{RESNET8, RESNET20};

fn largest(space: &Space<'_>) -> Plan {
    resolve(space, &Arch::largest(space), Enhancement::NONE, BranchScheme::Shared)
}

#[test]
fn costs_of_the_largest_networks_are_the_published_ones() {
    let cost20 = cost(&RESNET20, &largest(&RESNET20));
    assert_eq!(cost20.params, 289_812);
    assert_eq!(cost20.macs / 10_000, 4265);
    assert_eq!(cost(&RESNET8, &largest(&RESNET8)).macs / 10_000, 1250);
}

#[test]
fn enhancement_changes_four_and_eight_only() {
    let arch = Arch::parse(&RESNET8, "4-8-12-16-4-64").unwrap();
    let plan = resolve(&RESNET8, &arch, Enhancement::PRELU_OE, BranchScheme::Shared);
    let widths: std::vec::Vec<u16> = plan.layers.iter().map(|l| l.output.0).collect();
    assert_eq!(widths, [5, 9, 5, 12, 16, 5, 64]);
    let inputs: std::vec::Vec<u16> = plan.layers.iter().map(|l| l.input.0).collect();
    assert_eq!(inputs, [3, 5, 9, 5, 12, 16, 5]);
    let prelu: std::vec::Vec<bool> =
        plan.layers.iter().map(|l| l.activation == Activation::Prelu).collect();
    assert_eq!(prelu, [false, false, true, false, true, false, true]);
    let narrow = Enhancement { activation: ActivationScope::NarrowOnly, ..Enhancement::OE };
    let plan = resolve(&RESNET8, &arch, narrow, BranchScheme::Shared);
    let prelu: std::vec::Vec<bool> =
        plan.layers.iter().map(|l| l.activation == Activation::Prelu).collect();
    assert_eq!(prelu, [true, true, true, false, false, true, false]);
}

/// Branch of each option of a layer of groups 1, 2 and 3, with options enhancement.
fn table(scheme: BranchScheme) -> [std::vec::Vec<u8>; 3] {
    [0, 7, 13].map(|i| {
        let widths = RESNET20.layers[i].widths;
        let row = widths
            .iter()
            .enumerate()
            .map(|(o, &w)| scheme.branch(widths, o as u8, Enhancement::OE.effective(Nominal(w))));
        row.collect()
    })
}

#[test]
fn branch_schemes_have_the_golden_tables() {
    let golden: [(BranchScheme, [&[u8]; 3]); 5] = [
        (BranchScheme::Shared, [&[0; 4], &[0; 8], &[0; 16]]),
        (
            BranchScheme::Halves,
            [
                &[0, 0, 1, 1],
                &[0, 0, 0, 0, 1, 1, 1, 1],
                &[0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1],
            ],
        ),
        (
            BranchScheme::Exclusive,
            [
                &[0, 1, 2, 3],
                &[0, 1, 2, 3, 4, 5, 6, 7],
                &[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            ],
        ),
        (
            BranchScheme::Reference4,
            [
                &[1, 2, 2, 3],
                &[0, 1, 1, 1, 2, 2, 3, 3],
                &[0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3],
            ],
        ),
        (
            BranchScheme::ReferenceFine,
            [
                &[1, 2, 2, 3],
                &[1, 2, 2, 3, 4, 5, 6, 7],
                &[1, 2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
            ],
        ),
    ];
    for (scheme, expected) in golden {
        let found = table(scheme);
        for (f, e) in found.iter().zip(expected) {
            assert_eq!(f, e, "{scheme:?}");
        }
    }
    assert_eq!(branches(&RESNET20, 0, Enhancement::OE, BranchScheme::Reference4), 4);
    assert_eq!(branches(&RESNET20, 18, Enhancement::OE, BranchScheme::ReferenceFine), 16);
    assert_eq!(max_width(&RESNET20, 0, Enhancement::OE), Effective(16));
}
