//! Networks in a user's firmware: loaded at run time, or built in and checked by the compiler.

use supernano_core::blob::{self, BlobView};
use supernano_core::error::Error;
use supernano_core::exec;
use supernano_core::graph::KernelSet;
use supernano_core::kernel::Packed;

use crate::dsp::{ALL, Dsp, Kernels};

/// A checked network with the kernels of this core: all of them, or those of a [`KernelSet`], given
/// by its bits. It borrows its blob, which stays in flash.
///
/// The caller owns its memory of [`memory_words`] words, which is free for other uses between two
/// inferences.
#[derive(Clone, Debug)]
pub struct Network<'a, const SET: u32 = ALL>(exec::Network<'a, Kernels<SET>>);

/// 32-bit words of memory that a network needs: its arena, then its logits; 0 if the bytes are not
/// a blob.
pub const fn memory_words(blob: &[u8]) -> usize {
    blob::arena_words(blob) + blob::classes(blob)
}

impl<'a> Network<'a> {
    /// Checks a blob. Afterwards the only errors are a wrong image and too little memory.
    ///
    /// # Errors
    /// Those of [`BlobView::new_checked`].
    pub fn from_bytes(blob: &'a [u8]) -> Result<Self, Error> {
        Self::with_kernels(blob)
    }
}

impl<'a, const SET: u32> Network<'a, SET> {
    /// As [`Network::from_bytes`], for a firmware that links the kernels of the set only.
    ///
    /// # Errors
    /// Those of [`BlobView::new_checked`]; [`Error::BlobOp`] for a kernel that is not in the set.
    pub fn with_kernels(blob: &'a [u8]) -> Result<Self, Error> {
        exec::Network::from_bytes(blob, Packed(Dsp)).map(Self)
    }

    /// Builds in a network from the words of its blob, which was checked when it was made. This is
    /// the constructor that [`embed!`](crate::embed!) calls in a constant: the compiler checks
    /// magic, version, length, checksum, bounds of all parts and the set of kernels, and the
    /// program contains no check.
    ///
    /// # Panics
    /// If one of these checks fails; in a constant, that is a compile error.
    pub const fn embedded(words: &'a [u32]) -> Self {
        let Ok(view) = BlobView::of_words(words) else {
            panic!("not a network file of this version, or a damaged one");
        };
        assert!(KernelSet::from_bits(SET).contains(view.kernels()), "kernels are left out");
        Self(exec::Network::of_view(view, Packed(Dsp)))
    }

    /// The blob.
    pub const fn view(&self) -> &BlobView<'a> {
        self.0.view()
    }

    /// As the function [`memory_words`].
    pub const fn memory_words(&self) -> usize {
        self.view().arena_bytes() / 4 + self.view().classes()
    }

    /// Classifies an image, u8 `[height][width][channels]`. Returns one logit per class, inside
    /// `memory`; the real value of a logit is `logit_scale` x the integer. `memory` may be longer
    /// than needed.
    ///
    /// # Errors
    /// [`Error::ImageLength`] and [`Error::ArenaTooSmall`]. Nothing is written in these cases.
    pub fn run<'m>(&self, image: &[u8], memory: &'m mut [u32]) -> Result<&'m [i32], Error> {
        let (arena, logits) = self.split(memory)?;
        self.0.run(image, arena, logits, &mut ())?;
        Ok(logits)
    }

    /// The place of the image in the memory, for example for a camera to write to before the first
    /// [`Self::step`].
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`].
    pub fn image_mut<'m>(&self, memory: &'m mut [u32]) -> Result<&'m mut [u8], Error> {
        self.0.image_mut(memory)
    }

    /// Runs one unit (a convolution, a residual block, or the classifier), so that a cooperative
    /// loop can feed its watchdog in between. The first call has `op` 0, each further call the
    /// value that the last one returned; `None` ends the inference. The image must be at its place
    /// ([`Self::image_mut`]).
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`].
    pub fn step(&self, op: usize, memory: &mut [u32]) -> Result<Option<usize>, Error> {
        let (arena, logits) = self.split(memory)?;
        let next = self.0.step(op, arena, logits, &mut ())?;
        Ok((next < self.0.ops()).then_some(next))
    }

    /// The logits after the last [`Self::step`].
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

/// The bytes of a network file, built into the program and aligned to 4 bytes.
#[macro_export]
macro_rules! include_network {
    ($path:expr) => {{
        #[repr(C, align(4))]
        struct Aligned<B: ?Sized>(B);
        const BLOB: &Aligned<[u8]> = &Aligned(*include_bytes!($path));
        &BLOB.0
    }};
}

/// Declares a static [`Network`](crate::Network) from a network file. The compiler checks the file
/// ([`Network::embedded`](crate::Network::embedded)) and links the network's kernels only, which
/// takes less than half of the code of [`Network::from_bytes`](crate::Network::from_bytes).
///
/// The file must come from this project's exporter, which writes only files that
/// [`Network::from_bytes`](crate::Network::from_bytes) accepts. The compiler compares its checksum.
/// Another file with a correct checksum has unspecified logits; it can neither cause a panic nor an
/// access outside the memory.
///
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

/// The first `N` words of a blob's bytes, little-endian. Words beyond the bytes are 0.
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
