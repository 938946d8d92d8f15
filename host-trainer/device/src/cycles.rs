//! Estimated cycles of an emulated inference.
//!
//! QEMU loads the plugin of `tests/cycle-plugin`. The plugin writes one line of sums for each read of
//! the machine's timer, and the agent reads the timer whenever it turns to another operation. The
//! order of these turns follows from the network: the host executes it to learn the order.

use std::path::PathBuf;

use supernano_base::blob::Blob;
use supernano_base::cycles::{Cycles, FlashReads};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::interrupt::Temporary;
use supernano_core::exec::Network;
use supernano_core::graph::Observer;
use supernano_core::kernel::{Host, Packed};
use supernano_facts::FlashTiming;

use crate::agents::around_executable;
use crate::placed::placed_bytes;
use crate::session::Counts;
use crate::target::Machine;

/// Name of the plugin's library without prefix and suffix.
const LIBRARY: &str = "supernano_cycles";
/// First address behind the flash of the emulated machines.
const FLASH_END: u32 = 0x40_0000;

/// The core and the flash whose cycles the plugin estimates.
#[derive(Clone, Copy, Debug)]
pub struct Estimated<'a> {
    /// Core with published timings: `cortex-m0`, `cortex-m0+`, `cortex-m3` or `cortex-m4`.
    pub core: &'a str,
    /// Line buffers of the flash.
    pub flash: FlashTiming,
}

/// What the plugin sums up beside instructions.
#[derive(Clone, Copy, Debug)]
pub enum Sought<'a> {
    /// The cycles of a core with published timings.
    Cycles(Estimated<'a>),
    /// The vector instructions of a core with Helium.
    Vectors,
}

/// Sums over the instructions of a part of an inference.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Executed instructions.
    pub instructions: u64,
    /// Executed instructions that the plugin cannot decode.
    pub unknown: u64,
    /// Executed vector instructions.
    pub vector: u64,
    /// Estimated cycles.
    pub cycles: Cycles,
    /// Reads of flash.
    pub flash: FlashReads,
}

impl Sums {
    fn parse(line: &str) -> Option<Self> {
        let numbers: Option<Vec<u64>> =
            line.split_whitespace().map(|word| word.parse().ok()).collect();
        match numbers?[..] {
            [instructions, unknown, vector, _] => {
                Some(Self { instructions, unknown, vector, ..Self::default() })
            }
            [instructions, unknown, vector, low, mid, high, words, code, constants] => Some(Self {
                instructions,
                unknown,
                vector,
                cycles: Cycles { low, mid, high },
                flash: FlashReads {
                    code_lines: code,
                    constant_lines: constants,
                    constant_words: words,
                },
            }),
            _ => None,
        }
    }
}

impl std::ops::AddAssign for Sums {
    fn add_assign(&mut self, other: Self) {
        self.instructions += other.instructions;
        self.unknown += other.unknown;
        self.vector += other.vector;
        self.cycles = self.cycles + other.cycles;
        self.flash = [self.flash, other.flash].into_iter().sum();
    }
}

/// Sums of an inference, and of the conversion of the image and every operation. The parts include
/// the reads of the timer between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InferenceSums {
    /// The whole inference.
    pub total: Sums,
    /// The conversion of the image, then every operation.
    pub parts: Vec<Sums>,
}

/// The plugin of a running emulator.
pub(crate) struct CyclePlugin {
    sums: Temporary,
    /// Operations in the order in which the agent turns to them.
    turns: Vec<usize>,
    operations: usize,
    /// Bytes of the placed memory up to the end of the network; an image follows, which is no constant.
    constants: u32,
    /// True if every instruction must be known, because its cycles are added up.
    timed: bool,
}

/// Path of the plugin: in the directory SUPERNANO_CYCLE_PLUGIN_DIR, or beside the executable or up to
/// two directories above it. `None` if it is not there.
pub fn cycle_plugin() -> Option<PathBuf> {
    let name = format!("{}{LIBRARY}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let directories = match std::env::var_os("SUPERNANO_CYCLE_PLUGIN_DIR") {
        Some(directory) => vec![PathBuf::from(directory)],
        None => around_executable(),
    };
    directories.into_iter().map(|d| d.join(&name)).find(|path| path.is_file())
}

