//! The proof of a plan that a blob carries.

use super::lifetime::{Item, pairs};
use super::unit::{Unit, tensor_words};
use crate::graph::Graph;

/// True where the places of a graph keep apart what lives at the same time, lie inside the arena
/// and are 0 for what has none. `tensor` and `scratch` are places in words.
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
        if let Some(conv) = unit.last() {
            sound &= inside(tensor(conv.output), tensor_words(graph, conv.output));
        }
    });
    pairs(graph, |pair| {
        let new = match pair.new {
            Item::Tensor(id) => tensor(id),
            Item::Scratch(op) => scratch(usize::from(op)),
        };
        sound &= pair.allows(new, tensor(pair.old));
    });
    sound
}
