//! The forward pass in training mode, generic over the backend, and the recalibration of batch-norm
//! statistics on the CPU.

use burn::tensor::Tensor;

use super::layers::{Step, Visitor, visit};
use super::maps::{Inputs, Pool};
use super::net::{ActivationFn, BnConv, BnStats, Linear, Net};
use super::subnet::SubNet;
use super::tree::Tree;
use super::walk;
use crate::backend;
use crate::backend::{BatchStats, DeferredMap, FeatureMap, Ops};

/// A convolution with batch norm as tensors: weights `[out, in, k, k]`, factor and offset
/// `[out, 1, 1, 1]`.
pub type TensorConv<B> = BnConv<Tensor<B, 4>, Tensor<B, 1>>;
/// A network as tensors; the weights of the classifier are `[classes, features, 1, 1]`, its bias is
/// `[classes, 1, 1, 1]`.
pub type TensorNet<B> = Net<TensorConv<B>, Tensor<B, 4>>;

fn act_of<B: Ops>(act: &ActivationFn<Tensor<B, 1>>) -> backend::FusedActivation<B> {
    match act {
        ActivationFn::None => backend::FusedActivation::None,
        ActivationFn::Relu => backend::FusedActivation::Relu,
        ActivationFn::Prelu(slope) => backend::FusedActivation::Prelu(slope.clone()),
        ActivationFn::Clipped(bound) => backend::FusedActivation::Clipped(*bound),
    }
}

/// A pass in training mode.
struct Training {
    /// Statistics, each with the index of its convolution.
    stats: Vec<(usize, BatchStats)>,
}

impl<B: Ops> Visitor<TensorConv<B>> for Training {
    type FeatureMap = DeferredMap<B>;

    fn conv(
        &mut self,
        step: &Step,
        conv: &TensorConv<B>,
        x: &DeferredMap<B>,
        residual: Option<&DeferredMap<B>>,
    ) -> DeferredMap<B> {
        if !conv.op.weighted() {
            let none = BatchStats { mean: Vec::new(), var_biased: Vec::new(), count: 0 };
            self.stats.push((step.index, none));
            return B::pool_windows(x, &conv.op).into();
        }
        let act = act_of(&conv.act);
        let (fused, added) = match residual {
            None => (act, None),
            Some(residual) => (backend::FusedActivation::None, Some((residual, act))),
        };
        let norm = [&conv.gamma, &conv.beta].map(|t| t.clone().reshape([conv.output]));
        let (y, stats) = B::conv_norm(x, conv.weight.clone(), &conv.op, norm, fused);
        self.stats.push((step.index, stats));
        match added {
            Some((residual, act)) => B::add_pending(&y, residual, act).into(),
            None if step.part.ends_block() => B::settled(&y).into(),
            None => y,
        }
    }
}

/// Computes the logits `[n, classes]` of a batch in training mode, and the batch statistics of
/// every convolution in the order of [`Net::convs`].
pub fn forward_train<B: Ops>(
    net: &TensorNet<B>,
    images: &FeatureMap<B>,
) -> (Tensor<B, 2>, Vec<BatchStats>) {
    let mut pass = Training { stats: Vec::new() };
    // the map that a block writes has no pending operation
    let x = visit(&net.layers, DeferredMap::from(images.clone()), &mut pass).map;
    pass.stats.sort_by_key(|(index, _)| *index);
    let stats = pass.stats.into_iter().map(|(_, stats)| stats).collect();
    let Linear { input, output, weight, bias } = &net.classifier;
    let weight = weight.clone().reshape([*output, *input]).transpose();
    let logits = B::pool(&x).matmul(weight) + bias.clone().reshape([1, *output]);
    (logits, stats)
}

/// Recalibrates the batch-norm statistics of a sub-network: they are the average over batches of
/// the batch mean and of the unbiased batch variance, with each batch in training mode. A batch is
/// `[batch, channels, height, width]`, normalised.
///
/// # Panics
/// If a batch has another number of images.
pub fn recalibrate(
    subnet: &SubNet,
    batch: usize,
    batches: impl IntoIterator<Item = impl AsRef<[f32]>>,
) -> BnStats {
    let tree = Tree::of_subnet(subnet);
    let size = batch * subnet.input.len();
    let check = |b: &_| assert_eq!(AsRef::<[f32]>::as_ref(b).len(), size, "images a batch");
    let whole = batches.into_iter().inspect(check);
    let inputs = Inputs::new(subnet.input, tree.margin, whole);
    let pool = Pool::of(subnet, |c| (c.output, c.op));
    let stats = walk::statistics(&tree, &inputs, &pool, &|| {});
    tree.statistics(stats)
}
