//! `supernano ship`: a network in the formats of other tools.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_search::cost::limits::KernelLimits;
use supernano_train::delivery::{NetworkRequest, ShipRequest, ship_network};
use supernano_train::export::formats::Format;
use supernano_train::export::promise::KernelRequest;

use super::export::summary;
use crate::options::{DataArgs, FirmwareArgs, FrontArgs, QuantiseArgs};
use crate::output::Output;

/// Write a sub-network as Rust, C, ONNX or safetensors.
///
/// A network that the front of a search lists gets the kernels that the search promised.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano ship runs/demo 16-4-8-8-8-8 --format snb,rust,onnx -o out")]
pub struct Args {
    /// Run directory.
    pub(super) run: PathBuf,
    /// Code of the sub-network: the widths of its searchable layers, joined by `-`.
    code: String,
    /// Formats, separated by commas.
    #[arg(long, value_enum, value_delimiter = ',', num_args = 1.., required = true)]
    format: Vec<Format>,
    /// Directory for the files.
    #[arg(short, long, value_name = "DIRECTORY")]
    output: PathBuf,
    /// Name of the network in C, which lets several networks into one program: a-z, 0-9 and _
    /// [default: its code].
    #[arg(long)]
    name: Option<String>,
    /// Number of test images that are written with the network's answers in float and in int8, to
    /// check an import.
    #[arg(long, value_name = "N", default_value_t = 0)]
    samples: u32,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    quantise: QuantiseArgs,
    #[command(flatten)]
    front: FrontArgs,
    #[command(flatten)]
    firmware: FirmwareArgs,
}

/// Writes the files, and prints the costs and accuracies of the network.
///
/// # Errors
/// The errors of [`ship_network`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (front, limits) = (args.front.file(&args.run), KernelLimits::default());
    let request = ShipRequest {
        network: NetworkRequest {
            run: &args.run,
            code: &args.code,
            data: args.data.path(),
            quantisation: args.quantise.quantisation(),
            kernels: KernelRequest {
                front: front.as_deref(),
                prefer: args.quantise.prefer(),
                limits: &limits,
                firmware: args.firmware.build()?,
            },
        },
        formats: &args.format,
        samples: args.samples as usize,
        name: args.name.as_deref(),
        output: &args.output,
    };
    out.emit(&ship_network(&request, out)?, |s| {
        let files: Vec<String> = s.files.iter().map(|f| f.display().to_string()).collect();
        format!("{}\nwritten: {}", summary(&s.exported), files.join(", "))
    })?;
    Ok(())
}
