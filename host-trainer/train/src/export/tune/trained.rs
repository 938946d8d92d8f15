//! A network in training whose forward pass computes integers.

use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};
use supernano_base::config::Optimizer;
use supernano_core::graph::Form;

use crate::backend::{Cpu, CpuAutodiff, FeatureMap, IntegerOps, Ops};
use crate::export::integers::QuantParams;
use crate::export::material::Normalisation;
use crate::export::observe::ActivationParams;
use crate::export::post_training::PostTraining;
use crate::export::quantise::{QConv, QuantisedNet};
use crate::supernet::{ActivationFn, FoldedConv, FoldedNet, Step, Visitor, visit};

/// Backend of fine-tuning.
pub(super) type B = CpuAutodiff;
type Inner = <B as AutodiffBackend>::InnerBackend;

/// A trained tensor, divided by a factor per row. The rows of folded weights differ by orders of
/// magnitude, and one learning rate would not suit all of them.
struct Param {
    shape: [usize; 4],
    factors: Vec<f32>,
    value: Tensor<Inner, 4>,
    momentum: Option<Tensor<Inner, 4>>,
    decays: bool,
}

/// Largest magnitude of a row of a scaled tensor at the start.
const LARGEST: f32 = 0.3;

impl Param {
    /// A tensor without scaling and without weight decay.
    fn plain(values: &[f32], shape: [usize; 4]) -> Self {
        Self::new(values, shape, vec![1.0; shape[0]], false)
    }

    /// A tensor with a scale per row and with weight decay.
    fn scaled(values: &[f32], shape: [usize; 4]) -> Self {
        let largest = |row: &[f32]| row.iter().fold(0f32, |m, v| m.max(v.abs()));
        let rows = values.chunks_exact(values.len() / shape[0]);
        let factors = rows.map(|row| (largest(row) / LARGEST).max(1e-3)).collect();
        Self::new(values, shape, factors, true)
    }

    fn new(values: &[f32], shape: [usize; 4], factors: Vec<f32>, decays: bool) -> Self {
        let rows = values.chunks_exact(values.len() / shape[0]).zip(&factors);
        let scaled: Vec<f32> = rows.flat_map(|(row, f)| row.iter().map(move |v| v / f)).collect();
        let value = Tensor::from_data(TensorData::new(scaled, shape), &Default::default());
        Self { shape, factors, value, momentum: None, decays }
    }

    /// The unscaled values.
    fn host(&self) -> Vec<f32> {
        let values: Vec<f32> = self.value.to_data().iter::<f32>().collect();
        let size = values.len() / self.shape[0];
        let rows = values.chunks_exact(size).zip(&self.factors);
        rows.flat_map(|(row, f)| row.iter().map(move |v| v * f)).collect()
    }

    fn leaf(&self) -> Tensor<B, 4> {
        Tensor::from_inner(self.value.clone()).require_grad()
    }

    fn update(&mut self, gradient: Tensor<Inner, 4>, optimizer: Optimizer, rate: f32) {
        let value = self.value.clone();
        let step = match self.decays {
            true => gradient + value.clone() * optimizer.weight_decay,
            false => gradient,
        };
        let step = match self.momentum.take() {
            Some(momentum) => momentum * optimizer.momentum + step,
            None => step,
        };
        self.value = value - step.clone() * rate;
        self.momentum = Some(step);
    }
}

/// A tensor `[rows, 1, 1, 1]`.
fn column(factors: &[f32]) -> Tensor<B, 4> {
    let data = TensorData::new(factors.to_vec(), [factors.len(), 1, 1, 1]);
    Tensor::from_data(data, &Default::default())
}

/// Parameters of a network; `P` is a parameter or its leaf in a graph.
struct NetParams<P> {
    /// Weight, bias and slope of each convolution, in the order of storage. The slope has no effect
    /// for activations other than PReLU.
    convs: Vec<[P; 3]>,
    /// Weight and bias of the classifier.
    classifier: [P; 2],
}

