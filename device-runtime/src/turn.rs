//! Two lines that lead to one agent.

use supernano_core::wire::MAX_FRAME;

/// Polls of a quiet line after which a frame that stopped half-way no longer keeps the other line
/// waiting: from some milliseconds on a fast core to some tenths of a second on a slow one.
const PATIENCE: u32 = 100_000;

/// Whose turn it is of two lines that lead to one agent. A frame is of one line: one that has begun
/// is taken to its end before the other line is asked, unless it stops half-way or grows longer
/// than a frame can be. Between frames the other line is asked first.
#[derive(Debug, Default)]
pub struct Turn {
    second: bool,
    /// Bytes of the frame that has begun; 0 between frames.
    begun: usize,
    /// Polls without a byte since the last one.
    quiet: u32,
}

/// A byte that came on one of two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The byte.
    pub byte: u8,
    /// Whether it came on the second line.
    pub second: bool,
    /// Whether the byte before it came on the other line: what began there has no end.
    pub switched: bool,
}

impl Turn {
    /// The next byte, if any. `receive(second)` polls a line.
    pub fn next(&mut self, mut receive: impl FnMut(bool) -> Option<u8>) -> Option<Incoming> {
        let waits = self.begun > 0 && self.quiet < PATIENCE;
        let mut second = self.second != (self.begun == 0);
        let mut byte = receive(second);
        if byte.is_none() && !waits {
            second = !second;
            byte = receive(second);
        }
        let Some(byte) = byte else {
            self.quiet = self.quiet.saturating_add(1);
            return None;
        };
        let switched = second != self.second;
        let begun = if switched { 0 } else { self.begun };
        let ends = byte == 0 || begun >= MAX_FRAME;
        *self = Self { second, begun: if ends { 0 } else { begun + 1 }, quiet: 0 };
        Some(Incoming { byte, second, switched })
    }
}

#[cfg(test)]
mod tests;
