//! ONNX models in float and in int8. Both read the input of the device: images of bytes,
//! `[n, height, width, channels]`.

mod graph;
pub mod messages;

use graph::{Writer, convolution, int, window};
use supernano_core::graph::Form;

use crate::backend::LayerOp;
use crate::export::integers::QuantParams;
use crate::export::quantise::QConv;
use crate::export::ship::Shipment;
use crate::supernet::{ActivationFn, BlockPart, FoldedConv, Step};

/// The float network with batch norm folded in: convolutions, additions, activations, global
/// average pooling and Gemm.
pub fn float(shipment: &Shipment) -> Vec<u8> {
    let mut w = Writer::default();
    let mut maps = vec![w.image(&shipment.quantised.net)];
    let convs: Vec<_> = shipment.float.layers.executed().collect();
    for (step, conv) in &convs {
        let x = maps[step.input].clone();
        let named = |what: &str| format!("block{}{what}", step.block);
        if !conv.op.weighted() {
            maps.push(pooled_windows(&mut w, &conv.op, &named(""), &x));
            continue;
        }
        maps.push(match (step.part, step.residual) {
            // the second convolution writes it, next to the addition
            (BlockPart::Shortcut, _) => x,
            (BlockPart::First, _) => {
                let y = float_conv(&mut w, conv, &named("_first"), &x);
                activate(&mut w, &named("_inside"), y, conv.act)
            }
            (BlockPart::Inner, _) => {
                let name = inner(step);
                let y = float_conv(&mut w, conv, &format!("{name}_conv"), &x);
                activate(&mut w, &name, y, conv.act)
            }
            (_, None) => {
                let y = float_conv(&mut w, conv, &named("_conv"), &x);
                activate(&mut w, &named(""), y, conv.act)
            }
            (_, Some(added)) => {
                let y = float_conv(&mut w, conv, &named("_second"), &x);
                let around = match added.checked_sub(1).map(|writer| convs[writer]) {
                    Some((Step { part: BlockPart::Shortcut, .. }, shortcut)) => {
                        float_conv(&mut w, shortcut, &named("_shortcut"), &maps[added])
                    }
                    _ => maps[added].clone(),
                };
                let y = w.node("Add", &named("_sum"), &[&y, &around], Vec::new());
                activate(&mut w, &named(""), y, conv.act)
            }
        });
    }
    let fc = &shipment.float.classifier;
    let weight = w.floats("classifier_weight", &[fc.output, fc.input], &fc.weight);
    let bias = w.floats("classifier_bias", &[fc.output], &fc.bias);
    let x = pooled(&mut w, &maps[maps.len() - 1]);
    w.node("Gemm", "logits", &[&x, &weight, &bias], vec![int("transB", 1)]);
    w.finish(&shipment.space, format!("sub-network {}", shipment.code), fc.output)
}

/// The name of a layer inside a block.
fn inner(step: &Step) -> String {
    format!("block{}_layer{}", step.block, step.site.layer() + 1)
}

/// A pool; an average counts the padding as zeros.
fn pooled_windows(w: &mut Writer, op: &LayerOp, name: &str, x: &str) -> String {
    let mut attributes = window(op);
    if op.form == Form::Maximum {
        return w.node("MaxPool", name, &[x], attributes);
    }
    attributes.push(int("count_include_pad", 1));
    w.node("AveragePool", name, &[x], attributes)
}

fn float_conv(w: &mut Writer, conv: &FoldedConv, name: &str, x: &str) -> String {
    let shape = conv.op.weight_shape(conv.output, conv.input);
    let weight = w.floats(&format!("{name}_weight"), &shape, &conv.weight);
    let bias = w.floats(&format!("{name}_bias"), &[conv.output], &conv.bias);
    w.node("Conv", name, &[x, &weight, &bias], convolution(&conv.op, conv.output))
}

fn activate(w: &mut Writer, name: &str, x: String, act: ActivationFn) -> String {
    match act {
        ActivationFn::None => x,
        ActivationFn::Relu => w.node("Relu", name, &[&x], Vec::new()),
        ActivationFn::Prelu(slope) => {
            let slope = w.floats(&format!("{name}_slope"), &[1], &[slope]);
            w.node("PRelu", name, &[&x, &slope], Vec::new())
        }
        ActivationFn::Clipped(bound) => {
            let least = w.floats(&format!("{name}_least"), &[], &[0.0]);
            let bound = w.floats(&format!("{name}_bound"), &[], &[bound]);
            w.node("Clip", name, &[&x, &least, &bound], Vec::new())
        }
    }
}

