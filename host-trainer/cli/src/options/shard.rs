//! One part of a list of codes.

use supernano_train::shard::ShardNumber;

/// Restricts a command to one part of its codes.
#[derive(clap::Args, Debug)]
pub struct ShardArgs {
    /// Part I of N of the codes, with I from 1 to N [default: all codes].
    #[arg(long, value_name = "I/N", help_heading = "Sub-networks")]
    shard: Option<ShardNumber>,
}

impl ShardArgs {
    /// The part; `None` for all codes.
    pub fn part(&self) -> Option<ShardNumber> {
        self.shard
    }
}
