//! Ends of blocks and batch norms, with paths of different widths.

use super::*;
use supernano_gpu_kernels::add::{BlockEnd, EndBuffers, EndRows, Residual};
use supernano_gpu_kernels::convolve::RECORD;
use supernano_gpu_kernels::norm::Norm;

const PATHS: usize = 3;
const EPSILON: f32 = 1e-5;
const BOUND: f32 = 0.5;

/// Rows: widths of the maps, widths of the residual, offsets of gamma and of beta.
fn table(channels: u32) -> (Vec<u32>, [usize; PATHS]) {
    let widths = [channels, 1, channels.div_ceil(2)];
    let residual = [channels, channels, 1];
    let offsets = [0, channels, 0];
    let table = [widths, residual, offsets, offsets.map(|o| o + 2 * channels)].concat();
    (table, widths.map(|w| w as usize))
}

/// A map, its factors, and its values behind the norm.
struct Normed {
    map: Vec<f32>,
    factors: Vec<f32>,
}

impl Normed {
    fn new(seed: u64, values: usize, channels: usize) -> Self {
        Self { map: noise(seed, values), factors: noise(seed + 1, PATHS * channels * 4) }
    }

    fn factor(&self, channel: usize, i: usize) -> f64 {
        f64::from(self.factors[channel * 4 + i])
    }
}

/// How a case differs from a plain end.
#[derive(Clone, Copy, Default)]
struct Kind {
    shared: bool,
    pooled: bool,
    /// The last path lacks the layer.
    optional: bool,
    /// Channels that the residual has beyond those of the map.
    wider: u32,
    clips: bool,
}

fn check(client: &Client, channels: u32, residual: Residual, kind: Kind) {
    let Kind { shared, pooled, optional, wider, clips } = kind;
    let (images, pixels, c) = (5u32, 33u32, channels as usize);
    let size = (images * pixels) as usize * c;
    let end = BlockEnd {
        paths: PATHS as u32,
        images,
        pixels,
        channels,
        residual,
        residual_channels: channels + wider,
        optional,
        bounds: clips.into(),
        shared_residual: shared,
        pooled,
    };
    let (mut table, mut widths) = table(channels);
    if optional {
        (table[PATHS - 1], widths[PATHS - 1]) = (0, 0);
    }
    let other_size = (images * pixels * (channels + wider)) as usize;
    let own = Normed::new(1, PATHS * size, c);
    let other = Normed::new(3, PATHS * other_size, c);
    let dy = noise(5, PATHS * size);
    let mut slopes = noise(6, PATHS);
    // The bounds of the paths.
    slopes.extend([BOUND; PATHS]);
    let buffers = EndBuffers {
        x: floats(client, &own.map),
        factors: floats(client, &own.factors),
        residual: floats(client, &other.map),
        residual_factors: floats(client, &other.factors),
        table: Buffer::new(client, &table),
        slopes: floats(client, &slopes),
    };
    let rows = EndRows { width: 0, residual: 1, slope: 0 };
    let y = Buffer::empty(client, PATHS * size);
    end.launch(client, &buffers, &y, rows);
    let dsum = Buffer::empty(client, PATHS * size);
    let partial = [0, 1].map(|_| Buffer::empty(client, end.records()));
    end.launch_gradient(
        client,
        &buffers,
        [&floats(client, &dy), &dsum],
        [&partial[0], &partial[1]],
        rows,
    );

    let mut expected = vec![f64::NAN; PATHS * size];
    let mut gradient = vec![f64::NAN; PATHS * size];
    let mut sums = vec![[0.0f64; 4]; PATHS * c];
    for at in 0..PATHS * size {
        let (path, channel) = (at / size, at % c);
        let residual_width = table[PATHS + path] as usize;
        let has_layer = channel < widths[path];
        let passes = optional && channel < residual_width;
        if !(has_layer || passes) {
            continue;
        }
        let record = path * c + channel;
        let raw = f64::from(own.map[at]);
        let mut sum = match has_layer {
            true => raw * own.factor(record, 0) + own.factor(record, 1),
            false => 0.0,
        };
        let pixel = if shared { at % size } else { at } / c;
        let residual_raw = f64::from(other.map[pixel * (c + wider as usize) + channel]);
        match residual {
            Residual::Plain if channel < residual_width => sum += residual_raw,
            Residual::Normed => {
                sum += residual_raw * other.factor(record, 0) + other.factor(record, 1);
            }
            Residual::Plain | Residual::None => {}
        }
        let slope = f64::from(slopes[path]);
        let bound = if clips { f64::from(BOUND) } else { f64::INFINITY };
        expected[at] = if sum < 0.0 { slope * sum } else { sum }.min(bound);
        let image = at % size / c / pixels as usize;
        let from = if pooled { (path * images as usize + image) * c + channel } else { at };
        let dy = f64::from(dy[from]);
        let g = match sum {
            _ if sum < 0.0 => slope * dy,
            _ if sum > bound => 0.0,
            _ => dy,
        };
        gradient[at] = g;
        let sums = &mut sums[record];
        sums[0] += g;
        sums[1] += g * (raw - own.factor(record, 2));
        sums[2] += dy * sum.min(0.0);
        sums[3] += g * (residual_raw - other.factor(record, 2));
    }
    let what = |part: &str| format!("{part}, {end:?}");
    assert_close(&y.read(client).unwrap(), &expected, TOLERANCE, &what("output"));
    assert_close(&dsum.read(client).unwrap(), &gradient, TOLERANCE, &what("gradient"));
    let blocks = end.blocks() as usize * RECORD as usize;
    for (i, partial) in partial.iter().enumerate() {
        let partial = partial.read(client).unwrap();
        for (channel, sums) in sums.iter().enumerate() {
            if (i == 1 && residual != Residual::Normed) || channel % c >= widths[channel / c] {
                continue;
            }
            let records = &partial[channel * blocks..(channel + 1) * blocks];
            let total = |v: usize| records.iter().skip(v).step_by(3).map(|r| f64::from(*r)).sum();
            let found: [f64; 3] = [total(0), total(1), total(2)];
            let wanted = if i == 0 { [sums[0], sums[1], sums[2]] } else { [sums[0], sums[3], 0.0] };
            for (f, e) in found.iter().zip(wanted) {
                let close = (f - e).abs() <= 1e-3 + TOLERANCE * e.abs();
                assert!(close, "{} {i}: {f} against {e}", what("sums"));
            }
        }
    }
}

