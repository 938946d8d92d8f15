//! Devices: targets, links, and what `check` and `latency` do with them.

mod check;
mod latency;
mod qemu;
mod selftest;
mod session;
mod target;

pub use check::{CheckReport, Mode, check};
pub use latency::{LatencyReport, LayerCount, latency};
pub use qemu::Qemu;
pub use selftest::{SelfTestReport, selftest};
pub use session::{Counts, Device, Link, Opened, Session};
pub use target::{MACHINES, Machine, Target};
