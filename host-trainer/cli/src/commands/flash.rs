//! `supernano flash`: an agent and a network onto a chip.

use std::path::PathBuf;

use supernano_base::blob::Blob;
use supernano_base::error::Result;
use supernano_device::flash::{FlashReport, FlashRequest, write};
use supernano_device::usb_id;

use crate::output::Output;

/// Write an agent and a network to the flash of a board.
///
/// A debug probe writes them to separate regions and verifies them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano flash runs/demo/networks/16-4-8-8-8-8.snb --chip STM32F446RETx\n\n\
    The next command is `supernano check NETWORK --target probe`.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    /// Chip, in the spelling of probe-rs.
    #[arg(long)]
    chip: String,
    /// Debug probe, by USB vendor and product; needed if several are connected.
    #[arg(long, value_name = "VID:PID")]
    probe: Option<String>,
    /// Agent of the board, an ELF file [default: the one that comes with this program].
    #[arg(long, value_name = "FILE")]
    firmware: Option<PathBuf>,
    /// Print what would be written, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

/// Writes the chip and prints the report.
///
/// # Errors
/// The errors of [`write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let report = write(&FlashRequest {
        blob: &Blob::read(&args.network)?,
        chip: &args.chip,
        probe: args.probe.as_deref().map(usb_id).transpose()?,
        firmware: args.firmware.as_deref(),
        write: !args.dry_run,
    })?;
    out.emit(&report, text)?;
    Ok(())
}

fn text(r: &FlashReport) -> String {
    let p = &r.plan;
    let done = if r.written { "written and verified" } else { "not written" };
    format!(
        "flash {} = network {} + code {} (firmware {})\n  the network takes {} of the {} bytes at {:#x}, \
         header and padding included\nRAM: arena {} + logits {}, inside the {} bytes of the firmware's \
         statics\n{}: {done}; network {:08x}",
        p.flash_bytes,
        p.region_used,
        p.firmware_bytes,
        r.firmware,
        p.region_used,
        p.region_bytes,
        p.region_address,
        p.arena_bytes,
        p.logits_bytes,
        p.statics_bytes,
        r.chip,
        p.checksum
    )
}
