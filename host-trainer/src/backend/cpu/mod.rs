//! The operations on burn-ndarray, with gradients of their own under autodiff.

mod conv;
mod isa;
mod norm;
mod ops;

