//! Sixteen lanes of f32 on whatever the processor has.

use std::sync::OnceLock;

/// Which instructions are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// 512-bit registers.
    Avx512,
    /// 256-bit registers with fused multiply-add.
    Avx2,
    /// What the compiler makes of plain loops.
    Portable,
}

impl Isa {
    /// The best of this processor.
    pub fn detect() -> Self {
        static BEST: OnceLock<Isa> = OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }

    /// All of this processor, best first.
    pub fn available() -> Vec<Self> {
        let mut found = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f")
                && is_x86_feature_detected!("avx2")
                && is_x86_feature_detected!("fma")
            {
                found.push(Self::Avx512);
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                found.push(Self::Avx2);
            }
        }
        found.push(Self::Portable);
        found
    }
}

/// Sixteen f32.
///
/// # Safety
/// The methods need the instructions of the implementation; pointers must be valid for 16 values.
pub trait Lanes: Copy {
    /// Outputs and pixels of a convolution's register tile.
    const TILE: (usize, usize);
    /// Outputs and inputs of a weight gradient's register tile, three taps each.
    const WEIGHT_TILE: (usize, usize);
    /// All lanes `v`.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn splat(v: f32) -> Self;
    /// 16 values from `p`, unaligned.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn load(p: *const f32) -> Self;
    /// 16 values to `p`, unaligned.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn store(self, p: *mut f32);
    /// `self + a * b`.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn fma(self, a: Self, b: Self) -> Self;
    /// `self + a`.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn add(self, a: Self) -> Self;
    /// Lanes below 0 times `slope`.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn leaky(self, slope: Self) -> Self;
    /// Sums of the lanes of four, always in the same order.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn sums(four: [Self; 4]) -> [f32; 4];
}

/// A loop over lanes that is compiled once for each kind of instructions.
pub trait Kernel {
    /// Result.
    type Out;
    /// The loop; `#[inline(always)]`, so that it is compiled with its caller's instructions.
    ///
    /// # Safety
    /// `S`'s instructions.
    unsafe fn run<S: Lanes>(self) -> Self::Out;
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f,avx2,fma")]
unsafe fn run_avx512<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: as the caller promises
    unsafe { kernel.run::<Avx512>() }
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn run_avx2<K: Kernel>(kernel: K) -> K::Out {
    // SAFETY: as the caller promises
    unsafe { kernel.run::<Avx2>() }
}

impl Isa {
    /// Runs a kernel with these instructions.
    ///
    /// # Panics
    /// Where the processor does not have them.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Out {
        assert!(self == Self::detect() || Self::available().contains(&self), "{self:?}");
        // SAFETY: the instructions were detected
        unsafe {
            match self {
                #[cfg(target_arch = "x86_64")]
                Self::Avx512 => run_avx512(kernel),
                #[cfg(target_arch = "x86_64")]
                Self::Avx2 => run_avx2(kernel),
                _ => kernel.run::<Portable>(),
            }
        }
    }
}

/// Plain loops.
#[derive(Clone, Copy)]
pub struct Portable([f32; 16]);

impl Lanes for Portable {
    const TILE: (usize, usize) = (2, 1);
    const WEIGHT_TILE: (usize, usize) = (1, 1);

