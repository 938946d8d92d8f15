//! Architecture codes: an option for every choice of a space.
//!
//! An [`Arch`] holds an option index for each choice. It is parsed from and printed as a text
//! (`4-8-16`, or `r96-8-d2-12e3k5-12e4k3`), and packed into a mixed-radix number, an [`ArchCode`].
//! [`plan`](crate::plan) turns it into the network that is computed.

use heapless::Vec;

use crate::error::Error;
use crate::shape::Shape;
use crate::space::{Choice, MAX_LAYERS, MAX_STAGES, PlacedBlock, Space};

mod text;

/// A width as written in a code, in channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nominal(pub u16);

/// A width as computed, after enhancement, in channels. All costs refer to effective widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effective(pub u16);

/// A sub-network as a number below [`Space::size`]. The digits are the options of
/// [`Space::choices`], the first being the most significant. A code of ResNet20 needs 56 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchCode(pub u128);

/// A sub-network: the index of the chosen option of every choice.
///
/// It is canonical: the choices of blocks that the network leaves out have option 0, so that equal
/// networks are equal values. The order is that of the resolution, then of the widths.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arch {
    resolution: u8,
    widths: Vec<u8, MAX_LAYERS>,
    kernels: Vec<u8, MAX_LAYERS>,
    depths: Vec<u8, MAX_STAGES>,
}

impl Arch {
    /// Builds a sub-network from the options of [`Space::choices`], in their order. The options of
    /// choices that the network leaves out are ignored.
    ///
    /// # Errors
    /// [`Error::CodeLength`], [`Error::WidthNotOffered`] with the index as the width, or
    /// [`Error::OptionNotOffered`].
    pub fn from_options(
        space: &Space<'_>,
        options: impl IntoIterator<Item = u8>,
    ) -> Result<Self, Error> {
        let mut arch = Self::smallest(space);
        let mut options = options.into_iter();
        for (found, choice) in space.choices().enumerate() {
            let expected = || space.choices().count();
            let option = options.next();
            let option = option.ok_or_else(|| Error::CodeLength { expected: expected(), found })?;
            if usize::from(option) >= space.options(choice) {
                return Err(not_offered(space, choice, u32::from(option), found));
            }
            arch.set(choice, option);
        }
        let expected = space.choices().count();
        match options.count() {
            0 => Ok(arch.canonical(space)),
            more => Err(Error::CodeLength { expected, found: expected + more }),
        }
    }

    /// Unpacks a mixed-radix code. Options of choices that the network leaves out are ignored, so
    /// several numbers may give the same network; [`Self::code`] returns the smallest.
    ///
    /// # Errors
    /// [`Error::CodeOutOfRange`].
    pub fn from_code(space: &Space<'_>, code: ArchCode) -> Result<Self, Error> {
        let size = space.size();
        if code.0 >= size {
            let short = |n: u128| u64::try_from(n).unwrap_or(u64::MAX);
            return Err(Error::CodeOutOfRange { size: short(size), found: short(code.0) });
        }
        let mut arch = Self::smallest(space);
        let (mut weight, mut rest) = (size, code.0);
        for choice in space.choices() {
            weight /= space.options(choice) as u128;
            arch.set(choice, (rest / weight) as u8);
            rest %= weight;
        }
        Ok(arch.canonical(space))
    }

    /// Packs the sub-network into a mixed-radix code.
    pub fn code(&self, space: &Space<'_>) -> ArchCode {
        ArchCode(space.choices().fold(0, |code, choice| {
            code * space.options(choice) as u128 + u128::from(self.option(choice))
        }))
    }

    /// The sub-network with the largest option of every choice: s_N in the paper.
    pub fn largest(space: &Space<'_>) -> Self {
        let mut arch = Self::smallest(space);
        for choice in space.choices() {
            arch.set(choice, (space.options(choice) - 1) as u8);
        }
        arch.canonical(space)
    }

