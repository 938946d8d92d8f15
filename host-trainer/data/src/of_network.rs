//! The data set that a network file is tested with.

use std::path::Path;

use supernano_base::blob::Blob;
use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;

use crate::{Dataset, load, of_config_cached};

/// Loads the data set that suits a network: that of its run, from `path` if it is given, or glyphs of
/// the network's shape if there is no run. `place` names the network in errors.
///
/// # Errors
/// As [`of_config`](crate::of_config) and [`load`]; [`Error::Invalid`] for images of another shape, and for other classes
/// than the network's: another number, or other names if the network has names.
pub fn of_network(
    blob: &Blob,
    place: &Path,
    run: Option<&RunDirectory>,
    path: Option<&Path>,
    progress: &dyn Progress,
) -> Result<Dataset> {
    let view = blob.view()?;
    let shape = view.header().input();
    let dataset = match run {
        Some(run) => {
            let config = run.config()?;
            let dataset = of_config_cached(&config, path, &run.data_cache(), progress)?;
            let square = shape.height == shape.width && shape.channels == dataset.shape.channels;
            match square && config.space().resolutions.contains(&shape.height) {
                true => dataset.at(shape)?.into_owned(),
                false => dataset,
            }
        }
        None => load(&DataSpec {
            shape: Some(shape),
            classes: Some(view.classes() as u16),
            ..DataSpec::new(DataSource::Glyphs)
        })?,
    };
    dataset.check_fit(shape, view.classes())?;
    if let (Some(own), Some(found)) = (view.front_end(), &dataset.front_end)
        && own != found.bytes()
    {
        let field = format!("front end of data set {}", dataset.name);
        let expected = "that of the network file";
        return Err(Error::invalid(place.display(), field, expected, "another one"));
    }
    for (i, (own, found)) in view.labels().zip(&dataset.classes).enumerate() {
        if own != found {
            let field = format!("class {i} of data set {}", dataset.name);
            let expected = format!("`{own}`, as the network has it");
            return Err(Error::invalid(place.display(), field, expected, format!("`{found}`")));
        }
    }
    Ok(dataset)
}
