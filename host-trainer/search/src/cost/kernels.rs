//! The kernels of one network under limits of flash and RAM: the fewest instructions that fit.

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_core::blob::with_kinds;
use supernano_core::graph::{Activation, Conv, Header, KernelKind, Op};
use supernano_core::kernel::pack::WeightShape;
use supernano_core::kernel::weight_words;
use supernano_core::space::Space;

use super::device::kind;
use super::instructions::InstructionTable;

/// Step in which the bytes of weights are counted while choosing; rounded up, so that what is
/// chosen never takes more than it may.
const GRAIN: usize = 64;

/// Kinds to choose from: with weights transformed while running, which takes scratch, and without.
const SETS: [&[KernelKind]; 3] = [
    &[KernelKind::Direct, KernelKind::WinogradOnline, KernelKind::Winograd],
    &[KernelKind::Direct, KernelKind::Winograd],
    &[KernelKind::Direct],
];

/// Limits of one network's file and working memory, bytes; `None` where there is none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// Of the blob.
    pub flash: Option<usize>,
    /// Of the arena.
    pub ram: Option<usize>,
}

impl Room {
    /// True where the network's file and arena fit.
    ///
    /// # Errors
    /// [`Error::Core`]; never for a checked blob.
    pub fn holds(&self, blob: &Blob) -> Result<bool> {
        let arena = blob.view()?.arena_bytes();
        let within = |limit: Option<usize>, n: usize| limit.is_none_or(|most| n <= most);
        Ok(within(self.flash, blob.bytes().len()) && within(self.ram, arena))
    }
}

/// The same network with the kernels that need the fewest modelled instructions in this room. The
/// logits of every image stay the same.
///
/// # Errors
/// [`Error::No`] where direct convolutions alone are too large, with what they need.
pub fn within(blob: &Blob, room: Room, table: &InstructionTable) -> Result<Blob> {
    let direct = rewritten(blob, &|_, _| KernelKind::Direct)?;
    if !room.holds(&direct)? {
        return Err(Error::No(format!(
            "{}: no kernels fit: the smallest blob is {} bytes, its arena {} bytes",
            blob.view()?.code(),
            direct.bytes().len(),
            direct.view()?.arena_bytes(),
        )));
    }
    let spare = room.flash.map(|most| most - direct.bytes().len());
    let mut best = (modelled(&direct, table)?, direct);
    for kinds in SETS {
        let chosen = choose(&best.1.view()?.header(), kinds, spare, table);
        let other =
            rewritten(blob, &|op, _| chosen.get(op).copied().unwrap_or(KernelKind::Direct))?;
        let count = modelled(&other, table)?;
        if count < best.0 && room.holds(&other)? {
            best = (count, other);
        }
    }
    Ok(best.1)
}

/// Modelled instructions of a network, by a core's table.
///
/// # Errors
/// [`Error::Core`]; never for a checked blob.
pub fn modelled(blob: &Blob, table: &InstructionTable) -> Result<u64> {
    Ok(table.network(&blob.view()?.header()))
}