    /// The sub-network with the smallest option of every choice.
    pub fn smallest(space: &Space<'_>) -> Self {
        let zeros = || space.layers.iter().map(|_| 0).collect();
        let depths = space.stages.iter().map(|_| 0).collect();
        Self { resolution: 0, widths: zeros(), kernels: zeros(), depths }
    }

    /// Copies the options of tied layers, and gives the choices of left-out blocks option 0.
    fn canonical(mut self, space: &Space<'_>) -> Self {
        for (i, layer) in space.layers.iter().enumerate() {
            if let Some(tie) = layer.same_as {
                self.widths[i] = self.widths[usize::from(tie)];
            }
        }
        if !space.stages.is_empty() {
            for placed in space.placed_blocks() {
                if !self.keeps(space, placed.index) {
                    self.widths[placed.first..=placed.last()].fill(0);
                    self.kernels[placed.first..=placed.last()].fill(0);
                }
            }
        }
        self
    }

    fn set(&mut self, choice: Choice, option: u8) {
        match choice {
            Choice::Resolution => self.resolution = option,
            Choice::Depth(stage) => self.depths[stage] = option,
            Choice::Width(layer) | Choice::Expansion(layer) => self.widths[layer] = option,
            Choice::Kernel(layer) => self.kernels[layer] = option,
        }
    }

    /// Option index of a choice.
    pub fn option(&self, choice: Choice) -> u8 {
        match choice {
            Choice::Resolution => self.resolution,
            Choice::Depth(stage) => self.depths[stage],
            Choice::Width(layer) | Choice::Expansion(layer) => self.widths[layer],
            Choice::Kernel(layer) => self.kernels[layer],
        }
    }

    /// Option index of every layer's width or expansion, tied layers included.
    pub fn options(&self) -> &[u8] {
        &self.widths
    }

    /// True if the sub-network contains the block of this index.
    pub fn keeps(&self, space: &Space<'_>, block: usize) -> bool {
        space.stage_of(block).is_none_or(|(stage, position)| {
            position < usize::from(space.stages[stage].depths[usize::from(self.depths[stage])])
        })
    }

    /// True if the sub-network contains layer `i`: its block is there, and it is not an expansion
    /// by 1.
    pub fn keeps_layer(&self, space: &Space<'_>, placed: PlacedBlock, i: usize) -> bool {
        self.keeps(space, placed.index) && self.expansion(space, i) != Some(1)
    }

    /// Nominal width of layer `i`; 0 for a layer whose width follows from what it reads.
    pub fn nominal(&self, space: &Space<'_>, i: usize) -> Nominal {
        let layer = &space.layers[i];
        let width = layer.widths.get(usize::from(self.widths[i])).filter(|_| !layer.expands);
        Nominal(width.copied().unwrap_or(0))
    }

    /// The factor of a layer that expands.
    pub fn expansion(&self, space: &Space<'_>, i: usize) -> Option<u16> {
        let layer = &space.layers[i];
        layer.widths.get(usize::from(self.widths[i])).copied().filter(|_| layer.expands)
    }

    /// Kernel of layer `i`, rows and columns.
    pub fn kernel(&self, space: &Space<'_>, i: usize) -> [u8; 2] {
        space.layers[i].kernels[usize::from(self.kernels[i])]
    }

    /// Shape of the images that the sub-network reads.
    pub fn image(&self, space: &Space<'_>) -> Shape {
        match space.resolutions.len() {
            0 | 1 => space.input,
            _ => space.image(self.resolution),
        }
    }
}

/// The error for an option that a choice does not have. `position` is that of the choice or of its
/// part in the text.
fn not_offered(space: &Space<'_>, choice: Choice, found: u32, position: usize) -> Error {
    match choice {
        Choice::Width(layer) => {
            let widths = space.layers[layer].widths;
            let (smallest, largest) = (widths[0], widths[widths.len() - 1]);
            Error::WidthNotOffered { layer, width: found, smallest, largest }
        }
        _ => Error::OptionNotOffered { position, found },
    }
}

#[cfg(test)]
mod tests;
