//! Ranking: scores of many sub-networks of a run with inherited weights.
//!
//! [`Ranker`] recalibrates and evaluates sub-networks, sharing the work of common prefixes within a
//! memory limit; [`shard`] splits a list between machines and merges the parts. Scores accumulate in
//! the run (`store`).

mod list;
mod memory;
mod ranker;
pub mod shard;
mod store;

pub use list::{RankOutcome, RankReport, RankRequest, RankedCode, rank};
pub use ranker::{BnSource, Effort, MacCounts, Ranker, ScoreRequest, Settings, Split};

#[cfg(test)]
mod tests;
