//! The arena: what is executed together, what lives at the same time, and where it lies.

mod bound;
mod check;
mod lifetime;
#[allow(clippy::indexing_slicing, reason = "only hosts plan arenas")]
mod plan;
mod unit;

pub use bound::unit_bytes;
pub(crate) use check::is_sound;
pub use plan::ArenaPlan;
pub(crate) use unit::{Unit, tensor_words};
