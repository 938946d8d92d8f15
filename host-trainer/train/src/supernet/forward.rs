//! The forward pass in training mode, generic over the backend, and recalibration with it.

use burn::tensor::Tensor;

use super::maps::{Inputs, Pool};
use super::net::{Act, Block, BnConv, BnStats, Linear, Net};
use super::subnet::SubNet;
use super::tree::Tree;
use super::walk;
use crate::backend;
use crate::backend::{BatchStats, Map, Ops, Pending};

/// A convolution with batch norm as tensors: weight `[out, in, k, k]`, gamma and beta
/// `[out, 1, 1, 1]`.
pub type TensorConv<B> = BnConv<Tensor<B, 4>, Tensor<B, 1>>;
/// A network as tensors; the classifier is `[classes, features, 1, 1]`.
pub type TensorNet<B> = Net<TensorConv<B>, Tensor<B, 4>>;

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
pub fn forward_train<B: Ops>(
    net: &TensorNet<B>,
    images: &Map<B>,
) -> (Tensor<B, 2>, Vec<BatchStats>) {
    let mut stats = Vec::new();
    let mut x = images.clone();
    for block in &net.blocks {
        let input = Pending::from(x);
        x = match block {
            Block::Conv(conv) => B::settled(&conv_bn(conv, &input, act_of(&conv.act), &mut stats)),
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

/// Batch-norm statistics of a sub-network: the simple average over batches of the batch mean and
/// the unbiased batch variance, each batch in training mode. A batch is `batch` normalised images
/// `[batch, channels, height, width]`.
pub fn recalibrate(
    subnet: &SubNet,
    batch: usize,
    batches: impl IntoIterator<Item = Vec<f32>>,
) -> BnStats {
    let tree = Tree::of_subnet(subnet);
    let size = batch * subnet.input.len();
    let whole = batches.into_iter().inspect(|b| assert_eq!(b.len(), size, "images a batch"));
    let inputs = Inputs::new(subnet.input, tree.margin, whole);
    let pool = Pool::of(subnet, |c| (c.output, c.stride));
    let stats = walk::statistics(&tree, &inputs, &pool, &|| {});
    BnStats { layers: stats.into_iter().flatten().collect() }
}
