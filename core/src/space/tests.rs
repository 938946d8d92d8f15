use super::*;
use crate::error::{Error, SpaceProblem};
use crate::graph::{Form, Geometry};

#[test]
fn builtin_spaces_are_valid_and_have_the_papers_sizes() {
    for space in BUILTIN {
        assert_eq!(space.validate(), Ok(()), "{}", space.name);
    }
    assert_eq!(RESNET20.size(), 4u128.pow(7) * 8u128.pow(6) * 16u128.pow(6));
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
    assert_eq!((shortcut, RESNET8.geometry(shortcut)), (Site::Shortcut(4), Geometry::same(1, 2)));
    assert_eq!(shortcut.layer(), 4);
}

#[test]
fn bad_spaces_name_layer_and_problem() {
    let problem = |layers: &[Layer<'_>], blocks: &[Block]| {
        Space { layers, blocks, ..RESNET8 }.validate().unwrap_err()
    };
    let layer = |widths| Layer::conv(widths, 3, 1);
    let ok = layer(&[4, 8]);
    let space_error = |layer, problem| Error::Space { layer, problem };
    assert_eq!(
        problem(&[ok, layer(&[8, 4])], &[Block::Conv; 2]),
        space_error(1, SpaceProblem::Widths)
    );
    assert_eq!(problem(&[ok, layer(&[])], &[Block::Conv; 2]), space_error(1, SpaceProblem::Widths));
    assert_eq!(problem(&[ok], &[Block::Conv; 2]), space_error(0, SpaceProblem::BlockCount));
    let even = Layer { kernels: &[[2, 2]], ..ok };
    assert_eq!(problem(&[even], &[Block::Conv]), space_error(0, SpaceProblem::Kernel));
    let strided = Layer { stride: [3, 3], ..ok };
    assert_eq!(problem(&[strided], &[Block::Conv]), space_error(0, SpaceProblem::Stride));
    let tied = Layer { same_as: Some(1), ..ok };
    assert_eq!(problem(&[ok, tied], &[Block::Conv; 2]), space_error(1, SpaceProblem::Tie));
    let identity = [Block::Conv, Block::Residual(Shortcut::Identity)];
    assert_eq!(problem(&[ok, ok, ok], &identity), space_error(2, SpaceProblem::Identity));
    let many = Layer { widths: GROUP_OF_16, ..ok };
    assert_eq!(problem(&[many; 33], &[Block::Conv; 33]), space_error(32, SpaceProblem::Size));
}

const GROUP_OF_16: &[u16] = RESNET20.layers[18].widths;

