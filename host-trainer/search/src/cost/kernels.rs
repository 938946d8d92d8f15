//! Kernel choice for one exported network: the fewest modelled instructions within limits of flash
//! and RAM.
//!
//! [`within`] chooses, [`rewritten`] and [`with_kernels`] apply a given choice. Every kernel gives
//! the same logits, so a choice changes size and speed only.

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_core::blob::with_kinds;
use supernano_core::graph::{Activation, Conv, Form, Header, KernelKind, Op};
use supernano_core::kernel::pack::WeightShape;
use supernano_core::kernel::weight_words;
use supernano_core::space::Space;

use super::device::kind;
use super::instructions::InstructionTable;

/// Unit of weight bytes in the dynamic program. Sizes are rounded up to it, so that a choice never
/// exceeds its limit.
const GRAIN: usize = 64;

/// Sets of kinds to choose from. They differ in the scratch that they need: online Winograd kernels
/// transform their weights in RAM.
const SETS: [&[KernelKind]; 3] = [
    &[KernelKind::Direct, KernelKind::WinogradOnline, KernelKind::Winograd],
    &[KernelKind::Direct, KernelKind::Winograd],
    &[KernelKind::Direct],
];

/// Limits of one network, bytes. `None` stands for no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SizeLimits {
    /// Size of the blob.
    pub flash: Option<usize>,
    /// Size of the arena.
    pub ram: Option<usize>,
}

impl SizeLimits {
    /// True if the blob and its arena are within the limits.
    ///
    /// # Errors
    /// [`Error::Core`], never for a checked blob.
    pub fn holds(&self, blob: &Blob) -> Result<bool> {
        let arena = blob.view()?.arena_bytes();
        let within = |limit: Option<usize>, n: usize| limit.is_none_or(|most| n <= most);
        Ok(within(self.flash, blob.bytes().len()) && within(self.ram, arena))
    }
}

/// Returns the same network with the kernels that need the fewest modelled instructions within the
/// limits. Logits do not change.
///
/// # Errors
/// [`Error::No`], which states the sizes needed, if direct kernels alone exceed the limits.
pub fn within(blob: &Blob, limits: SizeLimits, table: &InstructionTable) -> Result<Blob> {
    let direct = rewritten(blob, &|_, _| KernelKind::Direct)?;
    if !limits.holds(&direct)? {
        return Err(Error::No(format!(
            "{}: no kernels fit: the smallest blob is {} bytes, its arena {} bytes",
            blob.view()?.code(),
            direct.bytes().len(),
            direct.view()?.arena_bytes(),
        )));
    }
    let spare = limits.flash.map(|most| most - direct.bytes().len());
    let mut best = (modelled(&direct, table)?, direct);
    for kinds in SETS {
        let chosen = choose(&best.1.view()?.header(), kinds, spare, table);
        let other =
            rewritten(blob, &|op, _| chosen.get(op).copied().unwrap_or(KernelKind::Direct))?;
        let count = modelled(&other, table)?;
        if count < best.0 && limits.holds(&other)? {
            best = (count, other);
        }
    }
    Ok(best.1)
}

/// Modelled instructions of one inference, according to a core's table.
///
/// # Errors
/// [`Error::Core`], never for a checked blob.
pub fn modelled(blob: &Blob, table: &InstructionTable) -> Result<u64> {
    Ok(table.network(&blob.view()?.header()))
}

/// A kernel that an operation can use.
struct KernelOption {
    kind: KernelKind,
    /// Additional weight bytes over the direct kernel, in units of [`GRAIN`].
    grains: usize,
    /// Modelled instructions.
    instructions: u64,
}

