//! Convolutions and their gradients, with every remainder of the tiles.

use super::reading::{BOUND, Read, factors};
use super::*;
use supernano_gpu_kernels::convolve::{
    Convolve, ConvolveBuffers, ConvolveNumbers, RECORD, Writing,
};
use supernano_gpu_kernels::pending::Reading;
use supernano_gpu_kernels::tile::{Direction, Frame, VARIANTS, Variant};
use supernano_gpu_kernels::weights::{WeightBuffers, WeightGradient};

/// An operand as a kernel rounds it.
fn operand<E: Element>(value: f64) -> f64 {
    if E::ROUNDOFF == 0.0 { value } else { E::rounded(value as f32).into() }
}

/// The residue classes of a stride.
fn classes(shape: &ConvShape) -> Vec<Direction> {
    let [down, across] = shape.stride;
    let class = |i| Direction::Gradient { row: i / across, column: i % across };
    (0..down * across).map(class).collect()
}

fn check<E: Element>(client: &Client, shape: ConvShape, variant: Variant, writings: &[Writing]) {
    let case = Case::new(shape);
    let x = E::noise(1, shape.inputs(), 64.0);
    let dy = E::noise(2, shape.outputs(), 64.0);
    let raw = E::noise(3, shape.outputs(), 64.0);
    let weights = noise(4, case.parameters());
    let clips = writings.contains(&Writing::ClippedGradient(1));
    let reading = Reading::activated(clips.into());
    let mut slopes = E::noise(5, shape.paths as usize, 8.0);
    // The bounds of the paths follow.
    slopes.extend(vec![BOUND as f32; shape.paths as usize]);
    let x_factors = factors::<E>(6, shape.paths, shape.channels_in);
    let dy_factors = factors::<E>(7, shape.paths, shape.channels_out);
    let dx_factors = factors::<E>(8, shape.paths, shape.channels_in);
    let before = E::noise(9, shape.inputs().max(shape.paths as usize * shape.inputs()), 64.0);
    let (part, added) = (E::noise(11, 2 * before.len() + 9, 64.0), case.added());
    let input = Read {
        reading,
        map: &x,
        norm_input: &[],
        factors: &x_factors,
        slopes: &slopes,
        channels: shape.channels_in as usize,
    };
    let gradient = Read {
        reading: Reading::NormGradient,
        map: &dy,
        norm_input: &raw,
        factors: &dy_factors,
        slopes: &[],
        channels: shape.channels_out as usize,
    };
    let mut y = vec![f64::NAN; shape.outputs()];
    case.outputs(|_, at, _| y[at] = 0.0);
    let mut dw = vec![0.0f64; case.parameters()];
    let mut dx = vec![0.0f64; shape.inputs()];
    let mut used = vec![false; case.parameters()];
    let mut gs = vec![f64::NAN; shape.outputs()];
    let mut output_channel = vec![0; shape.outputs()];
    case.outputs(|path, at, channel| {
        gs[at] = operand::<E>(gradient.value(path, at, channel));
        output_channel[at] = channel;
    });
    case.products(|path, a, channel, b, c| {
        let v = operand::<E>(input.value(path, a, channel));
        let weight = f64::from(E::rounded(weights[b]));
        y[c] += v * weight;
        dw[b] += v * gs[c];
        used[b] = true;
        dx[a] += gs[c] * weight;
    });
    let what = |part: &str| format!("{part}, {shape:?}, {variant:?}");

    let table = Buffer::new(client, &case.table());
    let none = floats(client, &[0.0]);
    let none_map = E::map(client, &[0.0]);
    let [x_b, dy_b, raw_b] = [&x, &dy, &raw].map(|v| E::map(client, v));
    let [w_b, slopes_b] = [&weights, &slopes].map(|v| floats(client, v));
    let forward = Frame::new(&shape, Direction::Forward, variant);
    let blocks = forward.blocks();
    let records = (shape.paths * shape.channels_out * blocks * RECORD) as usize;
    let mut buffers = ConvolveBuffers {
        x: x_b.clone(),
        norm_input: none_map.clone(),
        factors: floats(client, &x_factors),
        weights: w_b,
        table: table.clone(),
        slopes: slopes_b.clone(),
        y: Buffer::empty(client, shape.outputs()),
        other: none_map,
        other_factors: none,
        partial: Buffer::empty(client, records),
    };
    let numbers =
        ConvolveNumbers { rows: ROWS, slope: 0, other: 0, paths: shape.paths, blocks: [0, blocks] };
    let launch = Convolve { frame: forward, reading, writing: Writing::Statistics };
    launch.launch(client, &buffers, &numbers);
    let found = E::read(client, &buffers.y);
    assert_stored::<E>(&found, &y, &what("output"));
    // Statistics are those of the values that were stored.
    let stored: Vec<f64> = found.into_iter().map(f64::from).collect();
    let y = if E::ROUNDOFF == 0.0 { y } else { stored };
    statistics(&case, &y, &buffers.partial.read(client).unwrap(), blocks, &what("statistics"));

    // The weight gradient.
    let launch = WeightGradient::new(shape, [reading, Reading::NormGradient], 4 * shape.paths);
    let start = noise(10, case.parameters());
    let weight_buffers = WeightBuffers {
        x: x_b,
        factors: buffers.factors.clone(),
        dy: dy_b.clone(),
        norm_input: raw_b.clone(),
        dy_factors: floats(client, &dy_factors),
        table,
        slopes: slopes_b,
        partial: Buffer::empty(client, launch.partial_len()),
        gradient: floats(client, &start),
    };
    launch.launch(client, &weight_buffers, ROWS, 0);
    let expected: Vec<f64> = dw.iter().zip(&start).map(|(d, s)| d + f64::from(*s)).collect();
    let found = weight_buffers.gradient.read(client).unwrap();
    assert_close(&found, &expected, TOLERANCE, &what("weight gradient"));
    for (i, used) in used.iter().enumerate() {
        assert!(*used || found[i] == start[i], "{}: unused parameter {i}", what("weight gradient"));
    }

    // The input gradient, for maps that every path has.
    if shape.shared_input {
        return;
    }
    let frames = || classes(&shape).into_iter().map(|d| Frame::new(&shape, d, variant));
    let blocks: u32 = frames().map(|f| f.blocks()).sum();
    let records = (shape.paths * shape.channels_in * blocks * RECORD) as usize;
    buffers.x = dy_b;
    buffers.norm_input = raw_b;
    buffers.factors = weight_buffers.dy_factors;
    buffers.other_factors = floats(client, &dx_factors);
    for &writing in writings {
        buffers.y = Buffer::empty(client, shape.inputs());
        buffers.partial = Buffer::empty(client, records);
        let adds_part = matches!(writing, Writing::AddedPart(_));
        buffers.other = E::map(client, if adds_part { &part } else { &before });
        let mut first = 0;
        for frame in frames() {
            let launch = Convolve { frame, reading: Reading::NormGradient, writing };
            let numbers =
                ConvolveNumbers { rows: ROWS.reversed(), blocks: [first, blocks], ..numbers };
            let numbers = ConvolveNumbers { other: if adds_part { ADDED } else { 0 }, ..numbers };
            launch.launch(client, &buffers, &numbers);
            first += frame.blocks();
        }
        let found = E::read(client, &buffers.y);
        let mut expected = vec![f64::NAN; shape.inputs()];
        let size = (shape.paths * shape.channels_in) as usize;
        let mut sums = vec![[0.0f64; 3]; size];
        let (per_path, channels) =
            (shape.inputs() / shape.paths as usize, shape.channels_in as usize);
        for (at, expected) in expected.iter_mut().enumerate() {
            let (path, channel) = (at / per_path, at % channels);
            if channel >= case.widths_in[path] as usize {
                continue;
            }
            let raw = f64::from(before[at]);
            let factor = |i: usize| f64::from(dx_factors[(path * channels + channel) * 4 + i]);
            let normed = raw * factor(0) + factor(1);
            *expected = match writing {
                Writing::Added => dx[at] + raw,
                Writing::AddedPart(channels) => {
                    let from = at / shape.channels_in as usize * channels as usize + channel;
                    let adds = channel < added[path] as usize;
                    dx[at] + if adds { f64::from(part[from]) } else { 0.0 }
                }
                Writing::ClippedGradient(_) if normed > BOUND => 0.0,
                _ if normed < 0.0 => dx[at] * f64::from(slopes[path]),
                _ => dx[at],
            };
            let sums = &mut sums[path * channels + channel];
            sums[0] += *expected;
            sums[1] += *expected * (raw - factor(2));
            sums[2] += if normed < 0.0 { dx[at] * normed } else { 0.0 };
        }
        assert_stored::<E>(&found, &expected, &what("input gradient"));
        if matches!(writing, Writing::ActivationGradient | Writing::ClippedGradient(_)) {
            let partial = buffers.partial.read(client).unwrap();
            let close = |found: f64, expected: f64| {
                let scale = per_path as f64 / channels as f64;
                let close = (found - expected).abs() <= 1e-5 * scale + TOLERANCE * expected.abs();
                assert!(close, "{}: {found} against {expected}", what("sums of the gradient"));
            };
            let mut slopes = vec![[0.0f64; 2]; shape.paths as usize];
            for (i, sums) in sums.iter().enumerate() {
                let path = i / channels;
                if i % channels < case.widths_in[path] as usize {
                    let records = &partial[i * blocks as usize * 3..][..blocks as usize * 3];
                    let total = |v: usize| {
                        records.iter().skip(v).step_by(3).map(|r| f64::from(*r)).sum::<f64>()
                    };
                    close(total(0), sums[0]);
                    close(total(1), sums[1]);
                    slopes[path][0] += total(2);
                    slopes[path][1] += sums[2];
                }
            }
            slopes.iter().for_each(|[found, expected]| close(*found, *expected));
        }
    }
}

