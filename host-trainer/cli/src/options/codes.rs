//! The sub-networks that a command works on.

use supernano_base::codes::select::CodeSelection;

/// Selects sub-networks.
#[derive(clap::Args, Debug)]
pub struct CodesArgs {
    /// Files of codes (challenge JSON, JSON list, CSV, one code per line; also .gz), or codes.
    codes: Vec<String>,
    /// Number of random sub-networks to add.
    #[arg(long, value_name = "N", help_heading = "Sub-networks")]
    random: Option<usize>,
    /// Seed of all random choices [default: 1; for `int8-rank` and `standalone`, the seed of the
    /// configuration].
    #[arg(long, value_name = "SEED", help_heading = "Sub-networks")]
    seed: Option<u64>,
}

impl CodesArgs {
    /// The selection.
    pub fn selection(&self) -> CodeSelection {
        CodeSelection { named: self.codes.clone(), random: self.random, seed: self.seed }
    }
}
