//! `supernano export`: one sub-network as an int8 file.

mod text;

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::delivery::{ExportRequest, NetworkRequest, export_network};
use supernano_train::export::promise::KernelRequest;

pub(super) use self::text::summary;
use crate::options::{DataArgs, FirmwareArgs, FrontArgs, KernelLimitArgs, QuantiseArgs};
use crate::output::Output;

/// Export a sub-network as an int8 file for a device.
///
/// A network that the front of a search lists gets the kernels that the search promised. Limits and
/// a preference that are given again must agree with the promise.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano export runs/demo 16-12-24-32-48-64 -o net.snb\n  \
    supernano export runs/demo 16-12-24-32-48-64 --ignore-front --max-arena 24KiB")]
pub struct Args {
    /// Run directory.
    pub(super) run: PathBuf,
    /// Code of the sub-network: the widths of its searchable layers, joined by `-`.
    code: String,
    /// Network file [default: networks/CODE.snb in the run directory].
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Explain the choice of kernels and the loss of accuracy by layer and by class; also written to
    /// CODE.explain.json.
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    data: DataArgs,
    #[command(flatten)]
    quantise: QuantiseArgs,
    #[command(flatten)]
    front: FrontArgs,
    #[command(flatten)]
    firmware: FirmwareArgs,
    #[command(flatten)]
    kernel_limits: KernelLimitArgs,
}

/// Writes the network file, and prints its costs and accuracies.
///
/// # Errors
/// The errors of [`export_network`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (front, limits) = (args.front.file(&args.run), args.kernel_limits.limits()?);
    let request = ExportRequest {
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
        explain: args.explain,
        output: args.output.as_deref(),
    };
    let exported = export_network(&request, out)?;
    out.emit(&exported.summary, |_| text::text(&exported))?;
    Ok(())
}