/// Compares records of a count, a mean and squared differences with the statistics of `y`.
fn statistics(case: &Case, y: &[f64], partial: &[f32], blocks: u32, what: &str) {
    let channels = case.shape.channels_out as usize;
    let mut values = vec![Vec::new(); case.shape.paths as usize * channels];
    case.outputs(|path, at, channel| values[path * channels + channel].push(y[at]));
    for (i, values) in values.iter().enumerate().filter(|(_, v)| !v.is_empty()) {
        let records = &partial[i * blocks as usize * 3..][..blocks as usize * 3];
        let column = |v: usize| records.iter().skip(v).step_by(3).map(|r| f64::from(*r));
        let count: f64 = column(2).sum();
        assert_eq!(count as usize, values.len(), "{what}");
        let mean = column(0).sum::<f64>() / count;
        let between: f64 = column(0)
            .zip(column(2))
            .filter(|(_, n)| *n > 0.0)
            .map(|(sum, n)| n * (sum / n - mean).powi(2))
            .sum();
        let variance = (column(1).sum::<f64>() + between) / count;
        let expected_mean = values.iter().sum::<f64>() / count;
        let expected = values.iter().map(|v| (v - expected_mean).powi(2)).sum::<f64>() / count;
        let scale = expected.sqrt() + expected_mean.abs() + 1e-2;
        assert!((mean - expected_mean).abs() < 3e-5 * scale, "{what}: {mean}, {expected_mean}");
        assert!(
            (variance - expected).abs() < 3e-5 * scale * scale,
            "{what}: {variance}, {expected}"
        );
    }
}

