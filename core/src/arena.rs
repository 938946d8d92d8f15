//! The arena: one region of memory for all tensors and all scratch of a network.
//!
//! The executor runs a network unit by unit: a layer, a residual block, a rolled unit, or the
//! classifier. From the units of a graph follow the items that live at the same time, and how far
//! they may overlap. [`ArenaPlan`] chooses places for them on a host, and [`roll`] chooses rolled
//! units; a device proves the places in a blob by the same rules.

mod bound;
mod check;
mod lifetime;
#[allow(clippy::indexing_slicing, reason = "only hosts plan arenas")]
mod plan;
#[allow(clippy::indexing_slicing, reason = "only hosts choose units")]
mod roll;
mod rolled;
mod unit;

pub use bound::{scratch_bytes, unit_bytes};
pub(crate) use check::is_sound;
pub use plan::ArenaPlan;
pub use roll::roll;
pub(crate) use rolled::may_roll;
pub(crate) use unit::{Unit, UnitKind, tensor_words};
