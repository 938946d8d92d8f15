//! The forward pass of several paths in one batch at full width, with masked channels.
//!
//! It computes the same as one pass per path with cut weights, but its shapes do not depend on the
//! paths. It uses the standard operations of burn only, so it runs on every backend.
//!
//! Feature maps have the shape `[paths x n, channels, height, width]`, with the images of a path in
//! sequence. A channel that a path does not have is 0 after every batch norm. Its weights multiply
//! zeros or give values that the next mask removes, so they get no gradient. Batch statistics are
//! per path and channel.

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Int, Tensor, activation};
use supernano_core::space::{Block, Shortcut};
use supernano_train::supernet::{BN_EPSILON, Layout, Role};
use supernano_train::training::params::{Flat, Leaves, Params};

use crate::plans::PlanSet;

/// Mean and variance of every batch norm, each `[paths or 1, 1, channels, 1]`.
pub(crate) type Norms<B> = Vec<[Tensor<B, 4>; 2]>;

/// The statistics that batch norms use.
enum NormMode<B: Backend> {
    /// Statistics of the batch.
    Batch,
    /// Statistics of the batch. They are also recorded, with the unbiased variance.
    Record(Norms<B>),
    /// Given statistics in the order of the batch norms.
    Fixed(std::vec::IntoIter<[Tensor<B, 4>; 2]>),
}

/// The masked forward pass of a set of plans over the same images.
pub(crate) struct MaskedForward<'a, B: Backend, F> {
    layout: &'a Layout,
    set: PlanSet<'a, B>,
    /// Data type of convolutions, or `None` for 32 bits.
    half: Option<FloatDType>,
    norms: NormMode<B>,
    /// Images of a path.
    images: usize,
    /// Returns tensor `i` of the layout, flat.
    tensor: F,
    device: B::Device,
}

impl<'a, B: Backend, F: FnMut(usize) -> Tensor<B, 1>> MaskedForward<'a, B, F> {
    /// Prepares a pass. The plans must belong to the space, enhancement and branch scheme of the
    /// layout. `tensor` returns a tensor of the layout, flat. Convolutions round their operands and
    /// results to `half`.
    fn new(
        layout: &'a Layout,
        set: PlanSet<'a, B>,
        half: Option<FloatDType>,
        tensor: F,
        device: &B::Device,
    ) -> Self {
        let norms = NormMode::Batch;
        Self { layout, set, half, norms, images: 0, tensor, device: device.clone() }
    }

    /// Logits `[paths, n, classes]` of images `[n, channels, height, width]` with batch statistics.
    pub fn forward(mut self, images: Tensor<B, 4>) -> Tensor<B, 3> {
        self.run(images)
    }

    /// Batch statistics of every batch norm over images `[n, channels, height, width]`.
    pub fn statistics(mut self, images: Tensor<B, 4>) -> Norms<B> {
        self.norms = NormMode::Record(Vec::new());
        self.run(images);
        match self.norms {
            NormMode::Record(recorded) => recorded,
            NormMode::Batch | NormMode::Fixed(_) => Vec::new(),
        }
    }

    /// Logits `[paths, n, classes]` of images `[n, channels, height, width]` with given statistics.
    pub fn evaluate(mut self, images: Tensor<B, 4>, norms: Norms<B>) -> Tensor<B, 3> {
        self.norms = NormMode::Fixed(norms.into_iter());
        self.run(images)
    }

    fn run(&mut self, images: Tensor<B, 4>) -> Tensor<B, 3> {
        let space = self.layout.space();
        self.images = images.dims()[0];
        let mut x = images;
        for placed in space.placed_blocks() {
            let (first, last) = (placed.first, placed.last());
            x = match placed.block {
                Block::Conv => {
                    let y = self.conv_bn(x, first, None);
                    self.activation(y, first)
                }
                Block::Residual(shortcut) => {
                    let y = self.conv_bn(x.clone(), first, None);
                    let y = self.activation(y, first);
                    let y = self.conv_bn(y, last, None);
                    let residual = match shortcut {
                        Shortcut::Projection => self.conv_bn(x, last, Some(first)),
                        Shortcut::Identity => x,
                    };
                    // The first block of a network reads the images, which all paths share.
                    let residual = if residual.dims()[0] == y.dims()[0] {
                        residual
                    } else {
                        residual.repeat_dim(0, self.paths())
                    };
                    self.activation(y + residual, last)
                }
                _ => unreachable!("`supernet::supported` refuses the space"),
            };
        }
        self.classify(x)
    }

