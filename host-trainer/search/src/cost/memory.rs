//! The parts of the flash and of the RAM that a network takes on a device.
//!
//! Flash is the network file and the code of the firmware around it. RAM is the arena, the logits,
//! the deepest stack of an inference and the firmware's static variables. All commands use these
//! parts and these words.

use serde::{Deserialize, Serialize};
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::numbers::grouped;
use supernano_core::space::Space;
use supernano_facts::{Core, FirmwareBuild, FirmwareKernels};

/// Bytes of a logit.
const LOGIT: u64 = 4;

/// Memory that a network needs in addition to its blob, its arena and its logits, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Overhead {
    /// Flash: vectors, code and constants of the firmware.
    #[serde(default)]
    pub code: u64,
    /// RAM: the deepest stack of an inference. In a shipped table, that of residual networks.
    pub stack: u64,
    /// RAM: the deepest stack of an inference of networks with other layers, if a table tells them
    /// apart.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stack_of_all: Option<u64>,
    /// RAM: static variables of the firmware.
    #[serde(default)]
    pub statics: u64,
}

impl Overhead {
    /// This overhead with the code and the static variables of a firmware with these kernels. `core`
    /// is the name of the core, such as `cortex-m4`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown core, and for a firmware that does not exist on the core.
    pub fn with(
        self,
        core: &str,
        firmware: FirmwareBuild,
        kernels: FirmwareKernels,
    ) -> Result<Self> {
        let known = core_named(core)
            .ok_or_else(|| Error::invalid("firmware", "core", "a known core", core))?;
        let footprint = known.footprint(firmware, kernels).ok_or_else(|| {
            let mut names =
                FirmwareBuild::ALL.into_iter().filter(|f| known.footprint(*f, kernels).is_some());
            let mut expected = names.next().map_or("", FirmwareBuild::name).to_owned();
            for other in names {
                expected = format!("{expected} or {}", other.name());
            }
            let expected = format!("{expected} on {core}");
            Error::invalid("option --firmware", "firmware", expected, firmware.name())
        })?;
        let (code, statics) = (footprint.code.into(), footprint.statics.into());
        Ok(Self { code, statics, ..self })
    }

    /// This overhead with the stack of networks that need these kernels.
    pub fn for_kernels(self, kernels: FirmwareKernels) -> Self {
        let of_all = self.stack_of_all.filter(|_| kernels == FirmwareKernels::All);
        Self { stack: of_all.unwrap_or(self.stack), stack_of_all: None, ..self }
    }
}

/// The kernels that the sub-networks of a space need.
pub fn kernels_of(space: &Space) -> FirmwareKernels {
    if space.is_residual() { FirmwareKernels::Residual } else { FirmwareKernels::All }
}

/// The kernels that a network needs.
///
/// # Errors
/// [`Error::Core`], never for a checked blob.
pub fn kernels_of_network(blob: &Blob) -> Result<FirmwareKernels> {
    let beyond = blob.view()?.kernels().beyond_residual();
    Ok(if beyond { FirmwareKernels::All } else { FirmwareKernels::Residual })
}

fn core_named(name: &str) -> Option<Core> {
    Core::ALL.into_iter().find(|core| core.name() == name)
}

/// The memory of a network on a device, bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Memory {
    /// Flash: the sum of `blob_bytes` and `code_bytes`.
    pub flash_bytes: u64,
    /// Network file.
    pub blob_bytes: u64,
    /// Vectors, code and constants of the firmware.
    pub code_bytes: u64,
    /// RAM: the sum of the four that follow.
    pub ram_bytes: u64,
    /// Arena, the image included.
    pub arena_bytes: u64,
    /// Logits.
    pub logits_bytes: u64,
    /// The deepest stack of an inference.
    pub stack_bytes: u64,
    /// Static variables of the firmware.
    pub statics_bytes: u64,
}

impl Memory {
    /// The memory of a network with these sizes, in bytes, and this number of classes.
    pub fn new(blob: u64, arena: u64, classes: usize, overhead: Overhead) -> Self {
        let logits = logits_bytes(classes);
        Self {
            flash_bytes: blob + overhead.code,
            blob_bytes: blob,
            code_bytes: overhead.code,
            ram_bytes: arena + logits + overhead.stack + overhead.statics,
            arena_bytes: arena,
            logits_bytes: logits,
            stack_bytes: overhead.stack,
            statics_bytes: overhead.statics,
        }
    }

    /// The memory of a network file.
    ///
    /// # Errors
    /// [`Error::Core`], never for a checked blob.
    pub fn of(blob: &Blob, overhead: Overhead) -> Result<Self> {
        let view = blob.view()?;
        let (length, arena) = (blob.bytes().len() as u64, view.arena_bytes() as u64);
        Ok(Self::new(length, arena, view.classes(), overhead))
    }

    /// Flash as a sum of its parts.
    pub fn flash(&self) -> String {
        let [flash, blob, code] = [self.flash_bytes, self.blob_bytes, self.code_bytes].map(grouped);
        format!("flash {flash} = network {blob} + code {code}")
    }

    /// RAM as a sum of its parts.
    pub fn ram(&self) -> String {
        format!(
            "RAM {} = arena {} + logits {} + stack {} + statics {}",
            grouped(self.ram_bytes),
            grouped(self.arena_bytes),
            grouped(self.logits_bytes),
            grouped(self.stack_bytes),
            grouped(self.statics_bytes)
        )
    }
}

/// Bytes of the logits of a network.
pub fn logits_bytes(classes: usize) -> u64 {
    classes as u64 * LOGIT
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_parts() {
        let overhead = Overhead { code: 1000, stack: 30, stack_of_all: None, statics: 2 };
        let memory = Memory::new(500, 400, 10, overhead);
        assert_eq!((memory.flash_bytes, memory.ram_bytes), (1500, 472));
        assert_eq!(memory.flash(), "flash 1,500 = network 500 + code 1,000");
        assert_eq!(memory.ram(), "RAM 472 = arena 400 + logits 40 + stack 30 + statics 2");
    }

    #[test]
    fn a_firmware_that_a_core_lacks_is_refused() {
        use FirmwareKernels::{All, Residual};
        let overhead = Overhead::default();
        for core in Core::ALL {
            for kernels in [Residual, All] {
                let small = overhead.with(core.name(), FirmwareBuild::Small, kernels).unwrap();
                let fast = overhead.with(core.name(), FirmwareBuild::Fast, kernels).unwrap();
                assert!(small.code > 20_000 && small.code < fast.code, "{core:?}");
            }
            let [residual, all] = [Residual, All]
                .map(|kernels| overhead.with(core.name(), FirmwareBuild::Small, kernels).unwrap());
            assert!(residual.code < all.code, "{core:?}");
        }
        let error = overhead.with("cortex-m3", FirmwareBuild::C, Residual).unwrap_err().to_string();
        assert!(error.contains("small or fast on cortex-m3, found c"), "{error}");
        assert!(overhead.with("cortex-m9", FirmwareBuild::Small, All).is_err());
    }

    #[test]
    fn the_stack_is_that_of_the_kernels() {
        let overhead = Overhead { stack: 30, stack_of_all: Some(50), ..Overhead::default() };
        assert_eq!(overhead.for_kernels(FirmwareKernels::Residual).stack, 30);
        assert_eq!(overhead.for_kernels(FirmwareKernels::All).stack, 50);
        assert_eq!(overhead.for_kernels(FirmwareKernels::All).stack_of_all, None);
        let own = Overhead { stack: 30, ..Overhead::default() };
        assert_eq!(own.for_kernels(FirmwareKernels::All).stack, 30);
    }
}
