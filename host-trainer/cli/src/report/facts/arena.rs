//! The use of the arena, operation by operation.

use serde::Serialize;
use supernano_core::arena::{ArenaPlan, scratch_bytes, unit_bytes};
use supernano_core::graph::Header;

/// A range of the arena that is in use for some operations.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Span {
    /// What lies there.
    pub name: String,
    /// First and last operation, from 1.
    pub operations: [usize; 2],
    /// First byte and the byte after the last one.
    pub bytes: [u64; 2],
    /// True for scratch, false for a feature map.
    pub scratch: bool,
}

/// The places of the feature maps and of the scratch, with the operations for which each is in use.
pub(super) fn spans(header: &Header<'_>) -> Vec<Span> {
    let plan = ArenaPlan::of_header(header);
    // The first and the last operation of each unit.
    let mut units: Vec<[usize; 2]> = Vec::new();
    while let Some((_, next)) = unit_bytes(header, units.last().map_or(0, |u| u[1] + 1)) {
        units.push([units.last().map_or(0, |u| u[1] + 1), next - 1]);
    }
    let mut spans = Vec::new();
    for (id, tensor) in (0u8..).zip(&header.tensors) {
        let reads = |op: usize| {
            let op = &header.ops[op];
            op.input() == id || op.conv().is_some_and(|c| c.residual == Some(id))
        };
        let written = units.iter().position(|u| {
            let output = header.ops.get(u[1]).and_then(|op| op.conv()).map(|c| c.output);
            output == Some(id)
        });
        let born = if id == 0 { Some(0) } else { written };
        let Some(born) = born else { continue };
        let last = units.iter().rposition(|u| (u[0]..=u[1]).any(reads)).unwrap_or(born);
        let words = if id == 0 { tensor.image_words() } else { tensor.words() };
        let start = u64::from(plan.tensor_at(id)) * 4;
        let name = match header.ops.get(units[born][1]).filter(|_| id > 0) {
            Some(_) => format!("output of operation {}", units[born][1] + 1),
            None => "input".to_owned(),
        };
        spans.push(Span {
            name,
            operations: [units[born][0] + 1, units[last.max(born)][1] + 1],
            bytes: [start, start + words as u64 * 4],
            scratch: false,
        });
    }
    for [first, last] in units {
        let bytes = scratch_bytes(header, first) as u64;
        if bytes > 0 {
            let start = u64::from(plan.scratch_at(first)) * 4;
            spans.push(Span {
                name: format!("scratch of operation {}", first + 1),
                operations: [first + 1, last + 1],
                bytes: [start, start + bytes],
                scratch: true,
            });
        }
    }
    spans
}
