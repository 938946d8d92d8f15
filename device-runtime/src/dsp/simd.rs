//! The primitives of Armv7-M and later, in assembly.

#[cfg(supernano_dsp)]
use core::arch::asm;
use core::arch::global_asm;

use supernano_core::graph::KernelSet;
use supernano_core::kernel::winograd::{BLOCK_ROWS, SUM_WORDS};
use supernano_core::kernel::{Finish, MicroKernel, PairRow, Requantise, Scalar, Sums, Window};

use super::{Dsp, row, winograd};

macro_rules! assemble {
    ($($first:expr),+ ; $($last:expr),*) => {
        global_asm!(
            $($first,)+
            include_str!("finish.s"),
            include_str!("row.s"),
            include_str!("winograd.s"),
            include_str!("widen.s"),
            $($last,)*
            options(raw)
        );
    };
}

#[cfg(all(supernano_dsp, not(supernano_armv8m)))]
assemble!(include_str!("isa_dsp.s"); include_str!("sums.s"));
// The assembler takes the extension from the core's name, which it is not told otherwise.
#[cfg(all(supernano_dsp, supernano_armv8m))]
assemble!(".cpu cortex-m33", include_str!("isa_dsp.s"); include_str!("sums.s"));
#[cfg(not(supernano_dsp))]
assemble!(include_str!("isa_v7m.s"););

unsafe extern "C" {
    fn supernano_widen(
        source: *const u32,
        step: usize,
        low: *mut u32,
        high: *mut u32,
        count: usize,
    );
    #[cfg(supernano_dsp)]
    fn supernano_dot(pairs: *const u32, weights: *const u32, words: usize, sum: i32) -> i32;
    #[cfg(supernano_dsp)]
    fn supernano_pool(source: *const u32, step: usize, words: usize, sums: *mut [u32; 2]);
}

#[cfg(supernano_dsp)]
/// Words of 4 bytes whose sums fit an i16.
const POOLED: usize = 256;

impl<const SET: u32> MicroKernel for Dsp<SET> {
    const KERNELS: KernelSet = KernelSet::from_bits(SET);

    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }

    #[inline(always)]
    fn row(&self, window: &Window<'_>, weights: &[u32], finish: &Finish, out: &mut PairRow<'_>) {
        row::row::<SET>(window, weights, finish, out);
    }

    #[inline]
    fn winograd_input(&self, rows: [&[u32]; 4], phase: usize, x: usize, v: &mut [u32]) {
        winograd::input(rows, phase, x, v);
    }

    #[inline]
    fn winograd_weights(&self, packed: &[u32], pairs: usize, u: &mut [u32]) {
        winograd::weights(packed, pairs, u);
    }

    #[inline]
    fn winograd_block(
        &self,
        v: &[u32],
        u: &[u32],
        sums: &mut [u32; SUM_WORDS],
        finish: &Finish,
        out: &mut [PairRow<'_>; BLOCK_ROWS],
    ) {
        winograd::blocks(v, u, sums, finish, out);
    }

    #[inline]
    fn widen(&self, source: &[u32], step: usize, low: &mut [u32], high: &mut [u32]) {
        let step = step.max(1);
        let count = source.len().div_ceil(step).min(low.len()).min(high.len());
        // SAFETY: word `(count - 1) step` lies inside the source, `count` words inside both
        // planes; the routine reads and writes just these and keeps to the C convention.
        unsafe {
            let (low, high) = (low.as_mut_ptr(), high.as_mut_ptr());
            supernano_widen(source.as_ptr(), step * 4, low, high, count);
        }
    }

    #[cfg(supernano_dsp)]
    #[inline]
    fn dot(&self, pairs: &[u32], weights: &[u32], sum: i32) -> i32 {
        let words = weights.len().min(pairs.len() / 2);
        // SAFETY: both slices hold that many words; the routine reads just these and keeps to
        // the C convention.
        unsafe { supernano_dot(pairs.as_ptr(), weights.as_ptr(), words, sum) }
    }

    #[cfg(supernano_dsp)]
    #[inline]
    fn pool(&self, source: &[u32], step: usize) -> [i32; 4] {
        let step = step.max(1);
        let mut totals = [0; 4];
        for part in source.chunks(step.saturating_mul(POOLED)) {
            let mut sums = [0; 2];
            // SAFETY: every `step`-th word of the part, at most 256; the routine reads just
            // these, writes the two sums, and keeps to the C convention.
            unsafe {
                let words = part.len().div_ceil(step);
                supernano_pool(part.as_ptr(), step * 4, words, &mut sums);
            }
            let [even, odd] = sums;
            let halves = [even as i16, odd as i16, (even >> 16) as i16, (odd >> 16) as i16];
            for (total, half) in totals.iter_mut().zip(halves) {
                *total += i32::from(half);
            }
        }
        totals
    }
}

impl<const SET: u32> Requantise for Dsp<SET> {
    #[cfg(supernano_dsp)]
    #[inline(always)]
    fn mulr(&self, a: i32, m: i32) -> i32 {
        let product;
        // SAFETY: one instruction on registers, no memory, no stack
        unsafe {
            asm!("smmulr {0}, {1}, {2}", lateout(reg) product, in(reg) a, in(reg) m,
                options(pure, nomem, nostack, preserves_flags));
        }
        product
    }

    #[cfg(supernano_dsp)]
    #[inline(always)]
    fn sat8(&self, v: i32) -> i8 {
        let saturated: i32;
        // SAFETY: one instruction on registers (it may set the sticky Q flag, which nothing
        // reads), no memory, no stack
        unsafe {
            asm!("ssat {0}, #8, {1}", lateout(reg) saturated, in(reg) v,
                options(pure, nomem, nostack, preserves_flags));
        }
        saturated as i8
    }
}
