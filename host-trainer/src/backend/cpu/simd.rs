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
            if is_x86_feature_detected!("avx512f") {
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
    /// Sum of the lanes, always in the same order.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn sum(self) -> f32;
    /// Negative lanes times `slope`.
    ///
    /// # Safety
    /// As the trait says.
    unsafe fn leaky(self, slope: Self) -> Self;
}

/// Calls the generic function `$f::<S>` with the instructions of `$isa`, which were detected.
macro_rules! dispatch {
    ($isa:expr, $f:ident, $($arg:expr => $name:ident: $type:ty),+) => {{
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx512f")]
        unsafe fn avx512($($name: $type),+) {
            // SAFETY: as the caller promises
            unsafe { $f::<$crate::backend::cpu::simd::Avx512>($($name),+) }
        }
        #[cfg(target_arch = "x86_64")]
        #[target_feature(enable = "avx2,fma")]
        unsafe fn avx2($($name: $type),+) {
            // SAFETY: as the caller promises
            unsafe { $f::<$crate::backend::cpu::simd::Avx2>($($name),+) }
        }
        // SAFETY: what the arguments must keep is said where the macro is used
        unsafe {
            match $isa {
                #[cfg(target_arch = "x86_64")]
                $crate::backend::cpu::simd::Isa::Avx512 => avx512($($arg),+),
                #[cfg(target_arch = "x86_64")]
                $crate::backend::cpu::simd::Isa::Avx2 => avx2($($arg),+),
                _ => $f::<$crate::backend::cpu::simd::Portable>($($arg),+),
            }
        }
    }};
}
pub(crate) use dispatch;

/// Plain loops.
#[derive(Clone, Copy)]
pub struct Portable([f32; 16]);

impl Lanes for Portable {
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
    unsafe fn sum(self) -> f32 {
        self.0.iter().sum()
    }
    #[inline(always)]
    unsafe fn leaky(self, slope: Self) -> Self {
        let mut out = self.0;
        for i in 0..16 {
            out[i] = if out[i] < 0.0 { out[i] * slope.0[i] } else { out[i] };
        }
        Self(out)
    }
}

#[cfg(target_arch = "x86_64")]
pub use x86::{Avx2, Avx512};

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::Lanes;
    use std::arch::x86_64::*;

    /// One 512-bit register.
    #[derive(Clone, Copy)]
    pub struct Avx512(__m512);

    // SAFETY of every block below: `Lanes` passes on to its callers that the instructions exist
    // and that pointers reach 16 values.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx512 {
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
        unsafe fn sum(self) -> f32 {
            unsafe { _mm512_reduce_add_ps(self.0) }
        }
        #[inline(always)]
        unsafe fn leaky(self, slope: Self) -> Self {
            unsafe {
                let negative = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(self.0, _mm512_setzero_ps());
                Self(_mm512_mask_mul_ps(self.0, negative, self.0, slope.0))
            }
        }
    }

    /// Two 256-bit registers.
    #[derive(Clone, Copy)]
    pub struct Avx2(__m256, __m256);

    // SAFETY of every block below: as above.
    #[allow(clippy::undocumented_unsafe_blocks)]
    impl Lanes for Avx2 {
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
        unsafe fn sum(self) -> f32 {
            let mut lanes = [0f32; 16];
            unsafe { self.store(lanes.as_mut_ptr()) };
            lanes.iter().sum()
        }
        #[inline(always)]
        unsafe fn leaky(self, slope: Self) -> Self {
            unsafe {
                let zero = _mm256_setzero_ps();
                let low = _mm256_cmp_ps::<_CMP_LT_OQ>(self.0, zero);
                let high = _mm256_cmp_ps::<_CMP_LT_OQ>(self.1, zero);
                Self(
                    _mm256_blendv_ps(self.0, _mm256_mul_ps(self.0, slope.0), low),
                    _mm256_blendv_ps(self.1, _mm256_mul_ps(self.1, slope.1), high),
                )
            }
        }
    }
}
