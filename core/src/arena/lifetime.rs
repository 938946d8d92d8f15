//! The items that live at the same time, and how far they may overlap.
//!
//! Planner and checker share this walk over the lifetimes, so that a plan is judged by the rules
//! that made it.

use super::unit::{Unit, read_from, tensor_words};
use crate::graph::Graph;

/// An item that needs a place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// A tensor.
    Tensor(u8),
    /// The scratch of the unit that starts with this operation.
    Scratch(u8),
}

/// Two items that live at the same time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Interference {
    /// The later item: the scratch of a unit, or the tensor that the unit writes.
    pub(crate) new: Item,
    /// Words of `new`.
    pub(crate) new_words: usize,
    /// The earlier item: a tensor.
    pub(crate) old: u8,
    /// Words of `old`.
    pub(crate) old_words: usize,
    /// The slack, if `new` may overlap `old`: the maximum offset of `new` from the start of `old`,
    /// in words.
    pub(crate) slack: Option<i32>,
}

impl Interference {
    /// True if the two places are compatible.
    pub(crate) fn allows(&self, new_at: u32, old_at: u32) -> bool {
        let (new, old) = (i64::from(new_at), i64::from(old_at));
        new + self.new_words as i64 <= old
            || old + self.old_words as i64 <= new
            || self.slack.is_some_and(|slack| new <= old + i64::from(slack))
    }
}

/// Calls `visit` with each interference, in the order of execution. Tensors that live within a unit
/// need no place and are not items.
pub(crate) fn interferences(graph: &impl Graph, mut visit: impl FnMut(Interference)) {
    Unit::each(graph, |start, unit| {
        let next = start + unit.len();
        let scratch = unit.scratch_words(graph);
        let output = unit.output().map(|id| (id, tensor_words(graph, id)));
        let mut old = |id: u8| {
            let old_words = tensor_words(graph, id);
            let new = Item::Scratch(start as u8);
            visit(Interference { new, new_words: scratch, old: id, old_words, slack: None });
            let Some((output, new_words)) = output else { return };
            let reads = unit.input() == id || unit.residual() == Some(id);
            let slack = (reads && !read_from(graph, next, id))
                .then(|| if unit.input() == id { unit.slack(graph) } else { 0 });
            visit(Interference { new: Item::Tensor(output), new_words, old: id, old_words, slack });
        };
        if read_from(graph, start, 0) {
            old(0);
        }
        for index in 0..start {
            if let Some(conv) = graph.conv(index)
                && read_from(graph, start, conv.output)
            {
                old(conv.output);
            }
        }
        if let Some((id, old_words)) = output {
            let new = Item::Scratch(start as u8);
            visit(Interference { new, new_words: scratch, old: id, old_words, slack: None });
        }
    });
}
