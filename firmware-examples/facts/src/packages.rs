//! The packages of `firmware-examples`, and the programs in them.

use crate::{BOARDS, Board, MACHINES, MICROBIT, Machine, QEMU_M4_LOG, RustTarget};

/// The purpose of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Answers the protocol of `core/docs/wire-format.md`.
    Agent,
    /// Classifies images and prints the logits.
    Classify,
    /// Takes a recording through a front end and a network, continuously, and prints the logits.
    Listen,
}

impl Kind {
    /// Name of the file with the expected output on an emulated machine, in the package's directory.
    pub const fn expected(self) -> Option<&'static str> {
        match self {
            Self::Agent => None,
            Self::Classify => Some("classify.txt"),
            Self::Listen => Some("listen.txt"),
        }
    }
}

/// A program of a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Program {
    /// Purpose of the program.
    pub kind: Kind,
    /// Name of the Cargo binary.
    pub binary: &'static str,
    /// Name of the ELF file in `target/firmware/`.
    pub file: &'static str,
}

/// The transport of a package's log messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Log {
    /// The package does not log.
    None,
    /// RTT, through a debug probe.
    Rtt,
    /// Semihosting, to a debugger or to QEMU.
    Semihosting,
}

/// The peripheral access crate of a board's chip. One build of such a crate knows one chip.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Name of the crate.
    pub name: &'static str,
    /// Cargo feature that selects the chip, in that crate and in `supernano-chips`.
    pub feature: &'static str,
}

/// A package of `firmware-examples`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Package {
    /// Name of the package and of its directory.
    pub name: &'static str,
    /// Programs that a board or a machine can run.
    pub programs: &'static [Program],
    /// Rust target that it is built for.
    pub target: RustTarget,
    /// Transport of its log messages.
    pub log: Log,
    /// Peripheral access crate that it uses, if any.
    pub access: Option<Access>,
}

impl Package {
    /// The agent, if the package has one.
    pub const fn agent(&self) -> Option<&'static Program> {
        let mut i = 0;
        while i < self.programs.len() {
            if matches!(self.programs[i].kind, Kind::Agent) {
                return Some(&self.programs[i]);
            }
            i += 1;
        }
        None
    }
}

/// Every package that runs on one board or on one emulated machine.
pub fn packages() -> impl Iterator<Item = &'static Package> {
    let (machines, boards): (&[Machine], &[Board]) = (&MACHINES, &BOARDS);
    let others: &[Package] = &[QEMU_M4_LOG, MICROBIT.package];
    let machines = machines.iter().map(|machine| &machine.package);
    machines.chain(others).chain(boards.iter().map(|board| &board.package))
}

macro_rules! program {
    ($package:literal, Agent) => {
        $crate::packages::program!(Agent, $package, "-agent")
    };
    ($package:literal, Classify) => {
        $crate::packages::program!(Classify, $package, "-classify")
    };
    ($package:literal, Listen) => {
        $crate::packages::program!(Listen, $package, "-listen")
    };
    ($kind:ident, $package:literal, $suffix:literal) => {
        $crate::Program {
            kind: $crate::Kind::$kind,
            binary: concat!($package, $suffix),
            file: concat!($package, $suffix, ".elf"),
        }
    };
}

/// A [`Package`] whose binaries are called after it.
macro_rules! package {
    ($name:literal: [$($kind:ident),*], $target:expr, $log:ident, $access:expr) => {
        $crate::Package {
            name: $name,
            programs: &[$($crate::packages::program!($name, $kind)),*],
            target: $target,
            log: $crate::Log::$log,
            access: $access,
        }
    };
}

pub(crate) use {package, program};
