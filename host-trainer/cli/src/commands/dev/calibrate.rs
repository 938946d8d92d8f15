//! `supernano dev calibrate`: a core's table of instructions or of estimated cycles, fitted to counted
//! networks.

mod counts;
mod cycles;

use std::path::{Path, PathBuf};

use supernano_base::blob::Blob;
use supernano_base::config::{RunConfig, SpaceSpec};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_core::plan::{BranchScheme, resolve};
use supernano_core::space::Space;
use supernano_core::wire::CountUnit;
use supernano_device::{DeviceInfo, LatencyOptions, latency};
use supernano_search::cost::calibration::{
    CalibrationOptions, CalibrationReport, Counted, CountingDevice, Drawn, JUDGES, JudgedNetwork,
    Named, Sample, Specimen, TOLERANCE, calibrate, drawn, judge,
};
use supernano_search::cost::instructions::InstructionTable;
use supernano_search::cost::kernels::with_kernels;
use supernano_train::export::Prefer;
use supernano_train::synthetic;

use self::counts::{Counts, Meter, Record};
use crate::options::{DeviceArgs, LineArgs, OverwriteArgs};
use crate::output::{Output, table};

/// Fit a core's table of instructions to counted networks.
///
/// The device counts networks with random layers, widths, kernels and weights: residual ones over
/// images of several shapes, and those of six families of other layers. The table, which `search` uses, is judged on networks that it was
/// not fitted to.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano dev calibrate --target qemu-m4 -o cortex-m4.toml\n  \
    supernano dev calibrate --target qemu-m4 --space ds-cnn --judge 50\n\n\
    No training is needed. A board (--target probe, serial:PATH or tcp:HOST:PORT) gives a table of \
    cycles at its clock. With --cycles the table holds estimated cycles of a core without wait states; \
    QEMU's plugin adds them up (`cargo xtask firmware` builds it). Exit code 1 means that the table is \
    more than 1 % off for a network that it was not fitted to, or 1.5 % for estimated cycles.")]
pub struct Args {
    /// Number of networks to fit the table to.
    #[arg(long, value_name = "N", default_value_t = 300,
        value_parser = clap::value_parser!(u32).range(4..))]
    fit: u32,
    /// Number of networks to judge the table by.
    #[arg(long, value_name = "N", default_value_t = 60,
        value_parser = clap::value_parser!(u32).range(1..))]
    judge: u32,
    /// Seed of the networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Fit nothing: judge a table by random networks of this space, a built-in one or that of a
    /// configuration.
    #[arg(long, value_name = "SPACE", conflicts_with = "fit")]
    space: Option<String>,
    /// The table to judge [default: that of the core].
    #[arg(long, value_name = "FILE", requires = "space")]
    table: Option<PathBuf>,
    /// File of counts, one network a line: networks that it has are not counted again, others are
    /// added. The agent of an emulator is recognised; that of a board must stay the same.
    #[arg(long, value_name = "FILE")]
    counts: Option<PathBuf>,
    /// Bytes of the runtime's code and constants [default: those of the core's table].
    #[arg(long, value_name = "BYTES")]
    code: Option<u64>,
    /// Bytes of statics beside the arena [default: those of the core's table].
    #[arg(long, value_name = "BYTES")]
    statics: Option<u64>,
    /// Fit the estimated cycles of this core instead: cortex-m0, cortex-m0+, cortex-m3 or cortex-m4.
    #[arg(long, value_name = "CORE")]
    cycles: Option<String>,
    /// File for the table.
    #[arg(
        short,
        long,
        value_name = "FILE",
        required_unless_present = "space",
        conflicts_with = "space"
    )]
    output: Option<PathBuf>,
    #[command(flatten)]
    overwrite: OverwriteArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    line: LineArgs,
}

/// Counts the networks, writes the table and prints its errors.
///
/// # Errors
/// [`Error::No`] for a table that is more than 1 % off; as [`latency`] and [`calibrate`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let Some(output) = &args.output else { return judged(args, out) };
    let output = args.overwrite.claim(output)?;
    let Args { seed, code, statics, .. } = *args;
    let options = CalibrationOptions { seed, code, statics };
    let (counted, device) = count(args, out)?;
    if let Some(core) = &args.cycles {
        return cycles::fit(core, counted, &device, options, (output, out));
    }
    let (fitted, report) = calibrate(&instructions(counted)?, &device, options)?;
    let text = toml::to_string(&fitted)
        .map_err(|e| Error::invalid("instruction table", "TOML", "finite terms", e))?;
    files::write(output, text.as_bytes())?;
    verdict(&report, TOLERANCE, out)
}

/// Judges a table by networks of a space.
fn judged(args: &Args, out: &Output) -> Result<()> {
    if let Some(core) = &args.cycles {
        let table = cycles::table(core, args.table.as_deref())?;
        let (counted, device) = count(args, out)?;
        return cycles::judged(&table, counted, &device, out);
    }
    let given = args.table.as_deref().map(InstructionTable::read).transpose()?;
    let (counted, device) = count(args, out)?;
    let table = given.map_or_else(|| InstructionTable::of_core(&device.core), Ok)?;
    verdict(&judge(&instructions(counted)?, &table, &device)?, TOLERANCE, out)
}

/// The networks with their counts of instructions, or of measured cycles.
fn instructions(counted: Vec<CountedNetwork>) -> Result<Vec<Counted>> {
    let all = counted.into_iter();
    all.map(|(named, blob, record)| Counted::new(named, blob, &record.counts)).collect()
}

