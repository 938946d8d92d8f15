//! The quantised network: all numbers of a blob, independent of the format.

use supernano_core::graph::Form;
use supernano_core::quant::pool_shift;
use supernano_core::space::Shape;

use super::integers;
use super::integers::{ConvIo, QuantParams, QuantisedConv, QuantisedDense};
use super::material::Normalisation;
use super::observe::ActivationParams;
use crate::backend::LayerOp;
use crate::supernet::{ActivationFn, FoldedConv, FoldedNet, Layers};

/// A convolution with its integers.
#[derive(Clone, Debug, PartialEq)]
pub struct QConv {
    /// Name in messages: `layer 3` or `shortcut of layer 5`.
    pub name: String,
    /// Input channels.
    pub input: usize,
    /// Output channels.
    pub output: usize,
    /// Operation.
    pub op: LayerOp,
    /// Activation.
    pub act: ActivationFn,
    /// Parameters of the map that is read.
    pub from: QuantParams,
    /// Parameters of the map that is added before the activation.
    pub residual: Option<QuantParams>,
    /// Parameters of the map that is written.
    pub to: QuantParams,
    /// Weights, biases and multipliers.
    pub integers: QuantisedConv,
}

/// A network of integers: layers, global average pooling and a classifier.
#[derive(Clone, Debug, PartialEq)]
pub struct QuantisedNet {
    /// Shape of an image.
    pub input: Shape,
    /// Normalisation of pixels.
    pub normalisation: Normalisation,
    /// Parameters of the normalised image.
    pub image: QuantParams,
    /// Layers and their wiring.
    pub layers: Layers<QConv>,
    /// Right shift of the pooled sums.
    pub shift: u8,
    /// Pixels of the last map.
    pub pixels: usize,
    /// Parameters of the last map.
    pub features: QuantParams,
    /// Classifier.
    pub classifier: QuantisedDense,
}

impl QuantisedNet {
    /// Quantises a network; `params` are those of its feature maps. The same arguments give the
    /// same integers.
    pub fn with(net: &FoldedNet, params: &ActivationParams, normalisation: &Normalisation) -> Self {
        let image = integers::input_params(normalisation);
        let (mut maps, mut shapes, mut made) = (vec![image], vec![net.input], Vec::new());
        for (step, conv) in net.layers.executed() {
            let residual = step.residual.map(|map| maps[map]);
            let conv = QConv::new(conv, params, step.index, maps[step.input], residual);
            maps.push(conv.to);
            shapes.push(conv.written(shapes[step.input]));
            made.push((step.index, conv));
        }
        let layers = net.layers.assemble(made);
        let (features, pixels) = (maps[maps.len() - 1], shapes[shapes.len() - 1].pixels());
        let shift = pool_shift(pixels) as u8;
        let linear = &net.classifier;
        let classifier = integers::dense(&linear.weight, &linear.bias, features, pixels, shift);
        let (input, normalisation) = (net.input, normalisation.clone());
        Self { input, normalisation, image, layers, shift, pixels, features, classifier }
    }

    /// The input integer of every byte, by channel.
    pub fn input_tables(&self) -> Vec<[i8; 256]> {
        let table = |(mean, std)| integers::input_table(mean, std, self.image);
        self.normalisation.channels().map(table).collect()
    }

    /// The layers in the order of storage.
    pub fn convs(&self) -> impl Iterator<Item = &QConv> {
        self.layers.items().iter()
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classifier.channels.len()
    }
}

impl QConv {
    /// The shape of the map that is written, where one of `read` is read.
    pub fn written(&self, read: Shape) -> Shape {
        let [h, w] = self.op.output(read.height.into(), read.width.into());
        Shape { height: h as u16, width: w as u16, channels: self.output as u16 }
    }

    /// Quantises layer `index` of a network. `from` are the parameters of the map that it reads. The
    /// scale of its output is increased if a multiplier would not fit an i32. The output of a clipped
    /// activation covers the range from 0 to the bound, or to the largest value if that is smaller,
    /// so that the saturation is the clip. A maximum pool writes the parameters that it reads.
    pub fn new(
        conv: &FoldedConv,
        params: &ActivationParams,
        index: usize,
        from: QuantParams,
        residual: Option<QuantParams>,
    ) -> Self {
        let positive = matches!(conv.act, ActivationFn::Relu | ActivationFn::Clipped(_));
        let mut to = params.get(index, positive);
        if !conv.op.weighted() {
            return Self::pool(conv, from, to);
        }
        if let ActivationFn::Clipped(bound) = conv.act {
            to.scale = to.scale.min(bound / 255.0);
        }
        let slope = match conv.act {
            ActivationFn::None | ActivationFn::Relu | ActivationFn::Clipped(_) => 1.0,
            ActivationFn::Prelu(slope) => slope,
        };
        let [_, ci, rows, columns] = conv.op.weight_shape(conv.output, conv.input);
        let taps = rows * columns;
        let io = |output| ConvIo { ci, taps, input: from, residual, output, slope };
        to.scale = to.scale.max(integers::least_output_scale(&conv.weight, &conv.bias, io(to)));
        Self {
            name: conv.name.clone(),
            input: conv.input,
            output: conv.output,
            op: conv.op,
            act: conv.act,
            from,
            residual,
            to,
            integers: integers::conv(&conv.weight, &conv.bias, io(to)),
        }
    }

    /// Quantises a pool whose average has the parameters `to`.
    fn pool(conv: &FoldedConv, from: QuantParams, to: QuantParams) -> Self {
        let (to, integers) = match conv.op.form {
            Form::Maximum => (from, QuantisedConv::default()),
            _ => (to, integers::average(conv.output, conv.op.geometry.taps(), from, to)),
        };
        Self {
            name: conv.name.clone(),
            input: conv.input,
            output: conv.output,
            op: conv.op,
            act: conv.act,
            from,
            residual: None,
            to,
            integers,
        }
    }
}
