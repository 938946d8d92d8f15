//! `supernano watch`: a firmware's log, live.

use std::io::{Read, Write as _};
use std::path::PathBuf;

use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_device::{Target, link, logs};

use crate::output::Output;

/// Show what a firmware logs by defmt, decoded from its ELF file, until the line ends or Ctrl-C.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano watch --target probe --firmware \
    target/firmware/nucleo-f446re-agent.elf")]
pub struct Args {
    /// probe[:VID:PID][@CHIP], serial:PATH or tcp:HOST:PORT.
    #[arg(long, default_value = "probe", conflicts_with = "input")]
    target: String,
    /// Debug probe, VID:PID where there are several: the same as --target probe[:VID:PID].
    #[arg(long, num_args = 0..=1, default_missing_value = "", conflicts_with_all = ["target", "input"])]
    probe: Option<String>,
    /// Chip, by probe-rs's name, where the probe cannot tell.
    #[arg(long)]
    chip: Option<String>,
    /// A file of recorded frames instead of a device.
    #[arg(long)]
    input: Option<PathBuf>,
    /// The firmware that runs, an ELF file.
    #[arg(long)]
    firmware: PathBuf,
}

/// Shows.
///
/// # Errors
/// What is missing, wrong or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let (mut stream, name): (Box<dyn Read>, String) = match &args.input {
        Some(path) => {
            (Box::new(std::io::Cursor::new(files::read(path)?)), path.display().to_string())
        }
        None => {
            let target = match args.probe.as_deref() {
                Some("") => "probe".to_owned(),
                Some(id) => format!("probe:{id}"),
                None => args.target.clone(),
            };
            let target: Target = target.parse()?;
            (Box::new(line(&target, args)?), target.to_string())
        }
    };
    let mut lines = Vec::new();
    let malformed = logs::follow(&args.firmware, &mut *stream, &name, |level, message| {
        if out.is_json() {
            lines.push(serde_json::json!({ "level": level, "message": message }));
        } else {
            let mut stdout = std::io::stdout().lock();
            let _ = writeln!(stdout, "{level:5} {message}").and_then(|()| stdout.flush());
        }
    })?;
    if out.is_json() {
        out.emit(&serde_json::json!({ "lines": lines, "malformed": malformed }), |_| String::new());
    } else if malformed > 0 {
        return Err(Error::Line { link: name, problem: format!("{malformed} damaged frames") });
    }
    Ok(())
}

#[cfg(feature = "probe")]
fn line(target: &Target, args: &Args) -> Result<Box<dyn supernano_device::Link>> {
    use supernano_device::{ProbeId, probe};
    match target {
        Target::Probe(id) => {
            let chip = args.chip.clone().or_else(|| id.chip.clone());
            probe::open(&ProbeId { chip, ..id.clone() }, probe::LOGS)
        }
        _ => link::open(target),
    }
}

#[cfg(not(feature = "probe"))]
fn line(target: &Target, _: &Args) -> Result<Box<dyn supernano_device::Link>> {
    link::open(target)
}
