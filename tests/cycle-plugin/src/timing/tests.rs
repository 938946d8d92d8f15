use super::{Core, Cycles, cycles, refill};
use crate::decode::Instruction;
use crate::decode::tests::program;

/// Cycles of instructions that follow each other, without refills.
fn straight(core: Core, halves: &[u16]) -> Cycles {
    let decoded = program(0x100, halves);
    let mut sum = Cycles::default();
    let mut before: Option<&Instruction> = None;
    for instruction in &decoded {
        sum += cycles(core, before, instruction);
        before = Some(instruction);
    }
    sum
}

fn exact(core: Core, halves: &[u16]) -> u64 {
    let Cycles { low, mid, high } = straight(core, halves);
    assert_eq!((low, high), (mid, mid), "{halves:04x?}");
    mid
}

#[test]
fn loads_are_pipelined_on_cortex_m4() {
    let m4 = |halves: &[u16]| exact(Core::M4, halves);
    assert_eq!(m4(&[0x6808]), 2);
    // ldr r0, [r1]; ldr r2, [r3]: three cycles in the manual.
    assert_eq!(m4(&[0x6808, 0x681a]), 3);
    // A third load: four cycles.
    assert_eq!(m4(&[0x6808, 0x681a, 0x6808]), 4);
    // ldr r2, [r3]; ldr r4, [r2]: the address is what the first one loads.
    assert_eq!(m4(&[0x681a, 0x6814]), 4);
    // ldr r0, [r1, r2]; str r0, [r1, r2]: the store is pipelined.
    assert_eq!(m4(&[0x5888, 0x5088]), 3);
    // str r0, [r1, r2]; ldr r0, [r1]: nothing is pipelined after a store.
    assert_eq!(m4(&[0x5088, 0x6808]), 4);
    // str r0, [r1, #4]
    assert_eq!(m4(&[0x6048]), 1);
    // adds r1, #4; ldr r0, [r1]: the address waits for the sum.
    assert_eq!(m4(&[0x3104, 0x6808]), 4);
    // ldr.w r0, [r1], #4; ldr r0, [r1]: a load's own update of its base does not wait.
    assert_eq!(m4(&[0xf851, 0x0b04, 0x6808]), 3);
}

#[test]
fn several_registers_take_one_cycle_each_and_one_more() {
    for core in [Core::M3, Core::M4] {
        assert_eq!(exact(core, &[0xe9d6, 0x4500]), 3); // ldrd
        assert_eq!(exact(core, &[0xe9c6, 0x4500]), 3); // strd
        assert_eq!(exact(core, &[0xc93c]), 5); // ldmia of 4
        assert_eq!(exact(core, &[0xb5f0]), 6); // push of 5
        // ldr r0, [r1]; ldrd: no pipelining.
        assert_eq!(exact(core, &[0x6808, 0xe9d6, 0x4500]), 5);
    }
    assert_eq!(exact(Core::M0Plus, &[0xc93c]), 5);
}

#[test]
fn products() {
    let range = |core, halves: &[u16]| {
        let Cycles { low, mid, high } = straight(core, halves);
        (low, mid, high)
    };
    assert_eq!(range(Core::M4, &[0xfb01, 0xf002]), (1, 1, 1)); // mul
    assert_eq!(range(Core::M4, &[0xfb01, 0x3002]), (1, 1, 1)); // mla
    assert_eq!(range(Core::M3, &[0xfb01, 0x3002]), (2, 2, 2));
    assert_eq!(range(Core::M4, &[0xfb21, 0x3002]), (1, 1, 1)); // smlad
    assert_eq!(range(Core::M4, &[0xfb82, 0x0103]), (1, 1, 1)); // smull
    assert_eq!(range(Core::M3, &[0xfb82, 0x0103]), (3, 4, 5));
    assert_eq!(range(Core::M4, &[0xfbb1, 0xf0f2]), (2, 6, 12)); // udiv
    assert_eq!(range(Core::M0Plus, &[0x4348]), (1, 1, 1)); // muls
    assert_eq!(range(Core::M4, &[0xbf08, 0x4608]), (1, 2, 2)); // it eq; moveq
}

#[test]
fn cortex_m0_has_no_pipelined_loads() {
    assert_eq!(exact(Core::M0Plus, &[0x6808, 0x681a]), 4);
    assert_eq!(exact(Core::M0, &[0x6048, 0x3104]), 3);
}

#[test]
fn taken_branches() {
    let target = |address, halves: &[u16]| program(address, halves)[0];
    let narrow = target(0x102, &[0x3104]);
    let split = target(0x102, &[0xf101, 0x0104]);
    let aligned = target(0x104, &[0xf101, 0x0104]);
    let mid = |core, branch: &[u16], to: &Instruction| {
        let branch = program(0x200, branch)[0];
        cycles(core, None, &branch).mid + refill(core, &branch, to).mid
    };
    let (bne, bl, bx, pop) = (&[0xd1fe][..], &[0xf7ff, 0xfffe][..], &[0x4770][..], &[0xbd10][..]);
    assert_eq!(mid(Core::M4, bne, &narrow), 2);
    assert_eq!(mid(Core::M4, bne, &aligned), 2);
    // An instruction of four bytes that is not aligned takes two fetches.
    assert_eq!(mid(Core::M4, bne, &split), 3);
    assert_eq!(mid(Core::M4, bl, &narrow), 2);
    assert_eq!(mid(Core::M4, bx, &narrow), 3);
    // pop {r4, pc}: 1 + 2 registers, and a refill after a load of the address.
    assert_eq!(mid(Core::M4, pop, &narrow), 5);
    let branch = program(0x200, bne)[0];
    let Cycles { low, high, .. } = refill(Core::M4, &branch, &split);
    assert_eq!((low, high), (1, 3));
    for (core, taken, call, to_register, popped) in
        [(Core::M0Plus, 2, 3, 2, 5), (Core::M0, 3, 4, 3, 6)]
    {
        let found = [bne, bl, bx, pop].map(|branch| mid(core, branch, &narrow));
        assert_eq!(found, [taken, call, to_register, popped], "{core:?}");
    }
}

#[test]
fn names_of_cores() {
    assert_eq!(Core::named("cortex-m0+"), Some(Core::M0Plus));
    assert_eq!(Core::named("cortex-m7"), None);
}
