//! Reads of flash lines by a core whose flash is slower than itself.
//!
//! A line buffer or cache keeps the lines that were used last. Code and constants have separate
//! buffers, as in the flash accelerators of microcontrollers.

#[cfg(test)]
mod tests;

/// Line size and number of lines of both buffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    /// Bytes of a line: a power of two.
    pub line: u32,
    /// Lines of code that are kept.
    pub code: usize,
    /// Lines of constants that are kept.
    pub constants: usize,
}

/// The lines that were used last, in the order of their use.
#[derive(Clone, Debug)]
struct Recent {
    tags: Vec<u32>,
    room: usize,
}

impl Recent {
    fn new(room: usize) -> Self {
        Self { tags: Vec::with_capacity(room), room }
    }

    /// Uses a line; true if it has to be read.
    fn missed(&mut self, tag: u32) -> bool {
        if self.tags.first() == Some(&tag) {
            return false;
        }
        let found = self.tags.iter().position(|&t| t == tag);
        match found {
            Some(at) => self.tags[..=at].rotate_right(1),
            None => {
                self.tags.truncate(self.room.saturating_sub(1));
                self.tags.insert(0, tag);
            }
        }
        found.is_none()
    }
}

/// Counts the lines that are read.
#[derive(Clone, Debug)]
pub struct Flash {
    shift: u32,
    code: Recent,
    constants: Recent,
    /// Lines of code read since the last reset.
    pub code_lines: u64,
    /// Lines of constants read since the last reset.
    pub constant_lines: u64,
}

impl Flash {
    /// Empty buffers.
    pub fn new(geometry: Geometry) -> Self {
        Self {
            shift: geometry.line.trailing_zeros(),
            code: Recent::new(geometry.code),
            constants: Recent::new(geometry.constants),
            code_lines: 0,
            constant_lines: 0,
        }
    }

    /// Executes the code from `start` to `end`.
    pub fn execute(&mut self, start: u32, end: u32) {
        for line in start >> self.shift..=end.wrapping_sub(1) >> self.shift {
            self.code_lines += u64::from(self.code.missed(line));
        }
    }

    /// Reads a constant.
    pub fn read(&mut self, address: u32) {
        self.constant_lines += u64::from(self.constants.missed(address >> self.shift));
    }

    /// Forgets the counts and keeps the lines.
    pub fn reset(&mut self) {
        (self.code_lines, self.constant_lines) = (0, 0);
    }
}
