//! CIFAR-100.

use super::{DataSpec, Dataset};
use crate::error::{Error, Result};

/// Reads the set.
///
/// # Errors
/// [`Error::Invalid`] for a specification that cannot be met.
pub fn load(spec: &DataSpec) -> Result<Dataset> {
    Err(Error::invalid("data", "name", "a set that is built in", format!("{:?}", spec.name)))
}
