//! What a recorder keeps of the forward pass.

use crate::add::{BlockEnd, EndBuffers, EndRows};
use crate::buffer::Buffer;
use crate::network::Block;
use crate::norm::Norm;
use crate::pool::{Pool, PoolBuffers};
use crate::shape::{ConvShape, Rows};

/// A map that a convolution reads, with what it applies to it.
#[derive(Clone)]
pub(super) struct Input<M> {
    pub(super) map: Buffer<M>,
    pub(super) size: [u32; 2],
    pub(super) channels: u32,
    /// Row of its widths.
    pub(super) width: u32,
    /// True for the images, which all paths share.
    pub(super) shared: bool,
    /// Factors and layer of a pending norm and activation.
    pub(super) pending: Option<(Buffer<f32>, u32)>,
}

/// A convolution with its batch norm.
#[derive(Clone)]
pub(super) struct Unit<M> {
    pub(super) shape: ConvShape,
    pub(super) rows: Rows,
    pub(super) input: Input<M>,
    pub(super) norm: Norm,
    /// First side of the norm.
    pub(super) side: u32,
    /// Output before the norm.
    pub(super) raw: Buffer<M>,
    pub(super) factors: Buffer<f32>,
    pub(super) coefficients: Buffer<f32>,
}

/// A block in the forward pass.
pub(super) enum Recorded<M> {
    Layers(Box<Layers<M>>),
    /// A pool with the row of its widths.
    Pool(Pool, Box<PoolBuffers<M>>, u32),
}

/// A block of convolutions in the forward pass.
pub(super) struct Layers<M> {
    pub(super) block: Block,
    pub(super) units: Vec<Unit<M>>,
    pub(super) projection: Option<Unit<M>>,
    pub(super) end: BlockEnd,
    pub(super) buffers: EndBuffers<M>,
    pub(super) rows: EndRows,
}
