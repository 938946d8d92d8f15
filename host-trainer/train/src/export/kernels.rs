//! Kernels of convolutions: which one an export takes, which there are, and what each costs.

use serde::Serialize;
use supernano_core::exec::ArenaPlan;
use supernano_core::graph::{Conv, Header, KernelKind, Op};
use supernano_core::kernel::pack::WeightShape;
use supernano_core::kernel::{ConvShape, weight_words};
use supernano_search::cost::device::KINDS;
use supernano_search::cost::instructions::{InstructionTable, kernel_name};

/// What an export gives up the rest for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Prefer {
    /// Fewest instructions: weights transformed for Winograd's algorithm, 3.6 times their bytes.
    Speed,
    /// Few instructions without a byte more: weights transformed while running.
    Flash,
    /// The smallest arena: direct convolutions.
    #[default]
    Ram,
}

impl Prefer {
    /// The kind of a convolution of this shape. Counted on a Cortex-M4, Winograd's algorithm is the
    /// faster one at every width, the three channels of an image included.
    pub fn kind(self, shape: ConvShape) -> KernelKind {
        let kind = match self {
            Self::Speed => KernelKind::Winograd,
            Self::Flash => KernelKind::WinogradOnline,
            Self::Ram => KernelKind::Direct,
        };
        if kind.suits(shape.kernel, shape.stride) { kind } else { KernelKind::Direct }
    }
}

/// A kernel that could execute a convolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelCandidate {
    /// `direct`, `winograd-online` or `winograd`.
    pub kernel: &'static str,
    /// Instructions of this operation, modelled from counted terms on exact loop counts.
    pub instructions: u64,
    /// Bytes of weights beyond those of the direct kernel.
    pub extra_flash_bytes: usize,
    /// Bytes of the network's arena with this kernel here and the chosen ones elsewhere.
    pub arena_bytes: usize,
    /// True for the one in the network file.
    pub chosen: bool,
}

/// The candidates of one convolution.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KernelChoice {
    /// Number of the operation, from 1 in the order of execution.
    pub operation: usize,
    /// What the operation is.
    pub what: String,
    /// Kernels that suit its shape, direct first.
    pub candidates: Vec<KernelCandidate>,
}

/// The candidates of every convolution of a network, with their costs by a core's table.
pub fn kernel_choices(header: &Header<'_>, table: &InstructionTable) -> Vec<KernelChoice> {
    let convs = header.ops.iter().enumerate().filter_map(|(i, op)| match op {
        Op::Conv(conv) => Some((i, conv)),
        Op::Classifier(_) => None,
    });
    convs
        .map(|(i, conv)| KernelChoice {
            operation: i + 1,
            what: supernano_base::blob::kind(&Op::Conv(*conv)),
            candidates: KINDS
                .into_iter()
                .filter(|&kind| kind.suits(conv.kernel, conv.stride) && table.knows(kind))
                .map(|kind| candidate(header, table, i, Conv { kind, ..*conv }, conv.kind))
                .collect(),
        })
        .collect()
}

fn candidate(
    header: &Header<'_>,
    table: &InstructionTable,
    index: usize,
    conv: Conv,
    chosen: KernelKind,
) -> KernelCandidate {
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let shape = WeightShape {
        output: channels(conv.output),
        kernel: conv.kernel,
        input: channels(conv.input),
    };
    let bytes = |kind| weight_words(kind, shape) * 4;
    let mut other = header.clone();
    other.ops[index] = Op::Conv(conv);
    KernelCandidate {
        kernel: kernel_name(conv.kind),
        instructions: table.operation(header, &Op::Conv(conv)),
        extra_flash_bytes: bytes(conv.kind).saturating_sub(bytes(KernelKind::Direct)),
        arena_bytes: ArenaPlan::of_header(&other).bytes(),
        chosen: conv.kind == chosen,
    }
}

#[cfg(test)]
mod tests;