/// Every reason to refuse a space of the new layers, with its layer.
#[test]
fn bad_layers_and_blocks_are_refused_with_layer_and_problem() {
    use SpaceProblem as P;
    let stem = Layer::conv(&[8, 12], 3, 2);
    let expand = Layer { expands: true, ..Layer::point(&[2, 3]) };
    let depthwise = Layer::depthwise(&[[3, 3]], 1);
    let project = Layer::point(&[8, 12]);
    let pool = |kernel| Layer::pool(Form::Average, kernel, [2, 2]);
    let inverted = [Block::Conv, Block::Inverted(Skip::WhereItFits)];
    let base = Space { name: "test", enhanced: PAPER, ..RESNET8 };
    let refused = |layers: &[Layer<'_>], blocks: &[Block], expected: (usize, P)| {
        let space = Space { layers, blocks, ..base };
        let (layer, problem) = expected;
        assert_eq!(space.validate(), Err(Error::Space { layer, problem }));
    };
    let three = [stem, expand, depthwise, project];
    assert_eq!(Space { layers: &three, blocks: &inverted, ..base }.validate(), Ok(()));
    let with = |i: usize, layer: Layer<'static>| {
        let mut layers = three;
        layers[i] = layer;
        layers
    };
    refused(&with(1, Layer { widths: &[0, 2], ..expand }), &inverted, (1, P::Expansion));
    refused(&with(1, Layer { widths: &[100], ..expand }), &inverted, (1, P::Expansion));
    refused(&with(1, Layer { expands: false, ..expand }), &inverted, (1, P::Block));
    refused(&with(2, Layer { widths: &[8], ..depthwise }), &inverted, (2, P::Widths));
    refused(&with(2, Layer::depthwise(&[[3, 3], [4, 4]], 1)), &inverted, (2, P::Kernel));
    refused(&with(2, Layer::depthwise(&[[5, 5], [3, 3]], 1)), &inverted, (2, P::Kernel));
    refused(&with(2, Layer::depthwise(&[[17, 3]], 1)), &inverted, (2, P::Kernel));
    let valid = Layer { padding: Padding::Valid, ..Layer::depthwise(&[[3, 3], [5, 5]], 1) };
    refused(&with(2, valid), &inverted, (2, P::Kernel));
    refused(&with(3, Layer::depthwise(&[[1, 1]], 1)), &inverted, (3, P::Block));
    let identity = [Block::Conv, Block::Inverted(Skip::Identity)];
    refused(&three, &identity, (3, P::Identity));
    let tied = with(3, Layer { same_as: Some(0), ..project });
    assert_eq!(Space { layers: &tied, blocks: &identity, ..base }.validate(), Ok(()));
    let strided = {
        let mut layers = tied;
        layers[2] = Layer::depthwise(&[[3, 3]], 2);
        layers
    };
    refused(&strided, &identity, (3, P::Identity));
    // Windows: a pool of 32 x 32 after a stride of 2, and a row too few for "valid" padding.
    let pooled = [Block::Conv, Block::Pool];
    refused(&[stem, pool(&[[17, 17]])], &pooled, (1, P::Window));
    refused(
        &[stem, Layer { activation: Activation::Relu, ..pool(&[[2, 2]]) }],
        &pooled,
        (1, P::Activation),
    );
    refused(&[pool(&[[2, 2]])], &[Block::Pool], (0, P::Image));
    refused(&[depthwise, project], &[Block::Separable], (0, P::Image));
    let dense = [stem, Layer::dense(&[8])];
    let sizes = Space { resolutions: &[16, 32], ..base };
    let dense_blocks = [Block::Conv, Block::Dense];
    assert_eq!(Space { layers: &dense, blocks: &dense_blocks, ..base }.validate(), Ok(()));
    let refused_in = |space: Space<'_>, layer, problem| {
        assert_eq!(space.validate(), Err(Error::Space { layer, problem }));
    };
    refused_in(Space { layers: &dense, blocks: &dense_blocks, ..sizes }, 1, P::Dense);
    refused_in(Space { resolutions: &[16, 24], ..base }, 0, P::Resolution);
    // The smallest resolution decides: 16 pixels leave 8, then none for a window of 9.
    let layers = [stem, pool(&[[9, 9]])];
    refused_in(Space { layers: &layers, blocks: &pooled, ..sizes }, 1, P::Window);
    refused_in(Space { enhanced: &[[4, 13]], ..base }, 0, P::Enhancement);
    refused_in(Space { enhanced: &[[8, 9], [4, 5]], ..base }, 0, P::Enhancement);
    // Stages.
    let layers = [stem, project, Layer { stride: [2, 2], ..stem }];
    let staged = |first, depths| Space {
        layers: &layers,
        blocks: &[Block::Conv; 3],
        stages: depths,
        ..Space { name: first, ..base }
    };
    refused_in(staged("a", &[Stage { first: 1, depths: &[0, 2] }]), 1, P::Stage);
    refused_in(staged("b", &[Stage { first: 2, depths: &[1, 2] }]), 2, P::Stage);
    refused_in(staged("c", &[Stage { first: 1, depths: &[1, 2] }]), 2, P::Depth);
    let flat = [Layer { stride: [1, 1], ..stem }; 64];
    let many = Space { layers: &flat, blocks: &[Block::Conv; 64], ..base };
    refused_in(many, 63, P::TooManyLayers);
    let blocks = [Block::Residual(Shortcut::Projection); 22];
    refused_in(Space { layers: &flat[..44], blocks: &blocks, ..base }, 43, P::TooManyLayers);
}
