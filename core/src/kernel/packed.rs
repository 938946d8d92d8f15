//! The fast kernels: rows roll through layers, residual blocks and rolled units.
//!
//! [`Packed`] turns the primitives of a [`MicroKernel`] into [`Kernels`]. It holds the order of
//! rows; [`stage`](super::stage) holds a single layer. [`rolled`] holds units of several layers,
//! [`whole`] the layers that take no rows.

mod rolled;
mod whole;

use core::cell::Cell;
use core::ops::Range;

use super::micro::MicroKernel;
use super::shape::ConvShape;
use super::stage::{Needed, Stage, part, take};
use super::task::{BlockTask, ClassifierTask, ConvTask, Kernels};
use crate::graph::{Form, KernelSet, Observer};
use crate::quant;

/// Kernels over the primitives `M`.
///
/// Each row of an input is widened once, into a ring buffer with as many rows as a step reads. From
/// then on the row is free, so that an output may overwrite it. Within a residual block, the rows
/// of the first convolution pass through a buffer of one step into the ring buffer of the second.
#[derive(Clone, Copy, Debug, Default)]
pub struct Packed<M>(pub M);

impl<M: MicroKernel> Kernels for Packed<M> {
    const ROLLED: bool = true;
    const KERNELS: KernelSet = M::KERNELS;

    fn conv<O: Observer + ?Sized>(
        &self,
        task: &ConvTask<'_>,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        let micro = &self.0;
        let _ = match task.shape.form {
            Form::Dense if M::KERNELS.dense() => {
                whole::dense(micro, task, scratch, arena, observer)
            }
            Form::Add if M::KERNELS.addition() => {
                whole::addition(micro, task, scratch, arena, observer)
            }
            _ => conv(micro, task, scratch, arena, observer),
        };
    }

    fn rolled<O: Observer + ?Sized>(
        &self,
        tasks: &[ConvTask<'_>],
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        let _ = rolled::rolled(&self.0, tasks, scratch, arena, observer);
    }

    fn block<O: Observer + ?Sized>(
        &self,
        task: &BlockTask<'_, '_>,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        let _ = block(&self.0, task, scratch, arena, observer);
    }

    fn classifier(&self, task: &ClassifierTask<'_>, arena: &mut [u32], logits: &mut [i32]) {
        classifier(&self.0, task, arena, logits);
    }
}

/// Words of a layer's ring buffer.
#[inline(never)]
fn ring_words<M: MicroKernel>(shape: &ConvShape) -> usize {
    if M::KERNELS.other() {
        return shape.ring_words();
    }
    let ring = shape.ring();
    ring.row * ring.rows
}

// The three functions are out of line, so that their stack frames do not add up.

#[inline(never)]
fn conv<M: MicroKernel, O: Observer + ?Sized>(
    micro: &M,
    task: &ConvTask<'_>,
    scratch: Range<usize>,
    arena: &mut [u32],
    observer: &mut O,
) -> Option<()> {
    let (mut sides, mut scratch) = Sides::new(arena, scratch)?;
    let rows = take(&mut scratch, ring_words::<M>(&task.shape))?;
    let mut stage = Stage::new::<M>(task, rows);
    let height = usize::from(task.shape.output.height);
    let mut y = 0;
    while y < height {
        let end = (y + task.shape.step()).min(height);
        sides.read(micro, &mut stage, y);
        sides.residual(task, task.residual_at, y..end);
        stage.make(micro, y, scratch, sides.rows(task, y..end));
        if M::KERNELS.pointwise() {
            sides.tell_folded(task, y..end, observer);
        } else {
            sides.tell(task.op, task, y..end, observer);
        }
        y = end;
    }
    Some(())
}

#[inline(never)]
fn classifier<M: MicroKernel>(
    micro: &M,
    task: &ClassifierTask<'_>,
    arena: &mut [u32],
    logits: &mut [i32],
) {
    let words = task.pixel_words();
    let Some((sides, pairs)) = Sides::new(arena, task.scratch.clone()) else { return };
    let input = sides.words(task.input_at, task.input.pixels() * words);
    let shift = quant::pool_shift(task.input.pixels());
    for (j, pair) in pairs.chunks_exact_mut(2).enumerate() {
        let sums = micro.pool(input.get(j..).unwrap_or_default(), words);
        let [c0, c1, c2, c3] = sums.map(|s| u32::from(quant::pooled(s, shift) as u16));
        if let [low, high] = pair {
            (*low, *high) = (c0 | (c2 << 16), c1 | (c3 << 16));
        }
    }
    let numbers = task.bias.iter().zip(task.multiplier);
    for (i, (logit, (&bias, &multiplier))) in logits.iter_mut().zip(numbers).enumerate() {
        let row = part(task.weights, words, i).unwrap_or_default();
        *logit = micro.mulr(micro.dot(pairs, row, bias), multiplier);
    }
}

/// Executes a residual block row by row.
#[inline(never)]
fn block<M: MicroKernel, O: Observer + ?Sized>(
    micro: &M,
    block: &BlockTask<'_, '_>,
    scratch: Range<usize>,
    arena: &mut [u32],
    observer: &mut O,
) -> Option<()> {
    let (mut sides, mut scratch) = Sides::new(arena, scratch)?;
    let BlockTask { first: task, projection, second } = block;
    let (row, step) = (task.shape.out_row(), task.shape.step());
    let first_rows = take(&mut scratch, ring_words::<M>(&task.shape) + task.shape.first_pixel())?;
    let buffer = take(&mut scratch, step * row)?;
    let second_rows = take(&mut scratch, ring_words::<M>(&second.shape))?;
    let mut first = Stage::new::<M>(task, first_rows);
    observer.enter(second.op);
    let mut last = Stage::new::<M>(second, second_rows);
    let height = usize::from(second.shape.output.height);
    let (mut y, mut made, mut start) = (0, 0, 0);
    while y < height {
        let end = (y + second.shape.step()).min(height);
        while let Some(next) = last.missing(y) {
            let Needed::Row(wanted) = next else {
                last.padding::<M>();
                continue;
            };
            if wanted >= made {
                start = made;
                made = (made + step).min(height);
                observer.enter(task.op);
                sides.read(micro, &mut first, start);
                let rows = buffer.get_mut(..(made - start) * row)?;
                first.make(micro, start, scratch, rows);
                for y in start..made {
                    observer.row(task.op, y, part(rows, row, y - start).unwrap_or_default());
                }
                if let Some(task) = projection {
                    observer.enter(task.op);
                    for y in start..made {
                        first.project(micro, task, y, sides.rows(second, y..y + 1));
                        sides.tell(task.op, second, y..y + 1, observer);
                    }
                }
                observer.enter(second.op);
            }
            last.row(micro, buffer.get((wanted - start) * row..)?);
        }
        let residual = if projection.is_some() { None } else { second.residual_at };
        sides.residual(second, residual, y..end);
        last.make(micro, y, scratch, sides.rows(second, y..end));
        sides.tell(second.op, second, y..end, observer);
        y = end;
    }
    Some(())
}

/// The arena around the scratch of a unit. Each tensor lies on one side of the scratch.
struct Sides<'m> {
    before: &'m mut [u32],
    behind: &'m mut [u32],
    /// Index of the first word behind the scratch.
    end: usize,
}

