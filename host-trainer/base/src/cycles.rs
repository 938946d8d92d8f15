//! Estimated clock cycles with their range.

use std::iter::Sum;
use std::ops::Add;

use serde::{Deserialize, Serialize};

/// The words that accompany every estimated time.
pub const ESTIMATED: &str = "estimated (core model, no wait states)";

/// Estimated clock cycles of a core whose memory has no wait states. They are never measured: a
/// board's cycles have another name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cycles {
    /// Lower end of the range that the core's manual leaves open.
    pub low: u64,
    /// The estimate.
    pub mid: u64,
    /// Upper end of that range.
    pub high: u64,
}

impl Cycles {
    /// The same time in milliseconds at a clock in Hz.
    pub fn milliseconds(self, clock_hz: u64) -> Milliseconds {
        let time = |cycles: u64| cycles as f64 / clock_hz.max(1) as f64 * 1e3;
        Milliseconds { low: time(self.low), mid: time(self.mid), high: time(self.high) }
    }
}

impl Add for Cycles {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self { low: self.low + other.low, mid: self.mid + other.mid, high: self.high + other.high }
    }
}

impl Sum for Cycles {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), Add::add)
    }
}

/// An estimated time with its range, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Milliseconds {
    /// Lower end of the range.
    pub low: f64,
    /// The estimate.
    pub mid: f64,
    /// Upper end of the range.
    pub high: f64,
}

/// Reads of flash lines that a core waits for, and the words of constants behind them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlashReads {
    /// Lines of code that the buffer does not hold.
    pub code_lines: u64,
    /// Lines of constants that the buffer does not hold.
    pub constant_lines: u64,
    /// Words of constants that are read.
    pub constant_words: u64,
}

impl FlashReads {
    /// Cycles that a core waits for, at this number of wait states for each line.
    pub fn waits(self, wait_states: u64) -> u64 {
        (self.code_lines + self.constant_lines) * wait_states
    }
}

impl Sum for FlashReads {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |a, b| Self {
            code_lines: a.code_lines + b.code_lines,
            constant_lines: a.constant_lines + b.constant_lines,
            constant_words: a.constant_words + b.constant_words,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cycles_become_milliseconds_at_a_clock() {
        let sum: Cycles = [Cycles { low: 1, mid: 2, high: 4 }, Cycles { low: 3, mid: 4, high: 6 }]
            .into_iter()
            .sum();
        assert_eq!(sum, Cycles { low: 4, mid: 6, high: 10 });
        let time = sum.milliseconds(2000);
        assert_eq!((time.low, time.mid, time.high), (2.0, 3.0, 5.0));
    }

    #[test]
    fn every_line_costs_the_wait_states() {
        let reads = FlashReads { code_lines: 3, constant_lines: 2, constant_words: 100 };
        assert_eq!(reads.waits(5), 25);
    }
}
