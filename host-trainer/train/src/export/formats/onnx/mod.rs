//! ONNX models. Both read what the device reads: an image of bytes, `[n, height, width, channels]`.

mod graph;
pub mod messages;

use graph::{Writer, convolution, int};
use supernano_data::Dataset;

use super::Shipment;
use crate::export::QConv;
use crate::export::quantise::Affine;
use crate::supernet::{Act, Block, FoldedConv};

/// The float network with batch norm folded: convolutions, additions, activations, global average
/// pooling, Gemm.
pub fn float(shipment: &Shipment, dataset: &Dataset) -> Vec<u8> {
    let mut w = Writer::default();
    let mut x = w.image(dataset);
    for (i, block) in shipment.float.blocks.iter().enumerate() {
        x = match block {
            Block::Conv(conv) => {
                let y = float_conv(&mut w, conv, &format!("block{i}_conv"), &x);
                activate(&mut w, &format!("block{i}"), y, conv.act)
            }
            Block::Residual { first, second, shortcut } => {
                let y = float_conv(&mut w, first, &format!("block{i}_first"), &x);
                let y = activate(&mut w, &format!("block{i}_inside"), y, first.act);
                let y = float_conv(&mut w, second, &format!("block{i}_second"), &y);
                let around = match shortcut {
                    Some(conv) => float_conv(&mut w, conv, &format!("block{i}_shortcut"), &x),
                    None => x,
                };
                let y = w.node("Add", &format!("block{i}_sum"), &[&y, &around], Vec::new());
                activate(&mut w, &format!("block{i}"), y, second.act)
            }
        };
    }
    let fc = &shipment.float.classifier;
    let weight = w.floats("classifier_weight", &[fc.output, fc.input], &fc.weight);
    let bias = w.floats("classifier_bias", &[fc.output], &fc.bias);
    let x = pooled(&mut w, &x);
    w.node("Gemm", "logits", &[&x, &weight, &bias], vec![int("transB", 1)]);
    w.finish(&shipment.space, format!("sub-network {}", shipment.code), fc.output)
}

fn float_conv(w: &mut Writer, conv: &FoldedConv, name: &str, x: &str) -> String {
    let shape = [conv.output, conv.input, conv.kernel, conv.kernel];
    let weight = w.floats(&format!("{name}_weight"), &shape, &conv.weight);
    let bias = w.floats(&format!("{name}_bias"), &[conv.output], &conv.bias);
    w.node("Conv", name, &[x, &weight, &bias], convolution(conv.kernel, conv.stride))
}

fn activate(w: &mut Writer, name: &str, x: String, act: Act) -> String {
    match act {
        Act::None => x,
        Act::Relu => w.node("Relu", name, &[&x], Vec::new()),
        Act::Prelu(slope) => {
            let slope = w.floats(&format!("{name}_slope"), &[1], &[slope]);
            w.node("PRelu", name, &[&x, &slope], Vec::new())
        }
    }
}

fn pooled(w: &mut Writer, x: &str) -> String {
    let x = w.node("GlobalAveragePool", "pooled", &[x], Vec::new());
    w.node("Flatten", "features", &[&x], vec![int("axis", 1)])
}

/// The integers of the network file as QuantizeLinear/DequantizeLinear pairs around float
/// operators: i8 maps with their scale and zero point, i8 weights per output channel, i32 biases.
/// The addition of a residual block is not rounded before its activation, as on the device.
pub fn int8(shipment: &Shipment, dataset: &Dataset) -> Vec<u8> {
    let net = &shipment.quantised;
    let mut w = Writer::default();
    let x = w.image(dataset);
    let mut x = through(&mut w, "image", &x, net.image);
    for (i, block) in net.blocks.iter().enumerate() {
        x = match block {
            Block::Conv(conv) => int8_conv(&mut w, conv, &format!("block{i}"), &x, None),
            Block::Residual { first, second, shortcut } => {
                let y = int8_conv(&mut w, first, &format!("block{i}_inside"), &x, None);
                let around = match shortcut {
                    Some(conv) => int8_conv(&mut w, conv, &format!("block{i}_shortcut"), &x, None),
                    None => x,
                };
                int8_conv(&mut w, second, &format!("block{i}"), &y, Some(&around))
            }
        };
    }
    let fc = &net.classifier;
    let classes = fc.steps.len();
    let features = fc.weights.len() / classes.max(1);
    let steps: Vec<f32> = fc.steps.iter().map(|&s| s as f32).collect();
    let scales: Vec<f32> = fc.steps.iter().map(|s| (s * fc.pooled) as f32).collect();
    let weight = w.bytes("classifier_weight_int8", &[classes, features], &fc.weights);
    let weight = dequantised(&mut w, "classifier_weight", &weight, &steps);
    let bias = w.integers("classifier_bias_int32", &[classes], &fc.bias);
    let bias = dequantised(&mut w, "classifier_bias", &bias, &scales);
    let x = pooled(&mut w, &x);
    w.node("Gemm", "logits", &[&x, &weight, &bias], vec![int("transB", 1)]);
    w.finish(&shipment.space, format!("sub-network {}, int8", shipment.code), classes)
}

fn int8_conv(w: &mut Writer, conv: &QConv, name: &str, x: &str, add: Option<&str>) -> String {
    let (o, i, k) = (conv.output, conv.input, conv.kernel);
    let q = &conv.integers;
    let steps: Vec<f32> = q.steps.iter().map(|&s| s as f32).collect();
    let scales: Vec<f32> =
        q.steps.iter().map(|s| (s * f64::from(conv.from.scale)) as f32).collect();
    let weight = w.bytes(&format!("{name}_weight_int8"), &[o, i, k, k], &conv.weights_oihw());
    let weight = dequantised(w, &format!("{name}_weight"), &weight, &steps);
    let bias = w.integers(&format!("{name}_bias_int32"), &[o], &q.bias);
    let bias = dequantised(w, &format!("{name}_bias"), &bias, &scales);
    let inputs = [x, &weight, &bias];
    let mut y = w.node("Conv", &format!("{name}_conv"), &inputs, convolution(k, conv.stride));
    if let Some(around) = add {
        y = w.node("Add", &format!("{name}_sum"), &[&y, around], Vec::new());
    }
    let y = activate(w, &format!("{name}_act"), y, conv.act);
    through(w, name, &y, conv.to)
}

/// A constant of integers with a scale per row.
fn dequantised(w: &mut Writer, name: &str, integers: &str, scales: &[f32]) -> String {
    let scale = w.floats(&format!("{name}_scale"), &[scales.len()], scales);
    w.node("DequantizeLinear", name, &[integers, &scale], vec![int("axis", 0)])
}

/// A map quantised and back.
fn through(w: &mut Writer, name: &str, x: &str, affine: Affine) -> String {
    let scale = w.floats(&format!("{name}_scale"), &[], &[affine.scale]);
    let zero = w.bytes(&format!("{name}_zero"), &[], &[affine.zero]);
    let q = w.node("QuantizeLinear", &format!("{name}_int8"), &[x, &scale, &zero], Vec::new());
    w.node("DequantizeLinear", &format!("{name}_real"), &[&q, &scale, &zero], Vec::new())
}
