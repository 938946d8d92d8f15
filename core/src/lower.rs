//! Lowering: from a plan to the graph of a blob.
//!
//! [`lower`] makes tensors and operations and places every section. The exporter writes the same
//! graph with numbers; the search reads sizes from it. Operations have the order of
//! [`space::walk`](crate::space::walk), then the classifier. The data section holds the input
//! table, then weights and parameters of each operation.

use heapless::Vec;

use crate::arch::Effective;
use crate::graph::{
    self, Activation, Classifier, Conv, Form, Header, KernelKind, MAX_OPS, MAX_TENSORS, Op, Tensor,
    padded,
};
use crate::kernel::pack::WeightShape;
use crate::kernel::{ConvShape, weight_words};
use crate::plan::{self, Plan};
use crate::space::{ConvNode, MAX_LAYERS, Shape, Site, Space};

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

// A space has at most one projection per two layers, so its graph always fits, classifier included.
const _: () = assert!(MAX_LAYERS + MAX_LAYERS / 2 < MAX_OPS && MAX_OPS <= MAX_TENSORS);

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

/// Lowers a sub-network of a validated space, with [`KernelKind::Direct`] for all convolutions.
/// `code` is the written code.
pub fn lower<'a>(space: &Space<'a>, plan: &Plan, code: &'a str) -> Lowered<'a> {
    lower_with(space, plan, code, &|_, _| KernelKind::Direct)
}

/// Chooses the kind of a convolution, given as a [`KernelKind::Direct`] shape.
pub type Kinds<'k> = dyn Fn(WeightOrigin, ConvShape) -> KernelKind + 'k;

/// As [`lower`], with a kind for each convolution. A convolution that the kind does not suit
/// ([`KernelKind::suits`]) is direct.
pub fn lower_with<'a>(
    space: &Space<'a>,
    plan: &Plan,
    code: &'a str,
    kinds: &Kinds<'_>,
) -> Lowered<'a> {
    let mut graph = Lowering {
        kinds,
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
    graph.tensor(space.input);
    for node in space.convs() {
        let (source, activation) = match node.site {
            Site::Layer(i) => {
                let activation = match plan.layers[i].activation {
                    plan::Activation::Relu => Activation::Relu,
                    plan::Activation::Prelu => Activation::Prelu,
                };
                (WeightOrigin::Layer(i as u8), activation)
            }
            Site::Shortcut(i) => (WeightOrigin::Projection(i as u8), Activation::None),
        };
        let (kernel, stride) = space.geometry(node.site);
        let (_, Effective(channels)) = plan.widths(node.site);
        graph.conv(source, &node, Geometry { kernel, stride, channels }, activation);
    }
    graph.classifier();
    graph.lowered
}

/// The properties of a convolution that decide the shape of its output.
#[derive(Clone, Copy)]
struct Geometry {
    kernel: u8,
    stride: u8,
    channels: u16,
}

struct Lowering<'a, 'k> {
    lowered: Lowered<'a>,
    kinds: &'k Kinds<'k>,
}

impl Lowering<'_, '_> {
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

    fn conv(
        &mut self,
        source: WeightOrigin,
        node: &ConvNode,
        geometry: Geometry,
        activation: Activation,
    ) {
        let Geometry { kernel, stride, channels } = geometry;
        // A tensor has the index that the walk gives it.
        let (input, output) = (node.input as u8, node.output as u8);
        let residual = node.residual.map(|tensor| tensor as u8);
        let read = self.shape(input);
        let written = read.convolved(stride, channels);
        self.tensor(written);
        let shape = WeightShape { output: channels, kernel: [kernel; 2], input: read.channels };
        let geometry = graph::Geometry::same(kernel, stride);
        let (form, image) = (Form::Full, input == 0);
        let (direct, fold) = (KernelKind::Direct, 1);
        let asked =
            ConvShape { input: read, output: written, form, geometry, kind: direct, image, fold };
        let kind = (self.kinds)(source, asked);
        let kind = if kind.suits(&geometry) { kind } else { direct };
        let weights = self.section(weight_words(kind, shape) * 4);
        let mut conv = Conv {
            input,
            output,
            residual,
            form,
            geometry,
            kind,
            activation,
            rolls: false,
            weights,
            params: 0,
        };
        conv.params = self.section(conv.param_rows() * shape.output_pairs() * 2 * 4);
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

#[cfg(test)]
mod tests;
