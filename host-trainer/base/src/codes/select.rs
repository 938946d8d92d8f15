//! The codes that a user names: files, codes, and random draws.

use std::path::Path;

use supernano_core::arch::Arch;
use supernano_core::space::Space;

use super::{Coded, distinct, random_codes, read_codes};
use crate::error::{Error, Result};

/// A selection of sub-networks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CodeSelection {
    /// Files of codes, and codes.
    pub named: Vec<String>,
    /// Number of random sub-networks that are added.
    pub random: Option<usize>,
    /// Seed of random choices; `None` for the default of whoever reads the selection.
    pub seed: Option<u64>,
}

impl CodeSelection {
    /// Reads the files, parses the codes and draws the random sub-networks, from `seed` if the
    /// selection has none. The id of a code is the code. Random sub-networks have the ids `archN` if they are alone, else `randomN`.
    ///
    /// # Errors
    /// As [`read_codes`]; [`Error::Core`] for a code of another space; [`Error::Invalid`] for an empty
    /// selection, and for an id that occurs twice.
    pub fn read(&self, space: &Space<'_>, seed: u64) -> Result<Vec<Coded>> {
        let mut codes = Vec::new();
        for text in &self.named {
            if Path::new(text).exists() || !is_code(text) {
                codes.extend(read_codes(Path::new(text), space)?);
            } else {
                let arch = Arch::parse(space, text).map_err(|e| Error::core(text, e))?;
                codes.push(Coded { id: text.clone(), written: text.clone(), arch });
            }
        }
        if let Some(n) = self.random {
            let alone = codes.is_empty();
            let seed = self.seed.unwrap_or(seed);
            codes.extend(random_codes(space, n, seed).into_iter().map(|c| match alone {
                true => c,
                false => Coded { id: c.id.replace("arch", "random"), ..c },
            }));
        }
        if codes.is_empty() {
            let expected = "a file of codes, a code, or --random N";
            return Err(Error::invalid("command line", "CODES", expected, "nothing"));
        }
        distinct(&codes)?;
        Ok(codes)
    }
}

/// True for parts of a code joined by `-`: a number, or a letter of a choice and a number.
fn is_code(text: &str) -> bool {
    text.split('-').enumerate().all(|(i, part)| {
        let start = part.strip_prefix(['r', 'd', 'e', 'k']).unwrap_or(part);
        let digits = start.starts_with(|c: char| c.is_ascii_digit());
        let rest = start.chars().all(|c| c.is_ascii_digit() || "ekx".contains(c));
        (digits || (i > 0 && part.is_empty())) && rest
    })
}

#[cfg(test)]
mod tests {
    use supernano_core::space::RESNET8;

    use super::*;

    fn ids(selection: &CodeSelection) -> Vec<String> {
        selection.read(&RESNET8, 1).unwrap().into_iter().map(|c| c.id).collect()
    }

    #[test]
    fn files_codes_and_random_draws_are_one_list() {
        let here = tempfile::tempdir().unwrap();
        let file = here.path().join("codes.txt");
        std::fs::write(&file, "16-16-32-32-64-64\n").unwrap();
        let named = vec![file.display().to_string(), "4-4-4-4-4-4".to_owned()];
        let alone = CodeSelection { random: Some(2), ..CodeSelection::default() };
        assert_eq!(ids(&alone), ["arch1", "arch2"]);
        let all = CodeSelection { named, ..alone };
        assert_eq!(ids(&all), ["arch1", "4-4-4-4-4-4", "random1", "random2"]);
    }

    #[test]
    fn an_empty_selection_and_a_repeated_code_are_refused() {
        let none = CodeSelection::default().read(&RESNET8, 1).unwrap_err();
        assert!(none.to_string().contains("--random N"), "{none}");
        let named = vec!["4-4-4-4-4-4".to_owned(); 2];
        let twice = CodeSelection { named, ..CodeSelection::default() }.read(&RESNET8, 1);
        assert!(twice.unwrap_err().to_string().contains("again"));
    }
}
