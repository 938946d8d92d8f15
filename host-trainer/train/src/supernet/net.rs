//! The structure of a single network, generic over the type of its convolutions.

use supernano_base::objective::Spread;
use supernano_core::space::Shape;

use super::layers::Layers;
use crate::backend::LayerOp;

/// Activation after a convolution. The second convolution of a residual block has it after the
/// addition. `S` is the type of a slope.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum ActivationFn<S = f32> {
    /// No activation. Projection shortcuts have none.
    None,
    /// `max(x, 0)`.
    Relu,
    /// `x` for `x >= 0`, `slope x` below.
    Prelu(S),
    /// `min(max(x, 0), bound)`.
    Clipped(f32),
}

impl<S> ActivationFn<S> {
    /// ReLU6.
    pub const RELU6: Self = Self::Clipped(6.0);
}

impl ActivationFn {
    /// Applies the activation to a value.
    pub fn apply(self, x: f32) -> f32 {
        match self {
            Self::None => x,
            Self::Relu => x.max(0.0),
            Self::Prelu(slope) => {
                if x >= 0.0 {
                    x
                } else {
                    slope * x
                }
            }
            Self::Clipped(bound) => x.max(0.0).min(bound),
        }
    }
}

/// A layer and the batch norm behind it. `V` is the type of a tensor, `S` that of a slope. A pool
/// has neither weights nor batch norm.
#[derive(Clone, Debug, PartialEq)]
pub struct BnConv<V = Vec<f32>, S = f32> {
    /// Name in messages: `layer 3` or `shortcut of layer 5`.
    pub name: String,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Operation.
    pub op: LayerOp,
    /// Weights, of the shape [`LayerOp::weight_shape`]; a pool has none.
    pub weight: V,
    /// Factor of the batch norm, `[output]`.
    pub gamma: V,
    /// Offset of the batch norm, `[output]`.
    pub beta: V,
    /// Activation.
    pub act: ActivationFn<S>,
}

/// A layer with a bias; the batch norm is folded in. A pool has neither weights nor a bias.
#[derive(Clone, Debug, PartialEq)]
pub struct FoldedConv {
    /// Name in messages: `layer 3` or `shortcut of layer 5`.
    pub name: String,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Operation.
    pub op: LayerOp,
    /// Weights, of the shape [`LayerOp::weight_shape`]; a pool has none.
    pub weight: Vec<f32>,
    /// Bias `[output]`.
    pub bias: Vec<f32>,
    /// Activation.
    pub act: ActivationFn,
}

/// The classifier: `logits = weight x + bias`.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear<V = Vec<f32>> {
    /// Number of features.
    pub input: usize,
    /// Number of classes.
    pub output: usize,
    /// Weights `[output, input]`.
    pub weight: V,
    /// Bias `[output]`.
    pub bias: V,
}

impl Linear {
    /// Changes outputs that are learnt with mean 0 and standard deviation 1 to the units of their targets:
    /// `output = std (weight x + bias) + mean`.
    pub fn in_units(&mut self, spreads: &[Spread]) {
        let rows = self.weight.chunks_exact_mut(self.input.max(1));
        for ((row, bias), spread) in rows.zip(&mut self.bias).zip(spreads) {
            row.iter_mut().for_each(|w| *w = (f64::from(*w) * spread.std) as f32);
            *bias = f64::from(*bias).mul_add(spread.std, spread.mean) as f32;
        }
    }
}

/// A network: layers, global average pooling and a classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct Net<C, V = Vec<f32>> {
    /// Shape of an image.
    pub input: Shape,
    /// Layers and their wiring.
    pub layers: Layers<C>,
    /// Classifier.
    pub classifier: Linear<V>,
}

impl<C, V> Net<C, V> {
    /// The layers in the order of storage: layer after layer, a projection behind the second
    /// convolution of its block.
    pub fn convs(&self) -> impl Iterator<Item = &C> {
        self.layers.items().iter()
    }

    /// Replaces the layers. `make` receives each with its index in the order of storage.
    pub fn map<D>(&self, make: impl FnMut(usize, &C) -> D) -> Net<D, V>
    where
        V: Clone,
    {
        let layers = self.layers.map(make);
        Net { input: self.input, layers, classifier: self.classifier.clone() }
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classifier.output
    }
}

/// Batch-norm statistics of a sub-network: a pair for every convolution, in the order of
/// [`Net::convs`].
#[derive(Clone, Debug, PartialEq, Default)]
pub struct BnStats {
    /// Mean and unbiased variance, each `[output]`.
    pub layers: Vec<(Vec<f32>, Vec<f32>)>,
}
