//! The kernels against plain loops in f64, on every instruction set of the machine.

mod convolution;

use crate::LANES;

/// Values in -1..1 from a seed.
pub(crate) fn noise(seed: u64, n: usize) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    (0..n)
        .map(|_| {
            state = state
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            (state >> 40) as f32 / (1 << 23) as f32 - 1.0
        })
        .collect()
}

/// Images `[n][size]` as blocks `[n / 16][size][16]`, zeros in lanes without an image.
pub(crate) fn blocked(images: &[f32], n: usize) -> Vec<f32> {
    let size = images.len() / n;
    let mut blocks = vec![0.0; n.div_ceil(LANES) * size * LANES];
    for (i, image) in images.chunks_exact(size).enumerate() {
        for (at, &v) in image.iter().enumerate() {
            blocks[(i / LANES * size + at) * LANES + i % LANES] = v;
        }
    }
    blocks
}

/// The first `n` images of blocks, `[n][size]`.
pub(crate) fn images(blocks: &[f32], n: usize) -> Vec<f32> {
    let size = blocks.len() / (n.div_ceil(LANES) * LANES);
    let at = |i: usize| (i / size / LANES * size + i % size) * LANES + i / size % LANES;
    (0..n * size).map(|i| blocks[at(i)]).collect()
}
