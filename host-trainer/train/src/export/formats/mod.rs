//! File formats of an exported network, for other tools and for programs.

pub mod onnx;
mod safetensors;
mod source;

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::images::Images;

use super::material::ImageSet;
use super::ship::Shipment;

/// A file format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Format {
    /// Network file of this project.
    Snb,
    /// Rust source: the network file as an aligned constant, with the size of its arena.
    Rust,
    /// C header and array with the same contents.
    C,
    /// ONNX in float with batch norm folded in.
    Onnx,
    /// ONNX with the integers as QuantizeLinear/DequantizeLinear pairs.
    OnnxInt8,
    /// Weights and batch-norm statistics in float under the PyTorch names of the reference code.
    Safetensors,
}

impl Format {
    /// Endings of the file names of this format.
    fn endings(self) -> &'static [&'static str] {
        match self {
            Self::Snb => &[".snb"],
            Self::Rust => &[".rs"],
            Self::C => &[".h", ".c"],
            Self::Onnx => &[".onnx"],
            Self::OnnxInt8 => &["-int8.onnx"],
            Self::Safetensors => &[".safetensors"],
        }
    }
}

/// Writes a network to `directory` in some formats, and returns the files. Their names are `CODE`
/// and an ending.
///
/// # Errors
/// [`supernano_base::error::Error::Io`].
pub fn write(shipment: &Shipment, formats: &[Format], directory: &Path) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for &format in formats {
        let contents: Vec<Vec<u8>> = match format {
            Format::Snb => vec![shipment.blob.bytes().to_vec()],
            Format::Rust => vec![source::rust(&facts(shipment)?).into_bytes()],
            Format::C => source::c(&facts(shipment)?).map(String::into_bytes).into(),
            Format::Onnx => vec![onnx::float(shipment)],
            Format::OnnxInt8 => vec![onnx::int8(shipment)],
            Format::Safetensors => vec![safetensors::weights(shipment)?],
        };
        for (ending, bytes) in format.endings().iter().zip(contents) {
            let path = directory.join(format!("{}{ending}", shipment.code));
            files::write(&path, &bytes)?;
            written.push(path);
        }
    }
    Ok(written)
}

/// Writes the first `images` test images and the answers of the network as
/// `CODE-samples.safetensors`: `images` u8 `[n, height, width, channels]`, `labels` i32 `[n]`,
/// `float` f32 and `int8` i32 `[n, classes]`, `logit_scale` f32 `[1]`, `mean` and `std` f32
/// `[channels]` of pixel / 255.
///
/// # Errors
/// [`supernano_base::error::Error::Io`].
pub fn write_samples(
    shipment: &Shipment,
    test: &ImageSet,
    images: usize,
    directory: &Path,
) -> Result<PathBuf> {
    let batch = test.part(0..images.min(test.len()));
    let shape = test.bytes.shape;
    let (pixels, labels) = (batch.bytes.to_vec(), batch.labels.to_vec());
    let chosen = Images { shape, pixels, labels };
    let float = shipment.float.forward(batch.values, batch.n);
    let int8 = shipment.blob.logits(&chosen)?;
    let bytes = safetensors::samples(&chosen, &shipment.quantised.net, &float, &int8)?;
    let path = directory.join(format!("{}-samples.safetensors", shipment.code));
    files::write(&path, &bytes)?;
    Ok(path)
}

/// The facts about a network file that a program needs.
struct Facts<'a> {
    code: &'a str,
    space: String,
    bytes: &'a [u8],
    arena_bytes: usize,
    image: supernano_core::space::Shape,
    classes: usize,
    labels: Vec<String>,
}

fn facts(shipment: &Shipment) -> Result<Facts<'_>> {
    let view = shipment.blob.view()?;
    Ok(Facts {
        code: &shipment.code,
        space: view.header().space.to_owned(),
        bytes: shipment.blob.bytes(),
        arena_bytes: view.arena_bytes(),
        image: view.header().input(),
        classes: view.classes(),
        labels: view.labels().map(str::to_owned).collect(),
    })
}

#[cfg(test)]
mod tests;
