//! Kernel choice for one exported network: the fewest modelled instructions within limits of flash
//! and RAM.
//!
//! [`within`] chooses, [`rewritten`] and [`with_kernels`] apply a given choice. Every kernel gives
//! the same logits, so a choice changes size and speed only.

mod choice;

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_core::blob::with_kinds;
use supernano_core::graph::{Activation, Conv, Header, KernelKind, Op};
use supernano_core::space::Space;

pub use self::choice::within;

use super::device::kind;
use super::instructions::InstructionTable;

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

/// Modelled instructions of one inference, according to a core's table.
///
/// # Errors
/// [`Error::Core`], never for a checked blob.
pub fn modelled(blob: &Blob, table: &InstructionTable) -> Result<u64> {
    Ok(table.network(&blob.view()?.header()))
}

/// Returns the same network with the kinds that `chosen` gives for the index of an operation and
/// its convolution.
///
/// # Errors
/// [`Error::Core`] if the result exceeds a limit of the blob format.
pub fn rewritten(blob: &Blob, chosen: &dyn Fn(usize, &Conv) -> KernelKind) -> Result<Blob> {
    let view = blob.view()?;
    let labels: Vec<&str> = view.labels().collect();
    // Winograd kernels store up to 24 weights of 2 bytes for 9 weights of 1 byte.
    let room = 6 * blob.bytes().len() + 4096;
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
    of_layers(blob, &|layer| kind(space, kinds, layer))
}

/// Returns the same network with the kinds that `chosen` gives for the layers of the space, from 0.
///
/// # Errors
/// The errors of [`rewritten`].
pub fn of_layers(blob: &Blob, chosen: &dyn Fn(usize) -> KernelKind) -> Result<Blob> {
    let layers = layers(&blob.view()?.header());
    let chosen =
        |op: usize, _: &Conv| layers.get(op).copied().flatten().map_or(KernelKind::Direct, chosen);
    rewritten(blob, &chosen)
}

/// The kind of every layer of the space that the network belongs to.
///
/// # Errors
/// [`Error::Core`], never for a checked blob.
pub fn layer_kinds(blob: &Blob) -> Result<Vec<KernelKind>> {
    let header = blob.view()?.header();
    let kinds = header.ops.iter().zip(layers(&header)).filter_map(|(op, layer)| match op {
        Op::Conv(conv) => layer.map(|_| conv.kind),
        Op::Classifier(_) => None,
    });
    Ok(kinds.collect())
}

/// The layer of each operation; `None` for a projection and for the classifier. Convolutions of
/// layers are in the order of the layers, with projections between them.
fn layers(header: &Header<'_>) -> Vec<Option<usize>> {
    let mut next = 0;
    let layer = |op: &Op| match op {
        Op::Conv(conv) if !is_projection(conv) => {
            next += 1;
            Some(next - 1)
        }
        Op::Conv(_) | Op::Classifier(_) => None,
    };
    header.ops.iter().map(layer).collect()
}

/// True for the projection of a block, which is the only convolution without an activation.
fn is_projection(conv: &Conv) -> bool {
    conv.geometry.kernel == [1, 1] && conv.residual.is_none() && conv.activation == Activation::None
}
