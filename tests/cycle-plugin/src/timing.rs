//! Clock cycles of instructions, as Arm's technical reference manuals state them.
//!
//! Sources: Cortex-M4 (DDI 0439D, sections 3.3.1 to 3.3.3), Cortex-M3 (DDI 0337I, section 3.3),
//! Cortex-M0+ (DDI 0484C, section 3.3) and Cortex-M0 (DDI 0432C, section 3.3), for memory without
//! wait states. Arm publishes no timings of the Cortex-M7, M33, M55 and M85.

use crate::decode::{Class, Instruction};

#[cfg(test)]
mod tests;

/// A core with published timings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Core {
    /// Cortex-M0 with the multiplier of one cycle.
    M0,
    /// Cortex-M0+ with the multiplier of one cycle.
    M0Plus,
    /// Cortex-M3.
    M3,
    /// Cortex-M4.
    M4,
}

impl Core {
    /// The core of this name.
    pub fn named(name: &str) -> Option<Self> {
        Some(match name {
            "cortex-m0" => Self::M0,
            "cortex-m0+" => Self::M0Plus,
            "cortex-m3" => Self::M3,
            "cortex-m4" => Self::M4,
            _ => return None,
        })
    }

    fn armv6(self) -> bool {
        matches!(self, Self::M0 | Self::M0Plus)
    }
}

/// Clock cycles: the estimate, and the range that the manual leaves open.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cycles {
    /// Every refill of the pipeline takes one cycle, and `IT` none.
    pub low: u64,
    /// The estimate.
    pub mid: u64,
    /// Every refill of the pipeline takes three cycles.
    pub high: u64,
}

impl Cycles {
    const fn exact(cycles: u64) -> Self {
        Self { low: cycles, mid: cycles, high: cycles }
    }

    const fn range(low: u64, mid: u64, high: u64) -> Self {
        Self { low, mid, high }
    }
}

impl std::ops::AddAssign for Cycles {
    fn add_assign(&mut self, other: Self) {
        self.low += other.low;
        self.mid += other.mid;
        self.high += other.high;
    }
}

impl std::ops::SubAssign for Cycles {
    fn sub_assign(&mut self, other: Self) {
        self.low = self.low.saturating_sub(other.low);
        self.mid = self.mid.saturating_sub(other.mid);
        self.high = self.high.saturating_sub(other.high);
    }
}

/// Cycles of an instruction without the refill of the pipeline after a branch. `before` is the
/// instruction that executed directly before it, if the two are adjacent in memory.
pub fn cycles(core: Core, before: Option<&Instruction>, this: &Instruction) -> Cycles {
    if core.armv6() { armv6(core, this) } else { armv7(core, before, this) }
}

fn armv6(core: Core, this: &Instruction) -> Cycles {
    Cycles::exact(match this.class {
        Class::Load | Class::StoreImmediate | Class::StoreRegister => 2,
        Class::LoadMany(n) | Class::StoreMany(n) => 1 + u64::from(n),
        Class::Special | Class::Barrier if core == Core::M0 => 4,
        Class::Special | Class::Barrier => 3,
        _ => 1,
    })
}

fn armv7(core: Core, before: Option<&Instruction>, this: &Instruction) -> Cycles {
    let m3 = core == Core::M3;
    // The address of a load or a store waits one cycle for the result of data processing.
    let stall = u64::from(before.is_some_and(|b| b.result & this.base != 0));
    // A load leaves its second cycle to a load or a store that does not need its result as an address.
    let pipelined =
        before.is_some_and(|b| b.class == Class::Load && !b.jumps && b.loaded & this.base == 0);
    let single = if pipelined { 1 } else { 2 };
    match this.class {
        Class::MultiplyAdd if m3 => Cycles::exact(2),
        Class::LongMultiply if m3 => Cycles::range(3, 4, 5),
        Class::LongMultiplyAdd if m3 => Cycles::range(4, 5, 7),
        Class::Divide => Cycles::range(2, 6, 12),
        Class::Load | Class::StoreRegister => Cycles::exact(single + stall),
        Class::StoreImmediate => Cycles::exact(1 + stall),
        Class::LoadPair | Class::StorePair => Cycles::exact(3 + stall),
        Class::LoadMany(n) | Class::StoreMany(n) => Cycles::exact(1 + u64::from(n) + stall),
        Class::Table => Cycles::exact(2 + stall),
        Class::IfThen => Cycles::range(0, 1, 1),
        Class::Special => Cycles::range(1, 2, 2),
        Class::Float(cycles) => Cycles::exact(u64::from(cycles) + stall),
        _ => Cycles::exact(1),
    }
}

/// Cycles of the refill of the pipeline after a taken branch to `target`.
pub fn refill(core: Core, branch: &Instruction, target: &Instruction) -> Cycles {
    if core.armv6() {
        let more = match branch.class {
            Class::Call | Class::LoadMany(_) => 2,
            _ => 1,
        };
        return Cycles::exact(more + u64::from(core == Core::M0));
    }
    let split = target.wide && !target.address.is_multiple_of(4);
    let indirect = branch.class != Class::Branch && branch.class != Class::Call;
    Cycles::range(1, 1 + u64::from(split) + u64::from(indirect), 3)
}
