//! Architecture codes: the choice of a width for every layer.
//!
//! An [`Arch`] holds an option index per layer. It is parsed from and printed as widths (`4-8-16`),
//! and packed into a mixed-radix number, an [`ArchCode`]. [`plan`](crate::plan) turns it into the
//! network that is computed.

use core::fmt;

use heapless::Vec;

use crate::error::{Error, SpaceProblem};
use crate::space::{MAX_LAYERS, Space};

/// A width as written in a code, in channels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Nominal(pub u16);

/// A width as computed, after enhancement, in channels. All costs refer to effective widths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Effective(pub u16);

/// A sub-network as a number below [`Space::size`]. The digits are the options of the free layers,
/// the first layer being the most significant. A code of ResNet20 needs 56 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArchCode(pub u64);

/// A sub-network: the index of the chosen width of every layer, tied layers included.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Arch {
    options: Vec<u8, MAX_LAYERS>,
}

impl Arch {
    /// Builds a sub-network from the option indices of the free layers.
    ///
    /// # Errors
    /// [`Error::CodeLength`], or [`Error::WidthNotOffered`] with the index as the width.
    pub fn from_options(
        space: &Space<'_>,
        free: impl IntoIterator<Item = u8>,
    ) -> Result<Self, Error> {
        let expected = space.free_layers().count();
        let mut options = Vec::new();
        let mut free = free.into_iter();
        for (i, layer) in space.layers.iter().enumerate() {
            let option = match layer.same_as {
                Some(tie) => options[usize::from(tie)],
                None => {
                    let found = space.free_layers().filter(|&j| j < i).count();
                    free.next().ok_or(Error::CodeLength { expected, found })?
                }
            };
            if usize::from(option) >= layer.widths.len() {
                return Err(not_offered(space, i, u32::from(option)));
            }
            options.push(option).map_err(too_many)?;
        }
        match free.count() {
            0 => Ok(Self { options }),
            more => Err(Error::CodeLength { expected, found: expected + more }),
        }
    }

    /// Parses a written code such as `4-8-16`: the widths of the free layers, then at most as many
    /// other numbers as the space ignores.
    ///
    /// # Errors
    /// [`Error::CodeSyntax`], [`Error::CodeLength`] or [`Error::WidthNotOffered`].
    pub fn parse(space: &Space<'_>, text: &str) -> Result<Self, Error> {
        let expected = space.free_layers().count();
        let found = text.split('-').count();
        if found < expected || found > expected + usize::from(space.ignored_digits) {
            return Err(Error::CodeLength { expected, found });
        }
        let mut digits: Vec<u8, MAX_LAYERS> = Vec::new();
        let mut layers = space.free_layers();
        for (position, part) in text.split('-').enumerate() {
            let digits_only = !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
            let width: u32 = match part.parse() {
                Ok(width) if digits_only => width,
                _ => return Err(Error::CodeSyntax { position }),
            };
            let Some(layer) = layers.next() else { continue };
            let option = space.layers[layer]
                .widths
                .iter()
                .position(|&w| u32::from(w) == width)
                .ok_or_else(|| not_offered(space, layer, width))?;
            digits.push(option as u8).map_err(too_many)?;
        }
        Self::from_options(space, digits)
    }

    /// Unpacks a mixed-radix code.
    ///
    /// # Errors
    /// [`Error::CodeOutOfRange`].
    pub fn from_code(space: &Space<'_>, code: ArchCode) -> Result<Self, Error> {
        if code.0 >= space.size() {
            return Err(Error::CodeOutOfRange { size: space.size(), found: code.0 });
        }
        let mut digits: Vec<u8, MAX_LAYERS> = Vec::new();
        let mut weight = space.size();
        let mut rest = code.0;
        for i in space.free_layers() {
            weight /= space.layers[i].widths.len() as u64;
            digits.push((rest / weight) as u8).map_err(too_many)?;
            rest %= weight;
        }
        Self::from_options(space, digits)
    }

    /// Packs the sub-network into a mixed-radix code.
    pub fn code(&self, space: &Space<'_>) -> ArchCode {
        ArchCode(space.free_layers().fold(0, |code, i| {
            code * space.layers[i].widths.len() as u64 + u64::from(self.options[i])
        }))
    }

    /// The widest sub-network: s_N in the paper.
    pub fn largest(space: &Space<'_>) -> Self {
        Self { options: space.layers.iter().map(|l| (l.widths.len() - 1) as u8).collect() }
    }

    /// The narrowest sub-network.
    pub fn smallest(space: &Space<'_>) -> Self {
        Self { options: space.layers.iter().map(|_| 0).collect() }
    }

    /// Option index of every layer, tied layers included.
    pub fn options(&self) -> &[u8] {
        &self.options
    }

    /// Nominal width of layer `i`.
    pub fn nominal(&self, space: &Space<'_>, i: usize) -> Nominal {
        Nominal(space.layers[i].widths[usize::from(self.options[i])])
    }

    /// The written code, without ignored numbers.
    pub fn display<'a>(&'a self, space: &'a Space<'a>) -> impl fmt::Display + 'a {
        Written { arch: self, space }
    }
}

/// The error for more layers than [`MAX_LAYERS`].
fn too_many(_: u8) -> Error {
    Error::Space { layer: MAX_LAYERS, problem: SpaceProblem::TooManyLayers }
}

fn not_offered(space: &Space<'_>, layer: usize, width: u32) -> Error {
    let widths = space.layers[layer].widths;
    Error::WidthNotOffered { layer, width, smallest: widths[0], largest: widths[widths.len() - 1] }
}

struct Written<'a> {
    arch: &'a Arch,
    space: &'a Space<'a>,
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, i) in self.space.free_layers().enumerate() {
            if position > 0 {
                f.write_str("-")?;
            }
            write!(f, "{}", self.arch.nominal(self.space, i).0)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
