//! Where tensors and scratch lie: by lifetimes, fused outputs in place.

use core::ops::Range;

use heapless::Vec;

use super::scratch_words;
use crate::blob::BlobView;
use crate::graph::{Conv, MAX_OPS, MAX_TENSORS, Op, Tensor, padded};

/// Places of all tensors and of every operation's scratch in one arena.
///
/// A tensor lives from the operation that writes it to the last that reads it. The output of a
/// convolution takes the place of a residual that dies there, or of an input that dies there
/// as long as no output row lies over an input row that has not been read yet.
#[derive(Clone, Debug)]
pub struct ArenaPlan {
    tensors: Vec<u32, MAX_TENSORS>,
    scratch: Vec<(u32, u32), MAX_OPS>,
    words: usize,
}

/// What may share a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sharing {
    Nothing,
    Equal,
    Any,
}

/// Memory with a size and a lifetime in operations.
#[derive(Clone, Copy, Debug)]
struct Block {
    words: u32,
    at: u32,
    first: u8,
    last: u8,
}

impl ArenaPlan {
    /// The smallest plan for kernels that read every input row before it can be overwritten.
    pub fn new(view: &BlobView<'_>) -> Self {
        let any = place(view, Sharing::Any);
        let equal = place(view, Sharing::Equal);
        let best = if equal.words < any.words { equal } else { any };
        let nothing = place(view, Sharing::Nothing);
        if nothing.words < best.words { nothing } else { best }
    }

    /// A plan in which no living tensor lies over another.
    pub fn separate(view: &BlobView<'_>) -> Self {
        place(view, Sharing::Nothing)
    }

    /// Bytes of the arena: exactly what is used at the peak.
    pub fn bytes(&self) -> usize {
        self.words * 4
    }

    /// 32-bit words of the arena.
    pub fn words(&self) -> usize {
        self.words
    }

    /// First word of a tensor.
    pub fn tensor_at(&self, tensor: u8) -> usize {
        self.tensors.get(usize::from(tensor)).map_or(0, |&at| at as usize)
    }

    /// Words of an operation's scratch.
    pub fn scratch(&self, op: usize) -> Range<usize> {
        let (at, words) = self.scratch.get(op).copied().unwrap_or((0, 0));
        at as usize..(at + words) as usize
    }
}

fn reads(op: &Op, tensor: usize) -> bool {
    let tensor = tensor as u8;
    match op {
        Op::Conv(c) => c.input == tensor || c.residual == Some(tensor),
        Op::Classifier(c) => c.input == tensor,
    }
}

/// True where output row `y` never reaches an input row that row `y + 1` still has to widen.
fn in_place(conv: &Conv, input: &Tensor, output: &Tensor) -> bool {
    let row = |t: &Tensor| usize::from(t.shape.width) * padded(t.shape.channels);
    let (height, pad) = (usize::from(input.shape.height), usize::from(conv.kernel) / 2);
    (0..usize::from(output.shape.height)).all(|y| {
        let widened = y * usize::from(conv.stride) + pad + 1;
        widened >= height || (y + 1) * row(output) <= widened * row(input)
    })
}

// Kept out of line: three plans are compared, one after the other, on a small stack.
#[inline(never)]
fn place(view: &BlobView<'_>, sharing: Sharing) -> ArenaPlan {
    let (tensors, ops) = (&view.header().tensors, &view.header().ops);
    // Tensors first, then scratch; `owner` is the block whose place a tensor takes.
    let mut blocks: Vec<Block, { MAX_TENSORS + MAX_OPS }> = Vec::new();
    let mut owner = [0u8; MAX_TENSORS];
    for (i, tensor) in tensors.iter().enumerate() {
        let last = ops.iter().rposition(|op| reads(op, i));
        let writes = |op: &Op| matches!(op, Op::Conv(c) if usize::from(c.output) == i);
        let first = ops.iter().position(writes).unwrap_or(0);
        owner[i] = i as u8;
        let (first, last) = (first as u8, last.unwrap_or(first) as u8);
        // The capacity is that of all tensors and operations together.
        let _ = blocks.push(Block { words: tensor.words() as u32, at: 0, first, last });
    }
    for (i, op) in ops.iter().enumerate() {
        let words = scratch_words(view, op) as u32;
        let _ = blocks.push(Block { words, at: 0, first: i as u8, last: i as u8 });
    }
    for (i, op) in ops.iter().enumerate() {
        let Op::Conv(conv) = op else { continue };
        let (input, output) = (usize::from(conv.input), usize::from(conv.output));
        let over_input = in_place(conv, &tensors[input], &tensors[output]);
        let residual = conv.residual.map(usize::from).filter(|&r| r != input || over_input);
        for source in residual.into_iter().chain(over_input.then_some(input)) {
            let from = usize::from(owner[source]);
            let same = tensors[source].words() == tensors[output].words()
                && blocks[from].words == blocks[output].words;
            let allowed = match sharing {
                Sharing::Nothing => false,
                Sharing::Equal => same,
                Sharing::Any => true,
            };
            // The place must not be needed by anything else after this operation.
            if allowed && blocks[from].last == i as u8 {
                blocks[from].last = blocks[output].last;
                blocks[from].words = blocks[from].words.max(blocks[output].words);
                blocks[output].words = 0;
                owner[output] = from as u8;
                break;
            }
        }
    }
    let words = assign(&mut blocks);
    let mut plan = ArenaPlan { tensors: Vec::new(), scratch: Vec::new(), words };
    for &owner in &owner[..tensors.len()] {
        let _ = plan.tensors.push(blocks[usize::from(owner)].at);
    }
    for block in &blocks[tensors.len()..] {
        let _ = plan.scratch.push((block.at, block.words));
    }
    plan
}

/// Largest first, each at the lowest address where it overlaps nothing that lives with it.
fn assign(blocks: &mut [Block]) -> usize {
    let mut order: Vec<u8, { MAX_TENSORS + MAX_OPS }> = (0..blocks.len() as u8).collect();
    order.sort_unstable_by_key(|&i| (u32::MAX - blocks[usize::from(i)].words, i));
    let mut total = 0;
    for (done, &i) in order.iter().enumerate() {
        let block = blocks[usize::from(i)];
        if block.words == 0 {
            continue;
        }
        let mut at = 0;
        // Moving up past one neighbour may meet another: repeat until none is in the way.
        while let Some(next) = order[..done]
            .iter()
            .map(|&j| blocks[usize::from(j)])
            .filter(|o| o.words > 0 && o.first <= block.last && block.first <= o.last)
            .filter(|o| o.at < at + block.words && at < o.at + o.words)
            .map(|o| o.at + o.words)
            .max()
        {
            at = next;
        }
        blocks[usize::from(i)].at = at;
        total = total.max(at + block.words);
    }
    total as usize
}
