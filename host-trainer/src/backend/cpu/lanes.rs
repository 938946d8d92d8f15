//! Sixteen f32 at once: the primitives that every CPU kernel is written over, and the choice of
//! instruction set at run time. All `unsafe` of the CPU kernels is in this file.

/// One group of sixteen images at one channel and pixel.
pub type Group = [f32; 16];

/// Sixteen f32 in registers. Implementations may only be used inside functions compiled for their
/// instruction set; `variants!` is the only way in.
pub(super) trait Lanes: Copy {
    /// Whether 32 registers of full width are there, for larger register tiles.
    const WIDE: bool;
    fn splat(v: f32) -> Self;
    fn load(p: &Group) -> Self;
    fn store(self, p: &mut Group);
    /// `self + a * b`, each.
    fn fma(self, a: Self, b: Self) -> Self;
    fn add(self, o: Self) -> Self;
    fn mul(self, o: Self) -> Self;
    fn max(self, o: Self) -> Self;
    fn min(self, o: Self) -> Self;
    /// `self` where `by > 0`, else `other`.
    fn gate(self, by: Self, other: Self) -> Self;
    /// Sum of all sixteen.
    fn sum(self) -> f32;
}

/// Plain arrays, for processors without AVX2.
#[derive(Clone, Copy)]
pub(super) struct Plain([f32; 16]);

impl Plain {
    #[inline(always)]
    fn zip(mut self, o: Self, f: impl Fn(f32, f32) -> f32) -> Self {
        for i in 0..16 {
            self.0[i] = f(self.0[i], o.0[i]);
        }
        self
    }
}

impl Lanes for Plain {
    const WIDE: bool = false;
    #[inline(always)]
    fn splat(v: f32) -> Self {
        Self([v; 16])
    }
    #[inline(always)]
    fn load(p: &Group) -> Self {
        Self(*p)
    }
    #[inline(always)]
    fn store(self, p: &mut Group) {
        *p = self.0;
    }
    #[inline(always)]
    fn fma(mut self, a: Self, b: Self) -> Self {
        for i in 0..16 {
            self.0[i] += a.0[i] * b.0[i];
        }
        self
    }
    #[inline(always)]
    fn add(self, o: Self) -> Self {
        self.zip(o, |a, b| a + b)
    }
    #[inline(always)]
    fn mul(self, o: Self) -> Self {
        self.zip(o, |a, b| a * b)
    }
    #[inline(always)]
    fn max(self, o: Self) -> Self {
        self.zip(o, |a, b| if a > b { a } else { b })
    }
    #[inline(always)]
    fn min(self, o: Self) -> Self {
        self.zip(o, |a, b| if a < b { a } else { b })
    }
    #[inline(always)]
    fn gate(mut self, by: Self, other: Self) -> Self {
        for i in 0..16 {
            self.0[i] = if by.0[i] > 0.0 { self.0[i] } else { other.0[i] };
        }
        self
    }
    #[inline(always)]
    fn sum(self) -> f32 {
        self.0.iter().sum()
    }
}

#[cfg(target_arch = "x86_64")]
pub(super) mod x86 {
    use super::{Group, Lanes};
    use std::arch::x86_64::*;

    /// AVX-512: one register.
    #[derive(Clone, Copy)]
    pub struct Zmm(__m512);
    /// AVX2 and FMA: two registers.
    #[derive(Clone, Copy)]
    pub struct Ymm(__m256, __m256);

