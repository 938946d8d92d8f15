//! What a unit needs of the arena, whatever the plan.

use super::unit::{Unit, tensor_words};
use crate::graph::Header;

/// Bytes of the arena that the unit which starts with operation `op` has in use at once: its
/// scratch and, as far over each other as they may lie, its input and its output. No plan of the
/// arena is smaller than that of any of its units. Also says with which operation the next unit
/// starts; `None` where no unit starts.
pub fn unit_bytes(header: &Header<'_>, op: usize) -> Option<(usize, usize)> {
    let unit = Unit::at(header, op)?;
    let input = tensor_words(header, unit.input());
    let tensors = match unit.last() {
        None => input,
        Some(last) => {
            let output = tensor_words(header, last.output);
            // The output may start `slack` words behind the start of the input, or before.
            let before = unit.slack(header).min(0).unsigned_abs() as usize;
            (input + output).min(output.max(input + before))
        }
    };
    Some(((tensors + unit.scratch_words(header)) * 4, op + unit.len()))
}
