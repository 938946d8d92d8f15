use supernano_base::config::{DataSource, DataSpec};
use supernano_core::kernel::Reference;
use supernano_data as data;

use super::*;
use crate::export::simulate::integer_input;
use crate::export::{CalibrationSet, ImageSet, RangeRule, observe};
use crate::supernet::{ConvBlock, FoldedConv, FoldedNet, Linear};

fn noise(seed: u32, n: usize, scale: f32) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * 2.0 * scale
        })
        .collect()
}

fn conv(
    seed: u32,
    input: usize,
    output: usize,
    kernel: usize,
    stride: usize,
    act: ActivationFn,
) -> FoldedConv {
    let scale = (3.0 / (input * kernel * kernel) as f32).sqrt();
    FoldedConv {
        name: "test".into(),
        input,
        output,
        kernel,
        stride,
        weight: noise(seed, input * output * kernel * kernel, scale),
        bias: noise(seed + 1, output, 0.2),
        act,
    }
}

pub(crate) fn small() -> Shape {
    Shape { height: 20, width: 12, channels: 3 }
}

pub(crate) fn network(input: Shape, slope: f32) -> FoldedNet {
    let c = usize::from(input.channels);
    let blocks = vec![
        ConvBlock::Conv(conv(1, c, 5, 3, 1, ActivationFn::Relu)),
        ConvBlock::Residual {
            first: conv(3, 5, 9, 3, 1, ActivationFn::Relu),
            second: conv(5, 9, 5, 3, 1, ActivationFn::Prelu(slope)),
            shortcut: None,
        },
        ConvBlock::Residual {
            first: conv(7, 5, 12, 3, 2, ActivationFn::Prelu(0.1)),
            second: conv(9, 12, 9, 3, 1, ActivationFn::Prelu(slope)),
            shortcut: Some(conv(11, 5, 9, 1, 2, ActivationFn::None)),
        },
    ];
    let classifier =
        Linear { input: 9, output: 4, weight: noise(13, 36, 1.0), bias: noise(15, 4, 0.5) };
    FoldedNet { input, blocks, classifier }
}

#[test]
fn integers_follow_float_and_the_same_input_gives_the_same_bytes() {
    let shape = small();
    let spec = DataSpec {
        shape: Some(shape),
        classes: Some(4),
        train: Some(64),
        validation: Some(8),
        test: Some(64),
        ..DataSpec::new(DataSource::Glyphs)
    };
    let dataset = data::load(&spec).unwrap();
    let set = CalibrationSet::new(&dataset, 64).unwrap();
    let test = ImageSet::first(&dataset, &dataset.test, 64);
    let all = test.part(0..64);
    for slope in [0.25, -0.6, 3.0] {
        let net = network(shape, slope);
        let params = observe(&net, &set.images).params(RangeRule::Auto);
        let info = BlobInfo { space: "test", code: "5-9", classes: &dataset.classes };
        let quantised = QuantisedNet::with(&net, &params, &set.normalisation);
        let blob = build(&quantised, &info, Prefer::Speed).unwrap();
        assert_eq!(blob, build(&quantised, &info, Prefer::Speed).unwrap());

        let float = net.forward(all.values, all.n);
        let integer = blob.logits(&dataset.test).unwrap();
        assert_eq!(integer, blob.logits_with(&dataset.test, || Reference).unwrap());
        let x = integer_input(&quantised, &all);
        assert_eq!(integer, quantised.forward(x, &mut |_, _| {}));
        let scale = blob.view().unwrap().header().logit_scale;
        let (mut error, mut power) = (0.0, 0.0);
        let mean: f32 = float.iter().sum::<f32>() / float.len() as f32;
        for (f, &q) in float.iter().zip(&integer) {
            error += (f - q as f32 * scale).powi(2);
            power += (f - mean).powi(2);
        }
        assert!(error / power < 0.01, "slope {slope}: relative squared error {}", error / power);
    }
}
