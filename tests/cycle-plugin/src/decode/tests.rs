use super::{Class, Instruction};

/// Decodes halves that follow each other from `address`.
pub fn program(mut address: u32, halves: &[u16]) -> Vec<Instruction> {
    let mut rest = halves;
    let mut decoded = Vec::new();
    while let Some(&first) = rest.first() {
        let instruction = Instruction::decode(address, first, rest.get(1).copied());
        rest = &rest[if instruction.wide { 2 } else { 1 }..];
        address = instruction.end();
        decoded.push(instruction);
    }
    decoded
}

fn one(halves: &[u16]) -> Instruction {
    let decoded = program(0x100, halves);
    assert_eq!(decoded.len(), 1, "{decoded:?}");
    decoded[0]
}

#[test]
fn classes_of_instructions() {
    for (halves, class) in [
        (&[0x6808][..], Class::Load),                // ldr r0, [r1]
        (&[0x4803], Class::Load),                    // ldr r0, [pc, #12]
        (&[0xf851, 0x0b04], Class::Load),            // ldr.w r0, [r1], #4
        (&[0x6048], Class::StoreImmediate),          // str r0, [r1, #4]
        (&[0x5088], Class::StoreRegister),           // str r0, [r1, r2]
        (&[0x3104], Class::Data),                    // adds r1, #4
        (&[0xf101, 0x0104], Class::Data),            // add.w r1, r1, #4
        (&[0xfa2f, 0xf091], Class::Data),            // sxtb16 r0, r1, ror #8
        (&[0xe9d6, 0x4500], Class::LoadPair),        // ldrd r4, r5, [r6]
        (&[0xe9c6, 0x4500], Class::StorePair),       // strd r4, r5, [r6]
        (&[0xc93c], Class::LoadMany(4)),             // ldmia r1!, {r2-r5}
        (&[0xe8b1, 0x013c], Class::LoadMany(5)),     // ldmia.w r1!, {r2-r5, r8}
        (&[0xc10c], Class::StoreMany(2)),            // stmia r1!, {r2, r3}
        (&[0xb5f0], Class::StoreMany(5)),            // push {r4-r7, lr}
        (&[0xbdf0], Class::LoadMany(5)),             // pop {r4-r7, pc}
        (&[0xfb01, 0xf002], Class::Multiply),        // mul r0, r1, r2
        (&[0x4348], Class::Multiply),                // muls r0, r1
        (&[0xfb01, 0x3002], Class::MultiplyAdd),     // mla r0, r1, r2, r3
        (&[0xfb21, 0x3002], Class::Dsp),             // smlad r0, r1, r2, r3
        (&[0xfb51, 0xf012], Class::Dsp),             // smmulr r0, r1, r2
        (&[0xfbc2, 0x01c3], Class::Dsp),             // smlald r0, r1, r2, r3
        (&[0xfb82, 0x0103], Class::LongMultiply),    // smull r0, r1, r2, r3
        (&[0xfbc2, 0x0103], Class::LongMultiplyAdd), // smlal r0, r1, r2, r3
        (&[0xfbb1, 0xf0f2], Class::Divide),          // udiv r0, r1, r2
        (&[0xbf08], Class::IfThen),                  // it eq
        (&[0xbf00], Class::Hint),                    // nop
        (&[0xd1fe], Class::Branch),                  // bne
        (&[0xb108], Class::Branch),                  // cbz r0
        (&[0xf43f, 0xaffe], Class::Branch),          // beq.w
        (&[0xf7ff, 0xfffe], Class::Call),            // bl
        (&[0x4770], Class::Indirect),                // bx lr
        (&[0x4687], Class::Indirect),                // mov pc, r0
        (&[0xe8df, 0xf000], Class::Table),           // tbb [pc, r0]
        (&[0xf3ef, 0x8010], Class::Special),         // mrs r0, primask
        (&[0xf3bf, 0x8f5f], Class::Barrier),         // dmb
        (&[0xed90, 0x0a00], Class::Float(2)),        // vldr s0, [r0]
        (&[0xed90, 0x1f00], Class::Vector),          // vldrw.u32 q0, [r0]
        (&[0xeef0, 0x0f24], Class::Vector),          // vmladava.s8 r0, q0, q2
        (&[0xec14, 0x0f00], Class::Vector),          // vmov q0[2], q0[0], r0, r4
        (&[0xeea0, 0x0b10], Class::Vector),          // vdup.32 q0, r0
        (&[0xf019, 0xe801], Class::Vector),          // vctp.16 r9
        (&[0xde00], Class::Unknown),                 // udf
    ] {
        assert_eq!(one(halves).class, class, "{halves:04x?}");
    }
}

#[test]
fn registers_that_decide_a_timing() {
    let adds = one(&[0x3104]);
    assert_eq!((adds.result, adds.base), (1 << 1, 0));
    let indexed = one(&[0xf831, 0x0012]); // ldrh.w r0, [r1, r2, lsl #1]
    assert_eq!((indexed.loaded, indexed.base, indexed.result), (1, 0b110, 0));
    let many = one(&[0xe8b1, 0x013c]);
    assert_eq!((many.loaded, many.base), (0b1_0011_1100, 0b10));
    let compare = one(&[0x2900]); // cmp r1, #0
    assert_eq!(compare.result, 0);
}

#[test]
fn jumps_always_leave_and_branches_may() {
    for (halves, jumps, branches) in [
        (&[0xd1fe][..], false, true),
        (&[0xe7fe], true, true),
        (&[0xbdf0], true, true),
        (&[0xf8d0, 0xf000], true, true), // ldr.w pc, [r0]
        (&[0xc93c], false, false),
        (&[0x4608], false, false),
    ] {
        let found = one(halves);
        assert_eq!((found.jumps, found.branches()), (jumps, branches), "{halves:04x?}");
    }
}

#[test]
fn a_narrow_instruction_ignores_the_half_after_it() {
    // At the end of a page QEMU passes both halves.
    let found = Instruction::decode(0xfc, 0x4608, Some(0xf000));
    assert_eq!((found.wide, found.end(), found.class), (false, 0xfe, Class::Data));
    assert_eq!(Instruction::decode(0xfc, 0xf101, None).class, Class::Unknown);
}
