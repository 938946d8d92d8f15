//! Float kernels of the CPU: convolutions, their gradients, batch norm, activations and pooling on slices.

#[expect(clippy::needless_range_loop, reason = "register tiles are indexed by constants")]
pub mod conv;
pub mod fused;
pub mod planes;
pub mod pointwise;
#[expect(clippy::needless_range_loop, reason = "lanes are indexed by constants")]
pub mod simd;

/// Images per block of a feature map: one AVX-512 register of f32.
pub const LANES: usize = 16;

#[cfg(test)]
mod tests;
