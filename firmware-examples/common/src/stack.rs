//! The depth of the stack, measured by painting it.

use core::{hint, ptr};

use cortex_m::interrupt::CriticalSection;

/// The paint: a value that a variable is unlikely to have.
const PAINT: u32 = 0xa5c3_96e1;
/// Words that are painted: more than any inference takes.
const WORDS: usize = 4096;
/// Bytes below the stack pointer that stay unpainted: room for calls of the painting itself.
const OWN: usize = 64;

/// Runs `f`. Returns its result and the bytes of stack that it took. The measurement ends at 16 KiB
/// or at the end of the stack. The critical section ensures that no interrupt handler takes stack
/// meanwhile.
#[inline(never)]
pub fn depth<R>(_: &CriticalSection, f: impl FnOnce() -> R) -> (R, u32) {
    let top = cortex_m::register::msp::read() as usize - OWN;
    let end = &raw const _stack_end as usize;
    let words = WORDS.min(top.saturating_sub(end) / 4);
    let word = |i: usize| (top - 4 * (i + 1)) as *mut u32;
    for i in 0..words {
        // SAFETY: the word lies between the linker symbol `_stack_end` and the stack pointer, both
        // multiples of 4. The stack grows downwards, so no variable lives there: only a callee of
        // this function uses it, and only during the call.
        unsafe { ptr::write_volatile(word(i), PAINT) };
    }
    let result = hint::black_box(f)();
    // SAFETY: the same words as above, and the loop has initialised them
    let painted = |i: usize| unsafe { ptr::read_volatile(word(i)) == PAINT };
    let deepest = (0..words).rev().find(|&i| !painted(i));
    (result, deepest.map_or(0, |i| (OWN + 4 * (i + 1)) as u32))
}

unsafe extern "C" {
    static _stack_start: u32;
    static _stack_end: u32;
}

/// RAM that no static occupies, the stack included, bytes.
pub fn free() -> u32 {
    (&raw const _stack_start as usize - &raw const _stack_end as usize) as u32
}
