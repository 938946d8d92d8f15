//! `supernano watch`: the log of a firmware, live.

use std::ops::ControlFlow;
use std::path::PathBuf;

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_device::watch::{LogSource, watch};
use supernano_device::{ProbeId, Target};

use crate::output::{Output, print};

/// Show the log of a firmware.
///
/// The firmware logs by defmt, and its ELF file decodes the log. The command ends when the line ends,
/// or by Ctrl-C.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano watch --target probe --firmware target/firmware/nucleo-f446re-agent.elf")]
pub struct Args {
    /// Device: probe[:VID:PID][@CHIP], serial:PATH or tcp:HOST:PORT.
    #[arg(long, default_value = "probe", conflicts_with = "input")]
    target: String,
    /// Debug probe, by USB vendor and product if several are connected; the same as --target
    /// probe[:VID:PID].
    #[arg(long, value_name = "VID:PID", num_args = 0..=1, default_missing_value = "",
        conflicts_with_all = ["target", "input"])]
    probe: Option<String>,
    /// Chip behind the probe, in the spelling of probe-rs; needed if the probe cannot detect it.
    #[arg(long)]
    chip: Option<String>,
    /// File of recorded log frames, instead of a device.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Firmware that runs on the device, an ELF file.
    #[arg(long, value_name = "FILE")]
    firmware: PathBuf,
}

#[derive(Serialize)]
struct LogLine {
    level: String,
    message: String,
}

#[derive(Serialize)]
struct Log {
    lines: Vec<LogLine>,
    malformed: u64,
}

/// Prints the log, line by line, or as one JSON object at its end.
///
/// # Errors
/// As [`watch`]; [`Error::Line`] for damaged frames, except in JSON, which counts them.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let target = target(args)?;
    let (source, name) = match &args.input {
        Some(path) => (LogSource::File(path), path.display().to_string()),
        None => (LogSource::Target(&target), target.to_string()),
    };
    let mut lines = Vec::new();
    let malformed = watch(&args.firmware, source, &mut |level, message| {
        if out.is_json() {
            lines.push(LogLine { level: level.to_owned(), message: message.to_owned() });
            Ok(ControlFlow::Continue(()))
        } else {
            print(&format!("{level:5} {message}"))
        }
    })?;
    if out.is_json() {
        out.emit(&Log { lines, malformed }, |_| String::new())?;
    } else if malformed > 0 {
        return Err(Error::Line { link: name, problem: format!("{malformed} damaged frames") });
    }
    Ok(())
}

/// The target that the options name together.
fn target(args: &Args) -> Result<Target> {
    let target: Target = match args.probe.as_deref() {
        Some("") => "probe".parse()?,
        Some(id) => format!("probe:{id}").parse()?,
        None => args.target.parse()?,
    };
    Ok(match target {
        Target::Probe(ProbeId { usb, chip }) => {
            Target::Probe(ProbeId { usb, chip: args.chip.clone().or(chip) })
        }
        other => other,
    })
}
