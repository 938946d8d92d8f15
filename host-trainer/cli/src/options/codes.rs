//! The sub-networks that a command works on.

use supernano_base::codes::select::CodeSelection;

/// Selects sub-networks.
#[derive(clap::Args, Debug)]
pub struct CodesArgs {
    /// Files of codes (challenge JSON, JSON list, CSV, one code per line; also .gz), or codes.
    codes: Vec<String>,
    /// A file of codes or a code, as an option; may be given several times.
    #[arg(long = "code", alias = "codes", value_name = "CODE", help_heading = "Sub-networks")]
    more: Vec<String>,
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
        let named = self.codes.iter().chain(&self.more).cloned().collect();
        CodeSelection { named, random: self.random, seed: self.seed }
    }
}