#[test]
fn ends_of_blocks_agree_with_plain_loops() {
    let client = client();
    for (channels, pooled) in [(3, false), (16, true), (70, false)] {
        let kind = Kind { pooled, ..Kind::default() };
        check(&client, channels, Residual::None, kind);
        check(&client, channels, Residual::Plain, kind);
        check(&client, channels, Residual::Plain, Kind { shared: true, ..kind });
        check(&client, channels, Residual::Normed, kind);
        let optional = Kind { optional: true, wider: 3, clips: true, ..kind };
        check(&client, channels, Residual::Plain, optional);
    }
}

#[test]
fn norms_agree_with_plain_loops() {
    let client = client();
    let (channels, blocks, values) = (6u32, 70, 9);
    let (table, widths) = table(channels);
    let norm = Norm { paths: PATHS as u32, channels, width: 0, gamma: 2, beta: 3 };
    let c = channels as usize;
    let parameters = noise(1, 4 * c);
    let x: Vec<f32> = noise(2, PATHS * c * blocks * values).iter().map(|v| v + 3.0).collect();
    let g = noise(3, x.len());
    let mut records = Vec::new();
    let mut gradient_records = Vec::new();
    let mut expected = vec![f64::NAN; norm.factors()];
    let mut coefficients = expected.clone();
    let mut sides = vec![f64::NAN; norm.sides()];
    let per_channel = blocks * values;
    for (i, x) in x.chunks_exact(per_channel).enumerate() {
        let g = &g[i * per_channel..(i + 1) * per_channel];
        let mean_of = |v: &[f32]| v.iter().map(|v| f64::from(*v)).sum::<f64>() / v.len() as f64;
        let squares =
            |v: &[f32], mean: f64| v.iter().map(|v| (f64::from(*v) - mean).powi(2)).sum::<f64>();
        let mean = mean_of(x);
        for (x, g) in x.chunks_exact(values).zip(g.chunks_exact(values)) {
            let own = mean_of(x);
            records.extend([(own * values as f64) as f32, squares(x, own) as f32, values as f32]);
            let moment = |x: &f32, g: &f32| f64::from(*g) * (f64::from(*x) - mean);
            let moments: f64 = x.iter().zip(g).map(|(x, g)| moment(x, g)).sum();
            gradient_records.extend([(mean_of(g) * values as f64) as f32, moments as f32, 0.5]);
        }
        let (path, channel) = (i / c, i % c);
        if channel >= widths[path] {
            continue;
        }
        let count = per_channel as f64;
        let inverse = 1.0 / (squares(x, mean) / count + f64::from(EPSILON)).sqrt();
        let parameter =
            |row: usize| f64::from(parameters[table[row * PATHS + path] as usize + channel]);
        let scale = parameter(2) * inverse;
        let factors = [scale, parameter(3) - mean * scale, mean, inverse];
        expected[i * 4..i * 4 + 4].copy_from_slice(&factors);
        let sum: f64 = g.iter().map(|g| f64::from(*g)).sum();
        let moment: f64 =
            g.iter().zip(x).map(|(g, x)| f64::from(*g) * (f64::from(*x) - mean)).sum();
        let b = -scale * inverse * inverse * moment / count;
        coefficients[i * 4..i * 4 + 4].copy_from_slice(&[scale, b, -scale * sum / count, mean]);
        sides[i * 3..i * 3 + 3].copy_from_slice(&[moment * inverse, sum, 0.5 * blocks as f64]);
    }
    let table = Buffer::new(&client, &table);
    let factors = Buffer::empty(&client, norm.factors());
    let partial = floats(&client, &records);
    let parameters = floats(&client, &parameters);
    norm.factors_of(&client, (&partial, blocks as u32), &parameters, &table, &factors, EPSILON);
    assert_close(&factors.read(&client).unwrap(), &expected, TOLERANCE, "factors");
    let partial = floats(&client, &gradient_records);
    let [found, found_sides] =
        [norm.factors(), norm.sides()].map(|n| Buffer::<f32>::empty(&client, n));
    norm.gradients_of(
        &client,
        (&partial, blocks as u32),
        (&factors, &table),
        &found,
        (&found_sides, 0),
        per_channel as f32,
    );
    assert_close(&found.read(&client).unwrap(), &coefficients, TOLERANCE, "coefficients");
    assert_close(&found_sides.read(&client).unwrap(), &sides, TOLERANCE, "sides");
}
