//! `supernano calibrate`: a core's table of instructions, from counted networks.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_base::rng::{ChaCha8Rng, Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::plan::{ActivationScope, BranchScheme, Enhancement, WidthRule, resolve};
use supernano_core::space::{BUILTIN, Space};
use supernano_core::wire::Unit;
use supernano_device as device;
use supernano_device::{Device, LatencyReport, LayerCount, Options, Patience};
use supernano_search::cost::device::KINDS;
use supernano_search::cost::instructions::{InstructionTable, Overhead, Work, image_work, work};
use supernano_search::cost::kernels::with_kernels;
use supernano_train::export::Prefer;
use supernano_train::synthetic;

use crate::options::device::{DeviceArgs, LineArgs};
use crate::output::{Output, table};

/// Count networks with random widths, kernels and weights on a device and fit the core's table of
/// instructions to them, which `search` then uses.
///
/// The table is judged on networks that were not used to fit it.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano calibrate --target qemu-m4 -o cortex-m4.toml\n\n\
    Nothing needs to be trained for it. A board \
    (--target probe, serial:PATH or tcp:HOST:PORT) gives a table of cycles at its clock. Exit code \
    1: a network that was kept out is more than 1 % off.")]
pub struct Args {
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    line: LineArgs,
    /// Networks to fit to.
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(4..))]
    fit: u32,
    /// Networks to judge by.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    judge: u32,
    /// Seed of the networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Bytes of the runtime's code and constants [default: those of the table that comes with the
    /// crate].
    #[arg(long)]
    code: Option<u64>,
    /// Bytes of statics beside the arena [default: likewise].
    #[arg(long)]
    statics: Option<u64>,
    /// Table to write.
    #[arg(short, long)]
    output: PathBuf,
}

/// A counted network beside what the table says of it.
#[derive(Clone, Debug, Serialize)]
struct Judged {
    space: String,
    code: String,
    fitted: bool,
    counted: u32,
    modelled: u64,
    /// Modelled over counted, less 1.
    error: f64,
    /// The image, then every operation.
    parts: Vec<Part>,
}

/// A part of a network, beside what the table says of it.
#[derive(Clone, Debug, Serialize)]
struct Part {
    name: String,
    /// What it takes to tell parts apart is taken off.
    counted: u64,
    modelled: f64,
    /// Which kernel.
    kernel: &'static str,
    /// How often each of its loops runs.
    rounds: BTreeMap<&'static str, f64>,
}

#[derive(Serialize)]
struct Report {
    target: String,
    operations: usize,
    overhead: Overhead,
    mean_error: f64,
    largest_error: f64,
    networks: Vec<Judged>,
}

/// Errors that a table may have on a network that it was not fitted to.
const TOLERANCE: f64 = 0.01;

/// Counts, fits, judges and writes.
///
/// # Errors
/// [`Error::No`] for a table that is more than 1 % off; what is missing, wrong or fails.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let target = args.device.target()?;
    let name = target.to_string();
    let mut who: Option<Device> = None;
    let count = args.fit + args.judge;
    let bar = out.task(u64::from(count), "calibrate");
    let (mut counts, mut counted) = (Vec::<(Work, u64)>::new(), Vec::new());
    let mut stack = 0;
    for index in 0..count {
        let (space, blob) = network(args.seed, index, index < args.fit)?;
        let options = Options {
            elf: args.device.firmware(),
            repeats: 1,
            patience: Patience { limit: args.line.reconnect(), progress: Some(&*bar) },
            device: who.as_ref(),
            ..Options::default()
        };
        let report = device::latency(&blob, &target, &options)?;
        who.get_or_insert_with(|| report.device.clone());
        let works = works(&blob)?;
        let parts: Vec<(Work, u64)> = {
            let counts = parts(&report, &works);
            works.into_iter().zip(counts).collect()
        };
        if index < args.fit {
            counts.extend(parts.iter().cloned());
        }
        stack = stack.max(u64::from(report.stack_bytes));
        counted.push((space, blob, report, parts));
        bar.advance(1);
    }
    bar.finish();
    let Some(who) = who else { return Err(Error::tool(&name, "counted nothing")) };
    // An emulator names what it emulates, and may run another core's code.
    let core = name.strip_prefix("qemu-").map(|core| format!("cortex-{core}"));
    // A Cortex-M0+ runs the code, and is fitted from the table, of a Cortex-M0.
    let core = core.unwrap_or_else(|| who.core.trim_end_matches('+').to_owned());
    let shipped = InstructionTable::of_core(&core)?;
    let mut fitted = shipped.fitted(&counts);
    let each = if who.unit == Unit::Cycles {
        fitted.unit = "cycles".into();
        fitted.clock_hz = Some(who.clock_hz.into());
        format!("on {} at {} Hz, each measured once", who.chip, who.clock_hz)
    } else {
        "each counted once".into()
    };
    fitted.overhead = Overhead {
        code: args.code.unwrap_or(shipped.overhead.code),
        stack,
        statics: args.statics.unwrap_or(shipped.overhead.statics),
    };
    let mut networks = Vec::new();
    for (index, (space, blob, report, parts)) in counted.iter().enumerate() {
        let modelled = fitted.network(&blob.view()?.header());
        let part = |((work, counted), layer): (&(Work, u64), &LayerCount)| Part {
            name: layer.name.clone(),
            counted: *counted,
            modelled: fitted.instructions(work),
            kernel: work[0].0.0,
            rounds: work.iter().map(|((_, what), n)| (*what, *n)).collect(),
        };
        networks.push(Judged {
            space: space.name.to_owned(),
            code: report.code.clone(),
            fitted: index < args.fit as usize,
            counted: report.total.value(),
            modelled,
            error: modelled as f64 / f64::from(report.total.value()) - 1.0,
            parts: parts.iter().zip(&report.layers).map(part).collect(),
        });
    }
    let judged: Vec<f64> = networks.iter().filter(|n| !n.fitted).map(|n| n.error.abs()).collect();
    let largest_error = judged.iter().fold(0.0, |m, &e| f64::max(m, e));
    let mean_error = judged.iter().sum::<f64>() / judged.len().max(1) as f64;
    fitted.judged = judged.len();
    fitted.largest_error = (largest_error * 1e6).round() / 1e6;
    fitted.provenance = format!(
        "supernano calibrate --target {target} --seed {}: fitted to {} operations of {} random \
         resnet8 and resnet20 networks, {each}; judged on {} others, {:.3} % off in the \
         mean and {:.3} % at most",
        args.seed,
        counts.len(),
        args.fit,
        judged.len(),
        100.0 * mean_error,
        100.0 * largest_error
    );
    let text = toml::to_string(&fitted)
        .map_err(|e| Error::invalid("instruction table", "TOML", "finite terms", e))?;
    files::write(&args.output, text.as_bytes())?;
    let report = Report {
        target: name,
        operations: counts.len(),
        overhead: fitted.overhead,
        largest_error,
        mean_error,
        networks,
    };
    out.emit(&report, human);
    if largest_error > TOLERANCE {
        return Err(Error::No(format!(
            "a network that was kept out is {:.2} % off, more than {:.0} %",
            100.0 * largest_error,
            100.0 * TOLERANCE
        )));
    }
    Ok(())
}

