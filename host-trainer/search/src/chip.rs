//! Chips and their limits, by name.

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};

/// A microcontroller, named as probe-rs names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
    /// Name.
    pub name: String,
    /// Core as targets spell it: `m0`, `m3`, `m4`, `m7`, `m33`.
    pub core: String,
    /// KiB of flash.
    pub flash: u64,
    /// KiB of RAM in one piece.
    pub ram: u64,
    /// MHz.
    pub clock: u64,
}

impl From<&supernano_facts::Chip> for Chip {
    fn from(facts: &supernano_facts::Chip) -> Self {
        Self {
            name: facts.name.to_owned(),
            core: facts.core.short().to_owned(),
            flash: facts.flash_kib.into(),
            ram: facts.ram_kib.into(),
            clock: facts.clock_mhz.into(),
        }
    }
}

/// Every known chip.
pub fn all() -> Vec<Chip> {
    supernano_facts::CHIPS.iter().map(Chip::from).collect()
}

/// The chip of this name, upper or lower case.
///
/// # Errors
/// [`Error::Invalid`] with the nearest names for one that is not in the table.
pub fn find(name: &str) -> Result<Chip> {
    let chips = all();
    if let Some(chip) = chips.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        return Ok(chip.clone());
    }
    let likeness =
        |c: &Chip| strsim::jaro_winkler(&c.name.to_ascii_lowercase(), &name.to_ascii_lowercase());
    let mut near: Vec<(f64, &Chip)> = chips.iter().map(|c| (likeness(c), c)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<&str> = near.iter().take(3).map(|n| n.1.name.as_str()).collect();
    let expected = format!(
        "a known chip, the nearest being {}; or --core with --flash and --ram",
        names.join(", ")
    );
    Err(Error::invalid("option --chip", "chip", expected, format!("`{name}`")))
}
