//! Loops over the values of a plane `[pixels][16]`.
//!
//! They are plain code, compiled with the instructions of the kernel that they are inlined into.
//! Their results are the same to the last bit on every instruction set.

use crate::LANES;

/// Values whose lanes are summed in f32 before the sums go on in f64: 32 pixels.
pub(crate) const CHUNK: usize = 32 * LANES;
/// Independent accumulators, so that an addition does not wait for the one before.
pub(crate) const WIDE: usize = 4 * LANES;

/// Calls `f(values of from, value of to) -> terms` for every value of a plane, which `f` may
/// change, and returns the sums of the terms. They are taken in f32 within a chunk and in f64
/// over the chunks.
#[inline(always)]
pub(crate) fn sweep<const M: usize, const N: usize>(
    from: [&[f32]; M],
    to: &mut [f32],
    f: impl Fn([f32; M], &mut f32) -> [f32; N],
) -> [f64; N] {
    let mut total = [0f64; N];
    let from = from.map(|v| &v[..to.len()]);
    let mut at = 0;
    for chunk in to.chunks_mut(CHUNK) {
        let mut sums = [[0f32; WIDE]; N];
        let (wide, rest) = chunk.as_chunks_mut::<WIDE>();
        for to in wide {
            let values = from.map(|v| &v[at..at + WIDE]);
            for i in 0..WIDE {
                let terms = f(std::array::from_fn(|m| values[m][i]), &mut to[i]);
                for n in 0..N {
                    sums[n][i] += terms[n];
                }
            }
            at += WIDE;
        }
        for to in rest.as_chunks_mut::<LANES>().0 {
            let values = from.map(|v| &v[at..at + LANES]);
            for i in 0..LANES {
                let terms = f(std::array::from_fn(|m| values[m][i]), &mut to[i]);
                for n in 0..N {
                    sums[n][i] += terms[n];
                }
            }
            at += LANES;
        }
        for n in 0..N {
            total[n] += sums[n].iter().map(|&v| f64::from(v)).sum::<f64>();
        }
    }
    total
}

/// Sums per channel over the blocks, `[block][channel]` before.
pub(crate) fn total<const N: usize>(blocks: &[Vec<[f64; N]>], channels: usize) -> Vec<[f64; N]> {
    let mut all = vec![[0f64; N]; channels];
    for block in blocks {
        for (all, one) in all.iter_mut().zip(block) {
            all.iter_mut().zip(one).for_each(|(a, o)| *a += o);
        }
    }
    all
}

/// Writes 0 to the lanes that hold no image, those from `lanes` on.
#[inline(always)]
pub(crate) fn clear_unused(x: &mut [f32], lanes: usize) {
    if lanes < LANES {
        for pixel in x.as_chunks_mut::<LANES>().0 {
            pixel[lanes..].fill(0.0);
        }
    }
}
