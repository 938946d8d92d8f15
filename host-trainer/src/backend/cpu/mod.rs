//! CPU kernels over plain slices. Maps are `[ceil(n / 16)][c][h][w][16]`: sixteen images innermost,
//! so that every pixel of a channel is one AVX-512 register; lanes beyond the batch are zero in
//! gradients, and left out of statistics.

pub mod conv;
mod lanes;
pub mod norm;
mod ops;
pub mod pointwise;
#[cfg(test)]
mod tests;

pub use lanes::Isa;
