//! The flash and the static RAM of firmware that classifies, without its network.

use crate::{
    Core, RustTarget, THUMBV6M, THUMBV7EM_HARD_FLOAT, THUMBV7M, THUMBV8M_HARD_FLOAT,
    THUMBV8M_HELIUM,
};

/// A firmware that classifies with a network in its flash. It accepts any network that it has the
/// kernels for, and checks it at its start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareBuild {
    /// `firmware-examples/minimal`, in Rust, built for size (`opt-level = "s"`).
    Small,
    /// `firmware-examples/minimal`, in Rust, built for speed (`opt-level = 3`).
    Fast,
    /// `firmware-examples/c-qemu-m4`, in C, with the C library built for speed.
    C,
}

impl FirmwareBuild {
    /// Every firmware.
    pub const ALL: [Self; 3] = [Self::Small, Self::Fast, Self::C];

    /// Name in options and files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Fast => "fast",
            Self::C => "c",
        }
    }
}

/// The kernels that a firmware has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareKernels {
    /// Those of residual networks.
    Residual,
    /// Those of all layers.
    All,
}

/// The memory of a firmware, without its network, the image that is built into it, and the working
/// memory of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// The firmware.
    pub firmware: FirmwareBuild,
    /// Its kernels. The firmware in C always has all.
    pub kernels: FirmwareKernels,
    /// RustTarget that it is built for.
    pub target: RustTarget,
    /// Flash: vectors, instructions, constants and initial values of variables, bytes.
    pub code: u32,
    /// RAM: static variables, bytes. Of the C example, the `SupernanoNetwork` alone: its other
    /// variables serve its tests of the library.
    pub statics: u32,
}

const fn footprint(
    firmware: FirmwareBuild,
    kernels: FirmwareKernels,
    target: RustTarget,
    code: u32,
    statics: u32,
) -> Footprint {
    Footprint { firmware, kernels, target, code, statics }
}

/// The footprints that exist. `cargo xtask footprint` builds every firmware and compares it with
/// this list.
pub const FOOTPRINTS: [Footprint; 21] = {
    use FirmwareBuild::{C, Fast, Small};
    use FirmwareKernels::{All, Residual};
    [
        footprint(Small, Residual, THUMBV6M, 25_439, 76),
        footprint(Fast, Residual, THUMBV6M, 40_247, 76),
        footprint(Small, Residual, THUMBV7M, 28_291, 76),
        footprint(Fast, Residual, THUMBV7M, 39_435, 76),
        footprint(Small, Residual, THUMBV7EM_HARD_FLOAT, 25_511, 76),
        footprint(Fast, Residual, THUMBV7EM_HARD_FLOAT, 36_011, 76),
        footprint(Small, Residual, THUMBV8M_HARD_FLOAT, 26_367, 76),
        footprint(Fast, Residual, THUMBV8M_HARD_FLOAT, 38_375, 76),
        footprint(Small, Residual, THUMBV8M_HELIUM, 29_799, 76),
        footprint(Fast, Residual, THUMBV8M_HELIUM, 43_591, 76),
        footprint(Small, All, THUMBV6M, 40_119, 76),
        footprint(Fast, All, THUMBV6M, 61_659, 76),
        footprint(Small, All, THUMBV7M, 43_887, 76),
        footprint(Fast, All, THUMBV7M, 59_731, 76),
        footprint(Small, All, THUMBV7EM_HARD_FLOAT, 39_883, 76),
        footprint(Fast, All, THUMBV7EM_HARD_FLOAT, 54_431, 76),
        footprint(Small, All, THUMBV8M_HARD_FLOAT, 40_991, 76),
        footprint(Fast, All, THUMBV8M_HARD_FLOAT, 60_519, 76),
        footprint(Small, All, THUMBV8M_HELIUM, 47_307, 76),
        footprint(Fast, All, THUMBV8M_HELIUM, 64_195, 76),
        footprint(C, All, THUMBV7EM_HARD_FLOAT, 39_288, 68),
    ]
};

impl Core {
    /// The target that firmware for this core is built for.
    pub const fn target(self) -> RustTarget {
        match self {
            Self::M0 | Self::M0Plus => THUMBV6M,
            Self::M3 => THUMBV7M,
            Self::M4 | Self::M7 => THUMBV7EM_HARD_FLOAT,
            Self::M33 => THUMBV8M_HARD_FLOAT,
            Self::M55 | Self::M85 => THUMBV8M_HELIUM,
        }
    }

    /// The footprint of a firmware with these kernels on this core; `None` if there is no such
    /// firmware.
    pub fn footprint(self, firmware: FirmwareBuild, kernels: FirmwareKernels) -> Option<Footprint> {
        let target = self.target();
        let has = |f: &Footprint| f.kernels == kernels || f.firmware == FirmwareBuild::C;
        FOOTPRINTS.into_iter().find(|f| f.firmware == firmware && f.target == target && has(f))
    }
}