fn shape(images: u32, size: [u32; 2], channels: [u32; 2], kernel: [u32; 2]) -> ConvShape {
    ConvShape {
        paths: 3,
        images,
        rows: size[0],
        columns: size[1],
        channels_in: channels[0],
        channels_out: channels[1],
        depthwise: false,
        kernel: [kernel[0]; 2],
        stride: [kernel[1]; 2],
        padding: half([kernel[0]; 2]),
        elastic: false,
        shared_input: false,
    }
}

/// Sides and strides of square kernels. [`every_variant_and_size_agrees_with_plain_loops`] has the 3x3, and
/// [`depthwise_convolutions_agree_with_plain_loops`] the others. A driver compiles a kernel in seconds, and
/// an input gradient has a kernel for every residue class of the stride.
const KERNELS: [[u32; 2]; 4] = [[1, 1], [1, 2], [5, 2], [7, 1]];

#[test]
fn every_kernel_agrees_with_plain_loops() {
    let client = client();
    for (i, kernel) in KERNELS.into_iter().enumerate() {
        let shape = shape(3, [7, 6], [5, 9], kernel);
        let variant = VARIANTS[i % VARIANTS.len()];
        check::<f32>(&client, shape, variant, &[Writing::ActivationGradient]);
    }
}

#[test]
fn every_variant_and_size_agrees_with_plain_loops() {
    let client = client();
    let sizes = [
        (2, [1, 1], [1, 1], 1),
        (5, [8, 8], [4, 12], 1),
        (2, [2, 9], [9, 7], 2),
        (1, [12, 35], [3, 6], 1),
        (9, [4, 4], [17, 18], 1),
    ];
    for (i, (images, size, channels, stride)) in sizes.into_iter().enumerate() {
        for (j, variant) in VARIANTS.into_iter().enumerate() {
            let writings = [Writing::Added, Writing::ActivationGradient];
            let writings = if i == j { &writings[..] } else { &writings[1..] };
            let shape = shape(images, size, channels, [3, stride]);
            check::<f32>(&client, shape, variant, writings);
        }
    }
}

/// Kernels, strides and paddings: rectangles, half, "same" on an even side, and none.
const WINDOWS: [([u32; 2], [u32; 2], [u32; 4]); 5] = [
    ([10, 4], [2, 2], [4, 5, 1, 1]),
    ([3, 1], [2, 1], [0, 1, 0, 0]),
    ([7, 3], [1, 1], [0; 4]),
    ([5, 3], [4, 2], [2, 2, 1, 1]),
    ([16, 7], [1, 1], [7, 8, 3, 3]),
];

