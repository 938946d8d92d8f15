//! Instructions of four bytes.

use super::{Class, Instruction, PC, bit, field};

pub(super) fn decode(blank: Instruction, first: u16, second: u16) -> Instruction {
    let (group, kind) = (field(first, 11, 2), field(first, 4, 7));
    let rd = field(second, 8, 4);
    match group {
        0b01 if kind & 0x64 == 0x00 => many(blank, first, second),
        0b01 if kind & 0x64 == 0x04 => pair_or_table(blank, first, second),
        0b01 if kind & 0x60 == 0x20 => data_or_test(blank, rd),
        0b10 if second & 0x8000 == 0 => data_or_test(blank, rd),
        0b10 => control(blank, first, second),
        0b11 if kind & 0x71 == 0x00 => store(blank, first, second),
        0b11 if kind & 0x61 == 0x01 => load(blank, first, second),
        0b11 if kind & 0x70 == 0x20 => blank.data(rd),
        0b11 if kind & 0x78 == 0x30 => multiply(blank, first, second),
        0b11 if kind & 0x78 == 0x38 => long_multiply(blank, first, second),
        0b01 | 0b11 if kind & 0x40 != 0 => float(blank, first, second),
        _ => blank,
    }
}

/// Data processing. A result in the program counter stands for a comparison, which has none.
fn data_or_test(blank: Instruction, rd: u16) -> Instruction {
    if rd == PC { blank.class(Class::Data) } else { blank.data(rd) }
}

fn many(blank: Instruction, first: u16, list: u16) -> Instruction {
    let base = bit(field(first, 0, 4));
    match field(first, 4, 1) {
        0 => blank.store_many(list, base),
        _ => blank.load_many(list, base),
    }
}

fn pair_or_table(blank: Instruction, first: u16, second: u16) -> Instruction {
    let base = bit(field(first, 0, 4));
    let (loads, exclusive) = (field(first, 4, 1) == 1, first & 0x0120 == 0);
    if first & 0xfff0 == 0xe8d0 && second & 0xffe0 == 0xf000 {
        let base = base | bit(field(second, 0, 4));
        return Instruction { base, jumps: true, ..blank.class(Class::Table) };
    }
    let (rt, rt2) = (field(second, 12, 4), field(second, 8, 4));
    match (exclusive, loads) {
        (true, true) => blank.load(rt, base),
        (true, false) => Instruction { base, ..blank.class(Class::StoreRegister) },
        (false, true) => {
            let loaded = bit(rt) | bit(rt2);
            Instruction { base, loaded, ..blank.class(Class::LoadPair) }
        }
        (false, false) => Instruction { base, ..blank.class(Class::StorePair) },
    }
}

fn control(blank: Instruction, first: u16, second: u16) -> Instruction {
    match second & 0xd000 {
        0xc000 if first & 0xffc0 == 0xf000 && second == 0xe801 => blank.class(Class::Vector), // VCTP
        0xd000 => Instruction { jumps: true, ..blank.class(Class::Call) },
        0x9000 => Instruction { jumps: true, ..blank.class(Class::Branch) },
        0x8000 if first & 0x0380 != 0x0380 => blank.class(Class::Branch),
        0x8000 => match first & 0xfff0 {
            0xf3a0 => blank.class(Class::Hint),
            0xf3b0 => blank.class(Class::Barrier),
            0xf380 | 0xf390 | 0xf3e0 | 0xf3f0 => blank.class(Class::Special),
            _ => blank,
        },
        _ => blank,
    }
}

/// True if the offset of a load or store is in a register.
fn register_offset(first: u16, second: u16) -> bool {
    field(first, 7, 1) == 0 && field(second, 11, 1) == 0
}

fn address(first: u16, second: u16) -> u16 {
    let base = bit(field(first, 0, 4));
    if register_offset(first, second) { base | bit(field(second, 0, 4)) } else { base }
}

fn store(blank: Instruction, first: u16, second: u16) -> Instruction {
    let registers = register_offset(first, second);
    let class = if registers { Class::StoreRegister } else { Class::StoreImmediate };
    Instruction { base: address(first, second), ..blank.class(class) }
}

fn load(blank: Instruction, first: u16, second: u16) -> Instruction {
    let (rt, word) = (field(second, 12, 4), field(first, 5, 2) == 0b10);
    // Any address may be relative to the program counter, and has no other registers then.
    let literal = field(first, 0, 4) == PC;
    let base = if literal { bit(PC) } else { address(first, second) };
    match (rt == PC, word) {
        (true, false) => blank.class(Class::Hint), // PLD, PLI
        _ => blank.load(rt, base),
    }
}

fn multiply(blank: Instruction, first: u16, second: u16) -> Instruction {
    let class = match (field(first, 4, 3), field(second, 4, 2), field(second, 12, 4)) {
        (0, 0, PC) => Class::Multiply,
        (0, 0 | 1, _) => Class::MultiplyAdd,
        (0, ..) => Class::Unknown,
        _ => Class::Dsp,
    };
    Instruction { result: bit(field(second, 8, 4)), ..blank.class(class) }
}

fn long_multiply(blank: Instruction, first: u16, second: u16) -> Instruction {
    let class = match (field(first, 4, 3), field(second, 4, 4)) {
        (0 | 2, 0) => Class::LongMultiply,
        (1 | 3, 15) => Class::Divide,
        (4, 0) | (6, 0 | 6) => Class::LongMultiplyAdd,
        (4, 8..=13) | (5, 12 | 13) => Class::Dsp,
        _ => Class::Unknown,
    };
    let low = if class == Class::Divide { 0 } else { bit(field(second, 12, 4)) };
    Instruction { result: low | bit(field(second, 8, 4)), ..blank.class(class) }
}

/// True for an instruction of Helium: coprocessors 8, 9, 14 and 15, the space of vector arithmetic, and
/// VDUP, which copies a core register to all lanes.
fn is_vector(first: u16, second: u16) -> bool {
    let duplicates = first & 0xff90 == 0xee80 && second & 0x0f1f == 0x0b10;
    field(first, 8, 4) == 15 || matches!(field(second, 8, 4), 8 | 9 | 14 | 15) || duplicates
}

/// Vectors, and floating point: transfers, and arithmetic by its cycles on a Cortex-M4.
fn float(blank: Instruction, first: u16, second: u16) -> Instruction {
    if is_vector(first, second) {
        return blank.class(Class::Vector);
    }
    if field(second, 9, 3) != 0b101 {
        return blank;
    }
    let double = field(second, 8, 1) as u8;
    let cycles = if field(first, 9, 3) == 0b110 {
        match first & 0x01e0 {
            0x0040 => 2,                                        // VMOV of two registers
            word if word & 0x0120 == 0x0100 => 2 + double,      // VLDR, VSTR
            _ => 1u8.saturating_add(field(second, 0, 8) as u8), // VLDM, VSTM
        }
    } else {
        match first & 0xffb0 {
            0xee00 | 0xee10 if field(second, 4, 1) == 0 => 3, // VMLA, VMLS, VNMLA
            0xee80 if field(second, 4, 1) == 0 => 14,         // VDIV
            _ => 1,
        }
    };
    let base = if field(first, 9, 3) == 0b110 { bit(field(first, 0, 4)) } else { 0 };
    Instruction { base, ..blank.class(Class::Float(cycles)) }
}
