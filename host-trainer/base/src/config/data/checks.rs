//! Checks of the `[data]` table.

use std::collections::BTreeSet;

use supernano_core::space::{Head, Shape, Space};

use super::{DataSource, DataSpec, Holdout, MOST_IMAGES, Resize};
use crate::config::range;
use crate::error::{Error, Result};
use crate::names;

impl DataSpec {
    /// Checks that the fields for heads suit the head of a space with this input and this many outputs.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `place` and the field.
    pub(in crate::config) fn check_head(&self, place: &str, space: &Space<'_>) -> Result<()> {
        let fail = |field: &str, expected: String, found: String| {
            Err(Error::invalid(place, format!("data.{field}"), expected, found))
        };
        let outputs = usize::from(space.classes);
        let named = |given: bool| if given { "a value" } else { "nothing" }.to_owned();
        let (values, labels) = (space.head == Head::Values, space.head == Head::Labels);
        for (field, given, head) in [
            ("targets", self.targets.is_some(), values),
            ("reconstruct", self.reconstruct, values),
            ("multilabel", self.multilabel, labels),
        ] {
            if given && !head {
                let expected = format!("nothing for the head of space {}", space.name);
                return fail(field, expected, named(true));
            }
        }
        if values && self.targets.is_some() == self.reconstruct {
            let expected = "names of columns for the head `values`, or `reconstruct = true`".into();
            let both = if self.reconstruct { "both" } else { "neither" };
            return fail("targets", expected, both.into());
        }
        if labels && (!self.multilabel || self.labels.is_none()) {
            let expected = "true, with names of columns as `labels`, for the head `labels`".into();
            return fail("multilabel", expected, named(self.multilabel));
        }
        if self.balance && space.head != Head::Classes {
            return fail("balance", "nothing without classes".into(), named(true));
        }
        if let Some(targets) = self.targets.as_ref().filter(|t| t.len() != outputs) {
            let expected = format!("{outputs} columns, one for each output of the space");
            return fail(
                "targets",
                expected,
                format!("{} ({})", targets.len(), targets.join(", ")),
            );
        }
        let twice = |(i, name): &(usize, &String)| self.target_columns()[..*i].contains(name);
        if let Some((_, name)) = self.target_columns().iter().enumerate().find(twice) {
            return fail("targets", "each name once".into(), format!("`{name}` twice"));
        }
        for (_, std) in self.target_scales.iter().flatten() {
            range(
                place,
                "data.target_scales, standard deviation",
                *std,
                f64::MIN_POSITIVE,
                f64::MAX,
            )?;
        }
        let Shape { height, width, channels } = space.input;
        if self.reconstruct && (space.resolutions.len() > 1 || space.input.len() != outputs) {
            let expected =
                format!("an input of one size and of {outputs} values, the space's outputs");
            return fail("reconstruct", expected, format!("{height}x{width}x{channels}"));
        }
        Ok(())
    }

    /// Checks every value, and that the source has the fields that are set. The source of the data
    /// compares the sizes of the splits with its own.
    pub(in crate::config) fn validate(&self, place: &str) -> Result<()> {
        if let Some(train) = self.train {
            range(place, "data.train", train, 1, MOST_IMAGES)?;
        }
        if let Some(validation) = self.validation {
            // Statistics of one image have no variance.
            range(place, "data.validation", validation, 2, MOST_IMAGES)?;
        }
        range(place, "data.test", self.test.unwrap_or(0), 0, MOST_IMAGES)?;
        let (validation, test) = self.shares();
        for (field, share) in [("data.validation_share", validation), ("data.test_share", test)] {
            range(place, field, share, 0.01, 0.9)?;
        }
        if let Some(window) = &self.window {
            window.validate(place)?;
        }
        if let Some(sound) = &self.sound {
            sound.validate(place)?;
        }
        let mut seen = BTreeSet::new();
        for (i, label) in self.labels.iter().flatten().enumerate() {
            let field = format!("data.labels, name {}", i + 1);
            names::check(place, &field, label)?;
            if !seen.insert(label) {
                return Err(Error::invalid(place, field, "a name that is not there yet", label));
            }
        }
        self.check_fields(place)
    }

    /// Refuses fields that the source does not have.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming `place` and the field.
    pub fn check_fields(&self, place: &str) -> Result<()> {
        let name = self.name;
        let own = name.is_own();
        let files = matches!(name, DataSource::Pictures | DataSource::Sensors | DataSource::Sound);
        let tables = files || name == DataSource::Numpy;
        let recordings = matches!(name, DataSource::Sensors | DataSource::Sound);
        let fields = [
            ("labels", self.labels.is_some(), own),
            ("targets", self.targets.is_some(), tables),
            ("target_scales", self.target_scales.is_some(), self.targets.is_some()),
            ("multilabel", self.multilabel, tables),
            ("reconstruct", self.reconstruct, own),
            ("normal", self.normal.is_some(), self.reconstruct),
            ("validation_share", self.validation_share.is_some(), own),
            ("test_share", self.test_share.is_some(), own),
            ("pattern", self.pattern.is_some(), files),
            ("resize", self.resize != Resize::default(), own && !recordings),
            ("window", self.window.is_some(), name == DataSource::Sensors),
            ("sound", self.sound.is_some(), name == DataSource::Sound),
            ("test_files", self.test_files.is_some(), files),
            ("balance", self.balance, own),
            ("skip_bad", self.skip_bad, files),
            ("holdout", self.holdout != Holdout::default(), !own),
            ("shape", self.shape.is_some(), name == DataSource::Glyphs),
            ("classes", self.classes.is_some(), name == DataSource::Glyphs),
        ];
        if let Some((field, ..)) = fields.into_iter().find(|&(_, set, has)| set && !has) {
            let expected = format!("nothing, `{}` has no such field", name.name());
            return Err(Error::invalid(place, format!("data.{field}"), expected, "a value"));
        }
        let Some(sound) = self.sound.as_ref().filter(|_| !self.target_columns().is_empty()) else {
            return Ok(());
        };
        for (field, set) in [("known", sound.known.is_some()), ("silence", sound.silence > 0)] {
            if set {
                let expected = "nothing, because it names classes and these outputs are none";
                return Err(Error::invalid(
                    place,
                    format!("data.sound.{field}"),
                    expected,
                    "a value",
                ));
            }
        }
        Ok(())
    }
}
