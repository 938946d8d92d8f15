//! Devices: targets, links, and what `check` and `latency` do with them.

mod check;
mod connection;
pub mod elf;
pub mod flash;
mod latency;
pub mod link;
pub mod logs;
#[cfg(feature = "probe")]
pub mod probe;
mod qemu;
mod selftest;
mod session;
mod target;

pub use check::{CheckOptions, CheckReport, Mode, check};
pub use connection::{Loaded, Patience, Placed, Source};
pub use latency::{Count, LatencyReport, LayerCount, Options, kind, latency};
pub use qemu::{Qemu, agent};
pub use selftest::{SelfTestReport, selftest};
pub use session::{Counts, Device, Link, Opened, Session, Traffic};
pub use target::{MACHINES, Machine, ProbeId, Target, usb_id};
