//! The data set that a network file is tested with.

use std::path::Path;

use supernano_base::blob::Blob;
use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::{Error, Result};
use supernano_base::run_dir::RunDirectory;
use supernano_core::space::Shape;

use crate::{Dataset, load, of_config};

/// Loads the data set that suits a network: that of its run, from `path` if it is given, or glyphs of
/// the network's shape if there is no run. `place` names the network in errors.
///
/// # Errors
/// As [`of_config`] and [`load`]; [`Error::Invalid`] for images of another shape.
pub fn of_network(
    blob: &Blob,
    place: &Path,
    run: Option<&RunDirectory>,
    path: Option<&Path>,
) -> Result<Dataset> {
    let view = blob.view()?;
    let shape = view.header().input();
    let dataset = match run {
        Some(run) => of_config(&run.config()?, path)?,
        None => load(&DataSpec {
            shape: Some(shape),
            classes: Some(view.classes() as u16),
            ..DataSpec::new(DataSource::Glyphs)
        })?,
    };
    if dataset.shape != shape {
        let text = |s: Shape| format!("{}x{}x{}", s.height, s.width, s.channels);
        let (expected, found) = (text(dataset.shape), text(shape));
        return Err(Error::invalid(place.display(), "input shape", expected, found));
    }
    Ok(dataset)
}
