//! Cuts a sub-network out of the supernet's weights, and folds batch norm into it.

use supernano_core::graph::Form;
use supernano_core::plan::{Activation, Plan};
use supernano_core::space::Site;

use super::block::space_blocks;
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
    /// The leading block of shape `shape` of tensor `i` of the layout; missing dimensions are 1.
    fn values(&mut self, i: usize, shape: [usize; 4]) -> Self::Values;
    /// The slope that is tensor `i` of the layout.
    fn slope(&mut self, i: usize) -> Self::Slope;
}

/// The network that [`Layout::cut`] returns.
pub type Cut<S> = Net<
    BnConv<<S as TensorSource>::Values, <S as TensorSource>::Slope>,
    <S as TensorSource>::Values,
>;

impl Layout {
    /// Cuts the sub-network of a plan: the leading `[c_out, c_in]` block of each tensor of the
    /// plan's branch.
    ///
    /// # Panics
    /// If the plan is of another space, enhancement or scheme.
    pub fn cut<S: TensorSource>(&self, plan: &Plan, source: &mut S) -> Cut<S> {
        let space = &self.space();
        let blocks = space_blocks(space)
            .iter()
            .map(|block| block.map(|&site| self.conv_of(plan, site, source)))
            .collect();
        let (last, branch) = (space.layers.len() - 1, plan.classifier_branch());
        let (input, output) = (usize::from(plan.features().0), usize::from(space.classes));
        let classifier = Linear {
            input,
            output,
            weight: source
                .values(self.find(Role::Classifier, last, false, branch), [output, input, 1, 1]),
            bias: source.values(self.find(Role::Bias, last, false, branch), [output, 1, 1, 1]),
        };
        Net { input: space.input, blocks, classifier }
    }

    fn conv_of<S: TensorSource>(
        &self,
        plan: &Plan,
        site: Site,
        source: &mut S,
    ) -> BnConv<S::Values, S::Slope> {
        let (layer, shortcut) = (site.layer(), matches!(site, Site::Shortcut(_)));
        let planned = &plan.layers[layer];
        let ((read, written), geometry) = (plan.widths(site), self.space().geometry(site));
        let (input, output) = (usize::from(read.0), usize::from(written.0));
        let op = LayerOp { form: Form::Full, geometry };
        let find = |role| self.find(role, layer, shortcut, planned.branch);
        BnConv {
            name: name(site),
            input,
            output,
            op,
            weight: source.values(find(Role::Weight), op.weight_shape(output, input)),
            gamma: source.values(find(Role::Gamma), [output, 1, 1, 1]),
            beta: source.values(find(Role::Beta), [output, 1, 1, 1]),
            act: match planned.activation {
                _ if shortcut => ActivationFn::None,
                Activation::None => ActivationFn::None,
                Activation::Relu => ActivationFn::Relu,
                Activation::Relu6 => unreachable!("`supported` refuses the space"),
                Activation::Prelu => {
                    ActivationFn::Prelu(source.slope(self.find(Role::Slope, layer, false, 0)))
                }
            },
        }
    }
}

struct Host<'a>(&'a Weights);

impl TensorSource for Host<'_> {
    type Values = Vec<f32>;
    type Slope = f32;

    fn values(&mut self, i: usize, shape: [usize; 4]) -> Vec<f32> {
        leading(self.0.tensor(i), &self.0.layout.entries[i].shape, &shape)
    }

    fn slope(&mut self, i: usize) -> f32 {
        self.0.tensor(i)[0]
    }
}

/// The leading `[shape]` block of a row-major tensor of shape `full`.
fn leading(values: &[f32], full: &[usize], shape: &[usize]) -> Vec<f32> {
    match (full, shape) {
        ([_, full @ ..], [n, shape @ ..]) => {
            let stride: usize = full.iter().product();
            values.chunks(stride).take(*n).flat_map(|row| leading(row, full, shape)).collect()
        }
        _ => values.to_vec(),
    }
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
