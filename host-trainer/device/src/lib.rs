//! Devices that run a network file: targets, links, and sessions over any byte stream.
//!
//! [`check()`] compares every logit of a device with the host's, [`latency()`] counts each operation,
//! [`flash`] plans and writes the flash of a chip, [`watch`] decodes the log of a firmware, and
//! [`selftest()`] compares the kernels of a device with the reference kernels. The crate knows the
//! wire protocol and network files; it knows neither weights nor training. It prints nothing:
//! messages go to a [`Task`](supernano_base::progress::Task).

#![forbid(unsafe_code)]

pub mod access;
mod agents;
mod check;
mod connection;
mod cycles;
pub mod elf;
pub mod flash;
mod latency;
mod link;
mod placed;
#[cfg_attr(not(feature = "probe"), path = "probe/absent.rs")]
mod probe;
mod qemu;
mod ready;
mod selftest;
mod session;
mod target;
pub mod watch;

pub use agents::{AgentOrigin, agent, located};
pub use check::{CheckOptions, CheckReport, ImageTransfer, check};
pub use connection::{LoadedNetwork, NetworkOrigin, Patience, PlacedNetwork};
pub use cycles::{Estimated, cycle_plugin};
pub use latency::{
    Count, Estimate, FlashTime, LatencyOptions, LatencyReport, LayerCount, ScaledTime,
    append_counts, latency,
};
pub use qemu::{Counting, Qemu, emulator_version};
pub use ready::ready;
pub use selftest::{SelfTestReport, selftest};
pub use session::{ByteStream, Counts, DeviceInfo, Opened, Session, Traffic};
pub use target::{MACHINES, Machine, ProbeId, Target, usb_id};