    #[inline(always)]
    unsafe fn splat(v: f32) -> Self {
        Self([v; 16])
    }
    #[inline(always)]
    unsafe fn load(p: *const f32) -> Self {
        // SAFETY: the caller gives a pointer to 16 values
        Self(unsafe { p.cast::<[f32; 16]>().read_unaligned() })
    }
    #[inline(always)]
    unsafe fn store(self, p: *mut f32) {
        // SAFETY: the caller gives a pointer to 16 values
        unsafe { p.cast::<[f32; 16]>().write_unaligned(self.0) }
    }
    #[inline(always)]
    unsafe fn fma(self, a: Self, b: Self) -> Self {
        let mut out = self.0;
        for i in 0..16 {
            out[i] += a.0[i] * b.0[i];
        }
        Self(out)
    }
    #[inline(always)]
    unsafe fn add(self, a: Self) -> Self {
        Self(std::array::from_fn(|i| self.0[i] + a.0[i]))
    }
    #[inline(always)]
    unsafe fn leaky(self, slope: Self) -> Self {
        let one = |i: usize| if self.0[i] < 0.0 { self.0[i] * slope.0[i] } else { self.0[i] };
        Self(std::array::from_fn(one))
    }
    #[inline(always)]
    unsafe fn sums(four: [Self; 4]) -> [f32; 4] {
        four.map(|v| v.0.iter().sum())
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// # Safety
    /// AVX.
    #[inline(always)]
    unsafe fn sums256(four: [__m256; 4]) -> [f32; 4] {
        // SAFETY: as the caller promises; `out` holds four values
        unsafe {
            let [a, b, c, d] =
                four.map(|v| _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v)));
            let mut out = [0f32; 4];
            let sums = _mm_hadd_ps(_mm_hadd_ps(a, b), _mm_hadd_ps(c, d));
            _mm_storeu_ps(out.as_mut_ptr(), sums);
            out
        }
    }

    /// One 512-bit register.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    // SAFETY of every block below: `Lanes` passes on to its callers that the instructions exist
    // and that pointers reach 16 values.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx512 {
        const TILE: (usize, usize) = (6, 4);
        const WEIGHT_TILE: (usize, usize) = (4, 2);

        #[inline(always)]
        unsafe fn splat(v: f32) -> Self {
            Self(unsafe { _mm512_set1_ps(v) })
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            Self(unsafe { _mm512_loadu_ps(p) })
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe { _mm512_storeu_ps(p, self.0) }
        }
        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        unsafe fn add(self, a: Self) -> Self {
            Self(unsafe { _mm512_add_ps(self.0, a.0) })
        }
        #[inline(always)]
        unsafe fn leaky(self, slope: Self) -> Self {
            unsafe {
                let low = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, _mm512_setzero_ps());
                Self(_mm512_mask_mul_ps(self.0, low, self.0, slope.0))
            }
        }
        #[inline(always)]
        unsafe fn sums(four: [Self; 4]) -> [f32; 4] {
            unsafe {
                let halves = four.map(|v| {
                    let high = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v.0));
                    _mm256_add_ps(_mm512_castps512_ps256(v.0), _mm256_castpd_ps(high))
                });
                sums256(halves)
            }
        }
    }

    /// Two 256-bit registers.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256, __m256);

    // SAFETY of every block below: as above.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx2 {
        const TILE: (usize, usize) = (2, 2);
        const WEIGHT_TILE: (usize, usize) = (1, 2);

        #[inline(always)]
        unsafe fn splat(v: f32) -> Self {
            unsafe { Self(_mm256_set1_ps(v), _mm256_set1_ps(v)) }
        }
        #[inline(always)]
        unsafe fn load(p: *const f32) -> Self {
            unsafe { Self(_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))) }
        }
        #[inline(always)]
        unsafe fn store(self, p: *mut f32) {
            unsafe {
                _mm256_storeu_ps(p, self.0);
                _mm256_storeu_ps(p.add(8), self.1);
            }
        }
        #[inline(always)]
        unsafe fn fma(self, a: Self, b: Self) -> Self {
            unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }
        #[inline(always)]
        unsafe fn add(self, a: Self) -> Self {
            unsafe { Self(_mm256_add_ps(self.0, a.0), _mm256_add_ps(self.1, a.1)) }
        }
        #[inline(always)]
        unsafe fn leaky(self, slope: Self) -> Self {
            unsafe {
                let one = |v: __m256, s: __m256| _mm256_blendv_ps(v, _mm256_mul_ps(v, s), v);
                Self(one(self.0, slope.0), one(self.1, slope.1))
            }
        }
        #[inline(always)]
        unsafe fn sums(four: [Self; 4]) -> [f32; 4] {
            unsafe { sums256(four.map(|v| _mm256_add_ps(v.0, v.1))) }
        }
    }
}