/// One random network: its space, widths, enhancement and kernels by turns. Those that are fitted
/// to are half as wide as often as not, so that short loops weigh as much as long ones.
fn network(seed: u64, index: u32, fit: bool) -> Result<(&'static Space<'static>, Blob)> {
    use rand::Rng as _;
    let mut rng = Key::new(seed).rng(Purpose::Sample, u64::from(index));
    let space = &BUILTIN[index as usize % BUILTIN.len()];
    let narrow = fit && index % 4 >= 2;
    let free: Vec<u8> = space
        .free_layers()
        .map(|i| {
            let options = space.layers[i].widths.len();
            rng.random_range(0..if narrow { options.div_ceil(2) } else { options }) as u8
        })
        .collect();
    let arch = Arch::from_options(space, free).map_err(|e| Error::core("random network", e))?;
    let enhancement = Enhancement {
        widths: if rng.random() { WidthRule::Oe } else { WidthRule::None },
        activation: if rng.random() { ActivationScope::AfterAdd } else { ActivationScope::None },
    };
    let plan = resolve(space, &arch, enhancement, BranchScheme::Shared);
    let code = arch.display(space).to_string();
    let blob = synthetic::blob(space, &plan, &code, Prefer::default(), seed + u64::from(index))?;
    let blob = with_kernels(space, &blob, &random_kinds(space, &mut rng))?;
    Ok((space, blob))
}

/// A random kind for every layer, as [`supernano_search::cost::BlockCost::kinds`] writes them.
fn random_kinds(space: &Space<'_>, rng: &mut ChaCha8Rng) -> Vec<u8> {
    use rand::Rng as _;
    let ways = |layers: usize| KINDS.len().pow(layers as u32) as u8;
    space.blocks.iter().map(|b| rng.random_range(0..ways(b.layers()))).collect()
}

/// The work of each counted part: the image, then every operation.
fn works(blob: &Blob) -> Result<Vec<Work>> {
    let view = blob.view()?;
    let header = view.header();
    let ops = header.ops.iter().map(|op| work(&header, op));
    Ok(std::iter::once(image_work(header.input().len())).chain(ops).collect())
}

/// Counts of the image and of every operation without what it took to tell operations apart: the
/// meter is read about once for every row, and the parts are more than the whole by just that.
fn parts(report: &LatencyReport, works: &[Work]) -> Vec<u64> {
    let rows = |work: &Work| -> f64 {
        work.iter().filter(|(term, _)| term.1 == "row").map(|(_, n)| n).sum::<f64>().max(1.0)
    };
    let counted: f64 = report.layers.iter().map(|l| f64::from(l.count.value())).sum();
    let each = (counted - f64::from(report.total.value())) / works.iter().map(rows).sum::<f64>();
    let without = |(layer, work): (&LayerCount, &Work)| {
        (f64::from(layer.count.value()) - each * rows(work)).max(0.0).round() as u64
    };
    report.layers.iter().zip(works).map(without).collect()
}

fn human(r: &Report) -> String {
    let rows: Vec<Vec<String>> = r
        .networks
        .iter()
        .map(|n| {
            vec![
                n.space.clone(),
                n.code.clone(),
                if n.fitted { "yes" } else { "no" }.into(),
                n.counted.to_string(),
                n.modelled.to_string(),
                format!("{:+.3} %", 100.0 * n.error),
            ]
        })
        .collect();
    format!(
        "{}\n{} operations; on networks not used to fit: mean {:.3} %, largest {:.3} %; deepest \
         stack {} bytes",
        table(&["space", "network", "fitted", "counted", "modelled", "error"], &rows),
        r.operations,
        100.0 * r.mean_error,
        100.0 * r.largest_error,
        r.overhead.stack
    )
}
