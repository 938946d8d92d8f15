//! The kernels of the target's core.
//!
//! [`Dsp`] implements core's primitives with the instructions that the target has: assembly with
//! Helium, with or without the DSP extension, assembly for Armv6-M, or plain Rust. `build.rs` decides
//! which. All of the crate's unsafe code is in this module.

#[cfg(any(supernano_asm, supernano_v6m))]
mod depthwise;
#[cfg(supernano_asm)]
mod edge;
#[cfg(supernano_mve)]
mod helium;
#[cfg(supernano_dsp)]
mod image;
#[cfg(not(supernano_asm))]
mod plain;
#[cfg(supernano_asm)]
mod pointwise;
#[cfg(supernano_asm)]
mod row;
#[cfg(supernano_asm)]
mod simd;
#[cfg(supernano_asm)]
mod winograd;

use supernano_core::graph::KernelSet;
use supernano_core::kernel::Packed;

/// Name of the kernels that [`kernels`] returns.
pub const KERNELS: &str = if cfg!(supernano_mve) {
    "helium"
} else if cfg!(supernano_dsp) {
    "dsp"
} else if cfg!(supernano_asm) {
    "armv7-m"
} else if cfg!(supernano_v6m) {
    "armv6-m"
} else {
    "scalar"
};

/// Bits of [`KernelSet::ALL`], for a constant parameter.
pub const ALL: u32 = KernelSet::ALL.bits();

/// The kernels of this core that are in a set, given by its [`KernelSet::bits`].
pub type Kernels<const SET: u32 = ALL> = Packed<Dsp<SET>>;

/// All kernels of this core.
pub fn kernels() -> Kernels {
    Kernels::default()
}

/// The primitives of this core: SMLAD, SXTB16 and SMMLAR where it has them, other instructions or
/// plain code elsewhere. Kernels that are not in the set are not linked; calls for them do nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dsp<const SET: u32 = ALL>;
