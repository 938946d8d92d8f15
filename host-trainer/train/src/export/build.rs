//! Builds the network file (blob) of a quantised network.

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::frontend::Description;
use supernano_core::arena::roll;
use supernano_core::blob::{Sections, write};
use supernano_core::graph::{
    Activation, Classifier, Conv, Form, Geometry, Header, KernelKind, Op, Tensor,
};
use supernano_core::kernel::ConvShape;
use supernano_core::kernel::pack::WeightShape;
use supernano_core::lower::default_kind;
use supernano_core::space::{Shape, Site};

use super::integers::{Channel, QuantParams};
use super::kernels::Prefer;
use super::quantise::{QConv, QuantisedNet};
use crate::supernet::ActivationFn;

/// The names in a blob.
#[derive(Clone, Copy, Debug)]
pub struct BlobInfo<'a> {
    /// Name of the search space.
    pub space: &'a str,
    /// Code of the sub-network.
    pub code: &'a str,
    /// True for a space of residual networks
    /// ([`Space::is_residual`](supernano_core::space::Space::is_residual)), whose layers do not roll and
    /// whose convolutions are direct by default.
    pub residual: bool,
    /// Names of the classes in the order of the labels, or none.
    pub classes: &'a [String],
    /// The front end that makes the images, if there is one.
    pub front_end: Option<&'a Description>,
}

/// Size of the largest blob, bytes.
const CAPACITY: usize = 16 << 20;

struct Builder<'a, 'o> {
    sections: Sections<'o>,
    header: Header<'a>,
    place: String,
    residual: bool,
}

/// Builds the blob of a quantised network with the default kernels. The layers of other networks than
/// residual ones roll unless `prefer` asks for speed. [`Prefer::apply`] changes the kernels. The same
/// arguments give the same bytes.
///
/// # Errors
/// [`Error::Core`] and [`Error::Invalid`] if the network exceeds a limit of the format.
pub fn build(net: &QuantisedNet, info: &BlobInfo<'_>, prefer: Prefer) -> Result<Blob> {
    let mut data = vec![0u8; CAPACITY];
    let mut builder = Builder {
        sections: Sections::new(&mut data),
        header: Header {
            space: info.space,
            code: info.code,
            classes: net.classes() as u16,
            logit_scale: net.classifier.logit_scale,
            table: 0,
            tensors: heapless::Vec::new(),
            ops: heapless::Vec::new(),
        },
        place: format!("export of {}", info.code),
        residual: info.residual,
    };
    if let Some(front_end) = info.front_end {
        let written = builder.sections.front_end(front_end.bytes());
        builder.core(written)?;
    }
    let table = net.input_tables().concat();
    builder.header.table =
        builder.sections.table(&table).map_err(|e| Error::core(&builder.place, e))?;
    // tensors are numbered as the maps
    let mut tensors = vec![builder.tensor(net.input, net.image)?];
    for (step, conv) in net.layers.executed() {
        let residual = step.residual.map(|map| tensors[map]);
        tensors.push(builder.conv(conv, step.site, tensors[step.input], residual)?);
    }
    builder.classifier(net, tensors[tensors.len() - 1])?;
    if !info.residual && prefer != Prefer::Speed {
        roll(&mut builder.header, 0);
    }
    let labels: Vec<&str> = info.classes.iter().map(String::as_str).collect();
    let mut out = vec![0u32; CAPACITY / 2];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    let length = write(&builder.header, &labels, builder.sections.data(), out)
        .map_err(|e| Error::core(&builder.place, e))?;
    Blob::new(&out[..length], &builder.place)
}

impl Builder<'_, '_> {
    fn core<T>(&self, result: Result<T, supernano_core::error::Error>) -> Result<T> {
        result.map_err(|e| Error::core(&self.place, e))
    }

    fn full(&self, what: &str, limit: usize) -> Error {
        Error::invalid(&self.place, what, format!("at most {limit}"), "more")
    }

