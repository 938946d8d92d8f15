//! Pixels at the edge of a row, where a whole tile or block does not fit.
//!
//! The assembly writes whole tiles. [`Edge`] lends it room for one, and copies the pixels that
//! exist in and out.

use supernano_core::kernel::PairRow;

/// Pixels of an [`Edge`]: those of a Winograd block's row, twice those of a tile.
const EDGE: usize = 8;

/// A copy of up to 8 pixels of a row, with room for all 8.
// Aligned, so that it is copied in words.
#[repr(align(4))]
pub(super) struct Edge([[i8; 2]; EDGE]);

impl Edge {
    /// Bytes from a pixel to the next.
    pub const PITCH: usize = 2;

    /// Room without pixels.
    pub const EMPTY: Self = Self([[0; 2]; EDGE]);

    /// Copies the pixels from `x` on.
    #[inline(never)]
    pub fn fill(&mut self, row: &mut PairRow<'_>, x: usize) {
        for (to, from) in self.0.iter_mut().zip(row.from(x)) {
            *to = *from;
        }
    }

    /// Copies the pixels back to `x` and on.
    #[inline(never)]
    pub fn scatter(&self, row: &mut PairRow<'_>, x: usize) {
        for (to, from) in row.from(x).zip(&self.0) {
            *to = *from;
        }
    }

    /// Address of the first pixel of the first row; the 8 pixels of each row, one behind the other, are
    /// readable and writable from there.
    pub fn address(rows: &mut [Self]) -> *mut i8 {
        rows.as_mut_ptr().cast()
    }
}

const _: () = assert!(size_of::<Edge>() == EDGE * Edge::PITCH);
