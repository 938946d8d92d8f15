//! Random networks of the layers that residual networks do not have, to fit and to judge models of
//! cost.

use rand::Rng as _;
use supernano_core::graph::{Activation, Form, Geometry};
use supernano_core::space::Shape;

use super::{Fixed, FixedLayer};
use crate::rng::{ChaCha8Rng, Key, Purpose};

/// Number of families of [`random`].
pub const FAMILIES: u32 = 6;

/// Network `index` of a seed. Families take turns: depthwise-separable networks over images, keyword
/// networks over features, convolutions over windows of samples, inverted residual blocks over images,
/// autoencoders, and small networks over small images. A model that is linear in the rounds of loops
/// needs no large networks, which take long to count.
pub fn random(seed: u64, index: u32) -> Fixed {
    let mut rng = Key::new(seed).rng(Purpose::Sample, u64::from(index));
    match index % FAMILIES {
        0 => separable(&mut rng),
        1 => keywords(&mut rng),
        2 => windows(&mut rng),
        3 => inverted(&mut rng, false),
        4 => autoencoder(&mut rng),
        _ => small(&mut rng),
    }
}

/// As [`random`], with PReLU. A shortcut is added by a layer of its own.
pub fn random_prelu(seed: u64, index: u32) -> Fixed {
    let mut rng = Key::new(seed).rng(Purpose::Sample, u64::from(index));
    let net = match index % FAMILIES {
        3 => inverted(&mut rng, true),
        _ => random(seed, index),
    };
    Fixed { activation: Activation::Prelu, ..net }
}

/// A network whose layers have a clipped ReLU.
fn clipped(name: &'static str, input: Shape, classes: u16, layers: Vec<FixedLayer>) -> Fixed {
    Fixed { name, input, classes, activation: Activation::Clipped, layers }
}

/// One of the options.
fn pick<T: Copy>(rng: &mut ChaCha8Rng, options: &[T]) -> T {
    options[rng.random_range(0..options.len())]
}

/// A square window with TensorFlow's "same" padding of an even side.
fn same(kernel: u8, stride: u8) -> Geometry {
    let whole = kernel - stride.min(kernel);
    let (before, behind) = (whole / 2, whole - whole / 2);
    Geometry { padding: [before, behind, before, behind], ..Geometry::same(kernel, stride) }
}

fn image(rng: &mut ChaCha8Rng) -> Shape {
    let side = pick(rng, &[16, 20, 24, 28, 32, 40, 48]);
    Shape { height: side, width: side, channels: pick(rng, &[1, 3]) }
}

/// A pool of the last map, if the draw says so. Returns the side that is left.
fn pool(
    rng: &mut ChaCha8Rng,
    layers: &mut Vec<FixedLayer>,
    [rows, columns]: [u8; 2],
    channels: u16,
) {
    let global = Geometry::valid([rows, columns], [1, 1]);
    let half = Geometry::valid([rows.min(2), columns.min(2)], [2, 2]);
    match rng.random_range(0..4) {
        0 => layers.push(FixedLayer::new(Form::Average, global, channels)),
        1 => layers.push(FixedLayer::new(Form::Average, half, channels)),
        2 => layers.push(FixedLayer::new(Form::Maximum, half, channels)),
        _ => {}
    }
}

fn separable(rng: &mut ChaCha8Rng) -> Fixed {
    let input = image(rng);
    let widths = [4, 6, 8, 12, 16, 20, 24, 32, 48];
    let mut read = pick(rng, &widths[..5]);
    let mut layers = vec![FixedLayer::new(Form::Full, same(pick(rng, &[3, 5]), 2), read)];
    let mut side = input.height / 2;
    for _ in 0..rng.random_range(2..6) {
        let stride = if side > 4 { pick(rng, &[1, 2]) } else { 1 };
        layers.push(FixedLayer::new(Form::Depthwise, same(pick(rng, &[3, 3, 3, 5]), stride), read));
        side /= u16::from(stride);
        read = pick(rng, &widths);
        layers.push(FixedLayer::point(read));
    }
    pool(rng, &mut layers, [side as u8; 2], read);
    clipped("random separable", input, pick(rng, &[2, 10]), layers)
}

fn keywords(rng: &mut ChaCha8Rng) -> Fixed {
    let input = Shape { height: pick(rng, &[25, 49]), width: pick(rng, &[8, 10, 13]), channels: 1 };
    let channels = pick(rng, &[8, 12, 16, 20, 24, 32, 40]);
    let [rows, columns] = [pick(rng, &[3, 5, 8, 10]), pick(rng, &[3, 4, 5])];
    let [down, across] = [pick(rng, &[1, 2, 2]), pick(rng, &[1, 2, 2])];
    let [above, left] = [(rows - 1) / 2, (columns - 1) / 2];
    let first = Geometry {
        kernel: [rows, columns],
        stride: [down, across],
        padding: [above, rows - 1 - above, left, columns - 1 - left],
    };
    let mut layers = vec![FixedLayer::new(Form::Full, first, channels)];
    for _ in 0..rng.random_range(1..4) {
        layers.push(FixedLayer::new(Form::Depthwise, same(pick(rng, &[3, 3, 3, 5]), 1), channels));
        layers.push(FixedLayer::point(channels));
    }
    let sides = [input.height.div_ceil(u16::from(down)), input.width.div_ceil(u16::from(across))];
    pool(rng, &mut layers, sides.map(|side| side as u8), channels);
    clipped("random keywords", input, 12, layers)
}

