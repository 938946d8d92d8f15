//! The primitives of Armv7-M and Armv8-M mainline, in assembly.
//!
//! `isa_dsp.s` and `isa_v7m.s` define the macros that differ between cores with and without the
//! DSP extension; the other files are the same for both. [`row`] and [`winograd`] hold the larger
//! routines, this file the small ones.

#[cfg(supernano_dsp)]
use core::arch::asm;
use core::arch::global_asm;
use core::mem::offset_of;

use supernano_core::graph::{KernelSet, Tiling};
use supernano_core::kernel::winograd::INPUT_ROWS;
use supernano_core::kernel::{
    BlockRows, DepthwiseRow, Finish, FinishKind, MicroKernel, PairRow, PointwiseRow, Requantise,
    Scalar, Sums, Widening, Window,
};

#[cfg(supernano_mve)]
use super::helium;
#[cfg(supernano_dsp)]
use super::image;
use super::{Dsp, depthwise, pointwise, row, winograd};
#[cfg(supernano_dsp)]
use supernano_core::kernel::ImageWords;
#[cfg(supernano_mve)]
use supernano_core::kernel::{ByteRows, ConvTask, FlatRows};

macro_rules! assemble {
    ($($first:expr),+ ; $($last:expr),*) => {
        global_asm!(
            $($first,)+
            include_str!("finish.s"),
            include_str!("row.s"),
            include_str!("winograd.s"),
            include_str!("widen.s"),
            include_str!("pointwise.s"),
            include_str!("depthwise_frame.s"),
            $($last,)*
            options(raw)
        );
    };
}

#[cfg(all(supernano_dsp, not(supernano_armv8m)))]
assemble!(
    ".equ SN_SINGLE, 1", include_str!("isa_dsp.s");
    include_str!("sums.s"), include_str!("depthwise.s"), include_str!("depthwise_widen.s")
);
// The assembler does not know the extension of an Armv8-M target; a core's name tells it.
#[cfg(all(supernano_dsp, supernano_armv8m, not(supernano_mve)))]
assemble!(
    ".cpu cortex-m33\n.equ SN_SINGLE, 0", include_str!("isa_dsp.s");
    include_str!("sums.s"), include_str!("depthwise.s"), include_str!("depthwise_widen.s")
);
#[cfg(supernano_mve)]
assemble!(
    ".cpu cortex-m55\n.equ SN_SINGLE, 0", include_str!("isa_dsp.s");
    include_str!("sums.s"), include_str!("depthwise.s"), include_str!("depthwise_widen.s"), include_str!("helium.s"),
    include_str!("helium/columns.s")
);
#[cfg(not(supernano_dsp))]
assemble!(
    include_str!("isa_v7m.s");
    include_str!("depthwise_v7m.s"), include_str!("depthwise_widen.s")
);

// `sn_numbers` in `finish.s` loads a `Finish` as ten words, and indexes its table of routines with
// the number of the kind.
const _: () = {
    assert!(offset_of!(Finish, bias) == 0);
    assert!(offset_of!(Finish, residual) == 8);
    assert!(offset_of!(Finish, positive) == 16);
    assert!(offset_of!(Finish, negative) == 24);
    assert!(offset_of!(Finish, zero) == 32);
    assert!(offset_of!(Finish, kind) == 36);
    assert!(size_of::<Finish>() == 40);
    assert!(FinishKind::Plain as u32 == 0);
    assert!(FinishKind::Residual as u32 == 1);
    assert!(FinishKind::Prelu as u32 == 2);
    assert!(FinishKind::ResidualPrelu as u32 == 3);
};

// The routines follow the C calling convention, use at most 36 bytes of stack, and read and write
// nothing but the memory listed here. Steps count bytes.
unsafe extern "C" {
    // Widens `count` words. The caller guarantees that `source` holds a word at each of the first
    // `count` multiples of `step`, and that `low` and `high` have room for `count` words.
    fn supernano_widen(
        source: *const u32,
        step: usize,
        low: *mut u32,
        high: *mut u32,
        count: usize,
    );

    // Adds a dot product to `sum`. The caller guarantees that `weights` holds `words` words, and
    // `pairs` twice as many.
    #[cfg(supernano_dsp)]
    fn supernano_dot(pairs: *const u32, weights: *const u32, words: usize, sum: i32) -> i32;

    // Adds the four bytes of `words` words to four 16-bit sums. The caller guarantees that `source`
    // holds a word at each of the first `words` multiples of `step`. For more than `POOLED` words
    // the sums wrap.
    #[cfg(supernano_dsp)]
    fn supernano_pool(source: *const u32, step: usize, words: usize, sums: *mut [u32; 2]);
}

/// Most words whose bytes add up to no more than 16 bits: 256 x 128 is 2^15.
#[cfg(supernano_dsp)]
const POOLED: usize = 256;

