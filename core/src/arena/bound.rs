//! A lower bound of the arena, unit by unit.

use super::unit::{Unit, tensor_words};
use crate::graph::Header;

/// Bytes of the arena that the unit with first operation `op` uses at once, and the first operation
/// of the next unit; `None` if no unit starts with `op`. Input and output overlap as far as they
/// may. No plan of the arena is smaller than any of its units.
pub fn unit_bytes(header: &Header<'_>, op: usize) -> Option<(usize, usize)> {
    let unit = Unit::at(header, op)?;
    let input = tensor_words(header, unit.input());
    let tensors = match unit.output() {
        None => input,
        Some(written) => {
            let output = tensor_words(header, written);
            // A negative slack moves the output before the start of the input.
            let before = unit.slack(header).min(0).unsigned_abs() as usize;
            (input + output).min(output.max(input + before))
        }
    };
    Some(((tensors + unit.scratch_words(header)) * 4, op + unit.len()))
}

/// Bytes of scratch of the unit with first operation `op`; 0 if no unit starts with `op`.
pub fn scratch_bytes(header: &Header<'_>, op: usize) -> usize {
    Unit::at(header, op).map_or(0, |unit| unit.scratch_words(header) * 4)
}
