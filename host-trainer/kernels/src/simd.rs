//! Sixteen lanes of f32 on the instruction sets of the processor.
//!
//! A value of a `Lanes` type is a token of size 0. It proves that the processor has the
//! instructions of the type: the x86 tokens come from detection only. So every method of the trait
//! is safe, and a kernel that holds a token needs no unsafe code to use it.

mod portable;
#[cfg(target_arch = "x86_64")]
#[expect(unsafe_code, reason = "vector instructions")]
mod x86;

use std::fmt;
use std::sync::OnceLock;

use crate::LANES;
use portable::{Plain, Portable};
#[cfg(target_arch = "x86_64")]
use x86::{Avx2, Avx512};

/// The instruction set that a kernel runs on. A value exists only where the processor has it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Isa(Token);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    #[cfg(target_arch = "x86_64")]
    Avx512(Avx512),
    #[cfg(target_arch = "x86_64")]
    Avx2(Avx2),
    Portable(Portable),
    /// Plain loops in the tiles of AVX-512, for Miri.
    #[cfg(all(test, miri))]
    Wide(Plain<6, 4, 4, 2>),
}

impl Isa {
    /// The best instruction set of this processor.
    pub fn detect() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// All instruction sets of this processor, best first.
    pub fn available() -> Vec<Self> {
        let found = [
            #[cfg(target_arch = "x86_64")]
            Avx512::detect().map(Token::Avx512),
            #[cfg(target_arch = "x86_64")]
            Avx2::detect().map(Token::Avx2),
            Some(Token::Portable(Plain)),
        ];
        found.into_iter().flatten().map(Self).collect()
    }

    /// Plain loops, which every processor has.
    pub const fn portable() -> Self {
        Self(Token::Portable(Plain))
    }

    /// All instruction sets, and under Miri plain loops in the register tiles of AVX-512. Compilers take
    /// longer to optimise those than all others together.
    #[cfg(test)]
    pub(crate) fn with_wide_tiles() -> Vec<Self> {
        let wide = [
            #[cfg(miri)]
            Self(Token::Wide(Plain)),
        ];
        Self::available().into_iter().chain(wide).collect()
    }

    /// Runs a kernel, compiled for this instruction set.
    pub(crate) fn run<K: Kernel>(self, kernel: K) -> K::Out {
        match self.0 {
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(lanes) => lanes.run(kernel),
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(lanes) => lanes.run(kernel),
            Token::Portable(lanes) => kernel.run(lanes),
            #[cfg(all(test, miri))]
            Token::Wide(lanes) => kernel.run(lanes),
        }
    }
}

impl fmt::Debug for Isa {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            #[cfg(target_arch = "x86_64")]
            Token::Avx512(_) => "Avx512",
            #[cfg(target_arch = "x86_64")]
            Token::Avx2(_) => "Avx2",
            Token::Portable(_) => "Portable",
            #[cfg(all(test, miri))]
            Token::Wide(_) => "Wide",
        })
    }
}

/// A loop that is compiled once for each instruction set.
pub(crate) trait Kernel {
    /// The result.
    type Out;
    /// The loop. Implementations are `#[inline(always)]`: only then is the code compiled with the
    /// instructions of the function that it is inlined into.
    fn run<S: Lanes>(self, s: S) -> Self::Out;
}

/// Operations on vectors of 16 f32.
pub(crate) trait Lanes: Copy {
    /// Sixteen f32.
    type Vector: Copy;
    /// Most outputs and most pixels of a convolution's register tile.
    const TILE: (usize, usize);
    /// Most outputs and most inputs of a weight gradient's register tile of three taps.
    const WEIGHT_TILE: (usize, usize);
    /// `v` in all lanes.
    fn splat(self, v: f32) -> Self::Vector;
    /// The values of `from`.
    fn load(self, from: &[f32; LANES]) -> Self::Vector;
    /// Writes `v` to `to`.
    fn store(self, v: Self::Vector, to: &mut [f32; LANES]);
    /// Asks for the cache line at an address ahead of its use. Nobody reads the address, which may be any.
    fn prefetch(self, at: *const f32);
    /// `sum + a b`, rounded once where the instruction set has such an instruction.
    fn fma(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// `a + b`.
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// Lanes of `v` below 0 times `slope`, the others as they are.
    fn leaky(self, v: Self::Vector, slope: Self::Vector) -> Self::Vector;
    /// The smaller of `a` and `b` in each lane.
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector;
    /// The sum over the lanes of each vector; the order of the additions is fixed.
    fn sums(self, four: [Self::Vector; 4]) -> [f32; 4];
}

#[cfg(test)]
mod tests;
