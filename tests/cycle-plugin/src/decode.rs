//! Thumb instructions, decoded into the properties that decide their timing.
//!
//! The encodings are those of the Armv7-M Architecture Reference Manual (DDI 0403E), chapters A5
//! and A6, with its floating-point extension as far as it moves data. Vector instructions are those of
//! the Armv8-M Architecture Reference Manual (DDI 0553), chapter C2.

mod narrow;
mod wide;

#[cfg(test)]
pub mod tests;

/// A set of core registers, one bit for each.
pub type Registers = u16;

/// The kind of an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Data processing: moves, sums, shifts, extensions, packed arithmetic.
    Data,
    /// A product of 32 bits: `MUL`.
    Multiply,
    /// A product that is added or subtracted: `MLA`, `MLS`.
    MultiplyAdd,
    /// A product of 64 bits: `SMULL`, `UMULL`.
    LongMultiply,
    /// A product of 64 bits that is added: `SMLAL`, `UMLAL`, `UMAAL`.
    LongMultiplyAdd,
    /// A product of the DSP extension, such as `SMLAD`, `SMLALD` or `SMMULR`.
    Dsp,
    /// `SDIV` and `UDIV`.
    Divide,
    /// A load of one register.
    Load,
    /// `LDRD`.
    LoadPair,
    /// `LDM` and `POP` of this many registers.
    LoadMany(u8),
    /// A store of one register at an immediate offset.
    StoreImmediate,
    /// A store of one register at a register offset.
    StoreRegister,
    /// `STRD`.
    StorePair,
    /// `STM` and `PUSH` of this many registers.
    StoreMany(u8),
    /// A branch to an immediate address, with or without a condition.
    Branch,
    /// `BL`.
    Call,
    /// A branch to the address in a register: `BX`, `BLX`, `MOV pc`, `ADD pc`.
    Indirect,
    /// `TBB` and `TBH`.
    Table,
    /// `IT`.
    IfThen,
    /// `NOP` and other hints.
    Hint,
    /// `DMB`, `DSB`, `ISB`.
    Barrier,
    /// Accesses to special registers: `MRS`, `MSR`, `CPS`.
    Special,
    /// A floating-point instruction with this many cycles on a Cortex-M4.
    Float(u8),
    /// An instruction of the vector extension Helium. Arm publishes no timings of its cores.
    Vector,
    /// An instruction that this decoder does not know.
    Unknown,
}

/// A decoded instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instruction {
    /// Address, without the Thumb bit.
    pub address: u32,
    /// True for an instruction of four bytes.
    pub wide: bool,
    /// Kind.
    pub class: Class,
    /// Registers that data processing writes.
    pub result: Registers,
    /// Registers that a load writes.
    pub loaded: Registers,
    /// Registers from which an address in memory is computed.
    pub base: Registers,
    /// True if the instruction writes the program counter whenever it executes.
    pub jumps: bool,
}

impl Instruction {
    /// Decodes the instruction at `address`. `second` is the half after the first one, which is part of
    /// an instruction of four bytes only.
    pub fn decode(address: u32, first: u16, second: Option<u16>) -> Self {
        let wide = field(first, 11, 5) >= 0b11101;
        let blank = Self {
            address,
            wide,
            class: Class::Unknown,
            result: 0,
            loaded: 0,
            base: 0,
            jumps: false,
        };
        match second {
            Some(second) if wide => wide::decode(blank, first, second),
            None if wide => blank,
            _ => narrow::decode(blank, first),
        }
    }

    /// Address after the instruction.
    pub fn end(&self) -> u32 {
        self.address.wrapping_add(if self.wide { 4 } else { 2 })
    }

    /// True if the instruction may continue elsewhere than after itself.
    pub fn branches(&self) -> bool {
        self.jumps || self.class == Class::Branch
    }

    fn class(self, class: Class) -> Self {
        Self { class, ..self }
    }

    /// Data processing that writes `rd`. A write of the program counter is a branch.
    fn data(self, rd: u16) -> Self {
        if rd == PC {
            return Self { class: Class::Indirect, jumps: true, ..self };
        }
        Self { class: Class::Data, result: bit(rd), ..self }
    }

    /// A load of `rt`, whose address depends on `base`.
    fn load(self, rt: u16, base: Registers) -> Self {
        Self { class: Class::Load, loaded: bit(rt), base, jumps: rt == PC, ..self }
    }

    /// A load of all registers of a list.
    fn load_many(self, list: Registers, base: Registers) -> Self {
        let class = Class::LoadMany(list.count_ones() as u8);
        Self { class, loaded: list, base, jumps: list & bit(PC) != 0, ..self }
    }

    /// A store of all registers of a list.
    fn store_many(self, list: Registers, base: Registers) -> Self {
        Self { class: Class::StoreMany(list.count_ones() as u8), base, ..self }
    }
}

/// Number of the stack pointer.
const SP: u16 = 13;
/// Number of the link register.
const LR: u16 = 14;
/// Number of the program counter.
const PC: u16 = 15;

/// The set of one register.
fn bit(register: u16) -> Registers {
    1 << (register & 15)
}

/// The field of `width` bits of `half` whose lowest bit is `low`.
fn field(half: u16, low: u32, width: u32) -> u16 {
    (half >> low) & ((1 << width) - 1)
}
