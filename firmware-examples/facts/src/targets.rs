//! Cores, and the Rust targets that firmware is built for.

/// A core of Arm's Cortex-M family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Cortex-M0.
    M0,
    /// Cortex-M0+. It runs the code and has the cost table of a Cortex-M0.
    M0Plus,
    /// Cortex-M3.
    M3,
    /// Cortex-M4, with or without a floating-point unit.
    M4,
    /// Cortex-M7.
    M7,
    /// Cortex-M33.
    M33,
    /// Cortex-M55, with Helium.
    M55,
    /// Cortex-M85. It runs the code of a Cortex-M55.
    M85,
}

impl Core {
    /// Every core.
    pub const ALL: [Self; 8] =
        [Self::M0, Self::M0Plus, Self::M3, Self::M4, Self::M7, Self::M33, Self::M55, Self::M85];

    /// The cores whose timings Arm publishes, so that their cycles can be estimated.
    pub const TIMED: [Self; 4] = [Self::M0, Self::M0Plus, Self::M3, Self::M4];

    /// The name that a device reports, such as `cortex-m4`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::M0 => "cortex-m0",
            Self::M0Plus => "cortex-m0+",
            Self::M3 => "cortex-m3",
            Self::M4 => "cortex-m4",
            Self::M7 => "cortex-m7",
            Self::M33 => "cortex-m33",
            Self::M55 => "cortex-m55",
            Self::M85 => "cortex-m85",
        }
    }

    /// The name of its cost table and of its emulated target, such as `m4`.
    pub const fn short(self) -> &'static str {
        match self {
            Self::M0 | Self::M0Plus => "m0",
            Self::M3 => "m3",
            Self::M4 => "m4",
            Self::M7 => "m7",
            Self::M33 => "m33",
            Self::M55 | Self::M85 => "m55",
        }
    }
}

/// A Rust target, and the core that `rustc` must be told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RustTarget {
    /// Name in `rustc --print target-list`.
    pub triple: &'static str,
    /// Value of `-C target-cpu`, if the triple does not imply an extension that the kernels use.
    pub cpu: Option<&'static str>,
}

/// Cortex-M0 and Cortex-M0+.
pub const THUMBV6M: RustTarget = RustTarget { triple: "thumbv6m-none-eabi", cpu: None };
/// Cortex-M3.
pub const THUMBV7M: RustTarget = RustTarget { triple: "thumbv7m-none-eabi", cpu: None };
/// Cortex-M4 and Cortex-M7 with a floating-point unit.
pub const THUMBV7EM_HARD_FLOAT: RustTarget =
    RustTarget { triple: "thumbv7em-none-eabihf", cpu: None };
/// Cortex-M33 with a floating-point unit. The DSP extension is optional in Armv8-M, so no triple
/// implies it.
pub const THUMBV8M_HARD_FLOAT: RustTarget =
    RustTarget { triple: "thumbv8m.main-none-eabihf", cpu: Some("cortex-m33") };

/// Cortex-M55 and Cortex-M85, with Helium and a floating-point unit.
pub const THUMBV8M_HELIUM: RustTarget =
    RustTarget { triple: "thumbv8m.main-none-eabihf", cpu: Some("cortex-m55") };

/// Every target that firmware is built for.
pub const TARGETS: [RustTarget; 5] =
    [THUMBV6M, THUMBV7M, THUMBV7EM_HARD_FLOAT, THUMBV8M_HARD_FLOAT, THUMBV8M_HELIUM];