    fn paths(&self) -> usize {
        self.set.plans.len()
    }

    fn find(&self, role: Role, layer: usize, shortcut: bool, branch: u8) -> usize {
        self.layout.find(role, layer, shortcut, branch)
    }

    fn shaped<const D: usize>(&mut self, i: usize, shape: [usize; D]) -> Tensor<B, D> {
        (self.tensor)(i).reshape(shape)
    }

    /// Convolution, batch norm and mask of `layer`. With `shortcut`, those of the projection of the
    /// block from layer `shortcut` to `layer`.
    fn conv_bn(&mut self, x: Tensor<B, 4>, layer: usize, shortcut: Option<usize>) -> Tensor<B, 4> {
        let space = self.layout.space();
        let (kernel, stride) = match shortcut {
            Some(first) => (1, usize::from(space.layers[first].stride[0])),
            None => {
                let described = &space.layers[layer];
                (usize::from(described.kernel()[0]), usize::from(described.stride[0]))
            }
        };
        let projection = shortcut.is_some();
        let branches = self.set.branches(layer);
        let n = self.images;
        let paths = self.paths();
        let mut convolved: Vec<Tensor<B, 4>> = Vec::with_capacity(branches.len());
        for (p, &branch) in branches.iter().enumerate() {
            let i = self.find(Role::Weight, layer, projection, branch);
            let entry = &self.layout.entries[i].shape;
            let shape = [entry[0], entry[1], kernel, kernel];
            let weight = self.shaped(i, shape);
            // A single branch serves all paths at once. The images are the same for every path.
            let shared = branches.len() == 1 || x.dims()[0] == n;
            let input = if shared { x.clone() } else { x.clone().narrow(0, p * n, n) };
            convolved.push(self.convolve(input, weight, stride));
        }
        let y = Tensor::cat(convolved, 0);
        let [rows, channels, height, width] = y.dims();
        // The maps of one path stand for all paths as long as these are equal.
        let y = y.reshape([rows / n, n, channels, height * width]);
        let (centred, var) = self.centred(y);
        let mask = self.mask(layer, channels);
        let gamma = self.vector(Role::Gamma, layer, projection, &branches, channels);
        let beta = self.vector(Role::Beta, layer, projection, &branches, channels);
        let factor = gamma / (var + BN_EPSILON).sqrt() * mask.clone();
        let y = centred * factor + beta * mask;
        y.reshape([paths * n, channels, height, width])
    }

    /// Convolution of `x` with weights `[out, in, kernel, kernel]` and padding `kernel / 2`.
    fn convolve(&self, x: Tensor<B, 4>, weight: Tensor<B, 4>, stride: usize) -> Tensor<B, 4> {
        let pad = weight.dims()[2] / 2;
        let options = ConvOptions::new([stride, stride], [pad, pad], [1, 1], 1);
        match self.half {
            None => conv2d(x, weight, None, options),
            Some(half) => {
                conv2d(x.cast(half), weight.cast(half), None, options).cast(FloatDType::F32)
            }
        }
    }

    /// `[paths or 1, n, channels, pixels]` minus the mean of each path and channel, and the biased
    /// variance `[paths or 1, 1, channels, 1]`.
    fn centred(&mut self, y: Tensor<B, 4>) -> (Tensor<B, 4>, Tensor<B, 4>) {
        if let NormMode::Fixed(norms) = &mut self.norms
            && let Some([mean, var]) = norms.next()
        {
            return (y - mean, var);
        }
        let [_, n, _, pixels] = y.dims();
        let mean = y.clone().mean_dim(3).mean_dim(1);
        let centred = y - mean.clone();
        let var = centred.clone().powi_scalar(2).mean_dim(3).mean_dim(1);
        if let NormMode::Record(recorded) = &mut self.norms {
            let count = (n * pixels) as f32;
            recorded.push([mean, var.clone() * (count / (count - 1.0))]);
        }
        (centred, var)
    }

