//! Lowering: from a plan to the graph of a blob.
//!
//! [`lower`] makes tensors and operations and places every section. The exporter writes the same
//! graph with numbers; the search reads sizes from it. Operations have the order of
//! [`space::walk`](crate::space::walk), then the classifier. The data section holds the input
//! table, then weights and parameters of each operation.

use heapless::Vec;

use crate::graph::{
    Activation, Classifier, Conv, Form, Header, KernelKind, MAX_OPS, MAX_TENSORS, Op, Tensor,
    padded,
};
use crate::kernel::pack::WeightShape;
use crate::kernel::{ConvShape, depthwise_words, weight_words};
use crate::plan::{self, Node, Plan};
use crate::shape::Shape;
use crate::space::{MAX_LAYERS, Site, Space};

/// A graph without scales and zero points, and the length of its data section.
#[derive(Clone, Debug, PartialEq)]
pub struct Lowered<'a> {
    /// The graph. Scales are 1, zero points -128.
    pub header: Header<'a>,
    /// Bytes of the data section.
    pub data_len: usize,
    /// The origin of each operation's weights, in the order of [`Header::ops`].
    pub sources: Vec<WeightOrigin, MAX_OPS>,
}

// A space's layers and projections fit, classifier included.
const _: () = assert!(MAX_LAYERS < MAX_OPS && MAX_OPS <= MAX_TENSORS);

/// The origin of an operation's weights.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WeightOrigin {
    /// A layer of the space, from 0.
    Layer(u8),
    /// The projection shortcut of the block that ends with this layer.
    Projection(u8),
    /// The classifier.
    Classifier,
}

/// Lowers a sub-network of a validated space, with the default kind for all convolutions
/// ([`default_kind`]). `code` is the written code.
pub fn lower<'a>(space: &Space<'a>, plan: &Plan, code: &'a str) -> Lowered<'a> {
    lower_with(space, plan, code, &|_, shape| shape.kind)
}

/// Chooses the kind of a convolution. The shape has the default kind.
pub type Kinds<'k> = dyn Fn(WeightOrigin, ConvShape) -> KernelKind + 'k;

/// The kind of a convolution without a choice, whatever kind the shape has. In residual networks
/// ([`Space::is_residual`]), for projections, and for a convolution that is neither pointwise nor the
/// first, it is [`KernelKind::Direct`]. Otherwise it is [`KernelKind::Pointwise`], or
/// [`KernelKind::Flat`] if the image has channels that the direct form would pad.
pub fn default_kind(residual: bool, site: Site, shape: &ConvShape) -> KernelKind {
    if residual || shape.form != Form::Full || matches!(site, Site::Shortcut(_)) {
        KernelKind::Direct
    } else if shape.image && !shape.input.channels.is_multiple_of(4) {
        KernelKind::Flat
    } else if !shape.image && shape.geometry.is_point() {
        KernelKind::Pointwise
    } else {
        KernelKind::Direct
    }
}

/// As [`lower`], with a kind for each convolution. A convolution has its default kind if the chosen
/// one does not suit it ([`KernelKind::suits`]). Nothing rolls; see
/// [`arena::roll`](crate::arena::roll).
pub fn lower_with<'a>(
    space: &Space<'a>,
    plan: &Plan,
    code: &'a str,
    kinds: &Kinds<'_>,
) -> Lowered<'a> {
    let mut graph = Lowering {
        lowered: Lowered {
            header: Header {
                space: space.name,
                code,
                classes: space.classes,
                logit_scale: 1.0,
                table: 0,
                tensors: Vec::new(),
                ops: Vec::new(),
            },
            data_len: usize::from(space.input.channels) * 256,
            sources: Vec::new(),
        },
    };
    graph.tensor(plan.image);
    for node in plan.nodes(space) {
        let source = match node.site {
            Site::Layer(i) => WeightOrigin::Layer(i as u8),
            Site::Shortcut(i) => WeightOrigin::Projection(i as u8),
        };
        let shape = ConvShape {
            input: node.read,
            output: node.written,
            form: node.form,
            geometry: node.geometry,
            kind: KernelKind::Direct,
            image: node.input == 0,
            fold: 1,
        };
        let default = default_kind(space.is_residual(), node.site, &shape);
        let asked = ConvShape { kind: default, ..shape };
        let kind = match node.form {
            Form::Full => Some(kinds(source, asked)).filter(|kind| kind.suits(&node.geometry)),
            _ => None,
        };
        graph.layer(source, &node, kind.unwrap_or(default));
    }
    graph.classifier();
    graph.lowered
}

struct Lowering<'a> {
    lowered: Lowered<'a>,
}

impl Lowering<'_> {
    fn tensor(&mut self, shape: Shape) {
        self.lowered.header.tensors.extend([Tensor { shape, zero: i8::MIN, scale: 1.0 }]);
    }

    /// Reserves a section of `len` bytes, and returns its offset, a multiple of 4.
    fn section(&mut self, len: usize) -> u32 {
        let at = self.lowered.data_len;
        self.lowered.data_len = (at + len).next_multiple_of(crate::blob::ALIGNMENT);
        at as u32
    }

    fn op(&mut self, op: Op, source: WeightOrigin) {
        self.lowered.header.ops.extend([op]);
        self.lowered.sources.extend([source]);
    }

    fn shape(&self, tensor: u8) -> Shape {
        self.lowered.header.tensors[usize::from(tensor)].shape
    }

    fn layer(&mut self, source: WeightOrigin, node: &Node, kind: KernelKind) {
        let (read, written) = (node.read, node.written);
        self.tensor(written);
        // A tensor has the index that the walk gives it.
        let mut conv = Conv {
            input: node.input as u8,
            output: node.output as u8,
            residual: node.residual.map(|tensor| tensor as u8),
            form: node.form,
            geometry: node.geometry,
            kind,
            activation: match node.activation {
                plan::Activation::None => Activation::None,
                plan::Activation::Relu => Activation::Relu,
                plan::Activation::Prelu => Activation::Prelu,
                plan::Activation::Relu6 => Activation::Clipped,
            },
            rolls: false,
            weights: 0,
            params: 0,
        };
        let kernel = node.geometry.kernel;
        let shape = WeightShape { output: written.channels, kernel, input: read.channels };
        let bytes = match node.form {
            Form::Full => weight_words(kind, shape) * 4,
            Form::Depthwise => usize::from(written.channels) * depthwise_words(kernel) * 4,
            Form::Dense => usize::from(written.channels) * dense_bytes(read, node.input == 0),
            Form::Maximum | Form::Average | Form::Add => 0,
        };
        if node.form.weighted() {
            conv.weights = self.section(bytes);
        }
        if conv.param_rows() > 0 {
            conv.params = self.section(conv.param_rows() * shape.output_pairs() * 2 * 4);
        }
        self.op(Op::Conv(conv), source);
    }

    fn classifier(&mut self) {
        let input = (self.lowered.header.tensors.len() - 1) as u8;
        let classes = usize::from(self.lowered.header.classes);
        let weights = self.section(classes * padded(self.shape(input).channels));
        let params = self.section(classes * 8);
        self.op(Op::Classifier(Classifier { input, weights, params }), WeightOrigin::Classifier);
    }
}

/// Bytes of a dense layer's weights for each output: those of its input in the arena, rounded up to a
/// multiple of 4.
fn dense_bytes(read: Shape, image: bool) -> usize {
    let channels = if image { usize::from(read.channels) } else { padded(read.channels) };
    (read.pixels() * channels).next_multiple_of(4)
}

#[cfg(test)]
mod tests;
