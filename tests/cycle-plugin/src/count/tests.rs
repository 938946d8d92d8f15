use super::Counter;
use crate::decode::tests::program;
use crate::settings::Settings;

const TIMER: u32 = 0x4000_0004;

fn counter() -> Counter {
    let arguments =
        ["out=x", "timer=0x40000004", "core=cortex-m4", "flash=16:4:1", "constants=0x1000:0x2000"];
    Counter::new(&Settings::parse(arguments).unwrap())
}

/// Instructions, unknown, vector, low, mid, high, words, lines of code, lines of constants.
fn numbers(line: &str) -> Vec<u64> {
    line.split_whitespace().map(|n| n.parse().unwrap()).collect()
}

#[test]
fn a_loop_between_two_reads_of_the_timer() {
    let mut counter = counter();
    // ldr r0, [r1] reads the timer and ends its block.
    let read = counter.translated(program(0x100, &[0x6808]));
    // adds r1, #4; ldr r0, [r1]; bne back
    let body = counter.translated(program(0x102, &[0x3104, 0x6808, 0xd1fc]));
    let after = counter.translated(program(0x108, &[0x3104]));
    let again = counter.translated(program(0x10a, &[0x6808]));
    counter.executed(read);
    assert!(counter.read(0x100, TIMER).is_some());
    for _ in 0..10 {
        counter.executed(body);
        assert_eq!(counter.read(0x104, 0x1008), None);
    }
    counter.executed(after);
    counter.executed(again);
    let sums = numbers(&counter.read(0x10a, TIMER).unwrap());
    // A round: 1 + (2 + 1) + 1 cycles, and 9 refills. Then 1, and 2 + 1 for the waiting load.
    assert_eq!(sums[..6], [32, 0, 0, 63, 63, 81]);
    // The code lies in one line, which the first block has read.
    assert_eq!(sums[6..], [10, 0, 1]);
}

#[test]
fn a_read_within_a_block_counts_the_rest_once() {
    let mut counter = counter();
    // ldr r0, [r1]; ldr r2, [r3]; adds r1, #4. QEMU executes the rest as another block.
    let whole = counter.translated(program(0x100, &[0x6808, 0x681a, 0x3104]));
    let rest = counter.translated(program(0x102, &[0x681a, 0x3104]));
    counter.executed(whole);
    let first = numbers(&counter.read(0x100, TIMER).unwrap());
    assert_eq!(first[..5], [1, 0, 0, 2, 2]);
    counter.executed(rest);
    counter.executed(whole);
    let second = numbers(&counter.read(0x100, TIMER).unwrap());
    // The load after the timer's is pipelined: 1 + 1, then 2 + 1 of the next read's block.
    assert_eq!(second[0], 3);
    assert_eq!(second[4], 1 + 1 + 2);
}

#[test]
fn unknown_instructions_are_reported() {
    let mut counter = counter();
    let block = counter.translated(program(0x100, &[0xde00, 0x6808]));
    counter.executed(block);
    assert_eq!(numbers(&counter.read(0x102, TIMER).unwrap())[..2], [2, 1]);
}

/// QEMU executes the rest of a block after a read of the timer's high word again, as another block.
#[test]
fn a_read_of_the_high_word_counts_the_rest_once() {
    let mut counter = counter();
    let read = counter.translated(program(0x100, &[0x6808]));
    counter.executed(read);
    assert!(counter.read(0x100, TIMER).is_some());
    // ldr r2, [r3] reads the high word, ldr r0, [r1] the low one.
    let both = counter.translated(program(0x102, &[0x681a, 0x6808, 0x3104]));
    let rest = counter.translated(program(0x104, &[0x6808, 0x3104]));
    counter.executed(both);
    assert_eq!(counter.read(0x102, TIMER + 4), None);
    counter.executed(rest);
    assert_eq!(numbers(&counter.read(0x104, TIMER).unwrap())[0], 2);
}

#[test]
fn vector_instructions_are_counted_apart() {
    let settings = Settings::parse(["out=x", "timer=0x40000004"]).unwrap();
    let mut counter = Counter::new(&settings);
    // vldrw.u32 q0, [r0]; adds r1, #4; vmladava.s8 r0, q0, q2; ldr r0, [r1] reads the timer.
    let halves = [0xed90, 0x1f00, 0x3104, 0xeef0, 0x0f24, 0x6808];
    let block = counter.translated(program(0x100, &halves));
    counter.executed(block);
    assert_eq!(numbers(&counter.read(0x10a, TIMER).unwrap()), [4, 0, 2, 0]);
}
