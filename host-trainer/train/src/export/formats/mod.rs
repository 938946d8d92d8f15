//! File formats of an exported network, for other tools and for programs.

mod c;
pub mod onnx;
mod safetensors;
mod source;

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::files;

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
/// and an ending. `name` names the network in C; `None` for its code.
///
/// # Errors
/// [`Error::Io`]; [`Error::Invalid`] for a name that C does not allow.
pub fn write(
    shipment: &Shipment,
    formats: &[Format],
    name: Option<&str>,
    directory: &Path,
) -> Result<Vec<PathBuf>> {
    let mut written = Vec::new();
    for &format in formats {
        let contents: Vec<Vec<u8>> = match format {
            Format::Snb => vec![shipment.blob.bytes().to_vec()],
            Format::Rust => vec![source::rust(&facts(shipment, name)?).into_bytes()],
            Format::C => c::c(&facts(shipment, name)?).map(String::into_bytes).into(),
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
/// `CODE-samples.safetensors`: `images` u8 `[n, height, width, channels]`, `labels` i32 `[n]`, `targets`
/// f32 `[n, classes]` of labels and values, `float` f32 and `int8` i32 `[n, classes]`, `logit_scale` f32 `[1]`, `mean` and `std` f32
/// `[channels]` of pixel / 255.
///
/// # Errors
/// [`Error::Io`].
pub fn write_samples(
    shipment: &Shipment,
    test: &ImageSet,
    images: usize,
    directory: &Path,
) -> Result<PathBuf> {
    let batch = test.part(0..images.min(test.len()));
    let chosen = test.bytes.first(batch.n);
    let float = shipment.float.forward(&batch.values, batch.n);
    let int8 = shipment.blob.logits(&chosen)?;
    let bytes = safetensors::samples(&chosen, &shipment.quantised.net, &float, &int8)?;
    let path = directory.join(format!("{}-samples.safetensors", shipment.code));
    files::write(&path, &bytes)?;
    Ok(path)
}

/// The facts about a network file that a program needs.
struct Facts<'a> {
    code: &'a str,
    /// Part of every name in C: lower-case letters, digits and `_`.
    name: String,
    space: String,
    bytes: &'a [u8],
    arena_bytes: usize,
    image: supernano_core::space::Shape,
    classes: usize,
    labels: Vec<String>,
}

/// Most characters of a name in C: compilers distinguish at least 63, and 13 are in front of it.
const LONGEST: usize = 48;

/// The network's name in C: the given one, or its code with `_`.
fn c_name(code: &str, name: Option<&str>) -> Result<String> {
    let Some(name) = name else { return Ok(code.replace('-', "_")) };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    if name.is_empty() || name.len() > LONGEST || !name.chars().all(allowed) {
        let expected = format!("1 to {LONGEST} of a-z, 0-9 and _");
        return Err(Error::invalid("command line", "--name", expected, format!("{name:?}")));
    }
    Ok(name.to_owned())
}

fn facts<'a>(shipment: &'a Shipment, name: Option<&str>) -> Result<Facts<'a>> {
    let view = shipment.blob.view()?;
    Ok(Facts {
        code: &shipment.code,
        name: c_name(&shipment.code, name)?,
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
