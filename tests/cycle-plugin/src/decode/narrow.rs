//! Instructions of two bytes.

use super::{Class, Instruction, LR, PC, SP, bit, field};

pub(super) fn decode(blank: Instruction, half: u16) -> Instruction {
    let low = |at| field(half, at, 3);
    match field(half, 10, 6) {
        0b00_0000..=0b00_0111 => blank.data(low(0)),
        0b00_1010 | 0b00_1011 => blank.class(Class::Data), // CMP
        0b00_1000..=0b00_1111 => blank.data(low(8)),
        0b01_0000 => match field(half, 6, 4) {
            0b1000 | 0b1010 | 0b1011 => blank.class(Class::Data), // TST, CMP, CMN
            0b1101 => Instruction { class: Class::Multiply, result: bit(low(0)), ..blank },
            _ => blank.data(low(0)),
        },
        0b01_0001 => match field(half, 8, 2) {
            0b01 => blank.class(Class::Data), // CMP
            0b11 => Instruction { jumps: true, ..blank.class(Class::Indirect) },
            _ => blank.data(low(0) | field(half, 7, 1) << 3),
        },
        0b01_0010 | 0b01_0011 => blank.load(low(8), bit(PC)),
        0b01_0100..=0b01_0111 => {
            let base = bit(low(3)) | bit(low(6));
            match field(half, 9, 3) {
                0..=2 => Instruction { base, ..blank.class(Class::StoreRegister) },
                _ => blank.load(low(0), base),
            }
        }
        // Words and bytes, then halfwords, at an immediate offset.
        0b01_1000..=0b10_0011 => single(blank, half, low(0), bit(low(3))),
        0b10_0100..=0b10_0111 => single(blank, half, low(8), bit(SP)),
        0b10_1000..=0b10_1011 => blank.data(low(8)),
        0b10_1100..=0b10_1111 => miscellaneous(blank, half),
        0b11_0000 | 0b11_0001 => blank.store_many(half & 0xff, bit(low(8))),
        0b11_0010 | 0b11_0011 => blank.load_many(half & 0xff, bit(low(8))),
        0b11_0100..=0b11_0111 => match field(half, 8, 4) {
            0b1110 | 0b1111 => blank, // UDF, SVC
            _ => blank.class(Class::Branch),
        },
        0b11_1000 | 0b11_1001 => Instruction { jumps: true, ..blank.class(Class::Branch) },
        _ => blank,
    }
}

/// A load or a store at an immediate offset; bit 11 tells which.
fn single(blank: Instruction, half: u16, rt: u16, base: u16) -> Instruction {
    match field(half, 11, 1) {
        0 => Instruction { base, ..blank.class(Class::StoreImmediate) },
        _ => blank.load(rt, base),
    }
}

fn miscellaneous(blank: Instruction, half: u16) -> Instruction {
    let extra = |register| if field(half, 8, 1) == 1 { bit(register) } else { 0 };
    let list = half & 0xff;
    match field(half, 8, 4) {
        0b0000 => blank.data(SP),
        0b0001 | 0b0011 | 0b1001 | 0b1011 => blank.class(Class::Branch), // CBZ, CBNZ
        0b0010 | 0b1010 => blank.data(field(half, 0, 3)),                // extend, reverse
        0b0100 | 0b0101 => blank.store_many(list | extra(LR), bit(SP)),
        0b0110 => blank.class(Class::Special), // CPS
        0b1100 | 0b1101 => blank.load_many(list | extra(PC), bit(SP)),
        0b1111 if half & 15 != 0 => blank.class(Class::IfThen),
        0b1111 => blank.class(Class::Hint),
        _ => blank,
    }
}
