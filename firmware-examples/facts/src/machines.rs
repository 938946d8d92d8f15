//! The machines that QEMU emulates, one for each core.

use crate::Core::{self, M0Plus, M3, M4, M7, M33, M55};
use crate::packages::package;
use crate::{
    Package, THUMBV6M, THUMBV7EM_HARD_FLOAT, THUMBV7M, THUMBV8M_HARD_FLOAT, THUMBV8M_HELIUM,
};

/// Memory at [`Machine::placed`], bytes.
pub const PLACED_BYTES: u32 = 16 << 20;

/// A timer with the clock of the core, by the address of its registers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timer {
    /// The CMSDK timer: 32 bits, counts down.
    Cmsdk(u32),
    /// The system counter of an SSE-300: 64 bits, counts up.
    System(u32),
}

impl Timer {
    /// Address of the register that holds the count, or its low word.
    pub const fn value(self) -> u32 {
        match self {
            Self::Cmsdk(address) => address + 4,
            Self::System(address) => address + 8,
        }
    }
}

/// A machine of QEMU, and the package of its firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Machine {
    /// Name of the target and of the package: `qemu-` and the core.
    pub name: &'static str,
    /// QEMU's name of the machine.
    pub board: &'static str,
    /// Address of the PSRAM. QEMU can load a network and images there before the start.
    pub placed: u32,
    /// Core that the agent reports.
    pub core: &'static str,
    /// Clock rate of the core, the timer and the UART, Hz.
    pub clock_hz: u32,
    /// Address of the CMSDK UART's registers.
    pub uart: u32,
    /// Timer that counts instructions.
    pub timer: Timer,
    /// Core whose cycles can be estimated, if Arm publishes its timings.
    pub timed: Option<Core>,
    /// Package of the firmware.
    pub package: Package,
}

impl Machine {
    /// File name of the agent.
    pub const fn agent(&self) -> &'static str {
        match self.package.agent() {
            Some(program) => program.file,
            None => panic!("the package of every machine has an agent"),
        }
    }

    /// True if the firmware uses the vector extension Helium.
    pub fn vectors(&self) -> bool {
        self.package.target == THUMBV8M_HELIUM
    }
}

/// A Cortex-M3 that runs code for Cortex-M0. The Cortex-M3 executes that code unchanged, and the
/// machine has the timer and the memory that QEMU's machines with a Cortex-M0 lack.
pub const QEMU_M0: Machine = Machine {
    name: "qemu-m0",
    core: "cortex-m0 code on a cortex-m3",
    timed: Some(M0Plus),
    package: package!("qemu-m0": [Agent, Classify, Listen], THUMBV6M, None, None),
    ..QEMU_M3
};

/// A Cortex-M3.
pub const QEMU_M3: Machine = Machine {
    name: "qemu-m3",
    board: "mps2-an385",
    placed: 0x2100_0000,
    core: M3.name(),
    clock_hz: 25_000_000,
    uart: 0x4000_4000,
    timer: Timer::Cmsdk(0x4000_0000),
    timed: Some(M3),
    package: package!("qemu-m3": [Agent, Classify, Listen], THUMBV7M, None, None),
};

/// A Cortex-M4.
pub const QEMU_M4: Machine = Machine {
    name: "qemu-m4",
    board: "mps2-an386",
    core: M4.name(),
    timed: Some(M4),
    package: package!("qemu-m4": [Agent, Classify, Listen], THUMBV7EM_HARD_FLOAT, Rtt, None),
    ..QEMU_M3
};

/// A Cortex-M7.
pub const QEMU_M7: Machine = Machine {
    name: "qemu-m7",
    board: "mps2-an500",
    placed: 0x6000_0000,
    core: M7.name(),
    timed: None,
    package: package!("qemu-m7": [Agent, Classify, Listen], THUMBV7EM_HARD_FLOAT, None, None),
    ..QEMU_M3
};

/// A Cortex-M33 in secure state. The addresses are those of the secure aliases.
pub const QEMU_M33: Machine = Machine {
    name: "qemu-m33",
    board: "mps2-an505",
    placed: 0x8000_0000,
    core: M33.name(),
    clock_hz: 20_000_000,
    uart: 0x5020_0000,
    timer: Timer::Cmsdk(0x5000_0000),
    timed: None,
    package: package!("qemu-m33": [Agent, Classify, Listen], THUMBV8M_HARD_FLOAT, None, None),
};

/// A Cortex-M55 in secure state. The addresses are those of the secure aliases.
pub const QEMU_M55: Machine = Machine {
    name: "qemu-m55",
    board: "mps3-an547",
    placed: 0x7000_0000,
    core: M55.name(),
    clock_hz: 32_000_000,
    uart: 0x5930_3000,
    timer: Timer::System(0x5810_0000),
    timed: None,
    package: package!("qemu-m55": [Agent, Classify, Listen], THUMBV8M_HELIUM, None, None),
};

/// The package of a second agent for [`QEMU_M4`], which logs over semihosting.
pub const QEMU_M4_LOG: Package =
    package!("qemu-m4-log": [Agent], THUMBV7EM_HARD_FLOAT, Semihosting, None);

/// Every emulated machine, as a target of the host.
pub const MACHINES: [Machine; 6] = [QEMU_M0, QEMU_M3, QEMU_M4, QEMU_M7, QEMU_M33, QEMU_M55];
