//! Names: which are allowed, and suggestions for those that are not known.

use crate::error::{Error, Result};

/// Most characters of a name.
pub const LONGEST: usize = 64;

/// Accents that follow their letters, as in names of folders of macOS.
const MARKS: std::ops::RangeInclusive<char> = '\u{300}'..='\u{36f}';

/// Checks the name of a space or a class. Names are written into C, Rust, HTML and ONNX files, so
/// that they have no character that ends a comment, a string, a line or a tag.
///
/// # Errors
/// [`Error::Invalid`] with `place` and `field`.
pub fn check(place: &str, field: &str, name: &str) -> Result<()> {
    let allowed = |c: char| c.is_alphanumeric() || "-_.+ (),".contains(c) || MARKS.contains(&c);
    if name.is_empty() || name.chars().count() > LONGEST || name.trim() != name {
        let expected = format!("1 to {LONGEST} characters, no space at either end");
        return Err(Error::invalid(place, field, expected, format!("{name:?}")));
    }
    if !name.chars().all(allowed) {
        let expected = "letters, digits, spaces and `-_.+(),`";
        return Err(Error::invalid(place, field, expected, format!("{name:?}")));
    }
    Ok(())
}

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
    fn names_that_break_a_source_file_are_refused() {
        for name in [
            "resnet20",
            "my net-2_b.1+x",
            "ü 日本",
            "Kreis (rund), rot",
            "carre\u{301}",
            &"x".repeat(LONGEST),
        ] {
            check("t", "name", name).unwrap();
        }
        let long = "x".repeat(LONGEST + 1);
        for name in [
            "",
            " ",
            " a",
            "a ",
            "a\n",
            "a\nb",
            "a\tb",
            "a\0",
            "*/",
            "/*",
            "//",
            "a\\",
            "\"",
            "'",
            "`",
            "<b>",
            "&amp;",
            "{}",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{2028}b",
            "a\u{7f}",
            "../a",
            "??/",
            &long,
        ] {
            let error = check("t.toml", "space.name", name).unwrap_err();
            assert_eq!(error.exit_code(), 2);
            let error = error.to_string();
            assert!(error.starts_with("t.toml: space.name: ") && !error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn near_names_come_first() {
        let names = ["STM32F446RETx", "STM32F446RCTx", "RP2040", "nRF52840_xxAA"];
        assert_eq!(nearest("stm32f446ret", names.into_iter())[0], "STM32F446RETx");
        assert_eq!(nearest("rp2400", names.into_iter())[0], "RP2040");
    }
}
