//! Kernels for this core: the DSP extension of Cortex-M4, M7 and M33 where there is one.

#[cfg(supernano_asm)]
mod edge;
#[cfg(not(supernano_asm))]
mod plain;
#[cfg(supernano_asm)]
mod row;
#[cfg(supernano_asm)]
mod simd;
#[cfg(supernano_asm)]
mod winograd;

use supernano_core::graph::KernelSet;
use supernano_core::kernel::Packed;

/// Name of the kernels that [`kernels`] gives.
pub const KERNELS: &str = if cfg!(supernano_dsp) {
    "dsp"
} else if cfg!(supernano_asm) {
    "armv7-m"
} else if cfg!(supernano_v6m) {
    "armv6-m"
} else {
    "scalar"
};

/// Every kernel, as a constant parameter has it.
pub const ALL: u32 = KernelSet::ALL.bits();

/// Kernels of this core: those of a set, [`KernelSet::bits`].
pub type Kernels<const SET: u32 = ALL> = Packed<Dsp<SET>>;

/// The fastest kernels of this core.
pub fn kernels() -> Kernels {
    Kernels::default()
}

/// SMLAD, SXTB16 and SMMLAR where the core has them, plain code elsewhere. What is not in the set
/// is not linked, and does nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dsp<const SET: u32 = ALL>;
