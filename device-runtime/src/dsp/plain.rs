//! The primitives of Armv6-M and Armv8-M baseline, and of targets that are no Cortex-M.
//!
//! The two Cortex-M profiles have tiles and dot products in assembly (`v6m.s`). All other targets,
//! such as the hosts that run the tests, use [`Scalar`].

use supernano_core::graph::KernelSet;
#[cfg(not(supernano_v6m))]
use supernano_core::kernel::Scalar;
use supernano_core::kernel::{MicroKernel, Requantise, Sums, Window};
#[cfg(supernano_v6m)]
use {
    core::arch::global_asm,
    core::mem::offset_of,
    supernano_core::graph::Tiling,
    supernano_core::kernel::winograd::{BLOCK_COLUMNS, finish_block},
    supernano_core::kernel::{BlockRows, DepthwiseRow, Finish, Widening},
};

use super::Dsp;
#[cfg(supernano_v6m)]
use super::depthwise;

#[cfg(supernano_v6m)]
global_asm!(
    include_str!("v6m.s"),
    include_str!("depthwise_frame.s"),
    include_str!("depthwise_v6m.s"),
    options(raw)
);

/// Arguments of a tile routine for one run. `v6m.s` loads them in this order.
#[cfg(supernano_v6m)]
#[repr(C)]
struct TileCall {
    /// Pixels of the tile in the first plane.
    pixels: *const u32,
    /// Weights of the first plane.
    weights: *const u32,
    /// End of the weights.
    weights_end: *const u32,
    /// Bytes from a plane to the next; with stride 2, from a phase to the next.
    step: usize,
    /// Sums, which the routine adds to.
    sums: *mut Sums,
}

#[cfg(supernano_v6m)]
const _: () = {
    assert!(offset_of!(TileCall, pixels) == 0);
    assert!(offset_of!(TileCall, weights) == 4);
    assert!(offset_of!(TileCall, weights_end) == 8);
    assert!(offset_of!(TileCall, step) == 12);
    assert!(offset_of!(TileCall, sums) == 16);
    // `v6_put` writes four sums of the first output, then four of the second.
    assert!(size_of::<Sums>() == 32);
};

// The routines follow the C calling convention and read and write nothing but the memory listed
// here and 52 bytes of stack.
//
// A tile routine adds the products of one run to the sums, for the kernel and stride of its name.
// The caller guarantees that there is a plane, that each kernel column of each plane holds the
// tile's 4 words, and that `weights` up to `weights_end` holds as many words for each plane as
// the kernel has columns.
#[cfg(supernano_v6m)]
unsafe extern "C" {
    fn supernano_tile_1x1(call: *const TileCall);
    // The sums of the first pixel, or of the first two, of a kernel of one column.
    fn supernano_tile_one(call: *const TileCall);
    fn supernano_tile_two(call: *const TileCall);
    fn supernano_tile_3x3(call: *const TileCall);
    fn supernano_tile_5x5(call: *const TileCall);
    fn supernano_tile_7x7(call: *const TileCall);
    fn supernano_tile_3x3_stride2(call: *const TileCall);
    fn supernano_tile_5x5_stride2(call: *const TileCall);
    fn supernano_tile_7x7_stride2(call: *const TileCall);

    // Computes the dot products of a block for `step >> 24` positions. With `pairs = (step & 0xff_ffff) /
    // 8`, the caller guarantees that `pairs` and the positions are at least 1, that `v` holds as many words
    // as 4 `pairs` for each position and `u` twice `pairs`, and that `sums` has room for 8 words for each.
    fn supernano_winograd_dots(v: *const u32, u: *const u32, step: usize, sums: *mut u32);
}

#[cfg(not(supernano_v6m))]
impl<const SET: u32> Requantise for Dsp<SET> {}

#[cfg(not(supernano_v6m))]
impl<const SET: u32> MicroKernel for Dsp<SET> {
    const KERNELS: KernelSet = KernelSet::from_bits(SET);

    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }
}

/// A tile routine.
#[cfg(supernano_v6m)]
type TileRoutine = unsafe extern "C" fn(call: *const TileCall);

