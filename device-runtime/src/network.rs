//! A network for firmware of one's own.

use supernano_core::blob::{self, BlobView};
use supernano_core::error::Error;
use supernano_core::exec;

use crate::dsp::{Kernels, kernels};

/// A checked network that runs with this core's kernels. It borrows its blob, which stays where
/// it is, in flash.
///
/// The memory it works in, [`memory_words`] words, belongs to the caller and may serve other ends
/// between two inferences.
#[derive(Clone, Debug)]
pub struct Network<'a>(exec::Network<'a, Kernels>);

/// 32-bit words of memory that a network works in: its arena, then its logits. A constant where
/// the blob is one; 0 for what is no blob.
pub const fn memory_words(blob: &[u8]) -> usize {
    blob::arena_words(blob) + blob::classes(blob)
}

impl<'a> Network<'a> {
    /// Checks a blob: nothing can fail afterwards but by a wrong image or too little memory.
    ///
    /// # Errors
    /// Those of [`BlobView::new_checked`].
    pub fn from_bytes(blob: &'a [u8]) -> Result<Self, Error> {
        exec::Network::from_bytes(blob, kernels()).map(Self)
    }

    /// What the blob says.
    pub fn view(&self) -> &BlobView<'a> {
        self.0.view()
    }

    /// As the function [`memory_words`].
    pub fn memory_words(&self) -> usize {
        self.0.arena_words() + self.view().classes()
    }

    /// Classifies an image, u8 height x width x channels. Returns a logit for each class, in the
    /// memory: real value = `logit_scale` x the integer. `memory` may be longer than needed.
    ///
    /// # Errors
    /// [`Error::ImageLength`] and [`Error::ArenaTooSmall`], before anything is written.
    pub fn run<'m>(&self, image: &[u8], memory: &'m mut [u32]) -> Result<&'m [i32], Error> {
        let (arena, logits) = self.split(memory)?;
        self.0.run(image, arena, logits, &mut ())?;
        Ok(logits)
    }

    /// Where a camera may put the image, before the first [`Self::step`].
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`].
    pub fn image_mut<'m>(&self, memory: &'m mut [u32]) -> Result<&'m mut [u8], Error> {
        self.0.image_mut(memory)
    }

    /// Runs one unit (a convolution, a residual block, or the classifier), so that a cooperative
    /// loop can feed its watchdog in between: `op` is 0 first, then what was returned last; `None`
    /// after the last. The image must lie in place ([`Self::image_mut`]).
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`].
    pub fn step(&self, op: usize, memory: &mut [u32]) -> Result<Option<usize>, Error> {
        let (arena, logits) = self.split(memory)?;
        let next = self.0.step(op, arena, logits, &mut ())?;
        Ok((next < self.0.ops()).then_some(next))
    }

    /// The logits, after the last [`Self::step`].
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`].
    pub fn logits<'m>(&self, memory: &'m mut [u32]) -> Result<&'m [i32], Error> {
        self.split(memory).map(|(_, logits)| &*logits)
    }

    fn split<'m>(&self, memory: &'m mut [u32]) -> Result<(&'m mut [u32], &'m mut [i32]), Error> {
        let (needed, found) = (self.memory_words() * 4, memory.len() * 4);
        let parts = memory.split_at_mut_checked(self.0.arena_words());
        let parts = parts.and_then(|(arena, rest)| {
            Some((arena, bytemuck::cast_slice_mut(rest.get_mut(..self.view().classes())?)))
        });
        parts.ok_or(Error::ArenaTooSmall { needed, found })
    }
}

/// The bytes of a network file, built into the program at an address that suits a blob.
#[macro_export]
macro_rules! include_network {
    ($path:expr) => {{
        #[repr(C, align(4))]
        struct Aligned<B: ?Sized>(B);
        const BLOB: &Aligned<[u8]> = &Aligned(*include_bytes!($path));
        &BLOB.0
    }};
}

#[cfg(test)]
mod tests;
