//! Takes the place of the module `probe` in a program that is built without the feature `probe`.

use std::ops::Range;

use supernano_base::error::{Error, Result};

use crate::elf::Segment;
use crate::session::ByteStream;
use crate::target::ProbeId;

/// Name of the channel that carries logs.
pub(crate) const LOGS: &str = "defmt";

/// How to build a program that has the feature, for messages.
const REMEDY: &str = "this supernano was built without debug probes; \
    `cargo build --release -p supernano` builds one that has them";

fn absent<T>() -> Result<T> {
    Err(Error::tool("debug probe", REMEDY))
}

/// Fails: the memory of a chip is known by probe-rs.
pub(crate) fn flash_of(_: &str) -> Result<(String, Vec<Range<u64>>)> {
    absent()
}

/// Fails.
pub(crate) fn write(_: Option<(u16, u16)>, _: &str, _: &[Segment]) -> Result<()> {
    absent()
}

/// Fails.
pub(crate) fn rtt(_: &ProbeId) -> Result<Box<dyn ByteStream>> {
    absent()
}

/// Fails.
pub(crate) fn open(_: &ProbeId, _: &str) -> Result<Box<dyn ByteStream>> {
    absent()
}
