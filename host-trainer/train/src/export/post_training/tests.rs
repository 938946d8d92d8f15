use supernano_core::graph::Form;
use supernano_core::space::Block;

use super::*;
use crate::backend::LayerOp;
use crate::export::build::tests::{conv, glyphs, network, noise, small};
use crate::supernet::{ActivationFn, FoldedConv, Layers, Linear};

#[test]
fn auto_is_never_worse_than_any_fixed_choice_on_its_own_images() {
    let shape = small();
    let dataset = glyphs(shape, 128, 16);
    let net = network(shape, -0.7);
    let set = CalibrationSet::new(&dataset, 128).unwrap();
    let with = |equalise, correct| {
        let options = QuantiseOptions { equalise, correct, ..QuantiseOptions::default() };
        quantise_after_training(&net, &set, &options)
    };
    let auto = with(Switch::Auto, Switch::Auto);
    assert!(auto.error < 0.01, "{}", auto.error);
    for equalise in [Switch::On, Switch::Off] {
        for correct in [Switch::On, Switch::Off] {
            let fixed = with(equalise, correct);
            assert!(auto.error <= fixed.error);
            assert_eq!(fixed.equalised, equalise == Switch::On);
            assert_eq!(fixed.corrected, correct == Switch::On);
        }
    }
}

/// Convolution, two depthwise and two pointwise layers, all clipped at 6. The channels of every map
/// have ranges from 1 to 1/100, which the layers behind it undo.
fn separable(shape: supernano_core::space::Shape) -> FoldedNet {
    const WIDTH: usize = 12;
    let range = |channel: usize| 100f32.powf(-((channel * 5 % WIDTH) as f32) / (WIDTH - 1) as f32);
    let ranged = |mut conv: FoldedConv, by: &dyn Fn(usize, usize) -> f32| {
        let inputs = if conv.op.by_channel() { 1 } else { conv.input };
        let taps = conv.op.geometry.taps();
        for (i, row) in conv.weight.chunks_exact_mut(taps).enumerate() {
            let (output, input) = (i / inputs, i % inputs);
            let input = if conv.op.by_channel() { output } else { input };
            row.iter_mut().for_each(|w| *w *= by(output, input));
        }
        conv.bias.iter_mut().enumerate().for_each(|(o, b)| *b *= range(o));
        conv
    };
    let same = |o: usize, i: usize| range(o) / range(i);
    let layer = |seed: u32, op: LayerOp| {
        let relu6 = ActivationFn::RELU6;
        let inputs = if op.by_channel() { 1 } else { WIDTH };
        let scale = (6.0 / op.terms(inputs) as f32).sqrt();
        FoldedConv {
            op,
            weight: noise(seed, op.terms(inputs) * WIDTH, scale),
            ..conv(seed, WIDTH, WIDTH, 1, 1, relu6)
        }
    };
    let depthwise = LayerOp { form: Form::Depthwise, ..LayerOp::same(3, 1) };
    let stem = conv(1, shape.channels.into(), WIDTH, 3, 1, ActivationFn::RELU6);
    let convs = vec![
        ranged(stem, &|o, _| range(o)),
        ranged(layer(3, depthwise), &same),
        ranged(layer(5, LayerOp::POINT), &same),
        ranged(layer(7, depthwise), &same),
        ranged(layer(9, LayerOp::POINT), &same),
    ];
    let layers = Layers::of_blocks(&[Block::Conv, Block::Separable, Block::Separable], convs);
    let mut weight = noise(13, 4 * WIDTH, 1.0);
    weight.iter_mut().enumerate().for_each(|(i, w)| *w /= range(i % WIDTH));
    let classifier = Linear { input: WIDTH, output: 4, weight, bias: noise(15, 4, 0.5) };
    FoldedNet { input: shape, layers, classifier }
}

#[test]
fn channels_of_separable_layers_may_differ_by_a_factor_of_100() {
    let shape = small();
    let dataset = glyphs(shape, 128, 16);
    let set = CalibrationSet::new(&dataset, 128).unwrap();
    let net = separable(shape);
    let with = |equalise| {
        let options = QuantiseOptions { equalise, ..QuantiseOptions::default() };
        quantise_after_training(&net, &set, &options)
    };
    let (off, auto) = (with(Switch::Off), with(Switch::Auto));
    assert!(off.error > 0.01, "without equalisation {}", off.error);
    assert!(auto.equalised && 4.0 * auto.error < off.error, "with equalisation {}", auto.error);
}