/// A kind for every operation: the cheapest choice whose additional bytes over direct weights stay
/// within `spare`, by dynamic programming over the bytes.
fn choose(
    header: &Header<'_>,
    kinds: &[KernelKind],
    spare: Option<usize>,
    table: &InstructionTable,
) -> Vec<KernelKind> {
    let options: Vec<Vec<(KernelKind, usize, u64)>> = header
        .ops
        .iter()
        .map(|op| match op {
            Op::Conv(conv) => conv_options(header, conv, kinds, table),
            Op::Classifier(_) => vec![(KernelKind::Direct, 0, 0)],
        })
        .collect();
    let all: usize = options.iter().flat_map(|o| o.iter().map(|x| x.1).max()).sum();
    let room = spare.map_or(all, |s| s / GRAIN).min(all);
    // Fewest instructions with at most so many grains, and the choice that gave them.
    let mut least = vec![0u64; room + 1];
    let mut picks: Vec<Vec<u8>> = Vec::with_capacity(options.len());
    for option in &options {
        let mut next = vec![u64::MAX; room + 1];
        let mut pick = vec![0u8; room + 1];
        for (i, &(_, grains, count)) in option.iter().enumerate() {
            for used in grains..=room {
                let total = least[used - grains].saturating_add(count);
                if total < next[used] {
                    (next[used], pick[used]) = (total, i as u8);
                }
            }
        }
        least = next;
        picks.push(pick);
    }
    let mut used = room;
    let mut chosen: Vec<KernelKind> = picks
        .iter()
        .zip(&options)
        .rev()
        .map(|(pick, option)| {
            let (kind, grains, _) = option[usize::from(pick[used])];
            used -= grains;
            kind
        })
        .collect();
    chosen.reverse();
    chosen
}

/// Kinds that suit a convolution, with the grains that each adds to direct weights and its
/// modelled instructions; direct first.
fn conv_options(
    header: &Header<'_>,
    conv: &Conv,
    kinds: &[KernelKind],
    table: &InstructionTable,
) -> Vec<(KernelKind, usize, u64)> {
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let shape = WeightShape {
        output: channels(conv.output),
        kernel: conv.kernel,
        input: channels(conv.input),
    };
    let bytes = |kind| weight_words(kind, shape) * 4;
    let suits = |kind: &KernelKind| {
        *kind == KernelKind::Direct || kind.suits(conv.kernel, conv.stride) && table.knows(*kind)
    };
    kinds
        .iter()
        .copied()
        .filter(suits)
        .map(|kind| {
            let more = bytes(kind).saturating_sub(bytes(KernelKind::Direct));
            let count = table.operation(header, &Op::Conv(Conv { kind, ..*conv }));
            (kind, more.div_ceil(GRAIN), count)
        })
        .collect()
}

/// The same network with the kinds that `chosen` gives to its operations.
///
/// # Errors
/// [`Error::Core`] where the format's limits are exceeded.
pub fn rewritten(blob: &Blob, chosen: &dyn Fn(usize, &Conv) -> KernelKind) -> Result<Blob> {
    let view = blob.view()?;
    let labels: Vec<&str> = view.labels().collect();
    // Transformed weights take 16 bytes for 9, twice.
    let room = 4 * blob.bytes().len() + 4096;
    let (mut data, mut out) = (vec![0u8; room], vec![0u32; room / 4]);
    let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    let place = format!("kernels of {}", view.code());
    let length =
        with_kinds(&view, chosen, &labels, &mut data, bytes).map_err(|e| Error::core(&place, e))?;
    Blob::new(&bytes[..length], place)
}

/// The same network with the kernels of `kinds`, blocks in the order of the space.
///
/// # Errors
/// [`supernano_base::error::Error::Core`] for a network of another space.
pub fn with_kernels(space: &Space<'_>, blob: &Blob, kinds: &[u8]) -> Result<Blob> {
    let view = blob.view()?;
    // Operations are in the order of layers, projections between them.
    let mut layer = 0;
    let layers: Vec<Option<usize>> = view
        .header()
        .ops
        .iter()
        .map(|op| match op {
            Op::Conv(c) if is_projection(c) => None,
            Op::Conv(_) => {
                layer += 1;
                Some(layer - 1)
            }
            Op::Classifier(_) => None,
        })
        .collect();
    let chosen = |op: usize, _: &Conv| {
        layers.get(op).copied().flatten().map_or(KernelKind::Direct, |l| kind(space, kinds, l))
    };
    rewritten(blob, &chosen)
}

/// A block's shortcut: the only convolutions without an activation.
fn is_projection(conv: &Conv) -> bool {
    conv.kernel == 1 && conv.residual.is_none() && conv.activation == Activation::None
}
