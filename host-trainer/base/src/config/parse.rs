//! Configurations from text.

use std::path::Path;

use super::{Preset, RunConfig};
use crate::error::{Error, Result, parser_words};
use crate::files;

impl RunConfig {
    /// Reads and validates a file.
    ///
    /// # Errors
    /// [`Error::Missing`], or [`Error::Invalid`] naming file, field, expected and found.
    pub fn read(path: &Path) -> Result<Self> {
        let place = path.display().to_string();
        Self::parse(&files::read_text_within(path, &files::CONFIGURATION)?, &place)
    }

    /// Parses and validates; `place` names the text in errors.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming place, field, expected and found; [`Error::Core`] for a space.
    pub fn parse(text: &str, place: &str) -> Result<Self> {
        let syntax = |e: toml::de::Error| syntax_error(text, place, &e);
        let file: toml::Table = toml::from_str(text).map_err(syntax)?;
        let merged = match file.get("preset") {
            None => file,
            Some(value) => {
                let preset: Preset = value.clone().try_into().map_err(|_| {
                    let expected = "`paper`, `reference`, `third-place` or `quick`";
                    Error::invalid(place, "preset", expected, value)
                })?;
                let mut base: toml::Table = toml::from_str(preset.text()).map_err(syntax)?;
                merge(&mut base, file);
                base
            }
        };
        let mut config: Self = toml::Value::Table(merged).try_into().map_err(|e| {
            // Only the parser of the text itself knows the lines.
            let of_text = toml::from_str::<Self>(text).err();
            syntax(of_text.filter(|t| t.message() == e.message()).unwrap_or(e))
        })?;
        config.complete();
        config.validate(place)?;
        Ok(config)
    }

    /// The configuration of a preset.
    ///
    /// # Errors
    /// As [`RunConfig::parse`]; never for the presets of this crate.
    pub fn preset(preset: Preset) -> Result<Self> {
        Self::parse(preset.text(), "preset")
    }
}

fn merge(base: &mut toml::Table, over: toml::Table) {
    for (key, value) in over {
        match (base.get_mut(&key), value) {
            (Some(toml::Value::Table(base)), toml::Value::Table(over)) if key != "space" => {
                merge(base, over);
            }
            (_, value) => {
                base.insert(key, value);
            }
        }
    }
}

/// The error of a text that is no configuration. It has the line if the parser knows it, and
/// otherwise the key.
fn syntax_error(text: &str, place: &str, error: &toml::de::Error) -> Error {
    let before = error.span().and_then(|span| text.get(..span.start));
    let (place, words) = match before {
        Some(before) => {
            let line = before.matches('\n').count();
            let source = text.lines().nth(line).unwrap_or_default().trim();
            let words = format!("{} in `{source}`", parser_words(&error.message()));
            (format!("{place}:{}", line + 1), words)
        }
        None => (place.into(), parser_words(error)),
    };
    Error::invalid(place, "TOML", "a run configuration", words.trim())
}
