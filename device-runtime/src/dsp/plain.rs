//! Cores without the DSP extension.

use supernano_core::kernel::{MicroKernel, Scalar, Sums, Window};

use super::Dsp;

impl MicroKernel for Dsp {
    #[inline]
    fn tile(&self, window: &Window<'_>, x: usize, weights: &[u32], sums: &mut Sums) {
        Scalar.tile(window, x, weights, sums);
    }
}