impl CyclePlugin {
    /// Prepares the plugin for inferences of a network. Cycles need every instruction to be known.
    ///
    /// # Errors
    /// [`Error::Tool`] without a temporary file; [`Error::Core`], never for a checked blob.
    pub(crate) fn new(blob: &Blob, timed: bool) -> Result<Self> {
        let operations = blob.view()?.header().ops.len();
        let constants = placed_bytes(blob.bytes(), &[], 0).len() as u32;
        Ok(Self { sums: Temporary::new()?, turns: turns(blob)?, operations, constants, timed })
    }

    /// The argument of QEMU's `-plugin`.
    pub(crate) fn arguments(
        &self,
        plugin: &std::path::Path,
        machine: &Machine,
        sought: &Sought<'_>,
    ) -> String {
        let quoted = |path: &std::path::Path| path.display().to_string().replace(',', ",,");
        let counted = format!(
            "file={},out={},timer={:#x}",
            quoted(plugin),
            quoted(self.sums.path()),
            machine.timer.value()
        );
        let Sought::Cycles(Estimated { core, flash }) = sought else { return counted };
        let placed = machine.placed;
        format!(
            "{counted},core={core},flash={}:{}:{},constants=0x0:{FLASH_END:#x},\
             constants={placed:#x}:{:#x}",
            flash.line_bytes,
            flash.code_lines,
            flash.constant_lines,
            placed + self.constants,
        )
    }

    /// The sums of the inference that the agent counted last.
    ///
    /// # Errors
    /// [`Error::Tool`] if the plugin has counted other instructions than the agent, or executed
    /// instructions that it cannot decode.
    pub(crate) fn sums(&self, counts: &Counts) -> Result<InferenceSums> {
        let text = files::read_text(self.sums.path())?;
        let found = self.read(&text, counts);
        found.map_err(|problem| Error::tool("cycle plugin", problem))
    }

    fn read(&self, text: &str, counts: &Counts) -> std::result::Result<InferenceSums, String> {
        let lines: Vec<&str> = text.lines().collect();
        // The agent reads the timer before and after an inference, and then before a second one, at
        // every turn and at the end.
        let reads = self.turns.len() + 4;
        let start = lines.len().checked_sub(reads).ok_or("sums are missing")?;
        let parsed: Option<Vec<Sums>> = lines[start..].iter().map(|l| Sums::parse(l)).collect();
        let sums = parsed.ok_or("sums that are not numbers")?;
        let total = sums[1];
        if total.instructions.abs_diff(counts.total.into()) > 1 {
            return Err(format!(
                "counted {} instructions, and the agent {}",
                total.instructions, counts.total
            ));
        }
        if self.timed && total.unknown > 0 {
            return Err(format!("{} instructions are unknown", total.unknown));
        }
        let mut parts = vec![Sums::default(); self.operations + 1];
        let mut pieces = vec![0u64; parts.len()];
        let order = std::iter::once(0).chain(self.turns.iter().map(|op| op + 1));
        for (part, sum) in order.zip(&sums[3..]) {
            let (Some(all), Some(count)) = (parts.get_mut(part), pieces.get_mut(part)) else {
                return Err(format!("a turn to operation {part}"));
            };
            *all += *sum;
            *count += 1;
        }
        // The timer's ticks are not whole instructions: each piece may differ by one.
        for (i, (part, pieces)) in parts.iter().zip(pieces).enumerate() {
            let counted = counts.parts.get(i).copied().unwrap_or(0);
            if part.instructions.abs_diff(counted.into()) > pieces {
                return Err(format!(
                    "counted {} instructions of part {i}, and the agent {counted}",
                    part.instructions
                ));
            }
        }
        Ok(InferenceSums { total, parts })
    }
}

/// Operations in the order in which an inference turns to them.
fn turns(blob: &Blob) -> Result<Vec<usize>> {
    struct Order(Vec<usize>);
    impl Observer for Order {
        fn enter(&mut self, op: usize) {
            self.0.push(op);
        }
    }
    let view = blob.view()?;
    let network = Network::new(&view, Packed(Host::default()));
    let (mut arena, mut logits) = (vec![0; network.arena_words()], vec![0; view.classes()]);
    let (image, mut order) = (vec![0; view.image_len()], Order(Vec::new()));
    network
        .run(&image, &mut arena, &mut logits, &mut order)
        .map_err(|e| Error::core("order of operations", e))?;
    Ok(order.0)
}

#[cfg(test)]
mod tests;