impl<const SET: u32> MicroKernel for Dsp<SET> {
    const KERNELS: KernelSet = KernelSet::from_bits(SET);
    const BYTE_ROWS: bool = cfg!(supernano_mve);

    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }

    #[inline(always)]
    fn row(&self, window: &Window<'_>, weights: &[u32], finish: &Finish, out: &mut PairRow<'_>) {
        row::row::<SET>(window, weights, finish, out);
    }

    #[inline]
    fn winograd_block(
        &self,
        tiling: Tiling,
        v: &[u32],
        u: &[u32],
        sums: &mut [u32],
        finish: &Finish,
        out: &mut BlockRows<'_>,
    ) {
        winograd::blocks(tiling, v, u, sums, finish, out);
    }

    #[inline]
    fn winograd_weights(&self, tiling: Tiling, packed: &[u32], pairs: usize, u: &mut [u32]) {
        winograd::weights(tiling, packed, pairs, u);
    }

    #[inline]
    fn winograd_input(
        &self,
        tiling: Tiling,
        rows: &[&[u32]; INPUT_ROWS],
        phase: usize,
        x: usize,
        v: &mut [u32],
    ) {
        winograd::input(tiling, rows, phase, x, v);
    }

    #[inline]
    fn widen(&self, source: &[u32], step: usize, low: &mut [u32], high: &mut [u32]) {
        let step = step.max(1);
        let count = source.len().div_ceil(step).min(low.len()).min(high.len());
        // SAFETY: `count` is at most the number of multiples of `step` below the source's length,
        // and at most the length of each plane.
        unsafe {
            let (low, high) = (low.as_mut_ptr(), high.as_mut_ptr());
            supernano_widen(source.as_ptr(), step * 4, low, high, count);
        }
    }

    #[inline]
    fn pointwise_widen(&self, source: &[u32], words: usize, out: &mut [u32]) {
        pointwise::widen(source, words, out);
    }

    #[inline]
    fn pointwise(&self, row: &PointwiseRow<'_>, out: &mut [i8]) {
        pointwise::row(row, out);
    }

    #[cfg(supernano_dsp)]
    #[inline]
    fn image_words(&self, words: &ImageWords<'_>, out: &mut [u32]) {
        image::image_words(words, out);
    }

    #[inline]
    fn depthwise_widen(&self, source: &[u32], widening: &Widening, planes: &mut [u32]) {
        depthwise::widen(source, widening, planes);
    }

    #[inline]
    fn depthwise_row(&self, row: &DepthwiseRow<'_>, out: &mut [i8]) {
        depthwise::row::<SET>(row, out);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn byte_order(&self, source: &[u32], row: &mut [u32]) {
        helium::order(source, row);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn byte_row(
        &self,
        task: &ConvTask<'_>,
        rows: &ByteRows<'_>,
        columns: &mut [u32],
        out: &mut [i8],
    ) {
        helium::row::<SET>(task, rows, columns, out);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn image_bytes(&self, source: &[u8], channels: usize, table: &[i8], out: &mut [i8]) {
        helium::columns::image_bytes(source, channels, table, out);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn flat_row(
        &self,
        task: &ConvTask<'_>,
        rows: &FlatRows<'_>,
        columns: &mut [u32],
        out: &mut [i8],
    ) {
        helium::flat::<SET>(task, rows, columns, out);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn columns_widen(&self, source: &[u32], widening: &Widening, columns: &mut [u32]) {
        helium::columns::widen(source, widening, columns);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn columns_row(&self, row: &DepthwiseRow<'_>, out: &mut [i8]) {
        helium::columns::row::<SET>(row, out);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn add_pixels(&self, source: &[u32], sums: &mut [u32]) {
        helium::columns::add_pixels(source, sums);
    }

    #[cfg(supernano_mve)]
    #[inline]
    fn maximum(&self, source: &[i8], out: &mut [i8]) {
        helium::columns::maximum(source, out);
    }

    #[cfg(supernano_dsp)]
    #[inline]
    fn dot(&self, pairs: &[u32], weights: &[u32], sum: i32) -> i32 {
        let words = weights.len().min(pairs.len() / 2);
        // SAFETY: `words` is at most the length of `weights` and half the length of `pairs`.
        unsafe { supernano_dot(pairs.as_ptr(), weights.as_ptr(), words, sum) }
    }

    #[cfg(supernano_dsp)]
    #[inline]
    fn pool(&self, source: &[u32], step: usize) -> [i32; 4] {
        let step = step.max(1);
        let mut totals = [0; 4];
        for part in source.chunks(step.saturating_mul(POOLED)) {
            let mut sums = [0; 2];
            // SAFETY: `words` is the number of multiples of `step` below the part's length.
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
        // SAFETY: `supernano_dsp` says that the core has SMMULR, which reads and writes registers
        // only and changes no flag.
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
        // SAFETY: every core from Armv7-M on has SSAT, which reads and writes registers only. It
        // may set the flag Q, so `preserves_flags` is not among the options.
        unsafe {
            asm!("ssat {0}, #8, {1}", lateout(reg) saturated, in(reg) v,
                options(pure, nomem, nostack));
        }
        saturated as i8
    }
}
