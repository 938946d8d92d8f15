//! Patterns of paths, such as `{class}_{group}_{}.png`.

use regex::Regex;
use supernano_base::error::{Error, Result};

/// A pattern that takes class and group from a path.
#[derive(Debug)]
pub struct Pattern {
    regex: Regex,
}

impl Pattern {
    /// Parses a pattern: `{class}`, `{group}`, `{split}` and `{}` stand for at least one character
    /// other than `/`, and as few as possible; everything else stands for itself.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown or repeated name, and for a brace without its partner.
    pub fn new(text: &str) -> Result<Self> {
        let refused = |found: &str| {
            let expected = "`{class}`, `{group}`, `{split}` (each once) and `{}`";
            Error::invalid("data", "pattern", expected, found)
        };
        let mut expression = String::from("^");
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            expression += &regex::escape(&rest[..at]);
            let name = rest[at..].strip_prefix('{').and_then(|r| r.split_once('}'));
            let (name, after) = name.ok_or_else(|| refused(&rest[at..]))?;
            match name {
                "" => expression += "[^/]+?",
                "class" | "group" | "split" => {
                    if expression.contains(&format!("<{name}>")) {
                        return Err(refused(&format!("`{{{name}}}` twice")));
                    }
                    expression += &format!("(?P<{name}>[^/]+?)");
                }
                _ => return Err(refused(&format!("`{{{name}}}`"))),
            }
            rest = after;
        }
        expression += &regex::escape(rest);
        expression.push('$');
        let regex = Regex::new(&expression).map_err(|e| refused(&e.to_string()))?;
        Ok(Self { regex })
    }

    /// The class, the group and the split of a path below the source; `None` if it does not match.
    pub fn matches<'t>(&self, path: &'t str) -> Option<[Option<&'t str>; 3]> {
        let found = self.regex.captures(path)?;
        Some(["class", "group", "split"].map(|name| found.name(name).map(|m| m.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_from_paths() {
        let pattern = Pattern::new("recordings/{class}_{group}_{}.wav").unwrap();
        let found = pattern.matches("recordings/7_lucas_12.wav").unwrap();
        assert_eq!(found, [Some("7"), Some("lucas"), None]);
        assert_eq!(pattern.matches("recordings/a/7_lucas_12.wav"), None);
        assert_eq!(pattern.matches("recordings/7_lucas_12.wav.bak"), None);
        assert_eq!(pattern.matches("recordings/7.wav"), None);
        // A dot stands for itself.
        assert_eq!(pattern.matches("recordings/7_lucas_12_wav"), None);
    }

    #[test]
    fn bad_patterns_are_refused() {
        for text in ["{class", "class}", "{klass}", "{class}_{class}", "{{class}}"] {
            let error = Pattern::new(text).unwrap_err().to_string();
            assert!(error.starts_with("data: pattern: expected `{class}`"), "{error}");
        }
    }
}