fn windows(rng: &mut ChaCha8Rng) -> Fixed {
    let input =
        Shape { height: pick(rng, &[48, 64, 96, 128]), width: 1, channels: pick(rng, &[3, 6, 9]) };
    let mut channels = pick(rng, &[8, 12, 16, 24]);
    let mut rows = input.height;
    let long = |rng: &mut ChaCha8Rng, rows: &mut u16| {
        let (kernel, down) = (pick(rng, &[3, 5, 7]), pick(rng, &[1, 1, 2]));
        let padded = kernel - 1;
        let padding = if rng.random() { [kernel / 2, padded - kernel / 2, 0, 0] } else { [0; 4] };
        let read = *rows + u16::from(padding[0] + padding[1]);
        *rows = (read - u16::from(kernel)) / u16::from(down) + 1;
        Geometry { kernel: [kernel, 1], stride: [down, 1], padding }
    };
    let mut layers = vec![FixedLayer::new(Form::Full, long(rng, &mut rows), channels)];
    for _ in 0..rng.random_range(1..4) {
        if rng.random() {
            let half = Geometry::valid([2, 1], [2, 1]);
            let form = pick(rng, &[Form::Maximum, Form::Maximum, Form::Average]);
            layers.push(FixedLayer::new(form, half, channels));
            rows /= 2;
        }
        if rows < 8 {
            break;
        }
        channels = pick(rng, &[8, 12, 16, 24, 32]);
        layers.push(FixedLayer::new(Form::Full, long(rng, &mut rows), channels));
    }
    if rng.random() {
        let global = Geometry::valid([rows as u8, 1], [1, 1]);
        layers.push(FixedLayer::new(Form::Average, global, channels));
    }
    if rng.random() {
        layers.push(FixedLayer::new(Form::Dense, Geometry::POINT, pick(rng, &[8, 16, 32])));
    }
    clipped("random windows", input, pick(rng, &[2, 3, 6, 12]), layers)
}

/// Networks whose layers are so small that calls and set-up count.
fn small(rng: &mut ChaCha8Rng) -> Fixed {
    let height = pick(rng, &[8, 12, 16, 20, 24, 28, 32]);
    let input = Shape { height, width: height, channels: pick(rng, &[1, 3]) };
    let mut read = pick(rng, &[3, 4, 5, 6, 8, 12, 16]);
    let stride = pick(rng, &[1, 2, 2]);
    let mut layers = vec![FixedLayer::new(Form::Full, same(pick(rng, &[3, 3, 5]), stride), read)];
    let mut side = height / u16::from(stride);
    for _ in 0..rng.random_range(1..4) {
        let stride = if side > 3 { pick(rng, &[1, 2]) } else { 1 };
        let written = pick(rng, &[4, 6, 8, 12, 16, 24, 32]);
        match rng.random_range(0..4) {
            0 if side > 3 => {
                let half = Geometry::valid([2, 2], [2, 2]);
                let form = pick(rng, &[Form::Maximum, Form::Average]);
                layers.push(FixedLayer::new(form, half, read));
                side /= 2;
                continue;
            }
            1 => {
                read *= pick(rng, &[2, 3]);
                layers.push(FixedLayer::point(read));
            }
            _ => {}
        }
        layers.push(FixedLayer::new(Form::Depthwise, same(pick(rng, &[3, 3, 5]), stride), read));
        side /= u16::from(stride);
        layers.push(FixedLayer::point(written));
        read = written;
    }
    if rng.random_range(0..4) > 0 {
        let global = Geometry::valid([side as u8; 2], [1, 1]);
        layers.push(FixedLayer::new(Form::Average, global, read));
    }
    if rng.random() {
        layers.push(FixedLayer::new(Form::Dense, Geometry::POINT, pick(rng, &[8, 16, 24, 32])));
    }
    clipped("random small", input, pick(rng, &[2, 4, 10, 20]), layers)
}

/// `added` gives shortcuts a layer of their own.
fn inverted(rng: &mut ChaCha8Rng, added: bool) -> Fixed {
    let input = image(rng);
    let mut read = pick(rng, &[4, 8, 12]);
    let mut layers = vec![FixedLayer::new(Form::Full, same(3, 2), read)];
    let mut side = input.height / 2;
    for _ in 0..rng.random_range(1..5) {
        let start = layers.len() as u8;
        let expanded = read * pick(rng, &[2, 3, 4]);
        let stride = if side > 4 { pick(rng, &[1, 2]) } else { 1 };
        layers.push(FixedLayer::point(expanded));
        let kernel = pick(rng, &[3, 3, 5, 7]);
        layers.push(FixedLayer::new(Form::Depthwise, same(kernel, stride), expanded));
        side /= u16::from(stride);
        let written = pick(rng, &[read, 6, 8, 12, 16]);
        let fits = stride == 1 && written == read;
        let shortcut = fits.then_some(start);
        if added && fits {
            layers.push(FixedLayer::point(written));
            let add = FixedLayer::new(Form::Add, Geometry::POINT, written);
            layers.push(FixedLayer { shortcut, ..add });
        } else {
            layers.push(FixedLayer { shortcut, ..FixedLayer::point(written) });
        }
        read = written;
    }
    pool(rng, &mut layers, [side as u8; 2], read);
    clipped("random inverted", input, 2, layers)
}

fn autoencoder(rng: &mut ChaCha8Rng) -> Fixed {
    let input = Shape { height: 1, width: 1, channels: pick(rng, &[128, 256, 320, 640]) };
    let dense = |channels| FixedLayer::new(Form::Dense, Geometry::POINT, channels);
    let wide = pick(rng, &[32, 64, 96, 128]);
    let mut layers = vec![dense(wide)];
    for _ in 0..rng.random_range(0..3) {
        layers.push(dense(pick(rng, &[wide, 48])));
    }
    layers.push(dense(8));
    layers.push(dense(wide));
    clipped("random autoencoder", input, pick(rng, &[128, 256]), layers)
}
