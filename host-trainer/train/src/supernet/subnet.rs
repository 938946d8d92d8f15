//! Cuts a sub-network out of the supernet's weights, and folds batch norm into it.

use std::ops::Range;

use supernano_core::plan::{Activation, Node, Plan};
use supernano_core::space::Site;

use super::layers::planned;
use super::net::{ActivationFn, BnConv, BnStats, FoldedConv, Linear, Net};
use super::weights::{Layout, Role, Weights};
use super::{BN_EPSILON, FoldedNet};
use crate::backend::LayerOp;

/// A sub-network with batch norm; the statistics are separate.
pub type SubNet = Net<BnConv>;

/// Source of the tensors of [`Layout::cut`].
pub trait TensorSource {
    /// Values of a convolution, a batch norm or a classifier.
    type Values;
    /// A PReLU slope.
    type Slope;
    /// The part of shape `shape` of tensor `i` of the layout ([`part`]).
    fn values(&mut self, i: usize, shape: [usize; 4]) -> Self::Values;
    /// The product of matrix `i` of the layout and the taps in the centre of `larger`, weights of the
    /// shape `from`: the weights `to` of the next smaller kernel.
    fn transformed(
        &mut self,
        larger: Self::Values,
        from: [usize; 4],
        i: usize,
        to: [usize; 4],
    ) -> Self::Values;
    /// What stands for the tensors of a pool, which has none. Nobody reads it.
    fn none(&mut self) -> Self::Values;
    /// The slope that is tensor `i` of the layout.
    fn slope(&mut self, i: usize) -> Self::Slope;
}

/// The network that [`Layout::cut`] returns.
pub type Cut<S> = Net<
    BnConv<<S as TensorSource>::Values, <S as TensorSource>::Slope>,
    <S as TensorSource>::Values,
>;

impl Layout {
    /// Cuts the sub-network of a plan: the leading `[c_out, c_in]` block and the centre of the kernel
    /// of each tensor of the plan's branch. Learnt kernel transformations take the largest kernel to
    /// that of the plan, one step of size after the other.
    ///
    /// # Panics
    /// If the plan is of another space, enhancement or scheme.
    pub fn cut<S: TensorSource>(&self, plan: &Plan, source: &mut S) -> Cut<S> {
        let space = &self.space();
        let layers = planned(space, plan, |node| self.layer_of(node, source));
        let (last, branch) = (space.layers.len() - 1, plan.classifier_branch());
        let (input, output) = (usize::from(plan.features().0), usize::from(space.classes));
        let classifier = Linear {
            input,
            output,
            weight: source
                .values(self.find(Role::Classifier, last, false, branch), [output, input, 1, 1]),
            bias: source.values(self.find(Role::Bias, last, false, branch), [output, 1, 1, 1]),
        };
        Net { input: plan.image, layers, classifier }
    }

    fn layer_of<S: TensorSource>(
        &self,
        node: &Node,
        source: &mut S,
    ) -> BnConv<S::Values, S::Slope> {
        let (layer, shortcut) = (node.site.layer(), matches!(node.site, Site::Shortcut(_)));
        let op = LayerOp::new(node.form, node.geometry, node.read);
        let (input, output) = (node.read.channels.into(), node.written.channels.into());
        let mut tensor = |role, shape| match op.weighted() {
            true => source.values(self.find(role, layer, shortcut, node.branch), shape),
            false => source.none(),
        };
        BnConv {
            name: name(node.site),
            input,
            output,
            op,
            gamma: tensor(Role::Gamma, [output, 1, 1, 1]),
            beta: tensor(Role::Beta, [output, 1, 1, 1]),
            weight: match op.weighted() {
                true => self.weight_of(node, op.weight_shape(output, input), source),
                false => source.none(),
            },
            act: match node.activation {
                Activation::None => ActivationFn::None,
                Activation::Relu => ActivationFn::Relu,
                Activation::Relu6 => ActivationFn::RELU6,
                Activation::Prelu => {
                    ActivationFn::Prelu(source.slope(self.find(Role::Slope, layer, false, 0)))
                }
            },
        }
    }

    /// The weights of shape `shape` of an operation.
    fn weight_of<S: TensorSource>(
        &self,
        node: &Node,
        shape: [usize; 4],
        source: &mut S,
    ) -> S::Values {
        let (layer, shortcut) = (node.site.layer(), matches!(node.site, Site::Shortcut(_)));
        let own = self.find(Role::Weight, layer, shortcut, node.branch);
        let described = &self.space().layers[layer];
        let steps = if shortcut { 0 } else { self.kernels.steps(described) };
        let kernel = described.kernels.iter().position(|&kernel| kernel == node.geometry.kernel);
        let of = |i: usize| {
            let [rows, columns] = described.kernels[i].map(usize::from);
            [shape[0], shape[1], rows, columns]
        };
        let Some(kernel) = kernel.filter(|&kernel| kernel < steps) else {
            return source.values(own, shape);
        };
        (kernel..steps).rev().fold(source.values(own, of(steps)), |larger, step| {
            let matrix = self.find(Role::Transformation(step), layer, false, 0);
            source.transformed(larger, of(step + 1), matrix, of(step))
        })
    }
}