    fn tensor(&mut self, shape: Shape, params: QuantParams) -> Result<u8> {
        let id = self.header.tensors.len();
        let tensor = Tensor { shape, zero: params.zero, scale: params.scale };
        if self.header.tensors.push(tensor).is_err() {
            return Err(self.full("tensors", id));
        }
        Ok(id as u8)
    }

    /// Appends a convolution and returns the number of the tensor that it writes.
    fn conv(&mut self, conv: &QConv, site: Site, input: u8, residual: Option<u8>) -> Result<u8> {
        let activation = match conv.act {
            ActivationFn::None => Activation::None,
            ActivationFn::Relu => Activation::Relu,
            ActivationFn::Prelu(_) => Activation::Prelu,
            ActivationFn::Clipped(_) => Activation::Clipped,
        };
        let shape = WeightShape {
            output: conv.output as u16,
            kernel: conv.op.geometry.kernel,
            input: conv.input as u16,
        };
        let q = &conv.integers;
        let from = self.header.tensors[usize::from(input)].shape;
        let (form, image) = (conv.op.form, input == 0);
        // the whole input is no window in the file
        let geometry = if form == Form::Dense { Geometry::POINT } else { conv.op.geometry };
        let convolved = ConvShape {
            input: from,
            output: conv.written(from),
            form,
            geometry,
            kind: KernelKind::Direct,
            image,
            fold: 1,
        };
        let kind = match form {
            Form::Full => default_kind(self.residual, site, &convolved),
            _ => KernelKind::Direct,
        };
        let weights = match form {
            Form::Full => self.sections.conv_weights(kind, shape, &q.weights),
            Form::Depthwise => self.sections.depthwise_weights(geometry.kernel, &q.weights),
            Form::Dense => self.sections.dense_weights(from, image, &q.weights),
            Form::Maximum | Form::Average | Form::Add => Ok(0),
        };
        let weights = self.core(weights)?;
        let row =
            |value: fn(&Channel) -> i32| -> Vec<i32> { q.channels.iter().map(value).collect() };
        let mut rows = vec![row(|c| c.bias)];
        if residual.is_some() {
            rows.push(row(|c| c.residual));
        }
        if form == Form::Average {
            rows.push(vec![q.average; conv.output]);
        }
        rows.push(row(|c| c.multiplier));
        if activation == Activation::Prelu {
            rows.push(row(|c| c.negative));
        }
        let rows: Vec<&[i32]> = rows.iter().map(Vec::as_slice).collect();
        let params = match form {
            Form::Maximum => Ok(0),
            _ => self.sections.conv_params(&rows),
        };
        let params = self.core(params)?;
        let written = self.tensor(conv.written(from), conv.to)?;
        self.push(Op::Conv(Conv {
            input,
            output: written,
            residual,
            form,
            geometry,
            kind,
            activation,
            rolls: false,
            weights,
            params,
        }))?;
        Ok(written)
    }

    fn classifier(&mut self, net: &QuantisedNet, input: u8) -> Result<()> {
        let channels = self.header.tensors[usize::from(input)].shape.channels;
        let q = &net.classifier;
        let bias: Vec<i32> = q.channels.iter().map(|c| c.bias).collect();
        let multiplier: Vec<i32> = q.channels.iter().map(|c| c.multiplier).collect();
        let weights = self.sections.classifier_weights(channels, &q.weights);
        let weights = self.core(weights)?;
        let params = self.sections.classifier_params(&bias, &multiplier);
        let params = self.core(params)?;
        self.push(Op::Classifier(Classifier { input, weights, params }))
    }

    fn push(&mut self, op: Op) -> Result<()> {
        let limit = self.header.ops.len();
        self.header.ops.push(op).map_err(|_| self.full("operations", limit))
    }
}

#[cfg(test)]
pub(crate) mod tests;
