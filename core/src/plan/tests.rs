use super::*;
use crate::graph::Form;
use crate::space::{
    AUTOENCODER, BUILTIN, DS_CNN, MOBILENET_V1_025, MOBILENET_V2_TINY, RESNET8, RESNET20,
};

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
        let row = widths.iter().enumerate().map(|(o, &w)| {
            scheme.branch(widths, o as u8, Enhancement::OE.effective(&RESNET20, Nominal(w)))
        });
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

fn of(space: &Space<'_>, code: &str) -> Plan {
    let arch = Arch::parse(space, code).unwrap();
    resolve(space, &arch, Enhancement::NONE, BranchScheme::Shared)
}

/// MLPerf Tiny's networks are sub-networks: their multiply-accumulates, and their parameters with a
/// bias for each channel (a batch norm has one number more).
#[test]
fn the_benchmarks_networks_are_sub_networks() {
    let vww = of(&MOBILENET_V1_025, "8-16-32-32-64-64-d6-128-128-128-128-128-128-256-256");
    assert_eq!(cost(&MOBILENET_V1_025, &vww), Cost { macs: 7_489_664, params: 210_850 + 2_736 });
    let keywords = of(&DS_CNN, "64-d4-64-64-64-64");
    assert_eq!(cost(&DS_CNN, &keywords), Cost { macs: 2_656_768, params: 22_604 + 576 });
    let anomalies = of(&AUTOENCODER, "d4-128-128-128-128-8-d4-128-128-128-128");
    let weights = 640 * 128 + 3 * 128 * 128 + 128 * 8;
    assert_eq!(cost(&AUTOENCODER, &anomalies).macs, 2 * weights);
}

#[test]
fn left_out_blocks_and_expansions_by_one_yield_no_node() {
    let code = "r48-8-8-d1-8e3k3-d2-12e3k5-16e6k3-d1-16e3k3-d1-24e3k3-d1-32e3k7";
    let plan = of(&MOBILENET_V2_TINY, code);
    let nodes: std::vec::Vec<Node> = plan.nodes(&MOBILENET_V2_TINY).collect();
    assert_eq!(nodes.len(), 1 + 2 + 6 * 3);
    assert!(nodes.iter().enumerate().all(|(i, node)| node.output == i + 1 && node.input == i));
    let kernels: std::vec::Vec<u8> = nodes
        .iter()
        .filter(|node| node.form == Form::Depthwise)
        .map(|node| node.geometry.kernel[0])
        .collect();
    assert_eq!(kernels, [3, 3, 5, 3, 3, 3, 7]);
    let last = nodes[nodes.len() - 1];
    assert_eq!((last.written.height, last.written.channels), (2, 32));
    assert_eq!(last.site, crate::space::Site::Layer(38));
    assert_eq!(plan.features(), Effective(32));
    // A shortcut needs equal widths and a stride of 1.
    let added = |code| -> std::vec::Vec<usize> {
        of(&MOBILENET_V2_TINY, code).nodes(&MOBILENET_V2_TINY).filter_map(|n| n.residual).collect()
    };
    assert_eq!(added(code), []);
    assert_eq!(added(&code.replace("16e6k3", "12e6k3")), [9]);
    let expand = crate::space::Layer { expands: true, ..crate::space::Layer::point(&[1, 2]) };
    let point = crate::space::Layer::point(&[4, 8]);
    let stem = crate::space::Layer::conv(&[4, 8], 3, 1);
    let layers = [stem, expand, crate::space::Layer::depthwise(&[[3, 3]], 1), point];
    let blocks = [Block::Conv, Block::Inverted(crate::space::Skip::WhereItFits)];
    let space = Space { layers: &layers, blocks: &blocks, ..RESNET8 };
    assert_eq!(space.validate(), Ok(()));
    let forms = |code| -> std::vec::Vec<(Form, Option<usize>)> {
        of(&space, code).nodes(&space).map(|node| (node.form, node.residual)).collect()
    };
    let (full, depthwise) = ((Form::Full, None), (Form::Depthwise, None));
    assert_eq!(forms("4-4e1"), [full, depthwise, (Form::Full, Some(1))]);
    assert_eq!(forms("4-8e2"), [full, full, depthwise, full]);
}

#[test]
fn the_weights_of_a_sub_network_are_a_part_of_the_supernets() {
    let mut random = crate::testnet::Random(3);
    for space in BUILTIN {
        for enhancement in [Enhancement::NONE, Enhancement::PRELU_OE] {
            for scheme in [BranchScheme::Shared, BranchScheme::Halves, BranchScheme::Exclusive] {
                let extents = Extents::of(space, enhancement, scheme);
                let (features, ends) = extents.classifier(space);
                for _ in 0..20 {
                    let options: std::vec::Vec<u8> = space
                        .choices()
                        .map(|c| random.range(0, space.options(c) as i64 - 1) as u8)
                        .collect();
                    let arch = Arch::from_options(space, options).unwrap();
                    let plan = resolve(space, &arch, enhancement, scheme);
                    assert!(plan.features() <= features && plan.classifier_branch() < ends);
                    for node in plan.nodes(space) {
                        let extent = extents.site(node.site);
                        assert_eq!(extent.form, node.form);
                        assert!(node.branch < extent.branches, "{node:?} {extent:?}");
                        let (Some(part), Some(whole)) =
                            (node.weight_shape(), extent.weight_shape())
                        else {
                            assert!(!node.form.weighted());
                            continue;
                        };
                        assert!(part.iter().zip(whole).all(|(p, w)| *p <= w), "{node:?}");
                        if let Some(added) = node.residual {
                            let shape = plan.nodes(space).find(|n| n.output == added);
                            assert_eq!(shape.map(|n| n.written), Some(node.written));
                        }
                    }
                }
                let largest = resolve(space, &Arch::largest(space), enhancement, scheme);
                for node in largest.nodes(space) {
                    assert_eq!(node.weight_shape(), extents.site(node.site).weight_shape());
                }
            }
        }
    }
}

#[test]
fn a_space_states_its_own_enhancement() {
    let space = Space { enhanced: &[[12, 14]], ..RESNET8 };
    assert_eq!(space.validate(), Ok(()));
    let arch = Arch::parse(&space, "4-8-12-16-4-64").unwrap();
    let plan = resolve(&space, &arch, Enhancement::OE, BranchScheme::Shared);
    let widths: std::vec::Vec<u16> = plan.layers.iter().map(|l| l.output.0).collect();
    assert_eq!(widths, [4, 8, 4, 14, 16, 4, 64]);
    // PReLU replaces ReLU6 in its scope, and layers without an activation keep none.
    let all = Enhancement { activation: ActivationScope::All, ..Enhancement::NONE };
    let arch = Arch::largest(&MOBILENET_V2_TINY);
    let plan = resolve(&MOBILENET_V2_TINY, &arch, all, BranchScheme::Shared);
    let found: std::vec::Vec<Activation> = plan.layers[..6].iter().map(|l| l.activation).collect();
    assert_eq!(found[..5], [Activation::Prelu; 5]);
    assert_eq!(found[5], Activation::None);
}
