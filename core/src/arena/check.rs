//! The proof that the arena plan of a blob is sound.

use super::lifetime::{Item, interferences};
use super::unit::{Unit, tensor_words};
use crate::graph::Graph;

/// True if all tensors and scratch of a graph lie inside the arena and all interferences are
/// respected. `tensor` and `scratch` return places, in words.
pub(crate) fn is_sound(
    graph: &impl Graph,
    words: u32,
    tensor: impl Fn(u8) -> u32,
    scratch: impl Fn(usize) -> u32,
) -> bool {
    let inside = |at: u32, length: usize| u64::from(at) + length as u64 <= u64::from(words);
    let mut sound = inside(tensor(0), tensor_words(graph, 0));
    Unit::each(graph, |start, unit| {
        sound &= inside(scratch(start), unit.scratch_words(graph));
        if let Some(written) = unit.output() {
            sound &= inside(tensor(written), tensor_words(graph, written));
        }
    });
    interferences(graph, |both| {
        let new = match both.new {
            Item::Tensor(id) => tensor(id),
            Item::Scratch(op) => scratch(usize::from(op)),
        };
        sound &= both.allows(new, tensor(both.old));
    });
    sound
}
