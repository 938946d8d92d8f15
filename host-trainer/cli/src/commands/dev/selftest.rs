//! `supernano dev selftest`: the kernels of a device against the reference kernels.

use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress as _;
use supernano_device::{SelfTestReport, selftest};

use crate::options::DeviceArgs;
use crate::output::{Output, table};

/// Compare the kernels of a device with the reference kernels.
///
/// The device runs generated networks, and every value is compared. The networks contain every pair of
/// properties: channels, kernels, strides, sizes, activations, extreme values, blocks, algorithms.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano dev selftest --target qemu-m0\n\n\
    Exit code 1 means that a value differs.")]
pub struct Args {
    /// Test several seeds, and every number of channels from 1 to 67.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    device: DeviceArgs,
}

/// Tests the kernels and prints the report.
///
/// # Errors
/// [`Error::No`] for a kernel that differs; as [`selftest`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let seeds = if args.all { 1..6 } else { 1..2 };
    let (target, bar) = (args.device.target()?, out.task(0, "self-test"));
    let report = selftest(&target, args.device.firmware(), seeds, args.all, &*bar)?;
    bar.finish();
    out.emit(&report, text)?;
    match (report.primitives, report.first_mismatch) {
        (0, _) => Err(Error::No("a primitive of the kernels is wrong".into())),
        (_, Some(first)) => Err(Error::No(format!(
            "{} of {} networks differ; the first is {first}",
            report.mismatches, report.networks
        ))),
        _ => Ok(()),
    }
}

fn text(r: &SelfTestReport) -> String {
    let kernels = r.device.as_ref().map_or("host", |d| &d.kernels);
    table(
        &["target", "kernels", "primitives", "networks", "mismatches", "seconds"],
        &[vec![
            r.target.clone(),
            kernels.to_owned(),
            r.primitives.to_string(),
            r.networks.to_string(),
            r.mismatches.to_string(),
            format!("{:.1}", r.seconds),
        ]],
    )
}
