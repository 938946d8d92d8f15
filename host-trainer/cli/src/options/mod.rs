//! Groups of options that several commands share. Each option exists once, with one wording.

mod data;
mod device;
mod output;

#[cfg(feature = "train")]
mod codes;
#[cfg(feature = "train")]
mod kernels;
#[cfg(feature = "train")]
mod peers;
#[cfg(feature = "train")]
mod processor;
#[cfg(feature = "train")]
mod quantise;
#[cfg(feature = "train")]
mod shard;
#[cfg(feature = "train")]
mod truth;

pub use self::data::DataArgs;
pub use self::device::{DeviceArgs, LineArgs};
pub use self::output::{OutputArgs, OverwriteArgs};

#[cfg(feature = "train")]
pub use self::codes::CodesArgs;
#[cfg(feature = "train")]
pub use self::kernels::{FirmwareArgs, FrontArgs, KernelLimitArgs, PreferArgs};
#[cfg(feature = "train")]
pub use self::peers::PeerArgs;
#[cfg(feature = "train")]
pub use self::processor::ProcessorArgs;
#[cfg(feature = "train")]
pub use self::quantise::QuantiseArgs;
#[cfg(feature = "train")]
pub use self::shard::ShardArgs;
#[cfg(feature = "train")]
pub use self::truth::{ForceArgs, TruthArgs};

/// Heading of the options that few users need.
pub const RARE: &str = "Less common options";
