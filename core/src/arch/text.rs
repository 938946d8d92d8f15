//! The text of a code: parts joined by `-`.

use core::fmt;

use super::{Arch, Nominal, not_offered};
use crate::error::Error;
use crate::space::{Choice, Slot, Space};

impl Arch {
    /// Parses a written code such as `4-8-16` or `r96-8-d2-12e3k5-12e4k3`, then at most as many other
    /// numbers as the space ignores.
    ///
    /// # Errors
    /// [`Error::CodeSyntax`], [`Error::CodeLength`], [`Error::WidthNotOffered`] or
    /// [`Error::OptionNotOffered`].
    pub fn parse(space: &Space<'_>, text: &str) -> Result<Self, Error> {
        let mut arch = Self::smallest(space);
        // The depths decide how many parts there are.
        let mut texts = text.split('-');
        let mut expected = 0;
        arch.each_slot(space, |arch, slot| {
            expected += 1;
            match (slot, texts.next()) {
                (Slot::Depth(_), Some(part)) => arch.read(space, slot, part, expected - 1),
                _ => Ok(()),
            }
        })?;
        let found = text.split('-').count();
        if found < expected || found > expected + usize::from(space.ignored_digits) {
            return Err(Error::CodeLength { expected, found });
        }
        let mut texts = text.split('-').enumerate();
        arch.each_slot(space, |arch, slot| match texts.next() {
            Some((position, part)) => arch.read(space, slot, part, position),
            None => Err(Error::CodeLength { expected, found }),
        })?;
        for (position, part) in texts {
            let (_, rest) = number(part).ok_or(Error::CodeSyntax { position })?;
            rest.is_empty().then_some(()).ok_or(Error::CodeSyntax { position })?;
        }
        Ok(arch.canonical(space))
    }

    /// Visits the parts of the text of a sub-network, whose depths must be set when their part has
    /// been visited.
    fn each_slot(
        &mut self,
        space: &Space<'_>,
        mut visit: impl FnMut(&mut Self, Slot) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (block, slot) in space.slots() {
            if block.is_none_or(|block| self.keeps(space, block)) {
                visit(self, slot)?;
            }
        }
        Ok(())
    }

    /// Reads one part.
    fn read(
        &mut self,
        space: &Space<'_>,
        slot: Slot,
        part: &str,
        position: usize,
    ) -> Result<(), Error> {
        let syntax = Error::CodeSyntax { position };
        let mut rest = part;
        for choice in slot.choices() {
            if let Some(letter) = letter(choice) {
                rest = rest.strip_prefix(letter).ok_or(syntax)?;
            }
            let (value, after) = number(rest).ok_or(syntax)?;
            rest = after;
            let small = |options: &[u8]| options.iter().position(|&o| u32::from(o) == value);
            let wide = |options: &[u16]| options.iter().position(|&o| u32::from(o) == value);
            let option = match choice {
                Choice::Resolution => wide(space.resolutions),
                Choice::Depth(stage) => small(space.stages[stage].depths),
                Choice::Width(layer) | Choice::Expansion(layer) => wide(space.layers[layer].widths),
                Choice::Kernel(layer) => {
                    let mut columns = value;
                    if let Some(after) = rest.strip_prefix('x') {
                        (columns, rest) = number(after).ok_or(syntax)?;
                    }
                    let kernels = space.layers[layer].kernels.iter();
                    { kernels }.position(|&k| k.map(u32::from) == [value, columns])
                }
            };
            let option = option.ok_or_else(|| not_offered(space, choice, value, position))?;
            self.set(choice, option as u8);
        }
        if rest.is_empty() { Ok(()) } else { Err(syntax) }
    }

    /// The written code, without ignored numbers.
    pub fn display<'a>(&'a self, space: &'a Space<'a>) -> impl fmt::Display + 'a {
        Written { arch: self, space }
    }
}

/// The letter before an option in a text.
const fn letter(choice: Choice) -> Option<char> {
    match choice {
        Choice::Resolution => Some('r'),
        Choice::Depth(_) => Some('d'),
        Choice::Width(_) => None,
        Choice::Expansion(_) => Some('e'),
        Choice::Kernel(_) => Some('k'),
    }
}

/// The decimal number at the start of a text, and the rest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.bytes().position(|b| !b.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    Some((digits.parse().ok()?, rest))
}

struct Written<'a> {
    arch: &'a Arch,
    space: &'a Space<'a>,
}

impl fmt::Display for Written<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { arch, space } = self;
        let kept = |block: &Option<usize>| block.is_none_or(|block| arch.keeps(space, block));
        let slots = space.slots().filter(|(block, _)| kept(block));
        for (position, (_, slot)) in slots.enumerate() {
            if position > 0 {
                f.write_str("-")?;
            }
            for choice in slot.choices() {
                if let Some(letter) = letter(choice) {
                    write!(f, "{letter}")?;
                }
                match choice {
                    Choice::Resolution => write!(f, "{}", arch.image(space).height)?,
                    Choice::Depth(stage) => {
                        let option = usize::from(arch.option(choice));
                        write!(f, "{}", space.stages[stage].depths[option])?;
                    }
                    Choice::Width(layer) => {
                        let Nominal(width) = arch.nominal(space, layer);
                        write!(f, "{width}")?;
                    }
                    Choice::Expansion(layer) => {
                        write!(f, "{}", arch.expansion(space, layer).unwrap_or(1))?;
                    }
                    Choice::Kernel(layer) => match arch.kernel(space, layer) {
                        [rows, columns] if rows == columns => write!(f, "{rows}")?,
                        [rows, columns] => write!(f, "{rows}x{columns}")?,
                    },
                }
            }
        }
        Ok(())
    }
}
