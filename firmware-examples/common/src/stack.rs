//! How deep the stack gets, by painting it.

use core::{hint, ptr};

/// What is painted: no likely value of a variable.
const PAINT: u32 = 0xa5c3_96e1;
/// Words that are painted: more than any inference may take.
const WORDS: usize = 4096;
/// Bytes below the caller that are left alone, for the painting itself.
const OWN: usize = 64;

/// Runs `f` and returns the bytes of stack that it took. Interrupts must be masked. At most
/// 16 KiB are seen, and no more than the stack has.
#[inline(never)]
pub fn depth<R>(f: impl FnOnce() -> R) -> (R, u32) {
    let top = cortex_m::register::msp::read() as usize - OWN;
    let end = &raw const _stack_end as usize;
    let words = WORDS.min(top.saturating_sub(end) / 4);
    let word = |i: usize| (top - 4 * (i + 1)) as *mut u32;
    for i in 0..words {
        // SAFETY: the stack grows downwards, so the words below the stack pointer belong to
        // nobody while interrupts are masked, down to the stack's end
        unsafe { ptr::write_volatile(word(i), PAINT) };
    }
    let result = hint::black_box(f)();
    // SAFETY: as above
    let painted = |i: usize| unsafe { ptr::read_volatile(word(i)) == PAINT };
    let deepest = (0..words).rev().find(|&i| !painted(i));
    (result, deepest.map_or(0, |i| (OWN + 4 * (i + 1)) as u32))
}

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// RAM that nothing uses, the stack included, bytes.
pub fn free() -> u32 {
    (&raw const _stack_start as usize - &raw const _stack_end as usize) as u32
}
