//! `supernano synthetic`: networks with random weights, to know costs before training.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_core::arch::Arch;
use supernano_core::exec;
use supernano_core::plan::{ActivationScope, BranchScheme, Enhancement, WidthRule, resolve};
use supernano_core::space::{BUILTIN, Space};
use supernano_train::export::Prefer;
use supernano_train::synthetic;

use crate::options::room::RoomArgs;
use crate::output::{Output, table};

/// Write networks with random weights: what they cost on a device, before anything is trained.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: supernano synthetic resnet8 --random 3 --prelu -o runs/synthetic\n\n\
    Each network is written to DIRECTORY/CODE.snb, its random numbers come from the seed."
)]
pub struct Args {
    /// Built-in search space.
    space: String,
    /// Sub-networks: the widths of their searchable layers, joined by '-'.
    codes: Vec<String>,
    /// So many random sub-networks as well.
    #[arg(long, default_value_t = 0)]
    random: usize,
    /// Directory to write to.
    #[arg(short, long)]
    output: PathBuf,
    /// Seed of weights and random sub-networks.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// What the kernels are chosen for.
    #[arg(long, value_enum, default_value_t = Prefer::Ram)]
    prefer: Prefer,
    #[command(flatten)]
    room: RoomArgs,
    /// PReLU instead of ReLU after the additions.
    #[arg(long)]
    prelu: bool,
    /// 4 channels computed as 5, 8 as 9.
    #[arg(long)]
    oe: bool,
}

/// A network that was written.
#[derive(Serialize)]
struct Written {
    code: String,
    file: PathBuf,
    /// Bytes of the file.
    blob_bytes: usize,
    /// Bytes of arena.
    arena_bytes: usize,
    /// Multiply-accumulates.
    macs: u64,
    /// Weights one byte each, and a 4-byte bias an output: the least that int8 can take.
    raw_bytes: u64,
}

/// Builds and writes the networks.
///
/// # Errors
/// A space or code that there is not, a full disk.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let space = BUILTIN.iter().find(|s| s.name == args.space).ok_or_else(|| {
        let names: Vec<&str> = BUILTIN.iter().map(|s| s.name).collect();
        Error::invalid("argument SPACE", "space", names.join(", "), &args.space)
    })?;
    let parsed = args.codes.iter().map(|c| Arch::parse(space, c));
    let mut archs: Vec<Arch> = parsed
        .collect::<core::result::Result<_, _>>()
        .map_err(|e| Error::core("argument CODES", e))?;
    archs.extend(synthetic::codes(space, args.random, args.seed));
    let bar = out.task(archs.len() as u64, "networks");
    let written: Vec<Written> = archs
        .iter()
        .map(|arch| {
            let written = write(args, space, arch);
            bar.advance(1);
            written
        })
        .collect::<Result<_>>()?;
    bar.finish();
    out.emit(&written, |written| {
        let row = |w: &Written| {
            let numbers = [w.blob_bytes as u64, w.arena_bytes as u64, w.macs];
            std::iter::once(w.code.clone()).chain(numbers.map(|n| n.to_string())).collect()
        };
        let rows: Vec<Vec<String>> = written.iter().map(row).collect();
        table(&["network", "flash, bytes", "arena, bytes", "MACs"], &rows)
    });
    Ok(())
}

fn write(args: &Args, space: &'static Space<'static>, arch: &Arch) -> Result<Written> {
    let enhancement = Enhancement {
        widths: if args.oe { WidthRule::Oe } else { WidthRule::None },
        activation: if args.prelu { ActivationScope::AfterAdd } else { ActivationScope::None },
    };
    let plan = resolve(space, arch, enhancement, BranchScheme::Shared);
    let code = arch.display(space).to_string();
    let blob = synthetic::blob(space, &plan, &code, args.prefer, args.seed)?;
    let blob = args.room.apply(blob)?;
    let file = args.output.join(&code).with_extension("snb");
    files::write(&file, blob.bytes())?;
    let view = blob.view()?;
    let header = view.header();
    Ok(Written {
        code,
        file,
        blob_bytes: blob.bytes().len(),
        arena_bytes: view.arena_bytes(),
        macs: header.ops.iter().map(|op| exec::macs(&view, op)).sum(),
        raw_bytes: synthetic::raw_bytes(space, &plan),
    })
}