/// Calls a routine for the tile at pixel `x` of both runs of a window, whose kernel and stride are the
/// routine's.
#[cfg(supernano_v6m)]
#[inline(always)]
fn both_runs(
    routine: TileRoutine,
    window: &Window<'_>,
    x: usize,
    weights: &[u32],
    sums: &mut Sums,
) {
    if !window.holds(x, weights.len()) {
        return;
    }
    let step = if window.kernel() == 1 { window.plane_words() } else { window.phase() };
    let mut at = weights.as_ptr();
    for (run, planes) in window.runs().into_iter().zip(window.planes()) {
        if planes == 0 {
            continue;
        }
        let weights_end = at.wrapping_add(planes * window.kernel());
        let pixels = run.as_ptr().wrapping_add(x);
        // SAFETY: `window.holds` is true, so pixels x .. x + 4 of every column of every plane
        // lie inside the runs and `weights` has `kernel` words per plane; a run without planes
        // is skipped above.
        unsafe { routine(&TileCall { pixels, weights: at, weights_end, step: step * 4, sums }) }
        at = weights_end;
    }
}

#[cfg(supernano_v6m)]
impl<const SET: u32> MicroKernel for Dsp<SET> {
    const KERNELS: KernelSet = KernelSet::from_bits(SET);

    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        let set = Self::KERNELS;
        let tile = match (window.kernel(), window.stride()) {
            (1, _) if set.direct(1, 1) || set.tiled() => supernano_tile_1x1,
            (3, 1) if set.direct(3, 1) => supernano_tile_3x3,
            (5, 1) if set.direct(5, 1) => supernano_tile_5x5,
            (7, 1) if set.direct(7, 1) => supernano_tile_7x7,
            (3, 2) if set.direct(3, 2) => supernano_tile_3x3_stride2,
            (5, 2) if set.direct(5, 2) => supernano_tile_5x5_stride2,
            (7, 2) if set.direct(7, 2) => supernano_tile_7x7_stride2,
            _ => return,
        };
        both_runs(tile, window, x, weights, sums);
    }

    #[inline]
    fn part(&self, window: &Window<'_>, pixels: usize, weights: &[u32], sums: &mut Sums) {
        let tile = match (pixels, window.kernel()) {
            (1, 1) => supernano_tile_one,
            (2, 1) => supernano_tile_two,
            _ => return self.tile(window, 0, weights, sums),
        };
        both_runs(tile, window, 0, weights, sums);
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
        let pairs = u.len() / tiling.weight_words(1);
        let Some(blocks) = v.len().checked_div(tiling.input_words(pairs)) else { return };
        let Some(sums) = sums.get_mut(..tiling.sum_words()) else { return };
        // A blob has at most 1024 channels.
        let step = (pairs * 8) | (tiling.positions() << 24);
        for block in 0..blocks {
            let v = v.as_ptr().wrapping_add(block * tiling.input_words(pairs));
            if pairs < 1 << 20 {
                // SAFETY: `checked_div` returns for no pairs, so there is at least 1, which `u` holds;
                // `v` holds `blocks` blocks of them; `sums` has the words of all positions.
                unsafe { supernano_winograd_dots(v, u.as_ptr(), step, sums.as_mut_ptr()) }
            }
            finish_block(self, tiling, sums, finish, out, block * BLOCK_COLUMNS);
        }
    }

    #[inline]
    fn depthwise_widen(&self, source: &[u32], widening: &Widening, planes: &mut [u32]) {
        depthwise::widen(source, widening, planes);
    }

    #[inline]
    fn depthwise_row(&self, row: &DepthwiseRow<'_>, out: &mut [i8]) {
        depthwise::row::<SET>(row, out);
    }
}

#[cfg(supernano_v6m)]
impl<const SET: u32> Requantise for Dsp<SET> {
    // The core multiplies 32 by 32 bits to 32, so the product is made of four products of halves.
    #[inline(always)]
    fn mulr(&self, a: i32, m: i32) -> i32 {
        let (a_low, a_high) = ((a & 0xffff) as u32, a >> 16);
        let (m_low, m_high) = ((m & 0xffff) as u32, m >> 16);
        let low = a_low * m_low;
        let (first, second) = (a_high * m_low as i32, a_low as i32 * m_high);
        let middle = (low >> 16) + (first as u32 & 0xffff) + (second as u32 & 0xffff);
        a_high * m_high + (first >> 16) + (second >> 16) + ((middle + 0x8000) >> 16) as i32
    }
}
