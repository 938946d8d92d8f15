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
    /// Core: `m0`, `m3`, `m4`, `m7`, `m33` or `m55`.
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

/// Most characters that may be missing at the end of a name: package, temperature and variant, but
/// not the sizes of the memories.
const MISSING: usize = 3;

/// Looks a chip up by its name. Upper and lower case are equal. The name may lack the letters of the
/// package, or be the longer one of an order, if only one kind of chip agrees with it.
///
/// ```
/// let chip = supernano_search::chip::find("nrf52840_xxaa")?;
/// assert_eq!((chip.core.as_str(), chip.flash, chip.ram), ("m4", 1024, 256));
/// assert_eq!(supernano_search::chip::find("nRF52840")?, chip);
/// assert_eq!(supernano_search::chip::find("STM32F446RET6")?.name, "STM32F446RETx");
/// # Ok::<(), supernano_base::error::Error>(())
/// ```
///
/// # Errors
/// [`Error::Invalid`] for a name that several different chips share, with their names, and for an
/// unknown name, with the most similar ones.
pub fn find(name: &str) -> Result<ChipSpec> {
    let chips = all();
    if let Some(chip) = chips.iter().find(|c| c.name.eq_ignore_ascii_case(name)) {
        return Ok(chip.clone());
    }
    let found: Vec<&ChipSpec> = chips.iter().filter(|chip| agree(&chip.name, name)).collect();
    let facts = |chip: &ChipSpec| (chip.core.clone(), chip.flash, chip.ram, chip.clock);
    if let Some((first, others)) = found.split_first() {
        if others.iter().all(|other| facts(other) == facts(first)) {
            return Ok((*first).clone());
        }
        let names: Vec<&str> = found.iter().map(|chip| chip.name.as_str()).collect();
        let expected = format!("one of the chips {}", names.join(", "));
        return Err(Error::invalid("option --chip", "chip", expected, format!("`{name}`")));
    }
    let similar = nearest(name, chips.iter().map(|c| c.name.as_str()));
    let expected = format!(
        "a known chip (the nearest names are {}), or --core with --flash and --ram",
        similar.join(", ")
    );
    Err(Error::invalid("option --chip", "chip", expected, format!("`{name}`")))
}

/// True if the names agree as far as the shorter one goes, and the known one goes at most
/// [`MISSING`] characters, or the letters of Nordic's package, beyond the other. An `x` of the known
/// name stands for any character (package, temperature), and a hyphen equals an underscore.
fn agree(known: &str, name: &str) -> bool {
    let same = |(known, c): (char, char)| {
        known == 'x' || known.eq_ignore_ascii_case(&c) || (known == '_' && c == '-')
    };
    let rest: String = known.chars().skip(name.chars().count()).collect();
    let package = rest.len() <= MISSING || rest.starts_with("_xx");
    package && known.chars().zip(name.chars()).all(same)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn names_of_data_sheets_and_orders_are_known() {
        for (name, expected) in [
            ("nrf52840", "nRF52840_xxAA"),
            ("nRF52840-QIAA", "nRF52840_xxAA"),
            ("STM32F446RE", "STM32F446RETx"),
            ("stm32f446ret6", "STM32F446RETx"),
            ("STM32F103C8T6", "STM32F103C8"),
            ("RP2350", "RP235x"),
            ("rp2040", "RP2040"),
        ] {
            assert_eq!(find(name).unwrap().name, expected, "{name}");
        }
    }

    #[test]
    fn a_name_that_stands_for_different_chips_is_refused_with_their_names() {
        let error = find("nRF51822").unwrap_err().to_string();
        for part in ["nRF51822_xxAA", "nRF51822_xxAC", "`nRF51822`"] {
            assert!(error.contains(part), "{error}");
        }
        for unknown in ["", "STM32", "STM32F446", "nRF99999", "STM32F446ZE"] {
            assert!(find(unknown).unwrap_err().to_string().contains("nearest"), "{unknown}");
        }
    }
}
