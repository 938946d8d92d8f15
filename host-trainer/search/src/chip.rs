//! The table of chips, looked up by name.

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};

const TABLE: &str = include_str!("../tables/chips.toml");

/// A microcontroller.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Chip {
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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ChipTable {
    chip: Vec<Chip>,
}

/// All chips of the built-in table.
///
/// # Errors
/// [`Error::Invalid`] if the built-in table is not valid.
pub fn all() -> Result<Vec<Chip>> {
    let table: ChipTable = toml::from_str(TABLE)
        .map_err(|e| Error::invalid("chips.toml", "TOML", "chips", e.to_string().trim()))?;
    Ok(table.chip)
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
/// [`Error::Invalid`], which lists the three most similar names, for an unknown name.
pub fn find(name: &str) -> Result<Chip> {
    let chips = all()?;
    if let Some(chip) = chips.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        return Ok(chip.clone());
    }
    let wanted = name.to_ascii_lowercase();
    let mut similar: Vec<(f64, &str)> = Vec::with_capacity(chips.len());
    for chip in &chips {
        let likeness = strsim::jaro_winkler(&chip.name.to_ascii_lowercase(), &wanted);
        similar.push((likeness, &chip.name));
    }
    similar.sort_by(|a, b| b.0.total_cmp(&a.0));
    let nearest: Vec<&str> = similar.iter().take(3).map(|&(_, name)| name).collect();
    let expected = format!(
        "a chip of tables/chips.toml (the nearest names are {}), or --core with --flash and --ram",
        nearest.join(", ")
    );
    Err(Error::invalid("option --chip", "chip", expected, format!("`{name}`")))
}
