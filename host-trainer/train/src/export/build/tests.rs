use supernano_base::config::{DataSource, DataSpec};
use supernano_base::frontend::{AxisSpec, FrontEndSpec, SensorSpec};
use supernano_core::blob::{BlobView, with_kinds};
use supernano_core::kernel::Reference;
use supernano_core::space::{Block, Shortcut};
use supernano_data::{self as data, Dataset};
use supernano_search::cost::kernels::rewritten;

use super::*;
use crate::backend::LayerOp;
use crate::export::simulate::integer_input;
use crate::export::{CalibrationSet, ImageSet, RangeRule, observe};
use crate::supernet::{FoldedConv, FoldedNet, Layers, Linear};

/// Glyphs of four classes, with 8 validation images.
pub(crate) fn glyphs(shape: Shape, train: usize, test: usize) -> Dataset {
    let spec = DataSpec {
        shape: Some(shape),
        classes: Some(4),
        train: Some(train),
        validation: Some(8),
        test: Some(test),
        ..DataSpec::new(DataSource::Glyphs)
    };
    data::load(&spec).unwrap()
}

pub(crate) fn noise(seed: u32, n: usize, scale: f32) -> Vec<f32> {
    let mut state = seed;
    (0..n)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            ((state >> 8) as f32 / (1 << 24) as f32 - 0.5) * 2.0 * scale
        })
        .collect()
}

pub(crate) fn conv(
    seed: u32,
    input: usize,
    output: usize,
    kernel: u8,
    stride: u8,
    act: ActivationFn,
) -> FoldedConv {
    let op = LayerOp::same(kernel, stride);
    let scale = (3.0 / op.terms(input) as f32).sqrt();
    FoldedConv {
        name: "test".into(),
        input,
        output,
        op,
        weight: noise(seed, output * op.terms(input), scale),
        bias: noise(seed + 1, output, 0.2),
        act,
    }
}

pub(crate) fn small() -> Shape {
    Shape { height: 20, width: 12, channels: 3 }
}

pub(crate) fn network(input: Shape, slope: f32) -> FoldedNet {
    let c = usize::from(input.channels);
    let blocks =
        [Block::Conv, Block::Residual(Shortcut::Identity), Block::Residual(Shortcut::Projection)];
    let convs = vec![
        conv(1, c, 5, 3, 1, ActivationFn::Relu),
        conv(3, 5, 9, 3, 1, ActivationFn::Relu),
        conv(5, 9, 5, 3, 1, ActivationFn::Prelu(slope)),
        conv(7, 5, 12, 3, 2, ActivationFn::Prelu(0.1)),
        conv(9, 12, 9, 3, 1, ActivationFn::Prelu(slope)),
        conv(11, 5, 9, 1, 2, ActivationFn::None),
    ];
    let layers = Layers::of_blocks(&blocks, convs);
    let classifier =
        Linear { input: 9, output: 4, weight: noise(13, 36, 1.0), bias: noise(15, 4, 0.5) };
    FoldedNet { input, layers, classifier }
}

/// The front end stands before the input table, and nothing else changes.
#[test]
fn a_front_end_is_carried() {
    let spec = SensorSpec { rows: 2, axes: vec![AxisSpec { low: -1.0, high: 9.0 }; 3] };
    let front_end = FrontEndSpec::Sensor(spec).build("test").unwrap();
    let shape = small();
    let eight = Some(8);
    let spec = DataSpec {
        shape: Some(shape),
        classes: Some(4),
        train: eight,
        validation: eight,
        test: eight,
        ..DataSpec::new(DataSource::Glyphs)
    };
    let dataset = data::load(&spec).unwrap();
    let set = CalibrationSet::new(&dataset, 8).unwrap();
    let net = network(shape, 0.25);
    let params = observe(&net, &set.images).params(RangeRule::Auto);
    let quantised = QuantisedNet::with(&net, &params, &set.normalisation);
    let info =
        BlobInfo { space: "test", code: "5-9", residual: true, classes: &[], front_end: None };
    let plain = build(&quantised, &info, Prefer::Speed).unwrap();
    assert_eq!(plain.view().unwrap().front_end(), None);
    let info = BlobInfo { front_end: Some(&front_end), ..info };
    // Six bytes are not the image of this network.
    let error = build(&quantised, &info, Prefer::Speed).unwrap_err().to_string();
    assert!(error.contains("front end: expected a front end that makes the network's input"));
    let axes = vec![AxisSpec { low: -1.0, high: 9.0 }; usize::from(shape.channels)];
    let rows = shape.height * shape.width;
    let front_end = FrontEndSpec::Sensor(SensorSpec { rows, axes }).build("test").unwrap();
    let info = BlobInfo { front_end: Some(&front_end), ..info };
    let blob = build(&quantised, &info, Prefer::Speed).unwrap();
    assert_eq!(blob.bytes().len(), plain.bytes().len() + front_end.bytes().len());
    assert_eq!(blob.logits(&dataset.test).unwrap(), plain.logits(&dataset.test).unwrap());
    let view = blob.view().unwrap();
    assert_eq!(view.front_end(), Some(front_end.bytes()));
    assert_eq!(view.table(), plain.view().unwrap().table());
    // Other kernels keep it.
    let (mut data, mut out) = (vec![0; 1 << 20], vec![0u32; 1 << 18]);
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    let direct = |_: usize, _: &Conv| KernelKind::Direct;
    let length = with_kinds(&view, &direct, &[], &mut data, out).unwrap();
    let direct = BlobView::new_checked(&out[..length]).unwrap();
    assert_eq!(direct.front_end(), Some(front_end.bytes()));
}

#[test]
fn integers_follow_float_and_the_same_input_gives_the_same_bytes() {
    let shape = small();
    let dataset = glyphs(shape, 64, 64);
    let set = CalibrationSet::new(&dataset, 64).unwrap();
    let test = ImageSet::first(&dataset, &dataset.test, 64);
    let all = test.part(0..64);
    for slope in [0.25, -0.6, 3.0] {
        let net = network(shape, slope);
        let params = observe(&net, &set.images).params(RangeRule::Auto);
        let info = BlobInfo {
            space: "test",
            code: "5-9",
            residual: true,
            classes: &dataset.classes,
            front_end: None,
        };
        let quantised = QuantisedNet::with(&net, &params, &set.normalisation);
        let blob = build(&quantised, &info, Prefer::Speed).unwrap();
        assert_eq!(blob, build(&quantised, &info, Prefer::Speed).unwrap());
        let tall = |_: usize, _: &Conv| KernelKind::WinogradTall;
        let blob = rewritten(&blob, &tall).unwrap();

        let float = net.forward(&all.values, all.n);
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
