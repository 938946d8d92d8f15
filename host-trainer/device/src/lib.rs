//! Devices that run a network file: targets, links, and sessions over any byte stream.
//!
//! [`check`](check()) compares every logit of a device with the host's, [`latency`](latency()) counts
//! each layer, [`flash`] plans what a debug probe writes, and [`selftest`](selftest()) compares a
//! device's kernels with the reference. Training and floating-point weights are left to others.

#![forbid(unsafe_code)]

mod check;
mod connection;
pub mod elf;
pub mod flash;
mod latency;
pub mod link;
pub mod logs;
mod placed;
#[cfg(feature = "probe")]
pub mod probe;
mod qemu;
mod selftest;
mod session;
mod target;

pub use check::{CheckOptions, CheckReport, Mode, check};
pub use connection::{Loaded, Patience, Placed, Source};
pub use latency::{Count, LatencyReport, LayerCount, Options, latency};
pub use qemu::{Qemu, agent};
pub use selftest::{SelfTestReport, selftest};
pub use session::{Counts, Device, Link, Opened, Session, Traffic};
pub use target::{MACHINES, Machine, ProbeId, Target, usb_id};