struct Host<'a>(&'a Weights);

impl TensorSource for Host<'_> {
    type Values = Vec<f32>;
    type Slope = f32;

    fn values(&mut self, i: usize, shape: [usize; 4]) -> Vec<f32> {
        let part = part(&self.0.layout.entries[i].shape, shape);
        taken(self.0.tensor(i), &part)
    }

    fn transformed(
        &mut self,
        larger: Vec<f32>,
        from: [usize; 4],
        i: usize,
        to: [usize; 4],
    ) -> Vec<f32> {
        let (centre, taps) = (taken(&larger, &part(&from, to)), to[2] * to[3]);
        let matrix: Vec<&[f32]> = self.0.tensor(i).chunks_exact(taps).collect();
        let product = |row: &[f32], kernel: &[f32]| -> f32 {
            let terms = row.iter().zip(kernel).map(|(&m, &w)| f64::from(m) * f64::from(w));
            terms.sum::<f64>() as f32
        };
        let kernels = centre.chunks_exact(taps);
        kernels.flat_map(|kernel| matrix.iter().map(move |row| product(row, kernel))).collect()
    }

    fn none(&mut self) -> Vec<f32> {
        Vec::new()
    }

    fn slope(&mut self, i: usize) -> f32 {
        self.0.tensor(i)[0]
    }
}

/// Size and taken range of each dimension of a tensor of shape `full` whose part of shape `shape` is
/// taken: the leading channels and the centre of the kernel. Missing dimensions are 1.
pub fn part(full: &[usize], shape: [usize; 4]) -> [(usize, Range<usize>); 4] {
    std::array::from_fn(|d| {
        let (all, n) = (full.get(d).copied().unwrap_or(1), shape[d]);
        let start = if d < 2 { 0 } else { (all - n) / 2 };
        (all, start..start + n)
    })
}

/// A part of a row-major tensor.
fn taken(values: &[f32], part: &[(usize, Range<usize>)]) -> Vec<f32> {
    let [(_, range), inner @ ..] = part else { return values.to_vec() };
    let stride: usize = inner.iter().map(|(all, _)| all).product();
    let values = &values[range.start * stride..range.end * stride];
    if inner.iter().all(|(all, range)| range.len() == *all) {
        return values.to_vec();
    }
    values.chunks_exact(stride).flat_map(|row| taken(row, inner)).collect()
}

impl Weights {
    /// Cuts the sub-network of a plan, as [`Layout::cut`].
    pub fn subnet(&self, plan: &Plan) -> SubNet {
        self.layout.cut(plan, &mut Host(self))
    }
}

/// Name of a convolution in messages; layers count from 1.
pub fn name(site: Site) -> String {
    match site {
        Site::Layer(layer) => format!("layer {}", layer + 1),
        Site::Shortcut(layer) => format!("shortcut of layer {}", layer + 1),
    }
}

impl SubNet {
    /// Folds batch norm into the convolutions, in f64: `w' = w g` and `b' = beta - mean g` with
    /// `g = gamma / sqrt(var + 1e-5)`.
    ///
    /// # Panics
    /// If the statistics are of another network.
    pub fn fold(&self, stats: &BnStats) -> FoldedNet {
        assert_eq!(self.convs().count(), stats.layers.len(), "statistics of this network");
        self.map(|index, conv| {
            let (mean, var) = &stats.layers[index];
            fold(conv, mean, var)
        })
    }
}

/// Folds the batch norm of one convolution, as [`SubNet::fold`] does. `mean` and `var` are
/// `[output]`.
pub fn fold(conv: &BnConv, mean: &[f32], var: &[f32]) -> FoldedConv {
    if !conv.op.weighted() {
        let (name, act) = (conv.name.clone(), conv.act);
        let BnConv { input, output, op, .. } = *conv;
        return FoldedConv { name, input, output, op, weight: Vec::new(), bias: Vec::new(), act };
    }
    let factor: Vec<f64> = conv
        .gamma
        .iter()
        .zip(var)
        .map(|(&g, &v)| f64::from(g) / (f64::from(v) + f64::from(BN_EPSILON)).sqrt())
        .collect();
    let size = conv.op.terms(conv.input);
    FoldedConv {
        name: conv.name.clone(),
        input: conv.input,
        output: conv.output,
        op: conv.op,
        weight: conv
            .weight
            .chunks(size)
            .zip(&factor)
            .flat_map(|(row, &f)| row.iter().map(move |&w| (f64::from(w) * f) as f32))
            .collect(),
        bias: (0..conv.output)
            .map(|c| (f64::from(conv.beta[c]) - f64::from(mean[c]) * factor[c]) as f32)
            .collect(),
        act: conv.act,
    }
}
