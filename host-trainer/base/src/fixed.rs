//! Networks of MLPerf Tiny with random weights, whose costs on a device are compared with other
//! engines.
//!
//! [`blob`] builds a network from a table of layers. Weights are uniform; multipliers make outputs
//! fill their range.

mod random;

pub use self::random::{FAMILIES, random, random_prelu};

use rand::Rng as _;
use supernano_core::arena::roll;
use supernano_core::blob::{Sections, write};
use supernano_core::graph::{
    Activation, Classifier, Conv, Form, Geometry, Header, KernelKind, Op, Tensor,
};
use supernano_core::kernel::pack::WeightShape;
use supernano_core::plan::{Node, Plan};
use supernano_core::space::{Shape, Space};

use crate::blob::Blob;
use crate::error::{Error, Result};
use crate::rng::{ChaCha8Rng, Key, Purpose};

/// A network.
#[derive(Clone, Debug)]
pub struct Fixed {
    /// Name.
    pub name: &'static str,
    /// Shape of an image.
    pub input: Shape,
    /// Number of classes.
    pub classes: u16,
    /// Activation of the layers: a ReLU that is clipped at 6, or PReLU. A pool and a convolution with a
    /// shortcut have none.
    pub activation: Activation,
    /// Layers in order; each reads the output of the one before.
    pub layers: Vec<FixedLayer>,
}

/// A layer that reads the output of the layer before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FixedLayer {
    /// Operation.
    pub form: Form,
    /// Kernel, stride and padding.
    pub geometry: Geometry,
    /// Channels written.
    pub channels: u16,
    /// The tensor that is added; tensor 0 is the image, and layer `i` writes tensor `i + 1`.
    pub shortcut: Option<u8>,
}

impl FixedLayer {
    /// A layer without a shortcut.
    pub const fn new(form: Form, geometry: Geometry, channels: u16) -> Self {
        Self { form, geometry, channels, shortcut: None }
    }

    /// A pointwise convolution.
    pub const fn point(channels: u16) -> Self {
        Self::new(Form::Full, Geometry::POINT, channels)
    }
}

/// The layers of a sub-network, with other weights and activations; `None` for one with a projection,
/// whose layers do not read each other in order.
pub fn of_plan(space: &Space<'_>, plan: &Plan) -> Option<Fixed> {
    let layer = |node: Node| {
        let shortcut = node.residual.map(|tensor| tensor as u8);
        let layer = FixedLayer {
            shortcut,
            ..FixedLayer::new(node.form, node.geometry, node.written.channels)
        };
        (node.output == node.input + 1).then_some(layer)
    };
    let layers = plan.nodes(space).map(layer).collect::<Option<Vec<FixedLayer>>>()?;
    Some(Fixed {
        name: "random sub-network",
        input: plan.image,
        classes: space.classes,
        activation: Activation::Clipped,
        layers,
    })
}

/// Names of the networks.
pub const NAMES: [&str; 2] = ["mobilenet-v1-025", "ds-cnn"];

/// The network of a name.
pub fn network(name: &str) -> Option<Fixed> {
    match name {
        "mobilenet-v1-025" => Some(mobilenet_v1()),
        "ds-cnn" => Some(ds_cnn()),
        _ => None,
    }
}

/// MobileNetV1 with a quarter of the channels, 96x96x3 images and 2 classes. A stride of 2 has a
/// pixel of padding behind the input, as TensorFlow's "same".
fn mobilenet_v1() -> Fixed {
    let window = |stride: u8| {
        let before = u8::from(stride == 1);
        Geometry { padding: [before, 1, before, 1], ..Geometry::same(3, stride) }
    };
    let mut layers = vec![FixedLayer::new(Form::Full, window(2), 8)];
    let mut read = 8;
    let blocks = [(1, 16), (2, 32), (1, 32), (2, 64), (1, 64), (2, 128)];
    let deep = [(1, 128), (1, 128), (1, 128), (1, 128), (1, 128), (2, 256), (1, 256)];
    for (stride, channels) in blocks.into_iter().chain(deep) {
        layers.push(FixedLayer::new(Form::Depthwise, window(stride), read));
        layers.push(FixedLayer::point(channels));
        read = channels;
    }
    let input = Shape { height: 96, width: 96, channels: 3 };
    let activation = Activation::Clipped;
    Fixed { name: "mobilenet-v1-025", input, classes: 2, activation, layers }
}

/// The keyword network of MLPerf Tiny: a 10x4 convolution and four depthwise-separable blocks of 64
/// channels over 49x10 features, and 12 classes.
fn ds_cnn() -> Fixed {
    let first = Geometry { kernel: [10, 4], stride: [2, 2], padding: [4, 5, 1, 1] };
    let mut layers = vec![FixedLayer::new(Form::Full, first, 64)];
    for _ in 0..4 {
        layers.push(FixedLayer::new(Form::Depthwise, Geometry::same(3, 1), 64));
        layers.push(FixedLayer::point(64));
    }
    let input = Shape { height: 49, width: 10, channels: 1 };
    Fixed { name: "ds-cnn", input, classes: 12, activation: Activation::Clipped, layers }
}

/// Bytes of a network in int8: one for each weight and 4 for each bias.
pub fn raw_bytes(net: &Fixed) -> u64 {
    let (mut bytes, mut read) = (0, u64::from(net.input.channels));
    for layer in &net.layers {
        let taps = layer.geometry.taps() as u64;
        let terms = match layer.form {
            Form::Full => taps * read,
            Form::Depthwise => taps,
            Form::Dense => read,
            Form::Maximum | Form::Average | Form::Add => 0,
        };
        read = u64::from(layer.channels);
        bytes += if layer.form.weighted() { (terms + 4) * read } else { 0 };
    }
    bytes + (read + 4) * u64::from(net.classes)
}