impl<P> NetParams<P> {
    fn map<Q>(&self, make: impl Fn(&P) -> Q + Copy) -> NetParams<Q> {
        NetParams {
            convs: self.convs.iter().map(|conv| conv.each_ref().map(make)).collect(),
            classifier: self.classifier.each_ref().map(make),
        }
    }

    fn iter(&self) -> impl Iterator<Item = &P> {
        self.convs.iter().flatten().chain(&self.classifier)
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut P> {
        self.convs.iter_mut().flatten().chain(&mut self.classifier)
    }
}

/// A network in training. The parameters of its feature maps are fixed.
pub(super) struct TrainedNetwork {
    params: NetParams<Param>,
    /// The network at the start, for its shape and its activations.
    shape: FoldedNet,
    maps: ActivationParams,
    normalisation: Normalisation,
}

impl TrainedNetwork {
    /// The network before the first update.
    pub fn new(start: &PostTraining) -> Self {
        let conv = |conv: &FoldedConv| {
            let slope = match conv.act {
                ActivationFn::Prelu(slope) => slope,
                ActivationFn::None | ActivationFn::Relu | ActivationFn::Clipped(_) => 0.0,
            };
            if !conv.op.weighted() {
                // a pool has nothing to train
                return std::array::from_fn(|_| Param::plain(&[0.0], [1; 4]));
            }
            let shape = conv.op.weight_shape(conv.output, conv.input);
            [
                Param::scaled(&conv.weight, shape),
                Param::plain(&conv.bias, [conv.output, 1, 1, 1]),
                Param::plain(&[slope], [1; 4]),
            ]
        };
        let fc = &start.float.classifier;
        let classifier = [
            Param::scaled(&fc.weight, [fc.output, fc.input, 1, 1]),
            Param::plain(&fc.bias, [fc.output, 1, 1, 1]),
        ];
        let params = NetParams { convs: start.float.convs().map(conv).collect(), classifier };
        let maps = ActivationParams::fixed(start.net.convs().map(|c| c.to));
        let normalisation = start.net.normalisation.clone();
        Self { params, shape: start.float.clone(), maps, normalisation }
    }

    /// The present network in float and in integers.
    pub fn networks(&self) -> (FoldedNet, QuantisedNet) {
        let float = self.float();
        let integers = QuantisedNet::with(&float, &self.maps, &self.normalisation);
        (float, integers)
    }

    fn float(&self) -> FoldedNet {
        let mut net = self.shape.map(|index, old| {
            if !old.op.weighted() {
                return old.clone();
            }
            let [weight, bias, slope] = &self.params.convs[index];
            let act = match old.act {
                ActivationFn::Prelu(_) => ActivationFn::Prelu(slope.host()[0]),
                other => other,
            };
            FoldedConv { weight: weight.host(), bias: bias.host(), act, ..old.clone() }
        });
        let [weight, bias] = &self.params.classifier;
        (net.classifier.weight, net.classifier.bias) = (weight.host(), bias.host());
        net
    }

    /// Applies an update with the gradients of the leaves of a pass.
    pub fn update(
        &mut self,
        leaves: &PassLeaves,
        gradients: &<B as AutodiffBackend>::Gradients,
        optimizer: Optimizer,
        rate: f32,
    ) {
        for (param, leaf) in self.params.iter_mut().zip(leaves.0.iter()) {
            if let Some(gradient) = leaf.grad(gradients) {
                param.update(gradient, optimizer, rate);
            }
        }
    }

