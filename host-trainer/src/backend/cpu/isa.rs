//! Instruction sets: the kernels are written once over [`Isa`] and compiled for each.

use std::sync::OnceLock;

use crate::backend::LANES;

/// One value of 16 images.
pub type Lanes = [f32; LANES];

/// What differs between instruction sets.
pub trait Isa {
    /// `a b + c`.
    fn fma(a: f32, b: f32, c: f32) -> f32;
}

/// Fused multiply-add in one instruction.
pub struct Fused;
/// Multiplication, then addition.
pub struct Plain;

impl Isa for Fused {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a.mul_add(b, c)
    }
}

impl Isa for Plain {
    #[inline(always)]
    fn fma(a: f32, b: f32, c: f32) -> f32 {
        a * b + c
    }
}

/// Instruction sets that kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// AVX-512F and FMA.
    Avx512,
    /// AVX2 and FMA.
    Avx2,
    /// Whatever the target offers.
    Portable,
}

/// The best that this machine has.
pub fn level() -> Level {
    static LEVEL: OnceLock<Level> = OnceLock::new();
    *LEVEL.get_or_init(|| {
        #[cfg(target_arch = "x86_64")]
        {
            let fma = is_x86_feature_detected!("fma");
            if fma && is_x86_feature_detected!("avx512f") {
                return Level::Avx512;
            }
            if fma && is_x86_feature_detected!("avx2") {
                return Level::Avx2;
            }
        }
        Level::Portable
    })
}

/// Compiles a generic kernel for every instruction set and calls the one of [`level`].
macro_rules! dispatch {
    ($(#[$doc:meta])* pub fn $name:ident($($arg:ident: $type:ty),* $(,)?) $(-> $result:ty)? = $kernel:ident) => {
        $(#[$doc])*
        pub fn $name($($arg: $type),*) $(-> $result)? {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,fma")]
                fn avx512($($arg: $type),*) $(-> $result)? {
                    $kernel::<crate::backend::cpu::isa::Fused>($($arg),*)
                }
                #[target_feature(enable = "avx2,fma")]
                fn avx2($($arg: $type),*) $(-> $result)? {
                    $kernel::<crate::backend::cpu::isa::Fused>($($arg),*)
                }
                match crate::backend::cpu::isa::level() {
                    // SAFETY: `level` has found AVX-512F and FMA on this machine.
                    crate::backend::cpu::isa::Level::Avx512 => return unsafe { avx512($($arg),*) },
                    // SAFETY: `level` has found AVX2 and FMA on this machine.
                    crate::backend::cpu::isa::Level::Avx2 => return unsafe { avx2($($arg),*) },
                    crate::backend::cpu::isa::Level::Portable => {}
                }
            }
            $kernel::<crate::backend::cpu::isa::Plain>($($arg),*)
        }
    };
}
pub(super) use dispatch;