#[test]
fn rectangular_kernels_and_paddings_agree_with_plain_loops() {
    let client = client();
    for (i, (kernel, stride, padding)) in WINDOWS.into_iter().enumerate() {
        let size = [13, if i == 0 { 10 } else { 9 }];
        let square = shape(2, size, [5, 9], [1, 1]);
        let shape = ConvShape { kernel, stride, padding, elastic: i % 2 == 1, ..square };
        let writings = [Writing::ClippedGradient(1), Writing::AddedPart(8)];
        // Strides have several kernels for each.
        let writings = match stride {
            [1, 1] => &writings[..],
            _ => &writings[i % 2..=i % 2],
        };
        check::<f32>(&client, shape, VARIANTS[i % VARIANTS.len()], writings);
    }
}

#[test]
fn depthwise_convolutions_agree_with_plain_loops() {
    let client = client();
    let cases = [
        (3, [9, 8], 20, [3, 1]),
        (2, [7, 11], 5, [3, 2]),
        (2, [35, 18], 3, [7, 1]),
        (2, [12, 9], 17, [5, 2]),
        (5, [4, 4], 33, [1, 1]),
        (1, [21, 37], 9, [7, 2]),
    ];
    for (i, (images, size, channels, kernel)) in cases.into_iter().enumerate() {
        let square = shape(images, size, [channels, channels], kernel);
        let shape = ConvShape { depthwise: true, elastic: i % 2 == 0, ..square };
        let writings = [Writing::ClippedGradient(1), Writing::AddedPart(channels + 2)];
        let writings = if i == 3 { &[Writing::ActivationGradient][..] } else { &writings };
        check::<f32>(&client, shape, VARIANTS[0], writings);
    }
    for (kernel, stride, padding) in WINDOWS {
        let square = shape(2, [13, 10], [9, 9], [1, 1]);
        let shape = ConvShape { depthwise: true, kernel, stride, padding, elastic: true, ..square };
        check::<f32>(&client, shape, VARIANTS[0], &[Writing::ActivationGradient]);
    }
}

#[test]
fn tiles_of_depthwise_weight_gradients_have_many_units() {
    // The layers of mobilenet-v2-tiny with the largest tiles.
    for (side, channels, stride) in [(64, 96, 2), (32, 144, 1), (32, 144, 2), (16, 192, 2)] {
        let square = shape(128, [side; 2], [channels; 2], [7, stride]);
        let shape = ConvShape { depthwise: true, ..square };
        assert_eq!(WeightGradient::new(shape, [Reading::Plain; 2], 528).units(), 128, "{shape:?}");
    }
}

#[test]
fn paths_that_share_their_input_agree_with_plain_loops() {
    let shape = ConvShape { shared_input: true, ..shape(4, [8, 8], [3, 10], [3, 1]) };
    check::<f32>(&client(), shape, VARIANTS[0], &[]);
}

/// True if the device stores maps of an element.
fn stores(client: &Client, kind: FloatKind) -> bool {
    let usage = client.properties().type_usage(ElemType::Float(kind).into());
    let stores = usage.contains(TypeUsage::Buffer) && usage.contains(TypeUsage::Conversion);
    if !stores {
        eprintln!("SKIPPED: this device does not store {kind:?}");
    }
    stores
}

fn narrow<E: Element>(client: &Client) {
    let writings = [Writing::Added, Writing::ActivationGradient];
    check::<E>(client, shape(5, [8, 8], [4, 12], [3, 1]), VARIANTS[0], &writings);
    check::<E>(client, shape(3, [7, 6], [5, 9], [3, 2]), VARIANTS[1], &writings[1..]);
    check::<E>(client, shape(3, [7, 6], [5, 9], [1, 2]), VARIANTS[0], &writings[1..]);
    let square = shape(3, [7, 6], [9, 9], [5, 2]);
    let shape = ConvShape { depthwise: true, elastic: true, ..square };
    check::<E>(client, shape, VARIANTS[0], &writings[1..]);
}

#[test]
fn bfloat16_maps_and_operands_agree_with_plain_loops_on_rounded_values() {
    let client = client();
    if stores(&client, FloatKind::BF16) {
        narrow::<bf16>(&client);
    }
}

/// No training uses it: the source of these kernels is that of bfloat16, for drivers that have no bfloat16.
#[test]
fn half_maps_and_operands_agree_with_plain_loops_on_rounded_values() {
    let client = client();
    if stores(&client, FloatKind::F16) {
        narrow::<f16>(&client);
    }
}
