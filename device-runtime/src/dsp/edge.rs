//! Pixels at the edges of tiles and blocks.

use supernano_core::kernel::PairRow;

/// Most pixels of an [`Edge`].
const EDGE: usize = 8;

/// Pixels at an edge, gathered where a whole tile or block may be written.
// Aligned, so that it is copied in words.
#[repr(align(4))]
pub(super) struct Edge([[i8; 2]; EDGE]);

impl Edge {
    /// Bytes from a pixel to the next.
    pub const PITCH: usize = 2;

    /// Pixels from `x` on, as many as there are.
    #[inline(never)]
    pub fn gather(row: &mut PairRow<'_>, x: usize) -> Self {
        let mut edge = Self([[0; 2]; EDGE]);
        for (to, from) in edge.0.iter_mut().zip(row.from(x)) {
            *to = *from;
        }
        edge
    }

    /// The same pixels back.
    #[inline(never)]
    pub fn scatter(&self, row: &mut PairRow<'_>, x: usize) {
        for (to, from) in row.from(x).zip(&self.0) {
            *to = *from;
        }
    }

    pub fn address(&mut self) -> *mut i8 {
        self.0.as_mut_ptr().cast()
    }
}
