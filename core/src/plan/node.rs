//! The operations of a resolved sub-network.

use super::{Activation, Plan};
use crate::graph::{Form, Geometry};
use crate::shape::Shape;
use crate::space::{Site, Space, wire};

/// An operation of a sub-network: everything that trainer, exporter and costs need to know of it.
///
/// The indices of tensors are those of a blob: tensor 0 is the image, the `i`-th node writes tensor
/// `i + 1`, and the classifier reads the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// Where the weights are in the supernet ([`Extents::of`](super::Extents::of)). A pool has a site
    /// too, but no weights.
    pub site: Site,
    /// Operation.
    pub form: Form,
    /// Kernel, stride and padding; one pixel for a dense layer.
    pub geometry: Geometry,
    /// Tensor read.
    pub input: usize,
    /// Tensor written.
    pub output: usize,
    /// Tensor added before the activation, of the shape of the output.
    pub residual: Option<usize>,
    /// Shape of the tensor read, in effective channels.
    pub read: Shape,
    /// Shape of the tensor written, in effective channels.
    pub written: Shape,
    /// Activation.
    pub activation: Activation,
    /// Branch of the weights.
    pub branch: u8,
}

impl Node {
    /// Shape of the weights: `[outputs, inputs, rows, columns]`, with one input for a depthwise
    /// convolution, and the rows and columns of the whole input for a dense layer. Pools have none.
    pub fn weight_shape(&self) -> Option<[usize; 4]> {
        let outputs = usize::from(self.written.channels);
        let [rows, columns] = self.geometry.kernel.map(usize::from);
        let inputs = usize::from(self.read.channels);
        let [height, width] = [self.read.height, self.read.width].map(usize::from);
        match self.form {
            Form::Full => Some([outputs, inputs, rows, columns]),
            Form::Depthwise => Some([outputs, 1, rows, columns]),
            Form::Dense => Some([outputs, inputs, height, width]),
            Form::Maximum | Form::Average | Form::Add => None,
        }
    }

    /// Number of weights.
    pub fn weights(&self) -> u64 {
        self.weight_shape().map_or(0, |shape| shape.iter().product::<usize>() as u64)
    }

    /// Multiply-accumulates per image.
    pub fn macs(&self) -> u64 {
        self.weights() * self.written.pixels() as u64
    }
}

impl Plan {
    /// The operations of the sub-network in the order of execution, without the classifier. A
    /// left-out block yields none. `space` is the one that was resolved.
    pub fn nodes<'p, 's>(&'p self, space: &Space<'s>) -> impl Iterator<Item = Node> + use<'p, 's> {
        let space = *space;
        wire(self.parts(&space)).map(move |node| {
            let (layer, written, form, geometry, activation) = match node.site {
                Site::Layer(i) => {
                    let layer = &self.layers[i];
                    let form = space.layers[i].form;
                    (layer, layer, form, layer.geometry, layer.activation)
                }
                // A residual block has two layers; the first has the block's stride.
                Site::Shortcut(i) => {
                    let layer = &self.layers[i - 1];
                    let stride = layer.geometry.stride;
                    let geometry = Geometry { stride, ..Geometry::POINT };
                    (layer, &self.layers[i], Form::Full, geometry, Activation::None)
                }
            };
            let [height, width] = layer.read;
            let read = Shape { height, width, channels: layer.input.0 };
            Node {
                site: node.site,
                form,
                geometry,
                input: node.input,
                output: node.output,
                residual: node.residual,
                read,
                written: form.output(&geometry, read, written.output.0).unwrap_or(read),
                activation,
                branch: written.branch,
            }
        })
    }
}
