//! The planner of the arena, for hosts.

use heapless::Vec;

use super::bound::unit_bytes;
use super::lifetime::{Interference, Item, interferences};
use super::unit::tensor_words;
use crate::graph::{Header, MAX_OPS, MAX_TENSORS};

/// The places of all tensors and of every unit's scratch in one arena.
///
/// A tensor lives from the unit that writes it to the last unit that reads it. The output of a unit
/// may overlap an input or a residual that is read for the last time, if no row of the output
/// overwrites a row that is still to be read. Tensors within a unit have no place.
///
/// Planning needs some 70 KiB of stack. A blob therefore carries its plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArenaPlan {
    tensors: Vec<u32, MAX_TENSORS>,
    scratch: Vec<u32, MAX_OPS>,
    words: usize,
}

const ITEMS: usize = MAX_TENSORS + MAX_OPS;
/// There is no constraint between two items.
const FREE: i32 = i32::MAX;
/// Two items must not overlap.
const APART: i32 = i32::MIN;

/// Index of an item. The remainders keep the indices of an invalid header, which the writer
/// refuses, inside the arrays.
const fn number(item: Item) -> usize {
    match item {
        Item::Tensor(id) => id as usize % MAX_TENSORS,
        Item::Scratch(op) => MAX_TENSORS + op as usize % MAX_OPS,
    }
}

/// The constraints of a network.
struct Problem {
    /// Words of each item.
    words: [u32; ITEMS],
    /// `[new][old]`: [`FREE`], [`APART`], or the slack of `new` over `old`.
    limits: [[i32; MAX_TENSORS]; ITEMS],
}

/// The order in which items are placed.
#[derive(Clone, Copy)]
enum Order {
    Tensors,
    Largest,
    Forward,
    Backward,
}

impl ArenaPlan {
    /// The smallest of several plans for a network. It depends on shapes and kinds of kernels only,
    /// so the network need not have weights. An invalid header, which the writer refuses, has any
    /// plan.
    pub fn of_header(header: &Header<'_>) -> Self {
        let mut problem = Problem { words: [0; ITEMS], limits: [[FREE; MAX_TENSORS]; ITEMS] };
        problem.words[0] = tensor_words(header, 0) as u32;
        interferences(header, |both| {
            let (new, old) = (number(both.new), number(Item::Tensor(both.old)));
            problem.words[new] = both.new_words as u32;
            problem.words[old] = both.old_words as u32;
            problem.limits[new][old] = both.slack.unwrap_or(APART);
        });
        let (mut bound, mut start) = (0, 0);
        while let Some((bytes, next)) = unit_bytes(header, start) {
            bound = bytes.max(bound);
            start = next;
        }
        let mut best = problem.place(Order::Tensors);
        for order in [Order::Largest, Order::Forward, Order::Backward] {
            // No plan is smaller than the largest unit.
            if best.1 as usize * 4 <= bound {
                break;
            }
            let other = problem.place(order);
            if other.1 < best.1 {
                best = other;
            }
        }
        let (at, words) = best;
        Self {
            tensors: at[..header.tensors.len()].iter().copied().collect(),
            scratch: at[MAX_TENSORS..MAX_TENSORS + header.ops.len()].iter().copied().collect(),
            words: words as usize,
        }
    }

    /// Bytes of the arena.
    pub fn bytes(&self) -> usize {
        self.words * 4
    }

    /// 32-bit words of the arena.
    pub fn words(&self) -> usize {
        self.words
    }

    /// First word of a tensor; 0 if it has no place.
    pub fn tensor_at(&self, tensor: u8) -> u32 {
        self.tensors.get(usize::from(tensor)).copied().unwrap_or(0)
    }

    /// First word of the scratch of the unit that starts with operation `op`; 0 if none starts
    /// there.
    pub fn scratch_at(&self, op: usize) -> u32 {
        self.scratch.get(op).copied().unwrap_or(0)
    }
}

impl Problem {
    /// Places the items in this order, each at the lowest address that its constraints allow.
    /// Returns the places and the words of the arena.
    fn place(&self, order: Order) -> ([u32; ITEMS], u32) {
        let mut items: Vec<u8, ITEMS> =
            (0..ITEMS as u8).filter(|&i| self.words[usize::from(i)] > 0).collect();
        let time = |i: u8| {
            // Tensor `i + 1` follows the scratch of operation `i`, which writes it in networks of
            // this project's exporter.
            let i = usize::from(i);
            if i < MAX_TENSORS { 2 * i } else { 2 * (i - MAX_TENSORS) + 1 }
        };
        match order {
            Order::Tensors => items.sort_unstable_by_key(|&i| {
                let scratch = usize::from(i) >= MAX_TENSORS;
                (scratch, u32::MAX - self.words[usize::from(i)], i)
            }),
            Order::Largest => {
                items.sort_unstable_by_key(|&i| (u32::MAX - self.words[usize::from(i)], i));
            }
            Order::Forward => items.sort_unstable_by_key(|&i| time(i)),
            Order::Backward => items.sort_unstable_by_key(|&i| 1000 - time(i)),
        }
        let mut at = [0; ITEMS];
        let mut total = 0;
        for (done, &i) in items.iter().enumerate() {
            let (i, placed) = (usize::from(i), &items[..done]);
            let fits = |start: u32| {
                placed.iter().all(|&j| self.allows(i, start, usize::from(j), at[usize::from(j)]))
            };
            // The lowest place is 0, the end of another item, or the slack over one.
            let mut lowest = u32::MAX;
            let mut consider = |start: i64| {
                if let Ok(start) = u32::try_from(start)
                    && start < lowest
                    && fits(start)
                {
                    lowest = start;
                }
            };
            consider(0);
            for &j in placed {
                let j = usize::from(j);
                consider(i64::from(at[j] + self.words[j]));
                if let Some(slack) = self.slack(j, i) {
                    consider(i64::from(at[j]) - i64::from(slack));
                }
            }
            at[i] = lowest;
            total = total.max(lowest + self.words[i]);
        }
        (at, total)
    }

    fn limit(&self, new: usize, old: usize) -> i32 {
        if old < MAX_TENSORS { self.limits[new][old] } else { FREE }
    }

    /// The slack of `new` over `old`, if the two may overlap.
    fn slack(&self, new: usize, old: usize) -> Option<i32> {
        Some(self.limit(new, old)).filter(|&l| l != FREE && l != APART)
    }

    fn allows(&self, i: usize, i_at: u32, j: usize, j_at: u32) -> bool {
        let one = |new: usize, new_at, old: usize, old_at| {
            let limit = self.limit(new, old);
            let both = Interference {
                new: Item::Tensor(0),
                new_words: self.words[new] as usize,
                old: 0,
                old_words: self.words[old] as usize,
                slack: self.slack(new, old),
            };
            limit == FREE || both.allows(new_at, old_at)
        };
        one(i, i_at, j, j_at) && one(j, j_at, i, i_at)
    }
}
