//! Devices: targets, links, and what `check` and `latency` do with them.

mod check;
mod latency;
mod qemu;
mod session;
mod target;

pub use check::{CheckReport, Mode, check};
pub use latency::{LatencyReport, LayerCount, latency};
pub use qemu::Qemu;
pub use session::{Link, Session};
pub use target::Target;
