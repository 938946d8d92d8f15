//! Builds an ONNX graph.

use prost::Message as _;
use supernano_kernels::conv::Window;

use super::messages::{
    AttributeProto, Dimension, Extent, GraphProto, ModelProto, NodeProto, OperatorSet, TensorProto,
    TensorShapeProto, TensorType, Type, ValueInfo, data_type,
};
use crate::backend::LayerOp;
use crate::export::quantise::QuantisedNet;

const IR_VERSION: i64 = 8;
const OPERATORS: i64 = 13;

/// A graph under construction.
#[derive(Default)]
pub(super) struct Writer {
    graph: GraphProto,
}

/// An integer attribute.
pub(super) fn int(name: &str, i: usize) -> AttributeProto {
    AttributeProto { name: name.into(), i: i as i64, ints: Vec::new(), r#type: 2 }
}

/// An attribute of several integers.
pub(super) fn ints(name: &str, values: &[usize]) -> AttributeProto {
    let ints = values.iter().map(|&v| v as i64).collect();
    AttributeProto { name: name.into(), i: 0, ints, r#type: 7 }
}

impl Writer {
    /// Appends a node whose output has the name of the node, and returns the name.
    pub fn node(
        &mut self,
        operator: &str,
        name: &str,
        inputs: &[&str],
        attribute: Vec<AttributeProto>,
    ) -> String {
        self.graph.node.push(NodeProto {
            input: inputs.iter().map(ToString::to_string).collect(),
            output: vec![name.into()],
            name: name.into(),
            op_type: operator.into(),
            attribute,
        });
        name.into()
    }

    fn constant(
        &mut self,
        name: &str,
        dims: &[usize],
        data_type: i32,
        raw_data: Vec<u8>,
    ) -> String {
        let dims = dims.iter().map(|&d| d as i64).collect();
        self.graph.initializer.push(TensorProto { dims, data_type, name: name.into(), raw_data });
        name.into()
    }

    /// Appends a constant of f32 and returns its name.
    pub fn floats(&mut self, name: &str, dims: &[usize], values: &[f32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, dims, data_type::FLOAT, bytes)
    }

    /// Appends a constant of i8 and returns its name.
    pub fn bytes(&mut self, name: &str, dims: &[usize], values: &[i8]) -> String {
        let bytes = values.iter().map(|v| v.cast_unsigned()).collect();
        self.constant(name, dims, data_type::INT8, bytes)
    }

    /// Appends a constant of i32 and returns its name.
    pub fn integers(&mut self, name: &str, dims: &[usize], values: &[i32]) -> String {
        let bytes = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        self.constant(name, dims, data_type::INT32, bytes)
    }

    /// Appends the input `image`, u8 `[n, height, width, channels]`, and its normalisation. Returns
    /// the name of the normalised map `[n, channels, height, width]`.
    pub fn image(&mut self, net: &QuantisedNet) -> String {
        let s = net.input;
        let shape = [s.height, s.width, s.channels].map(usize::from);
        self.graph.input.push(value("image", data_type::UINT8, &shape));
        let x = self.node("Cast", "image_float", &["image"], vec![int("to", 1)]);
        let x = self.node("Transpose", "image_nchw", &[&x], vec![ints("perm", &[0, 3, 1, 2])]);
        let c = [1, usize::from(s.channels), 1, 1];
        let largest = self.floats("byte", &[], &[255.0]);
        let mean = self.floats("mean", &c, &net.normalisation.mean);
        let std = self.floats("std", &c, &net.normalisation.std);
        let x = self.node("Div", "image_unit", &[&x, &largest], Vec::new());
        let x = self.node("Sub", "image_centred", &[&x, &mean], Vec::new());
        self.node("Div", "image_normalised", &[&x, &std], Vec::new())
    }

    /// Ends the graph with the output `logits` `[n, classes]`, which a node of that name writes.
    pub fn finish(mut self, name: &str, about: String, classes: usize) -> Vec<u8> {
        self.graph.name = name.into();
        self.graph.output.push(value("logits", data_type::FLOAT, &[classes]));
        let model = ModelProto {
            ir_version: IR_VERSION,
            producer_name: "supernano".into(),
            producer_version: env!("CARGO_PKG_VERSION").into(),
            doc_string: about,
            graph: Some(self.graph),
            opset_import: vec![OperatorSet { domain: String::new(), version: OPERATORS }],
        };
        model.encode_to_vec()
    }
}

fn value(name: &str, elem_type: i32, shape: &[usize]) -> ValueInfo {
    let batch = Dimension { value: Some(Extent::Name("n".into())) };
    let known = shape.iter().map(|&d| Dimension { value: Some(Extent::Value(d as i64)) });
    let shape = TensorShapeProto { dim: std::iter::once(batch).chain(known).collect() };
    let tensor_type = Some(TensorType { elem_type, shape: Some(shape) });
    ValueInfo { name: name.into(), r#type: Some(Type { tensor_type }) }
}

/// Attributes of an operation's window.
pub(super) fn window(op: &LayerOp) -> Vec<AttributeProto> {
    let Window { kernel, stride, padding: [above, below, left, right] } = op.window();
    vec![
        ints("kernel_shape", &kernel),
        ints("strides", &stride),
        ints("pads", &[above, left, below, right]),
    ]
}

/// Attributes of a convolution with `outputs` channels.
pub(super) fn convolution(op: &LayerOp, outputs: usize) -> Vec<AttributeProto> {
    let mut all = window(op);
    if op.by_channel() {
        all.push(int("group", outputs));
    }
    all
}
