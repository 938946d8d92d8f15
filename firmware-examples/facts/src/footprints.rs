//! The flash and the static RAM of firmware that classifies, without its network.

use crate::{
    Core, RustTarget, THUMBV6M, THUMBV7EM_HARD_FLOAT, THUMBV7M, THUMBV8M_HARD_FLOAT,
    THUMBV8M_HELIUM,
};

/// A firmware that classifies with a network in its flash. It accepts any network that it has the
/// kernels for, and checks it at its start. Those in Rust have the kernels of residual networks, that
/// in C has all kernels.
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

/// The memory of a firmware, without its network, the image that is built into it, and the working
/// memory of the network.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Footprint {
    /// The firmware.
    pub firmware: FirmwareBuild,
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
    target: RustTarget,
    code: u32,
    statics: u32,
) -> Footprint {
    Footprint { firmware, target, code, statics }
}

/// The footprints that exist. `cargo xtask footprint` builds every firmware and compares it with
/// this list.
pub const FOOTPRINTS: [Footprint; 11] = [
    footprint(FirmwareBuild::Small, THUMBV6M, 25_011, 76),
    footprint(FirmwareBuild::Fast, THUMBV6M, 37_815, 76),
    footprint(FirmwareBuild::Small, THUMBV7M, 29_123, 76),
    footprint(FirmwareBuild::Fast, THUMBV7M, 39_367, 76),
    footprint(FirmwareBuild::Small, THUMBV7EM_HARD_FLOAT, 24_959, 76),
    footprint(FirmwareBuild::Fast, THUMBV7EM_HARD_FLOAT, 34_431, 76),
    footprint(FirmwareBuild::C, THUMBV7EM_HARD_FLOAT, 37_528, 68),
    footprint(FirmwareBuild::Small, THUMBV8M_HARD_FLOAT, 26_115, 76),
    footprint(FirmwareBuild::Fast, THUMBV8M_HARD_FLOAT, 36_895, 76),
    footprint(FirmwareBuild::Small, THUMBV8M_HELIUM, 29_567, 76),
    footprint(FirmwareBuild::Fast, THUMBV8M_HELIUM, 41_887, 76),
];

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

    /// The footprint of a firmware on this core; `None` if there is no such firmware.
    pub fn footprint(self, firmware: FirmwareBuild) -> Option<Footprint> {
        let target = self.target();
        FOOTPRINTS.into_iter().find(|f| f.firmware == firmware && f.target == target)
    }
}