/// Chooses a kind for every operation: the fewest instructions for at most `spare` additional
/// weight bytes, by dynamic programming over the bytes.
fn choose(
    header: &Header<'_>,
    kinds: &[KernelKind],
    spare: Option<usize>,
    table: &InstructionTable,
) -> Vec<KernelKind> {
    let mut options: Vec<Vec<KernelOption>> = Vec::with_capacity(header.ops.len());
    for op in &header.ops {
        options.push(match op {
            Op::Conv(conv) if conv.form == Form::Full => kernel_options(header, conv, kinds, table),
            Op::Conv(_) | Op::Classifier(_) => {
                vec![KernelOption { kind: KernelKind::Direct, grains: 0, instructions: 0 }]
            }
        });
    }
    let largest: usize = options.iter().flat_map(|o| o.iter().map(|x| x.grains).max()).sum();
    let room = spare.map_or(largest, |s| s / GRAIN).min(largest);
    // `least[g]`: the fewest instructions of the operations so far with at most `g` grains.
    // `picks[op][g]`: the option of the operation behind that minimum.
    let mut least = vec![0u64; room + 1];
    let mut picks: Vec<Vec<u8>> = Vec::with_capacity(options.len());
    for option in &options {
        let mut next = vec![u64::MAX; room + 1];
        let mut pick = vec![0u8; room + 1];
        for (i, choice) in option.iter().enumerate() {
            for used in choice.grains..=room {
                let total = least[used - choice.grains].saturating_add(choice.instructions);
                if total < next[used] {
                    next[used] = total;
                    pick[used] = i as u8;
                }
            }
        }
        least = next;
        picks.push(pick);
    }
    let mut used = room;
    let mut chosen: Vec<KernelKind> = Vec::with_capacity(options.len());
    for (pick, option) in picks.iter().zip(&options).rev() {
        let choice = &option[usize::from(pick[used])];
        used -= choice.grains;
        chosen.push(choice.kind);
    }
    chosen.reverse();
    chosen
}

/// The kernels that a convolution can use, the direct one first.
fn kernel_options(
    header: &Header<'_>,
    conv: &Conv,
    kinds: &[KernelKind],
    table: &InstructionTable,
) -> Vec<KernelOption> {
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let shape = WeightShape {
        output: channels(conv.output),
        kernel: conv.geometry.kernel,
        input: channels(conv.input),
    };
    let bytes = |kind| weight_words(kind, shape) * 4;
    let mut options = Vec::new();
    for &kind in kinds {
        let usable = kind.suits(&conv.geometry) && table.knows(kind);
        if kind != KernelKind::Direct && !usable {
            continue;
        }
        let more = bytes(kind).saturating_sub(bytes(KernelKind::Direct));
        let instructions = table.operation(header, &Op::Conv(Conv { kind, ..*conv }));
        options.push(KernelOption { kind, grains: more.div_ceil(GRAIN), instructions });
    }
    options
}

/// Returns the same network with the kinds that `chosen` gives for the index of an operation and
/// its convolution.
///
/// # Errors
/// [`Error::Core`] if the result exceeds a limit of the blob format.
pub fn rewritten(blob: &Blob, chosen: &dyn Fn(usize, &Conv) -> KernelKind) -> Result<Blob> {
    let view = blob.view()?;
    let labels: Vec<&str> = view.labels().collect();
    // Winograd kernels store 16 weights of 2 bytes for 9 weights of 1 byte.
    let room = 4 * blob.bytes().len() + 4096;
    let mut data = vec![0u8; room];
    let mut out = vec![0u32; room / 4];
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    let place = format!("kernels of {}", view.code());
    let length =
        with_kinds(&view, chosen, &labels, &mut data, bytes).map_err(|e| Error::core(&place, e))?;
    Blob::new(&bytes[..length], place)
}

/// Returns the same network with the kernel kinds `kinds`, one encoded value for each block of the
/// space ([`super::BlockCost::kinds`]).
///
/// # Errors
/// [`Error::Core`] if the blob is a network of another space.
pub fn with_kernels(space: &Space<'_>, blob: &Blob, kinds: &[u8]) -> Result<Blob> {
    let view = blob.view()?;
    // Convolutions of layers are in the order of the layers, with projections between them.
    let mut layers: Vec<Option<usize>> = Vec::new();
    let mut next = 0;
    for op in &view.header().ops {
        match op {
            Op::Conv(conv) if !is_projection(conv) => {
                layers.push(Some(next));
                next += 1;
            }
            Op::Conv(_) | Op::Classifier(_) => layers.push(None),
        }
    }
    let chosen = |op: usize, _: &Conv| {
        layers.get(op).copied().flatten().map_or(KernelKind::Direct, |l| kind(space, kinds, l))
    };
    rewritten(blob, &chosen)
}

/// True for the projection of a block, which is the only convolution without an activation.
fn is_projection(conv: &Conv) -> bool {
    conv.geometry.kernel == [1, 1] && conv.residual.is_none() && conv.activation == Activation::None
}
