//! The arena: one region of memory for all tensors and all scratch of a network.
//!
//! The executor runs a network unit by unit: a convolution, a residual block, or the classifier.
//! From the units of a graph follow the items that live at the same time, and how far they may
//! overlap. [`ArenaPlan`] chooses places for them on a host; a device proves the places in a blob
//! by the same rules.

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
