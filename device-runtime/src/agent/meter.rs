//! Counts of one inference, operation by operation.

use heapless::Vec;
use supernano_core::graph::Observer;
use supernano_core::wire::MAX_COUNTS;

use super::Board;

/// Adds up a board's counts by operation. Part 0 precedes the first operation; operation `i` is
/// part `i + 1`.
pub(super) struct Meter<'b, B> {
    board: &'b B,
    /// The count at which the current part continued.
    last: u32,
    part: usize,
    parts: Vec<u32, MAX_COUNTS>,
}

impl<'b, B: Board> Meter<'b, B> {
    /// Starts with part 0 of `parts`, which are all 0.
    #[inline(always)]
    pub(super) fn start(board: &'b B, parts: Vec<u32, MAX_COUNTS>) -> Self {
        Self { board, last: board.count(), part: 0, parts }
    }

    /// Ends the current part and continues another.
    pub(super) fn turn(&mut self, part: usize) {
        let now = self.board.count();
        if let Some(count) = self.parts.get_mut(self.part) {
            *count = count.wrapping_add(now.wrapping_sub(self.last));
        }
        (self.last, self.part) = (now, part);
    }

    /// The counts of all parts that have ended.
    pub(super) fn parts(self) -> Vec<u32, MAX_COUNTS> {
        self.parts
    }
}

impl<B: Board> Observer for Meter<'_, B> {
    fn enter(&mut self, op: usize) {
        self.turn(op + 1);
    }
}
