//! Kernels of convolutions: the choice of an export, and the candidates with their costs.

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::cycles::Cycles;
use supernano_base::error::Result;
use supernano_core::arena::ArenaPlan;
use supernano_core::graph::{Conv, Form, Header, KernelKind, Op};
use supernano_core::kernel::pack::WeightShape;
use supernano_core::kernel::weight_words;
use supernano_search::cost::device::KINDS;
use supernano_search::cost::estimate::CycleTable;
use supernano_search::cost::instructions::{InstructionTable, kernel_name, kernel_of};
use supernano_search::cost::kernels::rewritten;

/// Resource that an export saves by its choice of kernels.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Prefer {
    /// Fewest estimated cycles of the core: Winograd's algorithm where it pays, with transformed weights
    /// of 5.33 times the bytes.
    Speed,
    /// Fewest estimated cycles of the core at the same size: Winograd's algorithm where it pays, with
    /// weights that are transformed at run time.
    Flash,
    /// The smallest arena: direct convolutions.
    #[default]
    Ram,
}

impl Prefer {
    /// The kernel that a convolution may have instead of its default one.
    const fn other(self) -> Option<KernelKind> {
        match self {
            Self::Speed => Some(KernelKind::WinogradTall),
            Self::Flash => Some(KernelKind::WinogradTallOnline),
            Self::Ram => None,
        }
    }

    /// Gives each convolution of a network with default kernels the kernel with the fewest estimated
    /// cycles on a core, such as `cortex-m4`. On a core without published timings, the fewest modelled
    /// instructions decide. Square tiles of Winograd's algorithm are left to limits of memory.
    ///
    /// # Errors
    /// As [`InstructionTable::of_core`] and [`rewritten`].
    pub fn apply(self, blob: Blob, core: &str) -> Result<Blob> {
        let Some(other) = self.other() else { return Ok(blob) };
        let instructions = InstructionTable::of_core(core)?;
        let cycles = CycleTable::of_core(core)?;
        let header = blob.view()?.header();
        let cost = |conv: Conv| match &cycles {
            Some(table) => table.operation(&header, &Op::Conv(conv)).mid,
            None => instructions.operation(&header, &Op::Conv(conv)),
        };
        let chosen = |_: usize, conv: &Conv| {
            let changed = Conv { kind: other, ..*conv };
            let usable = kinds(conv, &instructions).contains(&other);
            if usable && cost(changed) < cost(*conv) { other } else { conv.kind }
        };
        rewritten(&blob, &chosen)
    }
}

/// A kernel that can execute a convolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelCandidate {
    /// Name, such as `direct` or `winograd-tall`.
    pub kernel: &'static str,
    /// Modelled instructions of the operation: a linear function of its exact loop counts.
    pub instructions: u64,
    /// Estimated cycles of the operation without wait states, for a core with published timings.
    pub cycles_estimated: Option<Cycles>,
    /// Additional bytes of weights compared with the direct kernel.
    pub extra_flash_bytes: usize,
    /// Arena of the network with this kernel here and the chosen ones elsewhere, bytes.
    pub arena_bytes: usize,
    /// True for the kernel in the network file.
    pub chosen: bool,
}

/// The candidates of a convolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelChoice {
    /// Number of the operation in the order of execution, from 1.
    pub operation: usize,
    /// Kind of the operation, such as `conv3x3`.
    pub what: String,
    /// Kernels that support its shape, the direct kernel first.
    pub candidates: Vec<KernelCandidate>,
}

/// The candidates of every convolution of a network, with costs from the tables of a core.
pub fn kernel_choices(
    header: &Header<'_>,
    table: &InstructionTable,
    cycles: Option<&CycleTable>,
) -> Vec<KernelChoice> {
    let convs = header.ops.iter().enumerate().filter_map(|(i, op)| match op {
        Op::Conv(conv) => Some((i, conv)),
        Op::Classifier(_) => None,
    });
    convs
        .map(|(i, conv)| KernelChoice {
            operation: i + 1,
            what: supernano_base::blob::kind(&Op::Conv(*conv)),
            candidates: kinds(conv, table)
                .into_iter()
                .map(|kind| {
                    candidate(header, (table, cycles), i, Conv { kind, ..*conv }, conv.kind)
                })
                .collect(),
        })
        .collect()
}

/// The kernels that a layer can have, the direct kernel first. A layer that is no convolution over all
/// channels has one.
fn kinds(conv: &Conv, table: &InstructionTable) -> Vec<KernelKind> {
    if conv.form != Form::Full {
        return vec![conv.kind];
    }
    let suits = |&kind: &KernelKind| kind.suits(&conv.geometry) && table.knows(kind);
    let own = (!KINDS.contains(&conv.kind)).then_some(conv.kind);
    KINDS.into_iter().filter(suits).chain(own).collect()
}

fn candidate(
    header: &Header<'_>,
    (table, cycles): (&InstructionTable, Option<&CycleTable>),
    index: usize,
    conv: Conv,
    chosen: KernelKind,
) -> KernelCandidate {
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let shape = WeightShape {
        output: channels(conv.output),
        kernel: conv.geometry.kernel,
        input: channels(conv.input),
    };
    let full = conv.form == Form::Full;
    let bytes = |kind| if full { weight_words(kind, shape) * 4 } else { 0 };
    let mut other = header.clone();
    other.ops[index] = Op::Conv(conv);
    KernelCandidate {
        kernel: if full { kernel_name(conv.kind) } else { kernel_of(&other, &Op::Conv(conv)) },
        instructions: table.operation(header, &Op::Conv(conv)),
        cycles_estimated: cycles.map(|table| table.operation(header, &Op::Conv(conv))),
        extra_flash_bytes: bytes(conv.kind).saturating_sub(bytes(KernelKind::Direct)),
        arena_bytes: ArenaPlan::of_header(&other).bytes(),
        chosen: conv.kind == chosen,
    }
}

#[cfg(test)]
mod tests;
