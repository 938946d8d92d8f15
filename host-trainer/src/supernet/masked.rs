//! All paths of an update in one batch at full width: the same mathematics as cutting them out
//! one by one, in one shape whatever the paths are. It needs nothing but the backend's own
//! operations, so that it runs wherever burn does.
//!
//! Maps are `[paths x n, channels, height, width]`, path after path. A channel that a path does
//! not have is 0 after every batch norm; its weights then meet zeros, or make values that the next
//! mask removes, and get no gradient. Batch statistics are per path and channel.

use burn::tensor::backend::Backend;
use burn::tensor::module::conv2d;
use burn::tensor::ops::ConvOptions;
use burn::tensor::{Tensor, TensorData, activation};
use supernano_core::plan::{Activation, Plan, PlanLayer};
use supernano_core::space::{Block, Shortcut};

use super::BN_EPSILON;
use super::weights::{Layout, Role};

/// The forward pass of several plans over the same images.
pub(crate) struct Masked<'a, B: Backend, F> {
    layout: &'a Layout,
    plans: &'a [Plan],
    /// Images of a path.
    images: usize,
    /// Tensor `i` of the layout, flat.
    tensor: F,
    device: B::Device,
}

impl<'a, B: Backend, F: FnMut(usize) -> Tensor<B, 1>> Masked<'a, B, F> {
    /// Plans of the layout's own space, enhancement and scheme; at least one.
    pub fn new(layout: &'a Layout, plans: &'a [Plan], tensor: F, device: &B::Device) -> Self {
        Self { layout, plans, images: 0, tensor, device: device.clone() }
    }

    /// Logits `[paths, n, classes]` of images `[n, channels, height, width]` in training mode.
    pub fn forward(mut self, images: Tensor<B, 4>) -> Tensor<B, 3> {
        let space = self.layout.space;
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
        self.plans.len()
    }

    /// The branches of the paths at a layer, without repetition where all use the same.
    fn branches(&self, layer: usize) -> Vec<u8> {
        let of = |plan: &Plan| plan.layers[layer].branch;
        let all: Vec<u8> = self.plans.iter().map(of).collect();
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
        let own = &self.layout.space.layers[layer];
        let (kernel, stride) = match shortcut {
            Some(first) => (1, usize::from(self.layout.space.layers[first].stride)),
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
                conv2d(path, weight, None, options())
            })
            .collect();
        let y = Tensor::cat(convolved, 0);
        let [rows, channels, height, width] = y.dims();
        // One path's maps stand for all that have not parted yet.
        let y = y.reshape([rows / n, n, channels, height * width]);
        let mean = y.clone().mean_dim(3).mean_dim(1);
        let centred = y - mean;
        let var = centred.clone().powi_scalar(2).mean_dim(3).mean_dim(1);
        let mask = self.mask(layer, channels);
        let gamma = self.vector(Role::Gamma, layer, around, &branches, channels);
        let beta = self.vector(Role::Beta, layer, around, &branches, channels);
        let factor = gamma / (var + BN_EPSILON).sqrt() * mask.clone();
        let y = centred * factor + beta * mask;
        y.reshape([paths * n, channels, height, width])
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

    /// A value for each path, `[paths, 1, 1, 1]`.
    fn per_path(&self, value: impl Fn(&PlanLayer) -> f32, layer: usize) -> Tensor<B, 4> {
        let values: Vec<f32> = self.plans.iter().map(|p| value(&p.layers[layer])).collect();
        let shape = [values.len(), 1, 1, 1];
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// 1 for the channels that a path has after `layer`, else 0: `[paths, 1, channels, 1]`.
    fn mask(&self, layer: usize, channels: usize) -> Tensor<B, 4> {
        let mut values = Vec::with_capacity(self.paths() * channels);
        for plan in self.plans {
            let own = usize::from(plan.layers[layer].output.0);
            values.extend((0..channels).map(|c| if c < own { 1.0f32 } else { 0.0 }));
        }
        let shape = [self.paths(), 1, channels, 1];
        Tensor::from_data(TensorData::new(values, shape), &self.device)
    }

    /// ReLU is a PReLU with slope 0, so that paths may differ.
    fn activation(&mut self, x: Tensor<B, 4>, layer: usize) -> Tensor<B, 4> {
        let prelu = |plan: &PlanLayer| matches!(plan.activation, Activation::Prelu);
        if !self.plans.iter().any(|p| prelu(&p.layers[layer])) {
            return activation::relu(x);
        }
        let which = self.per_path(|plan| f32::from(prelu(plan)), layer);
        let i = self.find(Role::Slope, layer, false, 0);
        let slope = self.shaped(i, [1, 1, 1, 1]) * which;
        let [rows, channels, height, width] = x.dims();
        let x = x.reshape([self.paths(), self.images, channels, height * width]);
        let negative = activation::relu(-x.clone());
        (activation::relu(x) - negative * slope).reshape([rows, channels, height, width])
    }

    fn classify(&mut self, x: Tensor<B, 4>) -> Tensor<B, 3> {
        let layer = self.layout.space.layers.len() - 1;
        let classes = usize::from(self.layout.space.classes);
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
