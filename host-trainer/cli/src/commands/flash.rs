//! `supernano flash`: an agent and a network onto a chip.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_device::elf::Firmware;
use supernano_device::flash::{Plan, agent_of, plan};
use supernano_device::{agent, probe, usb_id};

use crate::output::{Output, table};

/// Write a board's agent and a network to separate regions of its flash, over a debug probe, and
/// verify them.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano flash runs/demo/networks/16-4-8-8-8-8.snb --chip \
    STM32F446RETx\n\nThen: supernano check NETWORK --target probe")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    /// Chip, by probe-rs's name.
    #[arg(long)]
    chip: String,
    /// Debug probe, USB VID:PID, where there are several.
    #[arg(long)]
    probe: Option<String>,
    /// The board's agent, an ELF file [default: the one that comes with this program].
    #[arg(long)]
    firmware: Option<PathBuf>,
    /// Only say what would be written.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Serialize)]
struct Report {
    chip: String,
    firmware: String,
    written: bool,
    #[serde(flatten)]
    plan: Plan,
}

/// Plans, writes, verifies and reports.
///
/// # Errors
/// What is missing, wrong, does not fit or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let blob = Blob::read(&args.network)?;
    let id = args.probe.as_deref().map(usb_id).transpose()?;
    let (chip, flash) = probe::flash_of(&args.chip)?;
    let path = match &args.firmware {
        Some(path) => path.clone(),
        None => agent(agent_of(&chip).ok_or_else(|| {
            let expected = "--firmware FILE: no agent is made for this chip's boards";
            Error::invalid("option --chip", "chip", expected, &chip)
        })?),
    };
    if !path.is_file() {
        let needed_for = format!(
            "the agent of {chip}: `cargo xtask firmware` makes it, `--firmware` or \
             SUPERNANO_FIRMWARE_DIR name another place"
        );
        return Err(Error::Missing { path, needed_for });
    }
    let name = path.display().to_string();
    let plan = plan(&Firmware::read(&path)?, blob.bytes(), &flash, &name)?;
    if !args.dry_run {
        probe::write(id, &chip, &plan.segments)?;
    }
    out.emit(&Report { chip, firmware: name, written: !args.dry_run, plan }, text);
    Ok(())
}

fn text(r: &Report) -> String {
    let p = &r.plan;
    let rows = [
        ("firmware", p.firmware_bytes.to_string(), r.firmware.clone()),
        (
            "network",
            p.region_used.to_string(),
            format!("of {} at {:#x}", p.region_bytes, p.region_address),
        ),
        ("sum", (p.firmware_bytes + p.region_used).to_string(), "flash".into()),
        ("arena", p.arena_bytes.to_string(), "RAM".into()),
    ];
    let rows: Vec<Vec<String>> =
        rows.into_iter().map(|(part, bytes, what)| vec![part.into(), bytes, what]).collect();
    let done = if r.written { "written and verified" } else { "not written" };
    format!(
        "{}\n{}: {done}; network {:08x}",
        table(&["part", "bytes", ""], &rows),
        r.chip,
        p.checksum
    )
}
