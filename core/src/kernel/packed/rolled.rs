//! Rolled units: a row of the last layer asks for the rows that it needs.

use core::ops::Range;

use heapless::Vec;

use super::super::micro::MicroKernel;
use super::super::stage::{Needed, Stage, take};
use super::super::task::ConvTask;
use super::Sides;
use crate::graph::{MAX_ROLLED, Observer};

/// Executes a rolled unit. Each layer has its ring buffer; a row of outputs passes through a buffer
/// into the ring buffer of the next layer. No row is computed twice.
#[inline(never)]
pub(super) fn rolled<M: MicroKernel, O: Observer + ?Sized>(
    micro: &M,
    tasks: &[ConvTask<'_>],
    scratch: Range<usize>,
    arena: &mut [u32],
    observer: &mut O,
) -> Option<()> {
    let (mut sides, mut scratch) = Sides::new(arena, scratch)?;
    let mut stages: Vec<(Stage<'_, '_, '_>, usize), MAX_ROLLED> = Vec::new();
    for task in tasks {
        observer.enter(task.op);
        let rows = take(&mut scratch, task.shape.ring_words())?;
        stages.push((Stage::new::<M>(task, rows), 0)).ok()?;
    }
    let buffer = scratch;
    let last = tasks.len().checked_sub(1)?;
    // The layer at work. Each stage has its next row of outputs beside it.
    let mut at = last;
    let mut entered = usize::MAX;
    loop {
        let (stage, next) = stages.get_mut(at)?;
        let (task, y) = (stage.task, *next);
        match stage.missing(y) {
            Some(Needed::Row(_)) if at > 0 => {
                at -= 1;
                continue;
            }
            missing => {
                if entered != at {
                    observer.enter(task.op);
                    entered = at;
                }
                if missing.is_some() {
                    match missing {
                        Some(Needed::Padding) => stage.padding::<M>(),
                        _ => sides.read(micro, stage, y),
                    }
                    continue;
                }
            }
        }
        *next = y + 1;
        if at == last {
            sides.residual(task, task.residual_at, y..y + 1);
            stage.make(micro, y, &mut [], sides.rows(task, y..y + 1));
            sides.tell(task.op, task, y..y + 1, observer);
            if y + 1 >= usize::from(task.shape.output.height) {
                return Some(());
            }
        } else {
            let row = buffer.get_mut(..task.shape.out_row())?;
            stage.make(micro, y, &mut [], row);
            observer.row(task.op, y, row);
            at += 1;
            let (stage, _) = stages.get_mut(at)?;
            observer.enter(stage.task.op);
            entered = at;
            stage.row(micro, row);
        }
    }
}