fn pooled(w: &mut Writer, x: &str) -> String {
    let x = w.node("GlobalAveragePool", "pooled", &[x], Vec::new());
    w.node("Flatten", "features", &[&x], vec![int("axis", 1)])
}

/// The integers of the network file, with QuantizeLinear/DequantizeLinear pairs around float
/// operators: i8 maps with a scale and a zero point, i8 weights with a scale per output channel,
/// and i32 biases. As on the device, the addition of a residual block is not rounded before the
/// activation.
pub fn int8(shipment: &Shipment) -> Vec<u8> {
    let net = &shipment.quantised.net;
    let mut w = Writer::default();
    let x = w.image(net);
    let mut maps = vec![through(&mut w, "image", &x, net.image)];
    for (step, conv) in net.layers.executed() {
        let name = match step.part {
            BlockPart::Single | BlockPart::Second | BlockPart::Last => {
                format!("block{}", step.block)
            }
            BlockPart::Inner => inner(step),
            BlockPart::First => format!("block{}_inside", step.block),
            BlockPart::Shortcut => format!("block{}_shortcut", step.block),
        };
        if !conv.op.weighted() {
            let y = pooled_windows(&mut w, &conv.op, &format!("{name}_pool"), &maps[step.input]);
            maps.push(through(&mut w, &name, &y, conv.to));
            continue;
        }
        let residual = step.residual.map(|map| maps[map].as_str());
        let y = int8_conv(&mut w, conv, &name, &maps[step.input], residual);
        maps.push(y);
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
    let x = pooled(&mut w, &maps[maps.len() - 1]);
    w.node("Gemm", "logits", &[&x, &weight, &bias], vec![int("transB", 1)]);
    w.finish(&shipment.space, format!("sub-network {}, int8", shipment.code), classes)
}

fn int8_conv(w: &mut Writer, conv: &QConv, name: &str, x: &str, add: Option<&str>) -> String {
    let o = conv.output;
    let q = &conv.integers;
    let steps: Vec<f32> = q.steps.iter().map(|&s| s as f32).collect();
    let scales: Vec<f32> =
        q.steps.iter().map(|s| (s * f64::from(conv.from.scale)) as f32).collect();
    let weight = w.bytes(&format!("{name}_weight_int8"), &conv.shape(), &conv.weights_oihw());
    let weight = dequantised(w, &format!("{name}_weight"), &weight, &steps);
    let bias = w.integers(&format!("{name}_bias_int32"), &[o], &q.bias);
    let bias = dequantised(w, &format!("{name}_bias"), &bias, &scales);
    let inputs = [x, &weight, &bias];
    let attributes = convolution(&conv.op, o);
    let mut y = w.node("Conv", &format!("{name}_conv"), &inputs, attributes);
    if let Some(around) = add {
        y = w.node("Add", &format!("{name}_sum"), &[&y, around], Vec::new());
    }
    let y = activate(w, &format!("{name}_act"), y, conv.act);
    through(w, name, &y, conv.to)
}

/// Appends the dequantisation of a constant with a scale per row.
fn dequantised(w: &mut Writer, name: &str, integers: &str, scales: &[f32]) -> String {
    let scale = w.floats(&format!("{name}_scale"), &[scales.len()], scales);
    w.node("DequantizeLinear", name, &[integers, &scale], vec![int("axis", 0)])
}

/// Appends the quantisation of a map and the dequantisation of the result.
fn through(w: &mut Writer, name: &str, x: &str, params: QuantParams) -> String {
    let scale = w.floats(&format!("{name}_scale"), &[], &[params.scale]);
    let zero = w.bytes(&format!("{name}_zero"), &[], &[params.zero]);
    let q = w.node("QuantizeLinear", &format!("{name}_int8"), &[x, &scale, &zero], Vec::new());
    w.node("DequantizeLinear", &format!("{name}_real"), &[&q, &scale, &zero], Vec::new())
}
