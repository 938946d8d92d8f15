//! AVX-512 and AVX2.

use std::arch::x86_64::*;

use super::{Kernel, Lanes};
use crate::LANES;

/// Proof of AVX-512F, AVX2 and FMA. A vector is one 512-bit register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx512(());

impl Avx512 {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx512f") && Avx2::detect().is_some();
        found.then_some(Self(()))
    }

    /// Runs a kernel that is compiled with these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx512f,avx2,fma")]
        fn compiled<K: Kernel>(lanes: Avx512, kernel: K) -> K::Out {
            kernel.run(lanes)
        }
        // SAFETY: `Avx512::detect` found the features before it made `self`
        unsafe { compiled(self, kernel) }
    }
}

/// Proof of AVX2 and FMA. A vector is two 256-bit registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Avx2(());

impl Avx2 {
    /// The token, where the processor has the instructions.
    pub fn detect() -> Option<Self> {
        let found = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
        found.then_some(Self(()))
    }

    /// Runs a kernel that is compiled with these instructions.
    pub fn run<K: Kernel>(self, kernel: K) -> K::Out {
        #[target_feature(enable = "avx2,fma")]
        fn compiled<K: Kernel>(lanes: Avx2, kernel: K) -> K::Out {
            kernel.run(lanes)
        }
        // SAFETY: `Avx2::detect` found the features before it made `self`
        unsafe { compiled(self, kernel) }
    }
}

/// The sum over the eight lanes of each.
///
/// # Safety
/// The processor has AVX2, which includes AVX and SSE3.
#[inline(always)]
unsafe fn sums_of_eight(four: [__m256; 4]) -> [f32; 4] {
    let mut out = [0f32; 4];
    // SAFETY: the caller has AVX2; `out` holds the four values that are stored
    unsafe {
        let [a, b, c, d] =
            four.map(|v| _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps::<1>(v)));
        _mm_storeu_ps(out.as_mut_ptr(), _mm_hadd_ps(_mm_hadd_ps(a, b), _mm_hadd_ps(c, d)));
    }
    out
}

impl Lanes for Avx512 {
    type Vector = __m512;
    const TILE: (usize, usize) = (6, 4);
    const WEIGHT_TILE: (usize, usize) = (4, 2);

    #[inline(always)]
    fn splat(self, v: f32) -> __m512 {
        // SAFETY: `self` proves AVX-512F
        unsafe { _mm512_set1_ps(v) }
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> __m512 {
        // SAFETY: `self` proves AVX-512F; `from` holds the 16 values that are read
        unsafe { _mm512_loadu_ps(from.as_ptr()) }
    }
    #[inline(always)]
    fn store(self, v: __m512, to: &mut [f32; LANES]) {
        // SAFETY: `self` proves AVX-512F; `to` holds the 16 values that are written
        unsafe { _mm512_storeu_ps(to.as_mut_ptr(), v) }
    }
    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        // SAFETY: x86-64 has the instruction, which changes nothing and faults for no address
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
    #[inline(always)]
    fn fma(self, sum: __m512, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F
        unsafe { _mm512_fmadd_ps(a, b, sum) }
    }
    #[inline(always)]
    fn add(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F
        unsafe { _mm512_add_ps(a, b) }
    }
    #[inline(always)]
    fn leaky(self, v: __m512, slope: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F
        unsafe {
            let negative = _mm512_cmp_ps_mask::<_CMP_LT_OQ>(v, _mm512_setzero_ps());
            _mm512_mask_mul_ps(v, negative, v, slope)
        }
    }
    #[inline(always)]
    fn min(self, a: __m512, b: __m512) -> __m512 {
        // SAFETY: `self` proves AVX-512F
        unsafe { _mm512_min_ps(a, b) }
    }
    #[inline(always)]
    fn sums(self, four: [__m512; 4]) -> [f32; 4] {
        // SAFETY: `self` proves AVX-512F and AVX2
        unsafe {
            let eights = four.map(|v| {
                let high = _mm512_extractf64x4_pd::<1>(_mm512_castps_pd(v));
                _mm256_add_ps(_mm512_castps512_ps256(v), _mm256_castpd_ps(high))
            });
            sums_of_eight(eights)
        }
    }
}

impl Lanes for Avx2 {
    type Vector = (__m256, __m256);
    const TILE: (usize, usize) = (2, 2);
    const WEIGHT_TILE: (usize, usize) = (1, 2);

    #[inline(always)]
    fn splat(self, v: f32) -> Self::Vector {
        // SAFETY: `self` proves AVX2
        unsafe { (_mm256_set1_ps(v), _mm256_set1_ps(v)) }
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> Self::Vector {
        let p = from.as_ptr();
        // SAFETY: `self` proves AVX2; `from` holds the 16 values that are read
        unsafe { (_mm256_loadu_ps(p), _mm256_loadu_ps(p.add(8))) }
    }
    #[inline(always)]
    fn store(self, v: Self::Vector, to: &mut [f32; LANES]) {
        let p = to.as_mut_ptr();
        // SAFETY: `self` proves AVX2; `to` holds the 16 values that are written
        unsafe {
            _mm256_storeu_ps(p, v.0);
            _mm256_storeu_ps(p.add(8), v.1);
        }
    }
    #[inline(always)]
    fn prefetch(self, at: *const f32) {
        // SAFETY: x86-64 has the instruction, which changes nothing and faults for no address
        unsafe { _mm_prefetch::<_MM_HINT_T0>(at.cast()) }
    }
    #[inline(always)]
    fn fma(self, sum: Self::Vector, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves FMA
        unsafe { (_mm256_fmadd_ps(a.0, b.0, sum.0), _mm256_fmadd_ps(a.1, b.1, sum.1)) }
    }
    #[inline(always)]
    fn add(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves AVX2
        unsafe { (_mm256_add_ps(a.0, b.0), _mm256_add_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn leaky(self, v: Self::Vector, slope: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves AVX2
        unsafe {
            let one = |v: __m256, s: __m256| _mm256_blendv_ps(v, _mm256_mul_ps(v, s), v);
            (one(v.0, slope.0), one(v.1, slope.1))
        }
    }
    #[inline(always)]
    fn min(self, a: Self::Vector, b: Self::Vector) -> Self::Vector {
        // SAFETY: `self` proves AVX2
        unsafe { (_mm256_min_ps(a.0, b.0), _mm256_min_ps(a.1, b.1)) }
    }
    #[inline(always)]
    fn sums(self, four: [Self::Vector; 4]) -> [f32; 4] {
        // SAFETY: `self` proves AVX2
        unsafe { sums_of_eight(four.map(|v| _mm256_add_ps(v.0, v.1))) }
    }
}
