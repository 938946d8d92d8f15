//! All paths of an update in one batch at full width: the same mathematics as cutting them out
//! one by one, in one shape whatever the paths are. It needs nothing but the backend's own
//! operations, so that it runs wherever burn does.
//!
//! Maps are `[paths x n, channels, height, width]`, path after path. A channel that a path does
//! not have is 0 after every batch norm; its weights then meet zeros, or make values that the next
//! mask removes, and get no gradient. Batch statistics are per path and channel.

use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{FloatDType, Int, Tensor, TensorData, activation};
use supernano_core::plan::{Activation, Plan};
use supernano_core::space::{Block, Shortcut};
use supernano_train::supernet::{BN_EPSILON, Layout, Role};
use supernano_train::training::params::{Flat, Leaves, Params};

/// The paths of several updates, on the device: what a forward pass needs to know of them in
/// numbers goes there once.
pub struct Paths<B: Backend> {
    /// Of every update, as many each.
    plans: Vec<Vec<Plan>>,
    /// Channels after every layer, and 1 where a PReLU follows, else 0: `[updates, 2, layers,
    /// paths]`.
    numbers: Tensor<B, 4>,
}

impl<B: Backend> Paths<B> {
    /// As many plans for every update, of one space.
    pub fn new(plans: Vec<Vec<Plan>>, device: &B::Device) -> Self {
        let first = plans.first().map_or(&[][..], Vec::as_slice);
        let (paths, layers) = (first.len(), first.first().map_or(0, |p| p.layers.len()));
        let mut values = Vec::with_capacity(plans.len() * 2 * layers * paths);
        for update in &plans {
            for layer in 0..layers {
                values.extend(update.iter().map(|p| f32::from(p.layers[layer].output.0)));
            }
            for layer in 0..layers {
                values.extend(update.iter().map(|p| f32::from(u8::from(prelu(p, layer)))));
            }
        }
        let data = TensorData::new(values, [plans.len(), 2, layers, paths]);
        Self { plans, numbers: Tensor::from_data(data, device) }
    }

    /// Those of update `i`.
    pub fn of(&self, i: usize) -> Chosen<'_, B> {
        let [_, two, layers, paths] = self.numbers.dims();
        let numbers = self.numbers.clone().narrow(0, i, 1).reshape([two, layers, paths]);
        Chosen { plans: &self.plans[i], numbers }
    }
}

/// The paths of one update.
pub struct Chosen<'a, B: Backend> {
    /// The paths' plans.
    pub plans: &'a [Plan],
    /// `[2, layers, paths]`.
    numbers: Tensor<B, 3>,
}

impl<'a, B: Backend> Chosen<'a, B> {
    /// A row of the numbers, `[paths, 1, 1, 1]`.
    fn row(&self, which: usize, layer: usize) -> Tensor<B, 4> {
        let row = self.numbers.clone().narrow(0, which, 1).narrow(1, layer, 1);
        row.reshape([self.plans.len(), 1, 1, 1])
    }

    /// The same for a backend around this one.
    pub fn map<C: Backend>(self, into: impl Fn(Tensor<B, 3>) -> Tensor<C, 3>) -> Chosen<'a, C> {
        Chosen { plans: self.plans, numbers: into(self.numbers) }
    }
}

fn prelu(plan: &Plan, layer: usize) -> bool {
    matches!(plan.layers[layer].activation, Activation::Prelu)
}

/// Mean and variance of every batch norm, each `[paths or 1, 1, channels, 1]`.
pub type Norms<B> = Vec<[Tensor<B, 4>; 2]>;

/// Which statistics batch norms use.
pub enum Statistics<B: Backend> {
    /// The batch's own.
    Batch,
    /// The batch's own; they are handed out as well, the variance unbiased.
    Seen(Norms<B>),
    /// These, in the order in which they were handed out.
    Given(std::vec::IntoIter<[Tensor<B, 4>; 2]>),
}

/// The forward pass of several plans over the same images.
pub struct MaskedNet<'a, B: Backend, F> {
    layout: &'a Layout,
    chosen: Chosen<'a, B>,
    /// What convolutions compute in, if not in 32 bits.
    half: Option<FloatDType>,
    statistics: Statistics<B>,
    /// Images of a path.
    images: usize,
    /// Tensor `i` of the layout, flat.
    tensor: F,
    device: B::Device,
}

impl<'a, B: Backend, F: FnMut(usize) -> Tensor<B, 1>> MaskedNet<'a, B, F> {
    /// Plans of the layout's own space, enhancement and scheme; at least one.
    pub fn new(layout: &'a Layout, chosen: Chosen<'a, B>, tensor: F, device: &B::Device) -> Self {
        let statistics = Statistics::Batch;
        Self { layout, chosen, half: None, statistics, images: 0, tensor, device: device.clone() }
    }

