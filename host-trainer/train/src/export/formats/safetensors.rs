//! Safetensors files: weights under the PyTorch names of the reference code, and samples.

use std::collections::HashMap;

use safetensors::tensor::{Dtype, TensorView, serialize};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;

use crate::export::material::Normalisation;
use crate::export::quantise::QuantisedNet;
use crate::export::ship::Shipment;
use crate::supernet::{ActivationFn, BlockPart, BnConv, Step};

struct Tensors {
    list: Vec<(String, Dtype, Vec<usize>, Vec<u8>)>,
}

impl Tensors {
    fn f32(&mut self, name: String, shape: &[usize], values: &[f32]) {
        let bytes = bytemuck::cast_slice(values).to_vec();
        self.list.push((name, Dtype::F32, shape.to_vec(), bytes));
    }

    fn write(&self, about: String) -> Result<Vec<u8>> {
        let failed = |e: safetensors::SafeTensorError| {
            Error::invalid("safetensors", "tensor", "values of its shape", e)
        };
        let views = self.list.iter().map(|(name, dtype, shape, bytes)| {
            TensorView::new(*dtype, shape.clone(), bytes).map(|view| (name.as_str(), view))
        });
        let views: Vec<(&str, TensorView<'_>)> = views.collect::<Result<_, _>>().map_err(failed)?;
        // a single entry, because the order of several entries is not defined
        let metadata = HashMap::from([("supernano".to_owned(), about)]);
        serialize(views, Some(metadata)).map_err(failed)
    }

    /// Appends a convolution `NAME.0` and its batch norm `NAME.1`.
    fn conv(&mut self, name: &str, conv: &BnConv, (mean, var): &(Vec<f32>, Vec<f32>)) {
        let shape = conv.op.weight_shape(conv.output, conv.input);
        let o = conv.output;
        self.f32(format!("{name}.0.weight"), &shape, &conv.weight);
        self.f32(format!("{name}.1.weight"), &[o], &conv.gamma);
        self.f32(format!("{name}.1.bias"), &[o], &conv.beta);
        self.f32(format!("{name}.1.running_mean"), &[o], mean);
        self.f32(format!("{name}.1.running_var"), &[o], var);
        let batches = 0i64.to_le_bytes().to_vec();
        let counter = format!("{name}.1.num_batches_tracked");
        self.list.push((counter, Dtype::I64, Vec::new(), batches));
    }

    fn slope(&mut self, name: String, act: ActivationFn) {
        if let ActivationFn::Prelu(slope) = act {
            self.f32(name, &[1], &[slope]);
        }
    }
}

/// The name of every convolution and of the PReLU slope behind it.
///
/// Single convolutions are named `conv1`, `conv2` and so on, residual blocks `layerL.B`. A block
/// with stride 2 starts the next `L`. Layer N of the space in another block B is `blockB.layerN`. A
/// pool has no tensors.
fn names(convs: &[(&Step, &BnConv)]) -> Vec<(String, String)> {
    let (mut singles, mut group, mut index) = (0, 1, 0);
    let mut block = String::new();
    let name = |(step, conv): &(&Step, &BnConv)| {
        match step.part {
            BlockPart::Single => {
                singles += 1;
                block = format!("conv{singles}");
            }
            BlockPart::First => {
                if conv.op.geometry.stride != [1, 1] {
                    (group, index) = (group + 1, 0);
                }
                block = format!("layer{group}.{index}");
                index += 1;
            }
            BlockPart::Second | BlockPart::Shortcut => {}
            BlockPart::Inner | BlockPart::Last => block = format!("block{}", step.block),
        }
        if matches!(step.part, BlockPart::Inner | BlockPart::Last) {
            let layer = step.site.layer() + 1;
            return (format!("{block}.layer{layer}"), format!("{block}.p_relu{layer}.weight"));
        }
        let (own, slope) = match step.part {
            BlockPart::Single => ("conv1", "p_relu"),
            BlockPart::First => ("conv1", "p_relu1"),
            BlockPart::Second => ("conv2", "p_relu"),
            _ => ("downsample", "p_relu"),
        };
        (format!("{block}.{own}"), format!("{block}.{slope}.weight"))
    };
    convs.iter().map(name).collect()
}

/// All weights in float with separate batch norm, under the names of a `state_dict`.
pub(super) fn weights(shipment: &Shipment) -> Result<Vec<u8>> {
    let net = &shipment.subnet;
    let mut tensors = Tensors { list: Vec::new() };
    let convs: Vec<_> = net.layers.executed().filter(|(_, conv)| conv.op.weighted()).collect();
    for ((step, conv), (name, slope)) in convs.iter().zip(names(&convs)) {
        tensors.conv(&name, conv, &shipment.stats.layers[step.index]);
        tensors.slope(slope, conv.act);
    }
    let fc = &net.classifier;
    tensors.f32("fc.weight".into(), &[fc.output, fc.input], &fc.weight);
    tensors.f32("fc.bias".into(), &[fc.output], &fc.bias);
    let widths: Vec<usize> = net.convs().map(|c| c.output).collect();
    tensors.write(
        serde_json::json!({ "code": shipment.code, "space": shipment.space, "convolutions": widths })
            .to_string(),
    )
}

/// Images with the answers of a network in float and in integers, `[n, classes]`.
pub(super) fn samples(
    images: &Images,
    net: &QuantisedNet,
    float: &[f32],
    int8: &[i32],
) -> Result<Vec<u8>> {
    let (n, s) = (images.len(), images.shape);
    let (classes, Normalisation { mean, std }) = (net.classes(), &net.normalisation);
    let image = vec![n, s.height.into(), s.width.into(), s.channels.into()];
    let labels: Vec<i32> = images.labels.iter().map(|&l| l.into()).collect();
    let bytes = |values: &[i32]| bytemuck::cast_slice(values).to_vec();
    let mut tensors = Tensors { list: Vec::new() };
    tensors.f32("float".into(), &[n, classes], float);
    tensors.f32("mean".into(), &[mean.len()], mean);
    tensors.f32("std".into(), &[std.len()], std);
    tensors.f32("logit_scale".into(), &[1], &[net.classifier.logit_scale]);
    if !images.targets.is_empty() {
        tensors.f32("targets".into(), &[n, classes], &images.targets);
    }
    tensors.list.extend([
        ("images".into(), Dtype::U8, image, images.pixels.to_vec()),
        ("labels".into(), Dtype::I32, vec![n], bytes(&labels)),
        ("int8".into(), Dtype::I32, vec![n, classes], bytes(int8)),
    ]);
    tensors.write("samples".into())
}