impl<'m> Sides<'m> {
    fn new(arena: &'m mut [u32], scratch: Range<usize>) -> Option<(Self, &'m mut [u32])> {
        let (before, rest) = arena.split_at_mut_checked(scratch.start)?;
        let (words, behind) = rest.split_at_mut_checked(scratch.len())?;
        Some((Self { before, behind, end: scratch.end }, words))
    }

    /// `count` words of a tensor from word `at` of the arena on; empty if they do not exist.
    fn words(&self, at: usize, count: usize) -> &[u32] {
        let words = match at.checked_sub(self.end) {
            Some(at) => self.behind.get(at..),
            None => self.before.get(at..),
        };
        words.and_then(|w| w.get(..count)).unwrap_or_default()
    }

    fn words_mut(&mut self, at: usize, count: usize) -> &mut [u32] {
        let words = match at.checked_sub(self.end) {
            Some(at) => self.behind.get_mut(at..),
            None => self.before.get_mut(at..),
        };
        words.and_then(|w| w.get_mut(..count)).unwrap_or_default()
    }

    /// Gives a stage the rows that its step at output row `y` needs.
    fn read<M: MicroKernel>(&self, micro: &M, stage: &mut Stage<'_, '_, '_>, y: usize) {
        let task = stage.task;
        let input = &task.shape.input;
        while let Some(row) = stage.missing(y) {
            let Needed::Row(row) = row else {
                stage.padding::<M>();
                continue;
            };
            if !task.table.is_empty() {
                let bytes = usize::from(input.width) * usize::from(input.channels);
                let image = self.words(task.input_at, input.len().div_ceil(4));
                let image: &[u8] = bytemuck::cast_slice(image);
                let source = image.get(row * bytes..).and_then(|r| r.get(..bytes));
                stage.image_row(micro, source.unwrap_or_default(), task.table);
            } else {
                let words = task.shape.in_row();
                stage.row(micro, self.words(task.input_at + row * words, words));
            }
        }
    }

    /// Rows of a convolution's output.
    fn rows(&mut self, task: &ConvTask<'_>, rows: Range<usize>) -> &mut [u32] {
        let row = task.shape.out_row();
        self.words_mut(task.output_at + rows.start * row, rows.len() * row)
    }

    /// Copies rows of a residual to the place of the output, if the two differ.
    fn residual(&mut self, task: &ConvTask<'_>, residual_at: Option<usize>, rows: Range<usize>) {
        let Some(from) = residual_at.filter(|&at| at != task.output_at) else { return };
        let row = task.shape.out_row();
        let [before, behind] =
            [&mut *self.before, &mut *self.behind].map(|m| Cell::from_mut(m).as_slice_of_cells());
        let words = |at: usize| {
            let at = at + rows.start * row;
            let words = match at.checked_sub(self.end) {
                Some(at) => behind.get(at..),
                None => before.get(at..),
            };
            words.unwrap_or_default().iter().take(rows.len() * row)
        };
        // In ascending order: if the two overlap, the output lies lower.
        for (place, word) in words(task.output_at).zip(words(from)) {
            place.set(word.get());
        }
    }

    /// Shows the observer rows that operation `op` has written to the output of `task`.
    fn tell<O: Observer + ?Sized>(
        &self,
        op: usize,
        task: &ConvTask<'_>,
        rows: Range<usize>,
        observer: &mut O,
    ) {
        let row = task.shape.out_row();
        for y in rows {
            observer.row(op, y, self.words(task.output_at + y * row, row));
        }
    }

    /// As [`Self::tell`], for a layer of which several rows may count as one.
    fn tell_folded<O: Observer + ?Sized>(
        &self,
        task: &ConvTask<'_>,
        rows: Range<usize>,
        observer: &mut O,
    ) {
        let fold = usize::from(task.shape.fold);
        let row = task.shape.out_row().checked_div(fold).unwrap_or(0);
        for y in rows.start * fold..rows.end * fold {
            observer.row(task.op, y, self.words(task.output_at + y * row, row));
        }
    }
}
