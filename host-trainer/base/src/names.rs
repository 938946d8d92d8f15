//! Suggestions for names that are not known.

/// The five known names most like `name` (Jaro-Winkler, case ignored), best first.
pub fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let lower = name.to_lowercase();
    let mut scored: Vec<(f64, &str)> =
        known.map(|k| (strsim::jaro_winkler(&lower, &k.to_lowercase()), k)).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    scored.dedup_by(|a, b| a.1 == b.1);
    scored.into_iter().take(5).map(|(_, k)| k).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_names_come_first() {
        let names = ["STM32F446RETx", "STM32F446RCTx", "RP2040", "nRF52840_xxAA"];
        assert_eq!(nearest("stm32f446ret", names.into_iter())[0], "STM32F446RETx");
        assert_eq!(nearest("rp2400", names.into_iter())[0], "RP2040");
    }
}
