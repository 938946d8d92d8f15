//! The forward pass in training mode, generic over the backend, and recalibration with it.

use burn::tensor::{Tensor, TensorData};

use super::net::{Act, Block, BnConv, BnStats, Linear, Net};
use super::subnet::SubNet;
use crate::backend::{self, BatchStats, Cpu, Map, Ops, Pending};

/// A convolution with batch norm as tensors: weight `[out, in, k, k]`, gamma and beta
/// `[out, 1, 1, 1]`.
pub(crate) type TensorConv<B> = BnConv<Tensor<B, 4>, Tensor<B, 1>>;
/// A network as tensors; the classifier is `[classes, features, 1, 1]`.
pub(crate) type TensorNet<B> = Net<TensorConv<B>, Tensor<B, 4>>;

/// Convolution, then batch norm with the batch's own statistics, then `act`.
fn conv_bn<B: Ops>(
    conv: &TensorConv<B>,
    x: &Pending<B>,
    act: backend::Act<B>,
    seen: &mut Vec<BatchStats>,
) -> Pending<B> {
    let norm = [&conv.gamma, &conv.beta].map(|t| t.clone().reshape([conv.output]));
    let (y, stats) = B::conv_norm(x, conv.weight.clone(), conv.stride, norm, act);
    seen.push(stats);
    y
}

fn act_of<B: Ops>(act: &Act<Tensor<B, 1>>) -> backend::Act<B> {
    match act {
        Act::None => backend::Act::None,
        Act::Relu => backend::Act::Relu,
        Act::Prelu(slope) => backend::Act::Prelu(slope.clone()),
    }
}

/// Logits `[n, classes]` of a batch in training mode, and the batch statistics of every
/// convolution in the order of [`Net::convs`].
pub(crate) fn forward_train<B: Ops>(
    net: &TensorNet<B>,
    images: &Map<B>,
) -> (Tensor<B, 2>, Vec<BatchStats>) {
    let mut stats = Vec::new();
    let mut x = images.clone();
    for block in &net.blocks {
        let input = Pending::from(x);
        x = match block {
            Block::Conv(conv) => {
                B::settled(&conv_bn(conv, &input, act_of(&conv.act), &mut stats))
            }
            Block::Residual { first, second, shortcut } => {
                let y = conv_bn(first, &input, act_of(&first.act), &mut stats);
                let y = conv_bn(second, &y, backend::Act::None, &mut stats);
                let shortcut = shortcut
                    .as_ref()
                    .map(|conv| conv_bn(conv, &input, backend::Act::None, &mut stats));
                B::add_pending(&y, shortcut.as_ref().unwrap_or(&input), act_of(&second.act))
            }
        };
    }
    let Linear { input, output, weight, bias } = &net.classifier;
    let weight = weight.clone().reshape([*output, *input]).transpose();
    let logits = B::pool(&x).matmul(weight) + bias.clone().reshape([1, *output]);
    (logits, stats)
}

/// A host-side sub-network as tensors.
pub(crate) fn tensors<B: Ops>(net: &SubNet, device: &B::Device) -> TensorNet<B> {
    let tensor = |values: &[f32], shape: [usize; 4]| {
        Tensor::<B, 4>::from_data(TensorData::new(values.to_vec(), shape), device)
    };
    let conv = |c: &BnConv| BnConv {
        name: c.name.clone(),
        input: c.input,
        output: c.output,
        kernel: c.kernel,
        stride: c.stride,
        weight: tensor(&c.weight, [c.output, c.input, c.kernel, c.kernel]),
        gamma: tensor(&c.gamma, [c.output, 1, 1, 1]),
        beta: tensor(&c.beta, [c.output, 1, 1, 1]),
        act: match c.act {
            Act::None => Act::None,
            Act::Relu => Act::Relu,
            Act::Prelu(slope) => Act::Prelu(Tensor::from_data(TensorData::from([slope]), device)),
        },
    };
    let Linear { input, output, ref weight, ref bias } = net.classifier;
    Net {
        input: net.input,
        blocks: net.blocks.iter().map(|b| b.map(conv)).collect(),
        classifier: Linear {
            input,
            output,
            weight: tensor(weight, [output, input, 1, 1]),
            bias: tensor(bias, [output, 1, 1, 1]),
        },
    }
}

/// Batch-norm statistics of a sub-network: the simple average over batches of the batch mean and
/// the unbiased batch variance, each batch in training mode. A batch is `batch` normalised images
/// `[batch, channels, height, width]`.
pub fn recalibrate(
    subnet: &SubNet,
    batch: usize,
    batches: impl IntoIterator<Item = Vec<f32>>,
) -> BnStats {
    let device = Default::default();
    let net = tensors::<Cpu>(subnet, &device);
    let mut sums: Vec<(Vec<f64>, Vec<f64>)> =
        subnet.convs().map(|c| (vec![0.0; c.output], vec![0.0; c.output])).collect();
    let mut count = 0.0;
    for images in batches {
        let images = map(subnet, &images, batch);
        let (_, stats) = forward_train(&net, &images);
        count += 1.0;
        for ((mean, var), stats) in sums.iter_mut().zip(stats) {
            let unbiased = stats.count as f64 / (stats.count as f64 - 1.0);
            mean.iter_mut().zip(&stats.mean).for_each(|(s, &m)| *s += f64::from(m));
            var.iter_mut().zip(&stats.var_biased).for_each(|(s, &v)| *s += f64::from(v) * unbiased);
        }
    }
    let average = |sums: Vec<f64>| sums.into_iter().map(|s| (s / count) as f32).collect();
    BnStats { layers: sums.into_iter().map(|(m, v)| (average(m), average(v))).collect() }
}

/// `n` normalised images `[n, channels, height, width]` as a map of the backend.
pub(crate) fn map<C, V, B: Ops>(net: &Net<C, V>, images: &[f32], n: usize) -> Map<B> {
    let s = net.input;
    Map::from_images(images, n, s.channels.into(), s.height.into(), s.width.into())
}
