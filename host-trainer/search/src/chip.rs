//! The table of chips, looked up by name.

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};
use supernano_base::names::nearest;

/// A microcontroller, named as probe-rs names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChipSpec {
    /// Name, as probe-rs spells it.
    pub name: String,
    /// Core: `m0`, `m3`, `m4`, `m7` or `m33`.
    pub core: String,
    /// Flash, KiB.
    pub flash: u64,
    /// Largest contiguous block of RAM, KiB.
    pub ram: u64,
    /// Highest clock, MHz.
    pub clock: u64,
}

impl From<&supernano_facts::Chip> for ChipSpec {
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
pub fn all() -> Vec<ChipSpec> {
    supernano_facts::CHIPS.iter().map(ChipSpec::from).collect()
}

/// Looks a chip up by its name. Upper and lower case are equal.
///
/// ```
/// let chip = supernano_search::chip::find("nrf52840_xxaa")?;
/// assert_eq!((chip.core.as_str(), chip.flash, chip.ram), ("m4", 1024, 256));
/// # Ok::<(), supernano_base::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Invalid`], which lists the most similar names, for an unknown name.
pub fn find(name: &str) -> Result<ChipSpec> {
    let chips = all();
    if let Some(chip) = chips.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        return Ok(chip.clone());
    }
    let similar = nearest(name, chips.iter().map(|c| c.name.as_str()));
    let expected = format!(
        "a known chip (the nearest names are {}), or --core with --flash and --ram",
        similar.join(", ")
    );
    Err(Error::invalid("option --chip", "chip", expected, format!("`{name}`")))
}
