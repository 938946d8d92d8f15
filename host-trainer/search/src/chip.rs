//! Chips: what a name stands for.

use serde::{Deserialize, Serialize};
use supernano_base::error::{Error, Result};

const TABLE: &str = include_str!("../tables/chips.toml");

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

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Chips {
    chip: Vec<Chip>,
}

/// All chips of the table.
///
/// # Errors
/// [`Error::Invalid`] where the crate was built with a broken table.
pub fn all() -> Result<Vec<Chip>> {
    let chips: Chips = toml::from_str(TABLE)
        .map_err(|e| Error::invalid("chips.toml", "TOML", "chips", e.to_string().trim()))?;
    Ok(chips.chip)
}

/// The chip of this name, upper or lower case.
///
/// # Errors
/// [`Error::Invalid`] with the nearest names for one that is not in the table.
pub fn find(name: &str) -> Result<Chip> {
    let chips = all()?;
    if let Some(chip) = chips.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        return Ok(chip.clone());
    }
    let likeness =
        |c: &Chip| strsim::jaro_winkler(&c.name.to_ascii_lowercase(), &name.to_ascii_lowercase());
    let mut near: Vec<(f64, &Chip)> = chips.iter().map(|c| (likeness(c), c)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let names: Vec<&str> = near.iter().take(3).map(|n| n.1.name.as_str()).collect();
    let expected = format!(
        "a chip of tables/chips.toml, the nearest being {}; or --core with --flash and --ram",
        names.join(", ")
    );
    Err(Error::invalid("option --chip", "chip", expected, format!("`{name}`")))
}