/// The blob of a network. Layers roll into each other until the arena takes at most `arena` bytes,
/// or as far as that makes it smaller. The same arguments give the same bytes.
///
/// # Errors
/// [`Error::Core`] if the network exceeds a limit of the format.
pub fn blob(net: &Fixed, arena: usize, seed: u64) -> Result<Blob> {
    let core = |e| Error::core(net.name, e);
    let mut random = Random(Key::new(seed).rng(Purpose::Init, 0));
    let mut data = vec![0; 4 << 20];
    let mut sections = Sections::new(&mut data);
    let table: Vec<i8> =
        (0..net.input.channels).flat_map(|_| (0..=u8::MAX).map(|b| (b ^ 0x80) as i8)).collect();
    let mut header = Header {
        space: net.name,
        code: net.name,
        classes: net.classes,
        logit_scale: 0.05,
        table: sections.table(&table).map_err(core)?,
        tensors: heapless::Vec::new(),
        ops: heapless::Vec::new(),
    };
    let full = || Error::invalid(net.name, "layers", "as many as a blob holds", "more");
    let tensor = |shape| Tensor { shape, zero: -128, scale: 6.0 / 255.0 };
    header.tensors.push(tensor(net.input)).map_err(|_| full())?;
    let mut read = net.input;
    for (i, layer) in net.layers.iter().enumerate() {
        let FixedLayer { form, geometry, channels, shortcut } = *layer;
        let shape = form.output(&geometry, read, channels).ok_or_else(full)?;
        header.tensors.push(tensor(shape)).map_err(|_| full())?;
        let input = if form == Form::Full { read.channels } else { 1 };
        let weights = WeightShape { output: channels, kernel: geometry.kernel, input };
        let values = random.weights(match form {
            Form::Dense => usize::from(channels) * read.len(),
            _ => weights.len(),
        });
        let rows = random.rows(usize::from(channels), weights.len() / usize::from(channels), 60.0);
        let activation = match form {
            Form::Maximum | Form::Average => Activation::None,
            Form::Full if shortcut.is_some() => Activation::None,
            _ => net.activation,
        };
        // K of a shortcut, and J of an average or an addition.
        let factor = vec![1i32 << 8; usize::from(channels)];
        let halves: Vec<i32> = rows[1].iter().map(|m| m / 2).collect();
        let kind = match (i, form) {
            (0, Form::Full) => KernelKind::Flat,
            (_, Form::Full) if geometry.is_point() => KernelKind::Pointwise,
            _ => KernelKind::Direct,
        };
        let conv = Conv {
            input: i as u8,
            output: i as u8 + 1,
            residual: shortcut,
            form,
            geometry,
            kind,
            activation,
            rolls: false,
            weights: match form {
                Form::Depthwise => sections.depthwise_weights(geometry.kernel, &values),
                Form::Maximum | Form::Average | Form::Add => Ok(0),
                Form::Dense => sections.dense_weights(read, i == 0, &values),
                Form::Full => sections.conv_weights(kind, weights, &values),
            }
            .map_err(core)?,
            params: if form == Form::Maximum {
                Ok(0)
            } else {
                let [bias, multipliers] = &rows;
                let mut numbers = vec![&bias[..]];
                numbers.extend(shortcut.map(|_| &factor[..]));
                numbers.extend(form.scaled().then_some(&factor[..]));
                numbers.push(multipliers);
                // Sums below 0 have half the multiplier.
                numbers.extend((activation == Activation::Prelu).then_some(&halves[..]));
                sections.conv_params(&numbers)
            }
            .map_err(core)?,
        };
        header.ops.push(Op::Conv(conv)).map_err(|_| full())?;
        read = shape;
    }
    let (classes, channels) = (usize::from(net.classes), usize::from(read.channels));
    let values = random.weights(classes * channels);
    let rows = random.rows(classes, channels, 4000.0);
    let classifier = Classifier {
        input: net.layers.len() as u8,
        weights: sections.classifier_weights(read.channels, &values).map_err(core)?,
        params: sections.classifier_params(&rows[0], &rows[1]).map_err(core)?,
    };
    header.ops.push(Op::Classifier(classifier)).map_err(|_| full())?;
    roll(&mut header, arena);
    let mut out = vec![0u32; 1 << 20];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    let length = write(&header, &[], sections.data(), out).map_err(core)?;
    Blob::new(&out[..length], net.name)
}

struct Random(ChaCha8Rng);

impl Random {
    fn weights(&mut self, count: usize) -> Vec<i8> {
        (0..count).map(|_| self.0.random_range(-127..=127)).collect()
    }

    /// Biases and multipliers of `channels` outputs. Each output sums `terms` products and gets a standard
    /// deviation of about `deviation`.
    /// The inputs lie half a range above their zero point; random signs of the weights cancel that.
    fn rows(&mut self, channels: usize, terms: usize, deviation: f64) -> [Vec<i32>; 2] {
        let unit = (terms as f64).sqrt() * 74.0 * 74.0;
        let factor = (deviation / unit * f64::from(1u32 << 31) * 2.0).min(2e9) as i32;
        let bias = (unit * 0.5) as i32;
        [
            (0..channels).map(|_| self.0.random_range(-bias..=bias)).collect(),
            (0..channels).map(|_| factor / 2 + self.0.random_range(0..=factor / 2)).collect(),
        ]
    }
}

#[cfg(test)]
mod tests;