    impl Lanes for Zmm {
        const WIDE: bool = true;
        #[inline(always)]
        fn splat(v: f32) -> Self {
            // SAFETY: only reached through `variants!`, that is after AVX-512F was detected.
            Self(unsafe { _mm512_set1_ps(v) })
        }
        #[inline(always)]
        fn load(p: &Group) -> Self {
            // SAFETY: as above; the reference covers 64 readable bytes.
            Self(unsafe { _mm512_loadu_ps(p.as_ptr()) })
        }
        #[inline(always)]
        fn store(self, p: &mut Group) {
            // SAFETY: as above; the reference covers 64 writable bytes.
            unsafe { _mm512_storeu_ps(p.as_mut_ptr(), self.0) }
        }
        #[inline(always)]
        fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `splat`.
            Self(unsafe { _mm512_fmadd_ps(a.0, b.0, self.0) })
        }
        #[inline(always)]
        fn add(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            Self(unsafe { _mm512_add_ps(self.0, o.0) })
        }
        #[inline(always)]
        fn mul(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            Self(unsafe { _mm512_mul_ps(self.0, o.0) })
        }
        #[inline(always)]
        fn max(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            Self(unsafe { _mm512_max_ps(self.0, o.0) })
        }
        #[inline(always)]
        fn min(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            Self(unsafe { _mm512_min_ps(self.0, o.0) })
        }
        #[inline(always)]
        fn gate(self, by: Self, other: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe {
                let m = _mm512_cmp_ps_mask::<_CMP_GT_OQ>(by.0, _mm512_setzero_ps());
                Self(_mm512_mask_blend_ps(m, other.0, self.0))
            }
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            // SAFETY: as in `splat`.
            unsafe { _mm512_reduce_add_ps(self.0) }
        }
    }

    impl Lanes for Ymm {
        const WIDE: bool = false;
        #[inline(always)]
        fn splat(v: f32) -> Self {
            // SAFETY: only reached through `variants!`, that is after AVX2 and FMA were detected.
            let v = unsafe { _mm256_set1_ps(v) };
            Self(v, v)
        }
        #[inline(always)]
        fn load(p: &Group) -> Self {
            // SAFETY: as above; the reference covers 64 readable bytes.
            unsafe { Self(_mm256_loadu_ps(p.as_ptr()), _mm256_loadu_ps(p[8..].as_ptr())) }
        }
        #[inline(always)]
        fn store(self, p: &mut Group) {
            // SAFETY: as above; the reference covers 64 writable bytes.
            unsafe {
                _mm256_storeu_ps(p.as_mut_ptr(), self.0);
                _mm256_storeu_ps(p[8..].as_mut_ptr(), self.1);
            }
        }
        #[inline(always)]
        fn fma(self, a: Self, b: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe { Self(_mm256_fmadd_ps(a.0, b.0, self.0), _mm256_fmadd_ps(a.1, b.1, self.1)) }
        }
        #[inline(always)]
        fn add(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe { Self(_mm256_add_ps(self.0, o.0), _mm256_add_ps(self.1, o.1)) }
        }
        #[inline(always)]
        fn mul(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe { Self(_mm256_mul_ps(self.0, o.0), _mm256_mul_ps(self.1, o.1)) }
        }
        #[inline(always)]
        fn max(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe { Self(_mm256_max_ps(self.0, o.0), _mm256_max_ps(self.1, o.1)) }
        }
        #[inline(always)]
        fn min(self, o: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe { Self(_mm256_min_ps(self.0, o.0), _mm256_min_ps(self.1, o.1)) }
        }
        #[inline(always)]
        fn gate(self, by: Self, other: Self) -> Self {
            // SAFETY: as in `splat`.
            unsafe {
                let z = _mm256_setzero_ps();
                let a = _mm256_cmp_ps::<_CMP_GT_OQ>(by.0, z);
                let b = _mm256_cmp_ps::<_CMP_GT_OQ>(by.1, z);
                let a = _mm256_blendv_ps(other.0, self.0, a);
                Self(a, _mm256_blendv_ps(other.1, self.1, b))
            }
        }
        #[inline(always)]
        fn sum(self) -> f32 {
            let mut t = [0.0; 16];
            self.store(&mut t);
            let mut s = [0.0; 4];
            for (i, v) in t.iter().enumerate() {
                s[i & 3] += v;
            }
            (s[0] + s[1]) + (s[2] + s[3])
        }
    }
}

/// An instruction set that this processor was seen to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Isa(pub(super) Kind);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    #[cfg(target_arch = "x86_64")]
    Avx512,
    #[cfg(target_arch = "x86_64")]
    Avx2,
    Plain,
}

impl Isa {
    /// Every variant that runs here, fastest first; never empty.
    pub fn available() -> Vec<Self> {
        let mut all = Vec::new();
        #[cfg(target_arch = "x86_64")]
        {
            if is_x86_feature_detected!("avx512f") {
                all.push(Self(Kind::Avx512));
            }
            if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
                all.push(Self(Kind::Avx2));
            }
        }
        all.push(Self(Kind::Plain));
        all
    }

    /// Whether register tiles are the large ones.
    pub(super) fn wide(self) -> bool {
        #[cfg(target_arch = "x86_64")]
        return self.0 == Kind::Avx512;
        #[cfg(not(target_arch = "x86_64"))]
        false
    }

    /// The fastest variant.
    pub fn best() -> Self {
        static BEST: std::sync::OnceLock<Isa> = std::sync::OnceLock::new();
        *BEST.get_or_init(|| Self::available()[0])
    }
}

/// Defines `$name(isa, args..)`, which runs the `#[inline(always)]` function `$generic::<L>`
/// compiled for the instruction set `isa`.
macro_rules! variants {
    ($name:ident = $generic:ident($($a:ident: $t:ty),* $(,)?) $(-> $r:ty)?) => {
        #[allow(clippy::too_many_arguments)]
        fn $name(isa: $crate::backend::cpu::lanes::Isa, $($a: $t),*) $(-> $r)? {
            use $crate::backend::cpu::lanes::{Kind, Plain};
            #[cfg(target_arch = "x86_64")]
            use $crate::backend::cpu::lanes::x86::{Ymm, Zmm};
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx512f")]
            fn avx512($($a: $t),*) $(-> $r)? { $generic::<Zmm>($($a),*) }
            #[cfg(target_arch = "x86_64")]
            #[allow(clippy::too_many_arguments)]
            #[target_feature(enable = "avx2,fma")]
            fn avx2($($a: $t),*) $(-> $r)? { $generic::<Ymm>($($a),*) }
            match isa.0 {
                // SAFETY: an `Isa` of this kind is only made after the features were detected.
                #[cfg(target_arch = "x86_64")]
                Kind::Avx512 => unsafe { avx512($($a),*) },
                // SAFETY: as above.
                #[cfg(target_arch = "x86_64")]
                Kind::Avx2 => unsafe { avx2($($a),*) },
                Kind::Plain => $generic::<Plain>($($a),*),
            }
        }
    };
}
pub(super) use variants;