    /// Convolutions round their operands and results to this type.
    pub fn half(self, half: Option<FloatDType>) -> Self {
        Self { half, ..self }
    }

    /// Logits `[paths, n, classes]` of images `[n, channels, height, width]` in training mode.
    pub fn forward(mut self, images: Tensor<B, 4>) -> Tensor<B, 3> {
        self.run(images)
    }

    /// The statistics of every batch norm over images, as [`MaskedNet::forward`] meets them.
    pub fn statistics(mut self, images: Tensor<B, 4>) -> Norms<B> {
        self.statistics = Statistics::Seen(Vec::new());
        self.run(images);
        match self.statistics {
            Statistics::Seen(seen) => seen,
            Statistics::Batch | Statistics::Given(_) => Vec::new(),
        }
    }

    /// Logits with these statistics instead of the batch's own.
    pub fn evaluate(mut self, images: Tensor<B, 4>, norms: Norms<B>) -> Tensor<B, 3> {
        self.statistics = Statistics::Given(norms.into_iter());
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
                    let around = match shortcut {
                        Shortcut::Projection => self.conv_bn(x, last, Some(first)),
                        Shortcut::Identity => x,
                    };
                    // A block right behind the images reads what all paths still share.
                    let around = match around.dims()[0] == y.dims()[0] {
                        true => around,
                        false => around.repeat_dim(0, self.paths()),
                    };
                    self.activation(y + around, last)
                }
            };
        }
        self.classify(x)
    }

    fn paths(&self) -> usize {
        self.chosen.plans.len()
    }

    /// The branches of the paths at a layer, without repetition where all use the same.
    fn branches(&self, layer: usize) -> Vec<u8> {
        let of = |plan: &Plan| plan.layers[layer].branch;
        let all: Vec<u8> = self.chosen.plans.iter().map(of).collect();
        if all.iter().all(|&b| b == all[0]) { all[..1].to_vec() } else { all }
    }

    fn find(&self, role: Role, layer: usize, shortcut: bool, branch: u8) -> usize {
        self.layout.find(role, layer, shortcut, branch)
    }

    fn shaped<const D: usize>(&mut self, i: usize, shape: [usize; D]) -> Tensor<B, D> {
        (self.tensor)(i).reshape(shape)
    }

    /// Convolution of `layer`, or the projection around the block that starts at `shortcut` and
    /// ends at `layer`, then batch norm and the mask.
    fn conv_bn(&mut self, x: Tensor<B, 4>, layer: usize, shortcut: Option<usize>) -> Tensor<B, 4> {
        let own = &self.layout.space().layers[layer];
        let (kernel, stride) = match shortcut {
            Some(first) => (1, usize::from(self.layout.space().layers[first].stride)),
            None => (usize::from(own.kernel), usize::from(own.stride)),
        };
        let options = || ConvOptions::new([stride, stride], [kernel / 2, kernel / 2], [1, 1], 1);
        let around = shortcut.is_some();
        let branches = self.branches(layer);
        let (n, paths) = (self.images, self.paths());
        let convolved: Vec<Tensor<B, 4>> = branches
            .iter()
            .enumerate()
            .map(|(p, &branch)| {
                let i = self.find(Role::Weight, layer, around, branch);
                let entry = &self.layout.entries[i].shape;
                let shape = [entry[0], entry[1], kernel, kernel];
                let weight = self.shaped(i, shape);
                // The images of the first layer are the same for every path.
                let path = if branches.len() == 1 || x.dims()[0] == n {
                    x.clone()
                } else {
                    x.clone().narrow(0, p * n, n)
                };
                self.convolve(path, weight, options())
            })
            .collect();
        let y = Tensor::cat(convolved, 0);
        let [rows, channels, height, width] = y.dims();
        // One path's maps stand for all that have not parted yet.
        let y = y.reshape([rows / n, n, channels, height * width]);
        let (centred, var) = self.centred(y);
        let mask = self.mask(layer, channels);
        let gamma = self.vector(Role::Gamma, layer, around, &branches, channels);
        let beta = self.vector(Role::Beta, layer, around, &branches, channels);
        let factor = gamma / (var + BN_EPSILON).sqrt() * mask.clone();
        let y = centred * factor + beta * mask;
        y.reshape([paths * n, channels, height, width])
    }

    fn convolve(
        &self,
        x: Tensor<B, 4>,
        weight: Tensor<B, 4>,
        options: ConvOptions<2>,
    ) -> Tensor<B, 4> {
        match self.half {
            None => conv2d(x, weight, None, options),
            Some(half) => {
                conv2d(x.cast(half), weight.cast(half), None, options).cast(FloatDType::F32)
            }
        }
    }

    /// `[paths or 1, n, channels, pixels]` less the mean of a path and channel, and the biased
    /// variance.
    fn centred(&mut self, y: Tensor<B, 4>) -> (Tensor<B, 4>, Tensor<B, 4>) {
        if let Statistics::Given(norms) = &mut self.statistics
            && let Some([mean, var]) = norms.next()
        {
            return (y - mean, var);
        }
        let [_, n, _, pixels] = y.dims();
        let mean = y.clone().mean_dim(3).mean_dim(1);
        let centred = y - mean.clone();
        let var = centred.clone().powi_scalar(2).mean_dim(3).mean_dim(1);
        if let Statistics::Seen(seen) = &mut self.statistics {
            let count = (n * pixels) as f32;
            seen.push([mean, var.clone() * (count / (count - 1.0))]);
        }
        (centred, var)
    }

    /// Gamma or beta, `[paths or 1, 1, channels, 1]`.
    fn vector(
        &mut self,
        role: Role,
        layer: usize,
        around: bool,
        branches: &[u8],
        channels: usize,
    ) -> Tensor<B, 4> {
        let rows = branches
            .iter()
            .map(|&branch| {
                let i = self.find(role, layer, around, branch);
                self.shaped(i, [1, 1, channels, 1])
            })
            .collect();
        Tensor::cat(rows, 0)
    }

    /// 1 for the channels that a path has after `layer`, else 0: `[paths, 1, channels, 1]`.
    fn mask(&self, layer: usize, channels: usize) -> Tensor<B, 4> {
        let all = Tensor::<B, 1, Int>::arange(0..channels as i64, &self.device).float();
        (self.chosen.row(0, layer) - all.reshape([1, 1, channels, 1])).clamp(0.0, 1.0)
    }

    /// ReLU is a PReLU with slope 0, so that paths may differ.
    fn activation(&mut self, x: Tensor<B, 4>, layer: usize) -> Tensor<B, 4> {
        if !self.chosen.plans.iter().any(|p| prelu(p, layer)) {
            return activation::relu(x);
        }
        let i = self.find(Role::Slope, layer, false, 0);
        let slope = self.shaped(i, [1, 1, 1, 1]) * self.chosen.row(1, layer);
        let [rows, channels, height, width] = x.dims();
        let x = x.reshape([self.paths(), self.images, channels, height * width]);
        let negative = activation::relu(-x.clone());
        (activation::relu(x) - negative * slope).reshape([rows, channels, height, width])
    }

    fn classify(&mut self, x: Tensor<B, 4>) -> Tensor<B, 3> {
        let layer = self.layout.space().layers.len() - 1;
        let classes = usize::from(self.layout.space().classes);
        let [_, features, height, width] = x.dims();
        let (n, paths) = (self.images, self.paths());
        let pooled = x.reshape([paths, n, features, height * width]).mean_dim(3);
        let pooled = pooled.reshape([paths, n, features]);
        let branches = self.branches(layer);
        let mut weights = Vec::with_capacity(branches.len());
        let mut biases = Vec::with_capacity(branches.len());
        for &branch in &branches {
            let i = self.find(Role::Classifier, layer, false, branch);
            weights.push(self.shaped(i, [1, classes, features]).swap_dims(1, 2));
            let i = self.find(Role::Bias, layer, false, branch);
            biases.push(self.shaped(i, [1, 1, classes]));
        }
        let weight = Tensor::cat(weights, 0);
        let weight = match branches.len() {
            1 => weight.repeat_dim(0, paths),
            _ => weight,
        };
        pooled.matmul(weight) + Tensor::cat(biases, 0)
    }
}

/// Logits `[paths, n, classes]` of the chosen paths over the same images `[n, c, h, w]`, in one
/// graph; convolutions in `half` where it is given.
pub fn with_graph<B: AutodiffBackend>(
    params: &Params<B>,
    chosen: Chosen<'_, B::InnerBackend>,
    images: Tensor<B::InnerBackend, 4>,
    half: Option<FloatDType>,
) -> (Tensor<B, 3>, Leaves<B>) {
    let mut path = params.open();
    let device = images.device();
    let chosen = chosen.map(Tensor::from_inner);
    let net = MaskedNet::new(&params.layout, chosen, |i| path.leaf(i), &device).half(half);
    let logits = net.forward(Tensor::from_inner(images));
    (logits, path.close())
}

/// The forward pass of the chosen paths without a graph.
pub fn without_graph<'a, B: AutodiffBackend>(
    params: &'a Params<B>,
    chosen: Chosen<'a, B::InnerBackend>,
    half: Option<FloatDType>,
) -> MaskedNet<'a, B::InnerBackend, impl FnMut(usize) -> Flat<B> + 'a> {
    let value = |i: usize| params.value(i);
    MaskedNet::new(&params.layout, chosen, value, &Default::default()).half(half)
}
