//! A network for firmware of one's own.

use supernano_core::blob::{self, BlobView};
use supernano_core::error::Error;
use supernano_core::exec;
use supernano_core::graph::KernelSet;
use supernano_core::kernel::Packed;

use crate::dsp::{ALL, Dsp, Kernels};

/// A checked network that runs with this core's kernels: all of them, or those of a
/// [`KernelSet`], given by its bits. It borrows its blob, which stays where it is, in flash.
///
/// The memory it works in, [`memory_words`] words, belongs to the caller and may serve other ends
/// between two inferences.
#[derive(Clone, Debug)]
pub struct Network<'a, const SET: u32 = ALL>(exec::Network<'a, Kernels<SET>>);

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
        Self::with_kernels(blob)
    }
}

impl<'a, const SET: u32> Network<'a, SET> {
    /// As [`Network::from_bytes`], for a firmware that has the kernels of the set only, and
    /// refuses networks that need others.
    ///
    /// # Errors
    /// Those of [`BlobView::new_checked`]; [`Error::BlobOp`] for a kernel that is not in the set.
    pub fn with_kernels(blob: &'a [u8]) -> Result<Self, Error> {
        exec::Network::from_bytes(blob, Packed(Dsp)).map(Self)
    }

    /// A network that was checked when its blob was made, from the blob's words: what
    /// [`embed!`](crate::embed!) calls while the program is compiled. The compiler then checks
    /// magic, version, length, checksum, the bounds of all parts and that the set has the kernels,
    /// and the program holds neither these checks nor those of [`Network::from_bytes`].
    ///
    /// # Panics
    /// Where one of these checks fails: an error of the compiler.
    pub const fn embedded(words: &'a [u32]) -> Self {
        let Ok(view) = BlobView::of_words(words) else {
            panic!("not a network file of this version, or a damaged one");
        };
        assert!(KernelSet::from_bits(SET).contains(view.kernels()), "kernels are left out");
        Self(exec::Network::of_view(view, Packed(Dsp)))
    }

    /// What the blob says.
    pub const fn view(&self) -> &BlobView<'a> {
        self.0.view()
    }

    /// As the function [`memory_words`].
    pub const fn memory_words(&self) -> usize {
        self.view().arena_bytes() / 4 + self.view().classes()
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

/// A static [`Network`](crate::Network) from a network file, checked while the program is compiled
/// ([`Network::embedded`](crate::Network::embedded)), with the kernels that it needs and no other:
/// a third of the code that [`Network::from_bytes`](crate::Network::from_bytes) takes.
///
/// The file must come from this project's exporter, which writes none that
/// [`Network::from_bytes`](crate::Network::from_bytes) would refuse; its checksum, compared by the
/// compiler, says that it is still the same. Any other file gives any logits; it cannot make the
/// program panic or leave its memory.
///
/// ```
/// use supernano_runtime::{Error, argmax, embed};
///
/// embed!(static NETWORK = "../../tests/golden/tiny.snb");
///
/// fn classify(image: &[u8]) -> Result<usize, Error> {
///     let mut memory = [0; NETWORK.memory_words()];
///     NETWORK.run(image, &mut memory).map(argmax)
/// }
/// # let image = include_bytes!("../../tests/golden/tiny.image");
/// # assert!(classify(image).unwrap() < 4);
/// ```
#[macro_export]
macro_rules! embed {
    ($(#[$attribute:meta])* $visibility:vis static $name:ident = $path:expr) => {
        $(#[$attribute])*
        #[allow(long_running_const_eval, reason = "a checksum over all bytes of a network")]
        $visibility static $name: $crate::Network<
            'static,
            { $crate::blob_kernels(include_bytes!($path)).bits() },
        > = {
            const BYTES: &[u8] = include_bytes!($path);
            #[allow(long_running_const_eval, reason = "all bytes of a network")]
            static WORDS: [u32; BYTES.len() / 4] = $crate::blob_words(BYTES);
            $crate::Network::embedded(&WORDS)
        };
    };
}

/// Words of a blob's bytes, the first byte the lowest; `N` is a quarter of their number. What is
/// missing is 0.
#[allow(clippy::indexing_slicing, reason = "the condition bounds both indices")]
pub const fn blob_words<const N: usize>(bytes: &[u8]) -> [u32; N] {
    let (mut words, mut i) = ([0; N], 0);
    let chunks = bytes.as_chunks::<4>().0;
    while i < N && i < chunks.len() {
        words[i] = u32::from_le_bytes(chunks[i]);
        i += 1;
    }
    words
}

#[cfg(test)]
mod tests;
