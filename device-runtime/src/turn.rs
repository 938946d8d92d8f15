//! Arbitration between two lines that share one agent.
//!
//! A firmware polls both lines, for example UART and RTT, through a [`Turn`], so that frames of the
//! two do not mix.

use supernano_core::wire::MAX_FRAME;

/// Polls of a quiet line after which an incomplete frame no longer blocks the other line: some
/// milliseconds on a fast core, some tenths of a second on a slow one.
const PATIENCE: u32 = 100_000;

/// Decides which of two lines to poll. A frame that has begun is received to its end before the
/// other line is polled, unless it stops half-way or exceeds the length of a frame. Between frames,
/// the other line is polled first.
#[derive(Debug, Default)]
pub struct Turn {
    second: bool,
    /// Bytes of the current frame; 0 between frames.
    begun: usize,
    /// Polls without a byte since the last byte.
    quiet: u32,
}

/// A byte from one of two lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Incoming {
    /// The byte.
    pub byte: u8,
    /// True if the byte came from the second line.
    pub second: bool,
    /// True if the previous byte came from the other line, whose frame stays incomplete.
    pub switched: bool,
}

impl Turn {
    /// Polls the lines with `receive(second)`, and returns the next byte if there is one.
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