    /// Gamma or beta of a layer, `[paths or 1, 1, channels, 1]`.
    fn vector(
        &mut self,
        role: Role,
        layer: usize,
        projection: bool,
        branches: &[u8],
        channels: usize,
    ) -> Tensor<B, 4> {
        let mut rows = Vec::with_capacity(branches.len());
        for &branch in branches {
            let i = self.find(role, layer, projection, branch);
            rows.push(self.shaped(i, [1, 1, channels, 1]));
        }
        Tensor::cat(rows, 0)
    }

    /// 1 for the channels that a path has after `layer`, 0 for the others: `[paths, 1, channels, 1]`.
    fn mask(&self, layer: usize, channels: usize) -> Tensor<B, 4> {
        let indices = Tensor::<B, 1, Int>::arange(0..channels as i64, &self.device).float();
        (self.set.channels(layer) - indices.reshape([1, 1, channels, 1])).clamp(0.0, 1.0)
    }

    /// The activation after `layer`. Paths with a ReLU use the slope 0.
    fn activation(&mut self, x: Tensor<B, 4>, layer: usize) -> Tensor<B, 4> {
        if !self.set.any_prelu(layer) {
            return activation::relu(x);
        }
        let i = self.find(Role::Slope, layer, false, 0);
        let slope = self.shaped(i, [1, 1, 1, 1]) * self.set.prelu_flags(layer);
        let [rows, channels, height, width] = x.dims();
        let x = x.reshape([self.paths(), self.images, channels, height * width]);
        let negative = activation::relu(-x.clone());
        (activation::relu(x) - negative * slope).reshape([rows, channels, height, width])
    }

    /// Global average pooling and the classifier: logits `[paths, n, classes]`.
    fn classify(&mut self, x: Tensor<B, 4>) -> Tensor<B, 3> {
        let layer = self.layout.space().layers.len() - 1;
        let classes = usize::from(self.layout.space().classes);
        let [_, features, height, width] = x.dims();
        let (n, paths) = (self.images, self.paths());
        let pooled = x.reshape([paths, n, features, height * width]).mean_dim(3);
        let pooled = pooled.reshape([paths, n, features]);
        let branches = self.set.branches(layer);
        let mut weights = Vec::with_capacity(branches.len());
        let mut biases = Vec::with_capacity(branches.len());
        for &branch in &branches {
            let i = self.find(Role::Classifier, layer, false, branch);
            weights.push(self.shaped(i, [1, classes, features]).swap_dims(1, 2));
            let i = self.find(Role::Bias, layer, false, branch);
            biases.push(self.shaped(i, [1, 1, classes]));
        }
        let weight = Tensor::cat(weights, 0);
        let weight = if branches.len() == 1 { weight.repeat_dim(0, paths) } else { weight };
        pooled.matmul(weight) + Tensor::cat(biases, 0)
    }
}

/// Logits `[paths, n, classes]` of a set over images `[n, channels, height, width]`, with one graph
/// for all paths, and the leaves of the graph. Convolutions compute in `half` if it is given.
pub(crate) fn with_graph<B: AutodiffBackend>(
    params: &Params<B>,
    set: PlanSet<'_, B::InnerBackend>,
    images: Tensor<B::InnerBackend, 4>,
    half: Option<FloatDType>,
) -> (Tensor<B, 3>, Leaves<B>) {
    let mut path = params.open();
    let device = images.device();
    let set = set.map(Tensor::from_inner);
    let forward = MaskedForward::new(&params.layout, set, half, |i| path.leaf(i), &device);
    let logits = forward.forward(Tensor::from_inner(images));
    (logits, path.close())
}

/// The forward pass of a set without a graph.
pub(crate) fn without_graph<'a, B: AutodiffBackend>(
    params: &'a Params<B>,
    set: PlanSet<'a, B::InnerBackend>,
    half: Option<FloatDType>,
) -> MaskedForward<'a, B::InnerBackend, impl FnMut(usize) -> Flat<B> + 'a> {
    let value = |i: usize| params.value(i);
    MaskedForward::new(&params.layout, set, half, value, &Default::default())
}
