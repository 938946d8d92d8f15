use super::*;

#[test]
fn builtin_spaces_are_valid_and_have_the_papers_sizes() {
    for space in BUILTIN {
        assert_eq!(space.validate(), Ok(()), "{}", space.name);
    }
    assert_eq!(RESNET20.size(), 4u64.pow(7) * 8u64.pow(6) * 16u64.pow(6));
    assert_eq!(RESNET8.size(), 262_144);
}

#[test]
fn resolutions_halve_at_the_strided_layers() {
    let sizes: std::vec::Vec<u16> = (0..19).map(|i| RESNET20.input_of(i).height).collect();
    assert_eq!(sizes, [[32; 8].as_slice(), &[16; 6], &[8; 5]].concat());
}

#[test]
fn the_walk_connects_maps_in_the_order_of_execution() {
    let nodes: std::vec::Vec<ConvNode> = RESNET8.convs().collect();
    assert!(nodes.iter().enumerate().all(|(i, conv)| conv.output == i + 1));
    let inputs: std::vec::Vec<usize> = nodes.iter().map(|conv| conv.input).collect();
    assert_eq!(inputs, [0, 1, 2, 3, 3, 4, 6, 6, 7]);
    let added: std::vec::Vec<_> = nodes.iter().map(|conv| conv.residual).collect();
    let (none, some) = (None, Some);
    assert_eq!(added, [none, none, some(1), none, none, some(5), none, none, some(8)]);
    let shortcut = nodes[4].site;
    assert_eq!((shortcut, RESNET8.geometry(shortcut)), (Site::Shortcut(4), (1, 2)));
    assert_eq!(shortcut.layer(), 4);
}

#[test]
fn bad_spaces_name_layer_and_problem() {
    let problem = |layers: &[Layer<'_>], blocks: &[Block]| {
        Space { layers, blocks, ..RESNET8 }.validate().unwrap_err()
    };
    let layer = |widths| Layer { widths, kernel: 3, stride: 1, same_as: None };
    let ok = layer(&[4, 8]);
    let space_error = |layer, problem| Error::Space { layer, problem };
    assert_eq!(
        problem(&[ok, layer(&[8, 4])], &[Block::Conv; 2]),
        space_error(1, SpaceProblem::Widths)
    );
    assert_eq!(problem(&[ok, layer(&[])], &[Block::Conv; 2]), space_error(1, SpaceProblem::Widths));
    assert_eq!(problem(&[ok], &[Block::Conv; 2]), space_error(0, SpaceProblem::BlockCount));
    let even = Layer { kernel: 2, ..ok };
    assert_eq!(problem(&[even], &[Block::Conv]), space_error(0, SpaceProblem::Kernel));
    let strided = Layer { stride: 3, ..ok };
    assert_eq!(problem(&[strided], &[Block::Conv]), space_error(0, SpaceProblem::Stride));
    let tied = Layer { same_as: Some(1), ..ok };
    assert_eq!(problem(&[ok, tied], &[Block::Conv; 2]), space_error(1, SpaceProblem::Tie));
    let identity = [Block::Conv, Block::Residual(Shortcut::Identity)];
    assert_eq!(problem(&[ok, ok, ok], &identity), space_error(2, SpaceProblem::Identity));
    let many = Layer { widths: GROUP_OF_16, ..ok };
    assert_eq!(problem(&[many; 17], &[Block::Conv; 17]), space_error(16, SpaceProblem::Size));
}

const GROUP_OF_16: &[u16] = RESNET20.layers[18].widths;