    /// Computes the logits `[n, classes]` of the integer network in real units, with gradients.
    /// `net` is this network in integers, `images` are normalised, `[n, channels, height, width]`.
    pub fn forward(
        &self,
        net: &QuantisedNet,
        images: &[f32],
        n: usize,
    ) -> (Tensor<B, 2>, PassLeaves) {
        let leaves = self.params.map(Param::leaf);
        let mut pass = TuningPass { params: &self.params, leaves: &leaves };
        let x = visit(&net.layers, input(net, images, n), &mut pass);
        let data = x.data.clone().inner();
        let integers: FeatureMap<Cpu> = FeatureMap { data, n: x.n, c: x.c, h: x.h, w: x.w };
        let scale = net.classifier.logit_scale;
        let exact: Vec<f32> = net.logits(&integers).iter().map(|&q| q as f32 * scale).collect();
        let exact = TensorData::new(exact, [n, net.classes()]);
        let exact = Tensor::<B, 2>::from_data(exact, &Default::default());
        let [weight, bias] = leaves.classifier.clone();
        let [classes, features, ..] = weight.dims();
        let weight = weight * column(&self.params.classifier[0].factors);
        let weight = weight.reshape([classes, features]).transpose();
        let pooled = B::pool(&x) * net.features.scale;
        let real = pooled.matmul(weight) + bias.reshape([1, classes]);
        (real.clone() + (exact - real.detach()), PassLeaves(leaves))
    }
}

/// The leaves of a pass.
pub(super) struct PassLeaves(NetParams<Tensor<B, 4>>);

/// A pass of the integer network with gradients.
struct TuningPass<'a> {
    params: &'a NetParams<Param>,
    leaves: &'a NetParams<Tensor<B, 4>>,
}

impl Visitor<QConv> for TuningPass<'_> {
    type FeatureMap = FeatureMap<B>;

    fn conv(
        &mut self,
        step: &Step,
        q: &QConv,
        x: &FeatureMap<B>,
        residual: Option<&FeatureMap<B>>,
    ) -> FeatureMap<B> {
        if q.op.form == Form::Maximum {
            return B::pool_windows(&x.clone().into(), &q.op);
        }
        if q.op.form == Form::Average {
            let constant = |values: Vec<f32>, shape: [usize; 4]| -> Tensor<B, 4> {
                Tensor::from_data(TensorData::new(values, shape), &Default::default())
            };
            let (op, weights) = q.summing();
            let weights = constant(weights, op.weight_shape(q.output, q.input));
            let [bias, slope] = [q.output, 1].map(|n| constant(vec![0.0; n], [n, 1, 1, 1]));
            let sums = B::conv(x, weights, &op);
            return B::requantise(
                &sums,
                None,
                bias.reshape([q.output]),
                slope.reshape([1]),
                &q.rule(),
            );
        }
        let [weight, bias, slope] = self.leaves.convs[step.index].clone();
        let [Param { factors, .. }, ..] = &self.params.convs[step.index];
        let factors = factors.iter().zip(&q.integers.steps);
        let factors: Vec<f32> = factors.map(|(&f, &step)| (f64::from(f) / step) as f32).collect();
        let steps = weight * column(&factors);
        let integers: Vec<f32> = q.weights_oihw().iter().map(|&w| f32::from(w)).collect();
        let integers = TensorData::new(integers, q.shape());
        let integers: Tensor<B, 4> = Tensor::from_data(integers, &Default::default());
        // exact, because a value and its nearest integer differ by at most one half
        let rounded = steps.clone() + (integers - steps.detach());
        let sums = B::conv(x, rounded, &q.op);
        B::requantise(&sums, residual, bias.reshape([q.output]), slope.reshape([1]), &q.rule())
    }
}

/// The input map of normalised images, `q - z`.
fn input(net: &QuantisedNet, images: &[f32], n: usize) -> FeatureMap<B> {
    let QuantParams { zero, .. } = net.image;
    let steps = |&v: &f32| f32::from(i16::from(net.image.quantise(v)) - i16::from(zero));
    let values: Vec<f32> = images.iter().map(steps).collect();
    let s = net.input;
    FeatureMap::from_images(&values, n, s.channels.into(), s.height.into(), s.width.into())
}
