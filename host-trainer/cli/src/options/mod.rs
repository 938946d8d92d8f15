//! Groups of options that several commands share.

pub mod device;
#[cfg(feature = "train")]
pub mod room;
