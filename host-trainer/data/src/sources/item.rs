//! What a source lists before it reads anything.

use std::collections::BTreeMap;
use std::path::PathBuf;

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::names;

/// A part of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Split {
    /// Training and recalibration.
    Train,
    /// Scores and choices.
    Validation,
    /// Reported accuracies.
    Test,
}

impl Split {
    /// The split that a folder's or a column's name stands for, such as `train2017`, `val`, `dev`,
    /// `testing` or `images_train`. A name with words of two splits stands for none.
    pub fn named(name: &str) -> Option<Self> {
        let lower = name.to_lowercase();
        let words = lower.split(|c: char| !c.is_alphabetic());
        let mut splits = words.filter_map(|word| match word {
            "train" | "training" => Some(Self::Train),
            "val" | "valid" | "validation" | "dev" => Some(Self::Validation),
            "test" | "testing" => Some(Self::Test),
            _ => None,
        });
        let first = splits.next()?;
        splits.all(|split| split == first).then_some(first)
    }
}

/// An item of a source: one file with its class.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The file.
    pub path: PathBuf,
    /// Name of the class.
    pub class: String,
    /// The split that the source gives the item.
    pub split: Option<Split>,
    /// Items of one group, such as a person, stay in one split.
    pub group: Option<String>,
    /// Numbers or labels that a network shall give; none for classes and reconstructions.
    pub targets: Vec<f32>,
}

/// The items of a source, sorted by path.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Listing {
    /// The items.
    pub items: Vec<Item>,
    /// Number of other files below the path, by extension.
    pub ignored: BTreeMap<String, usize>,
    /// Remarks.
    pub notes: Vec<String>,
}

impl Listing {
    /// Names of the classes, sorted. Names that are all whole numbers are sorted as numbers.
    pub fn classes(&self) -> Vec<String> {
        let mut names: Vec<String> = self.items.iter().map(|i| i.class.clone()).collect();
        names.sort_unstable();
        names.dedup();
        if names.iter().all(|n| n.parse::<u64>().is_ok()) {
            names.sort_by_key(|n| n.parse::<u64>().unwrap_or(u64::MAX));
        }
        names
    }

    /// The names of the classes in the order of the labels, as [`class_names`].
    ///
    /// # Errors
    /// [`Error::Invalid`] naming a file of a class whose name is none; as [`class_names`].
    pub fn class_names(&self, place: &str, wanted: Option<&[String]>) -> Result<Vec<String>> {
        self.check_names()?;
        class_names(place, self.classes(), wanted)
    }

    /// True if the items have targets instead of classes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a source without the columns of targets.
    pub fn has_targets(&self, spec: &DataSpec, place: &str) -> Result<bool> {
        let wanted = !spec.target_columns().is_empty();
        if wanted && self.items.iter().any(|item| item.targets.is_empty()) {
            let field = if spec.multilabel { "labels" } else { "targets" };
            let expected = "a table of paths with the columns that are named";
            return Err(Error::invalid(place, field, expected, "a folder for each class"));
        }
        Ok(wanted)
    }

    /// Checks the names of the classes.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming a file of a class whose name is none.
    pub fn check_names(&self) -> Result<()> {
        for class in self.classes() {
            if let Some(item) = self.items.iter().find(|i| i.class == class) {
                let field = "name of its class (rename the folder, or the label in the table)";
                names::check(&item.path.display().to_string(), field, &class)?;
            }
        }
        Ok(())
    }
}

/// The label of a class.
///
/// # Errors
/// [`Error::Invalid`] naming `place` for a class that is not one of `classes`.
pub fn label_of(place: &str, classes: &[String], class: &str) -> Result<u16> {
    let label = classes.iter().position(|c| c == class).and_then(|l| u16::try_from(l).ok());
    label.ok_or_else(|| {
        Error::invalid(place, "class", format!("one of {}", classes.join(", ")), class)
    })
}

/// The names of the classes of items whose labels are numbers up to `largest`: those of the
/// configuration if it has some, else the numbers.
///
/// # Errors
/// [`Error::Invalid`] for a label without a name; as [`class_names`].
pub fn numbered_classes(
    place: &str,
    largest: u16,
    wanted: Option<&[String]>,
) -> Result<Vec<String>> {
    let names = match wanted {
        Some(labels) if usize::from(largest) < labels.len() => labels.to_vec(),
        Some(labels) => {
            let expected = format!("less than {}, the number of `labels`", labels.len());
            return Err(Error::invalid(place, "label", expected, largest));
        }
        None => (0..=largest).map(|label| label.to_string()).collect(),
    };
    class_names(place, names, None)
}

/// The names of the classes in the order of the labels: those of the configuration if it has some,
/// else those that were found.
///
/// # Errors
/// [`Error::Invalid`] for a found name that is no name or that the configuration does not have, and
/// for fewer than two classes.
pub fn class_names(
    place: &str,
    found: Vec<String>,
    wanted: Option<&[String]>,
) -> Result<Vec<String>> {
    for name in &found {
        names::check(place, "name of a class", name)?;
    }
    let classes = match wanted {
        None => found,
        Some(wanted) => {
            if let Some(other) = found.iter().find(|f| !wanted.contains(f)) {
                let expected = format!("one of the `labels` {}", wanted.join(", "));
                return Err(Error::invalid(place, "class", expected, other));
            }
            wanted.to_vec()
        }
    };
    if !(2..=usize::from(u16::MAX)).contains(&classes.len()) {
        let expected = "at least 2 classes, each in a folder or with a label of its own (or a `pattern` of \
                        the names of the files, such as `{class}_{}.png`)";
        let found = if classes.is_empty() { "none".into() } else { classes.join(", ") };
        return Err(Error::invalid(place, "classes", expected, found));
    }
    Ok(classes)
}
