//! The choices of a space, in the order of codes.

use super::{Block, PlacedBlock, Space};

/// A property that a space leaves open. Every width is a choice; the others are choices if they have
/// more than one option.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Choice {
    /// The resolution of the image.
    Resolution,
    /// The number of blocks of a stage, by the stage's index.
    Depth(usize),
    /// The width of a layer.
    Width(usize),
    /// The expansion of a layer.
    Expansion(usize),
    /// The kernel of a layer.
    Kernel(usize),
}

/// A part of a written code: what stands between two `-`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// `r96`.
    Resolution,
    /// `d2`, with the index of the stage.
    Depth(usize),
    /// `12e3k5`: the layers whose width, expansion and kernel follow each other.
    Block {
        /// Layer of the width, from 0.
        width: Option<usize>,
        /// Layer of the expansion, from 0.
        expansion: Option<usize>,
        /// Layer of the kernel, from 0.
        kernel: Option<usize>,
    },
}

impl Slot {
    /// The choices in order.
    pub fn choices(self) -> impl Iterator<Item = Choice> {
        match self {
            Self::Resolution => [Some(Choice::Resolution), None, None],
            Self::Depth(stage) => [Some(Choice::Depth(stage)), None, None],
            Self::Block { width, expansion, kernel } => [
                width.map(Choice::Width),
                expansion.map(Choice::Expansion),
                kernel.map(Choice::Kernel),
            ],
        }
        .into_iter()
        .flatten()
    }
}

impl<'a> Space<'a> {
    /// The choices in the order of codes: the resolution, then for each stage its depth, and for each
    /// block its widths, each with the expansion and the kernel that belong to it.
    pub fn choices(&self) -> impl Iterator<Item = Choice> + use<'a> {
        self.slots().flat_map(|(_, slot)| slot.choices())
    }

    /// The parts of a written code with all blocks. The first item is the block that a part belongs
    /// to; the resolution has none, and the depth of a stage belongs to no block either.
    pub fn slots(&self) -> impl Iterator<Item = (Option<usize>, Slot)> + use<'a> {
        let space = *self;
        let resolution = (self.resolutions.len() > 1).then_some((None, Slot::Resolution));
        let blocks = self.placed_blocks().flat_map(move |placed| space.block_slots(placed));
        resolution.into_iter().chain(blocks)
    }

    fn block_slots(
        &self,
        placed: PlacedBlock,
    ) -> impl Iterator<Item = (Option<usize>, Slot)> + use<'a> {
        let (first, last) = (placed.first, placed.last());
        let layers = self.layers;
        let stage = self
            .stages
            .iter()
            .position(|stage| usize::from(stage.first) == placed.index && stage.depths.len() > 1);
        let slot = |width: usize, expansion: Option<usize>, kernel: usize| {
            let layer = |i: usize| layers.get(i);
            let free =
                |&i: &usize| layer(i).is_some_and(|l| l.same_as.is_none() && !l.widths.is_empty());
            let (width, expansion, kernel) = (
                Some(width).filter(free),
                expansion.filter(|&i| layer(i).is_some_and(|l| l.widths.len() > 1)),
                Some(kernel).filter(|&i| layer(i).is_some_and(|l| l.kernels.len() > 1)),
            );
            let some = width.is_some() || expansion.is_some() || kernel.is_some();
            some.then_some(Slot::Block { width, expansion, kernel })
        };
        let slots = match placed.block {
            Block::Conv | Block::Dense | Block::Pool => [slot(first, None, first), None],
            Block::Residual(_) => [slot(first, None, first), slot(last, None, last)],
            Block::Separable => [slot(last, None, first), None],
            Block::Inverted(_) => [slot(last, Some(first), first + 1), None],
        };
        let depth = stage.map(|stage| (None, Slot::Depth(stage)));
        let parts = slots.map(|slot| slot.map(|slot| (Some(placed.index), slot)));
        [depth].into_iter().chain(parts).flatten()
    }

    /// Number of options of a choice.
    pub fn options(&self, choice: Choice) -> usize {
        match choice {
            Choice::Resolution => self.resolutions.len(),
            Choice::Depth(stage) => self.stages[stage].depths.len(),
            Choice::Width(layer) | Choice::Expansion(layer) => self.layers[layer].widths.len(),
            Choice::Kernel(layer) => self.layers[layer].kernels.len(),
        }
    }

    /// The block that a choice belongs to; `None` for the resolution and the depth of a stage.
    pub fn block_of(&self, choice: Choice) -> Option<PlacedBlock> {
        match choice {
            Choice::Resolution | Choice::Depth(_) => None,
            Choice::Width(layer) | Choice::Expansion(layer) | Choice::Kernel(layer) => {
                self.placed_blocks().find(|b| (b.first..=b.last()).contains(&layer))
            }
        }
    }

    /// Number of codes: the product of the numbers of options. For a validated space at most
    /// 2^128 - 1. It equals the number of sub-networks, [`Self::networks`], if no depth is open.
    pub fn size(&self) -> u128 {
        self.checked_size().unwrap_or(u128::MAX)
    }

    pub(super) fn checked_size(&self) -> Option<u128> {
        self.choices().try_fold(1u128, |n, choice| n.checked_mul(self.options(choice) as u128))
    }

    /// Number of different sub-networks of a validated space.
    pub fn networks(&self) -> u128 {
        let options = |block: Option<usize>| -> u128 {
            self.slots()
                .filter(|(of, slot)| *of == block && !matches!(slot, Slot::Depth(_)))
                .flat_map(|(_, slot)| slot.choices())
                .map(|choice| self.options(choice) as u128)
                .product()
        };
        let fixed: u128 = (0..self.blocks.len())
            .filter(|&block| self.stage_of(block).is_none())
            .map(|block| options(Some(block)))
            .product();
        let stages = self.stages.iter().map(|stage| -> u128 {
            let first = usize::from(stage.first);
            let kept = |&depth: &u8| -> u128 {
                (first..first + usize::from(depth)).map(|block| options(Some(block))).product()
            };
            stage.depths.iter().map(kept).sum()
        });
        options(None) * fixed * stages.product::<u128>()
    }
}
