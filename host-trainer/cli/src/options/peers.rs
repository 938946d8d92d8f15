//! Training on several processors.

use std::time::Duration;

use supernano_train::shard::ShardNumber;
use supernano_train::training::Meeting;

/// Heading of these options.
const HEADING: &str = "Several processors";

/// Divides the paths of each update between processes.
#[derive(clap::Args, Debug)]
pub struct PeerArgs {
    /// This process is peer I of N, from 1. The first one runs the training.
    #[arg(long, value_name = "I/N", requires = "address", help_heading = HEADING)]
    peer: Option<ShardNumber>,
    /// Where the first peer listens and the others connect. Nothing is encrypted.
    #[arg(long, value_name = "HOST:PORT", requires = "peer", help_heading = HEADING)]
    address: Option<String>,
    /// Longest wait for another peer and for its messages.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, requires = "peer", help_heading = HEADING,
        value_parser = clap::value_parser!(u32).range(1..=86_400))]
    peer_timeout: u32,
    /// Longest silence of a peer that has come. All peers give signs of life while they compute.
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "peer", help_heading = HEADING,
        value_parser = clap::value_parser!(u32).range(1..=86_400))]
    peer_silence: u32,
}

impl PeerArgs {
    /// Where the peers meet; `None` for one process.
    pub fn meeting(&self) -> Option<Meeting<'_>> {
        let (peer, address) = (self.peer?, self.address.as_deref()?);
        let [patience, silence] =
            [self.peer_timeout, self.peer_silence].map(|s| Duration::from_secs(s.into()));
        Some(Meeting { peer, address, patience, silence })
    }
}
