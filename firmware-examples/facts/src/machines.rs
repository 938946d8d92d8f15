//! The machines that QEMU emulates, one for each core.

use crate::Core::{self, M0Plus, M3, M4, M7, M33};
use crate::packages::package;
use crate::{Package, THUMBV6M, THUMBV7EM_HARD_FLOAT, THUMBV7M, THUMBV8M_HARD_FLOAT};

/// Memory at [`Machine::placed`], bytes.
pub const PLACED_BYTES: u32 = 16 << 20;

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
    /// Address of the CMSDK timer's registers.
    pub timer: u32,
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
    timer: 0x4000_0000,
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
    timer: 0x5000_0000,
    timed: None,
    package: package!("qemu-m33": [Agent, Classify, Listen], THUMBV8M_HARD_FLOAT, None, None),
};

/// The package of a second agent for [`QEMU_M4`], which logs over semihosting.
pub const QEMU_M4_LOG: Package =
    package!("qemu-m4-log": [Agent], THUMBV7EM_HARD_FLOAT, Semihosting, None);

/// Every emulated machine, as a target of the host.
pub const MACHINES: [Machine; 5] = [QEMU_M0, QEMU_M3, QEMU_M4, QEMU_M7, QEMU_M33];
