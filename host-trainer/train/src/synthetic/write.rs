//! Files of networks with random weights, and what each network costs.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::codes::select::CodeSelection;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::fixed::{self, Fixed};
use supernano_base::progress::Progress;
use supernano_core::arch::Arch;
use supernano_core::exec;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{BUILTIN, Space};
use supernano_search::cost::limits::KernelLimits;

use super::{blob, codes, raw_bytes};
use crate::export::Prefer;

/// Seed, if none is given.
const SEED: u64 = 1;

/// Networks to be written.
#[derive(Clone, Debug)]
pub struct SyntheticRequest<'a> {
    /// Name of a built-in search space, or of a network of MLPerf Tiny ([`fixed::NAMES`]). Such a
    /// network has no choices; it depends on the seed alone.
    pub space: &'a str,
    /// Sub-networks. The seed is that of the weights as well, and 1 by default.
    pub codes: &'a CodeSelection,
    /// Enhancement of all networks.
    pub enhancement: Enhancement,
    /// The resource that the kernels save.
    pub prefer: Prefer,
    /// Limits under which the kernels are chosen.
    pub limits: &'a KernelLimits,
    /// Directory for the files `CODE.snb`.
    pub output: &'a Path,
}

/// A network that was written.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SyntheticNetwork {
    /// Code of the sub-network.
    pub code: String,
    /// Its file.
    pub file: PathBuf,
    /// Bytes of the file.
    pub blob_bytes: usize,
    /// Bytes of arena.
    pub arena_bytes: usize,
    /// Multiply-accumulates.
    pub macs: u64,
    /// Bytes of the weights, one each, and of the biases, 4 each: the least that int8 takes.
    pub raw_bytes: u64,
}

/// Builds networks with random weights and writes them.
///
/// # Errors
/// [`Error::Invalid`] for an unknown space; as [`CodeSelection::read`], [`blob`],
/// [`KernelLimits::apply`] and [`files::write()`].
pub fn write_networks(
    request: &SyntheticRequest<'_>,
    progress: &dyn Progress,
) -> Result<Vec<SyntheticNetwork>> {
    if let Some(net) = fixed::network(request.space) {
        return Ok(vec![write_fixed(request, &net)?]);
    }
    let space = BUILTIN.iter().find(|s| s.name == request.space).ok_or_else(|| {
        let names = BUILTIN.iter().map(|s| s.name).chain(fixed::NAMES);
        let names: Vec<&str> = names.collect();
        Error::invalid("argument SPACE", "space", names.join(", "), request.space)
    })?;
    let seed = request.codes.seed.unwrap_or(SEED);
    let archs = archs(request.codes, space, seed)?;
    let task = progress.task(archs.len() as u64, "networks");
    let one = |arch: &Arch| {
        let written = write(request, space, arch, seed);
        task.advance(1);
        written
    };
    let written = archs.iter().map(one).collect();
    task.finish();
    written
}

/// The named sub-networks, then the random ones. [`codes`] draws these, so that a seed gives the same
/// networks in every version.
fn archs(selection: &CodeSelection, space: &Space<'_>, seed: u64) -> Result<Vec<Arch>> {
    let random = selection.random.unwrap_or(0);
    let mut archs = Vec::new();
    if random == 0 || !selection.named.is_empty() {
        let named = CodeSelection { random: None, ..selection.clone() };
        archs.extend(named.read(space, seed)?.into_iter().map(|c| c.arch));
    }
    archs.extend(codes(space, random, seed));
    Ok(archs)
}

/// Writes a network of MLPerf Tiny, with as small an arena as rolled layers make it.
fn write_fixed(request: &SyntheticRequest<'_>, net: &Fixed) -> Result<SyntheticNetwork> {
    let blob = fixed::blob(net, 0, request.codes.seed.unwrap_or(SEED))?;
    written(request, net.name.to_owned(), &blob, fixed::raw_bytes(net))
}

fn write(
    request: &SyntheticRequest<'_>,
    space: &Space<'_>,
    arch: &Arch,
    seed: u64,
) -> Result<SyntheticNetwork> {
    let plan = resolve(space, arch, request.enhancement, BranchScheme::Shared);
    let code = arch.display(space).to_string();
    let (limits, prefer) = (request.limits, request.prefer);
    let made = blob(space, &plan, &code, prefer, seed)?;
    let blob = match limits.is_free() {
        true => prefer.apply(made, limits.core())?,
        false => limits.apply(made)?,
    };
    written(request, code, &blob, raw_bytes(space, &plan))
}

/// Writes a blob, and returns its costs.
fn written(
    request: &SyntheticRequest<'_>,
    code: String,
    blob: &Blob,
    raw_bytes: u64,
) -> Result<SyntheticNetwork> {
    let file = request.output.join(&code).with_extension("snb");
    files::write(&file, blob.bytes())?;
    let view = blob.view()?;
    let header = view.header();
    Ok(SyntheticNetwork {
        code,
        file,
        blob_bytes: blob.bytes().len(),
        arena_bytes: view.arena_bytes(),
        macs: header.ops.iter().map(|op| exec::macs(&view, op)).sum(),
        raw_bytes,
    })
}
