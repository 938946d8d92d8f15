//! `supernano check`: accuracy on a device, bit for bit against the host.

use std::path::{Path, PathBuf};

use supernano_base::blob::Blob;
use supernano_base::config::{DataSource, DataSpec, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_core::space::Shape;
use supernano_data as data;
use supernano_data::Dataset;
use supernano_device as device;
use supernano_device::{CheckOptions, CheckReport, Mode, Target};

use crate::options::device::{DeviceArgs, LineArgs, run_of};
use crate::output::{Output, table};

/// Classify test images on a device and compare every logit with the host's.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano check runs/demo/networks/16-4-8-8-8-8.snb \
    --target qemu-m4 --images 500\n\nExit code 1 means that an answer differs. A board whose line \
    is lost is waited for (--reconnect); a check that breaks off (Ctrl-C, a cable that stays \
    pulled) goes on where it was when it is started again.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    line: LineArgs,
    /// Test images, from the first on; all where there are fewer.
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// How images travel to the device.
    #[arg(long, value_enum, default_value_t = Mode::Bulk)]
    mode: Mode,
    /// Run directory whose data set is used; default the one that the network lies in.
    #[arg(long)]
    run: Option<PathBuf>,
    /// Directory or archive of the data set.
    #[arg(long)]
    data: Option<PathBuf>,
    /// File that holds the answers so far, from which an interrupted check goes on [default:
    /// check/ in the run directory].
    #[arg(long)]
    state: Option<PathBuf>,
    /// Also write the report as JSON.
    #[arg(short, long)]
    output: Option<PathBuf>,
}

/// Checks and reports.
///
/// # Errors
/// [`Error::No`] for a mismatch; what is missing, wrong or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let blob = Blob::read(&args.network)?;
    let target = args.device.target()?;
    let shape = blob.view()?.header().input();
    let classes = blob.view()?.classes();
    let dataset = dataset(args, shape, classes)?;
    let count = dataset.test.len().min(args.images as usize) as u32;
    let images = dataset.test.select(&(0..count).collect::<Vec<u32>>());
    let bar = out.task(u64::from(count), "check");
    let state = state(args, &target);
    let options = CheckOptions {
        mode: args.mode,
        elf: args.device.firmware(),
        state: state.as_deref(),
        reconnect: args.line.reconnect(),
        progress: &*bar,
    };
    let report = device::check(&blob, &images, &target, &options)?;
    bar.finish();
    if let Some(path) = &args.output {
        files::write_json(path, &report)?;
    }
    out.emit(&report, text);
    match report.first_mismatch {
        None => Ok(()),
        Some(first) => Err(Error::No(format!(
            "{} of {} images differ, image {first} first",
            report.mismatches, report.images
        ))),
    }
}

/// Where the answers so far are kept: nowhere without a run.
fn state(args: &Args, target: &Target) -> Option<PathBuf> {
    args.state.clone().or_else(|| {
        let run = args.run.clone().or_else(|| run_of(&args.network))?;
        let network = args.network.file_stem()?.to_string_lossy();
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' };
        let target: String = target.to_string().chars().map(plain).collect();
        Some(run.join("check").join(format!("{network}.{target}.partial.json")))
    })
}

/// The data of the run that the network lies in, else glyphs of its shape.
fn dataset(args: &Args, shape: Shape, classes: usize) -> Result<Dataset> {
    let dataset = match args.run.clone().or_else(|| run_of(&args.network)) {
        Some(run) => {
            let config = RunConfig::read(&Path::new(&run).join("config.toml"))?;
            data::of_config(&config, args.data.as_deref())?
        }
        None => data::load(&DataSpec {
            shape: Some(shape),
            classes: Some(classes as u16),
            ..DataSpec::new(DataSource::Glyphs)
        })?,
    };
    if dataset.shape != shape {
        let say = |s: Shape| format!("{}x{}x{}", s.height, s.width, s.channels);
        let place = args.network.display();
        return Err(Error::invalid(place, "input shape", say(dataset.shape), say(shape)));
    }
    Ok(dataset)
}

fn text(r: &CheckReport) -> String {
    let percent = |v: f64| format!("{:.2} %", 100.0 * v);
    table(
        &["target", "images", "mismatches", "top-1 host", "top-1 device", "images/min"],
        &[vec![
            r.target.clone(),
            r.images.to_string(),
            r.mismatches.to_string(),
            percent(r.top1_host),
            percent(r.top1_device),
            format!("{:.0}", r.images_per_minute),
        ]],
    )
}