/// Prints a report. A table that is further off than the tolerance, a fraction, is a "no".
fn verdict(report: &CalibrationReport, tolerance: f64, out: &Output) -> Result<()> {
    out.emit(report, human)?;
    within(report, tolerance)
}

/// Compares the largest error with the tolerance.
fn within(report: &CalibrationReport, tolerance: f64) -> Result<()> {
    if report.largest_error > tolerance {
        return Err(Error::No(format!(
            "the table is {:.2} % off for a network that it was not fitted to, more than {:.1} %",
            100.0 * report.largest_error,
            100.0 * tolerance
        )));
    }
    Ok(())
}

/// A network and its counts.
type CountedNetwork = (Named, Blob, Record);

/// Counts all networks on the device.
fn count(args: &Args, out: &Output) -> Result<(Vec<CountedNetwork>, CountingDevice)> {
    let target = args.device.target()?;
    let estimated = args.cycles.as_deref().map(|core| cycles::of(core, &target)).transpose()?;
    let meter = Meter::new(&target, args.device.firmware(), args.cycles.as_deref())?;
    let kept = args.counts.as_deref().map(|path| Counts::open(path, meter)).transpose()?;
    let mut kept = kept.unwrap_or_default();
    let spec = args.space.as_deref().map(space_of).transpose()?;
    let fit = if spec.is_some() { 0 } else { args.fit };
    let bar = out.task(u64::from(fit + args.judge), "calibrate");
    let mut answers: Option<DeviceInfo> = None;
    let mut counted: Vec<CountedNetwork> = Vec::new();
    for index in (0..fit).chain((0..args.judge).map(|judge| JUDGES + judge)) {
        let (named, blob) = match &spec {
            Some(spec) => of_space(&spec.space(None), args.seed, index - JUDGES)?,
            None => sampled(args.seed, index)?,
        };
        if let Some(record) = kept.of(&blob)? {
            bar.advance(1);
            counted.push((named, blob, record));
            continue;
        }
        let options = LatencyOptions {
            elf: args.device.firmware(),
            repeats: 1,
            clock_hz: None,
            reconnect: args.line.reconnect(),
            device: answers.as_ref(),
            estimated,
            progress: &*bar,
        };
        let report = latency(&blob, &target, &options)?;
        let device = counting_device(target.to_string(), &report.device);
        answers.get_or_insert_with(|| report.device.clone());
        let record = Record::new(meter, device, &report);
        kept.keep(&record)?;
        counted.push((named, blob, record));
    }
    bar.finish();
    match counted.first().map(|(_, _, record)| record.device.clone()) {
        Some(device) => Ok((counted, device)),
        None => Err(Error::tool(target, "counted nothing")),
    }
}

/// A built-in space, or that of a configuration.
fn space_of(name: &str) -> Result<SpaceSpec> {
    match SpaceSpec::builtin(name) {
        Some(spec) => Ok(spec),
        None => Ok(RunConfig::read(Path::new(name))?.space),
    }
}

/// A random network of a space.
fn of_space(space: &Space<'_>, seed: u64, index: u32) -> Result<(Named, Blob)> {
    let Drawn { named, plan, blob } = drawn(space, seed, index)?;
    let blob = match blob {
        Some(blob) => blob,
        None if space.is_residual() => {
            let seed = seed + u64::from(index);
            synthetic::blob(space, &plan, &named.code, Prefer::default(), seed)?
        }
        None => {
            let expected = "a space of residual networks, or one without projections";
            return Err(Error::invalid("option --space", "space", expected, space.name));
        }
    };
    Ok((named, blob))
}

/// A random network of a calibration.
fn sampled(seed: u64, index: u32) -> Result<(Named, Blob)> {
    let specimen = match Sample::draw(seed, index)? {
        Sample::Layered(named, blob) => return Ok((named, blob)),
        Sample::Residual(specimen) => specimen,
    };
    let Specimen { space, arch, enhancement, kinds, .. } = &specimen;
    let plan = resolve(space, arch, *enhancement, BranchScheme::Shared);
    let named = specimen.named();
    let seed = seed + u64::from(index);
    let blob = synthetic::blob(space, &plan, &named.code, Prefer::default(), seed)?;
    Ok((named, with_kernels(space, &blob, kinds)?))
}

/// The device as the source of a table.
fn counting_device(target: String, device: &DeviceInfo) -> CountingDevice {
    // The name of an emulator says which core it stands for; another core may run the code. A
    // Cortex-M0+ runs the code of a Cortex-M0, and its table starts from that of a Cortex-M0.
    let core = match target.strip_prefix("qemu-") {
        Some(core) => format!("cortex-{core}"),
        None => device.core.trim_end_matches('+').to_owned(),
    };
    let cycles = device.unit == CountUnit::Cycles;
    let cycles_of = cycles.then(|| (device.chip.clone(), device.clock_hz.into()));
    CountingDevice { target, core, cycles_of }
}

fn human(r: &CalibrationReport) -> String {
    let row = |n: &JudgedNetwork| {
        vec![
            n.space.clone(),
            n.code.clone(),
            if n.fitted { "yes" } else { "no" }.into(),
            n.counted.to_string(),
            n.modelled.to_string(),
            format!("{:+.3} %", 100.0 * n.error),
        ]
    };
    let rows: Vec<Vec<String>> = r.networks.iter().map(row).collect();
    format!(
        "{}\n{} operations; on networks that the table was not fitted to: mean {:.3} %, largest \
         {:.3} %; deepest stack {} bytes",
        table(&["space", "network", "fitted", "counted", "modelled", "error"], &rows),
        r.operations,
        100.0 * r.mean_error,
        100.0 * r.largest_error,
        r.overhead.stack
    )
}
