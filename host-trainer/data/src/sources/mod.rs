//! Sources of the user's own data: pictures, IDX files, NumPy arrays, recordings of sensors and of
//! sound.
//!
//! A source lists its items, reads each one into bytes of the network's input shape, and hands both
//! to [`assemble`], which makes the splits. A split that the files have is kept.

mod assemble;
pub mod decode;
mod fit;
mod folder;
mod guess;
mod idx;
mod images;
pub mod item;
mod items;
mod names;
mod numpy;
pub mod outputs;
mod pattern;
mod pictures;
pub mod sensors;
pub mod sound;
pub mod splits;
pub mod survey;
mod table;
mod targets;

pub use assemble::{Assembled, assemble};
pub use guess::{KINDS, guess};
pub use item::{Item, Listing, Split};
pub use items::{Items, Loaded};
pub use pictures::list as list_pictures;

use std::path::Path;

use supernano_base::config::{DataSource, DataSpec};
use supernano_base::error::{Error, Result};
use supernano_base::progress::{Progress, Silent};
use supernano_core::space::Shape;

use crate::Dataset;

/// Reads a set of the user's own files as inputs of `shape`.
///
/// # Errors
/// [`Error::Missing`] for a path that does not exist; [`Error::Invalid`] naming the file, and the
/// line if there is one, for everything that does not suit.
pub fn load(spec: &DataSpec, shape: Shape) -> Result<Dataset> {
    load_shown(spec, shape, &Silent)
}

/// How a source is read.
#[derive(Clone, Copy)]
pub struct Reading<'a> {
    /// Receives the progress.
    pub progress: &'a dyn Progress,
    /// The folder of a file without a name, for more inputs than memory should hold.
    pub folder: &'a Path,
}

/// As [`load`]; files that are read advance a task of `progress`.
///
/// # Errors
/// The errors of [`load`].
pub fn load_shown(spec: &DataSpec, shape: Shape, progress: &dyn Progress) -> Result<Dataset> {
    load_in(spec, shape, Reading { progress, folder: &std::env::temp_dir() })
}

/// The errors of [`load`].
///
/// # Errors
/// The errors of [`load`]; [`Error::Io`] for a folder in which no file can be made.
pub fn load_in(spec: &DataSpec, shape: Shape, reading: Reading<'_>) -> Result<Dataset> {
    let path = path(spec)?;
    match spec.name {
        DataSource::Pictures => pictures::load(spec, path, shape, reading),
        DataSource::Idx => idx::load(spec, path, shape, reading),
        DataSource::Numpy => numpy::load(spec, path, shape, reading),
        DataSource::Sensors => sensors::load(spec, path, shape, reading),
        DataSource::Sound => sound::load(spec, path, shape, reading),
        DataSource::Glyphs | DataSource::Cifar100 | DataSource::Cifar10 => {
            Err(Error::invalid("data", "name", "a source of own files", spec.name.name()))
        }
    }
}

/// The shape of the inputs that a set's files hold: that of the first image, or of a window.
///
/// # Errors
/// As [`load`]; [`Error::Invalid`] for sources without a common shape.
pub fn own_shape(spec: &DataSpec) -> Result<Shape> {
    let path = path(spec)?;
    match spec.name {
        DataSource::Idx => idx::shape(path),
        DataSource::Numpy => numpy::shape(path),
        DataSource::Sensors => sensors::shape(spec, path),
        _ => Err(Error::invalid("data", "name", "`idx`, `numpy` or `sensors`", spec.name.name())),
    }
}

/// Bytes of the description of a source's front end, for inputs of `shape`; 0 without one.
///
/// # Errors
/// As [`load`], for settings of sound that do not suit the shape.
pub fn front_end_bytes(spec: &DataSpec, shape: Shape) -> Result<usize> {
    match (spec.name, &spec.window) {
        (DataSource::Sound, _) => sound::front_end_bytes(spec, shape),
        (DataSource::Sensors, Some(window)) => {
            Ok(sensors::front_end_bytes(shape.len() / window.samples.max(1)))
        }
        _ => Ok(0),
    }
}

/// A shape of these sizes.
fn shape_of(place: &str, [height, width, channels]: [usize; 3]) -> Result<Shape> {
    let size = |field: &str, size: usize| {
        let expected = format!("at most {}", u16::MAX);
        u16::try_from(size).map_err(|_| Error::invalid(place, field, expected, size))
    };
    Ok(Shape {
        height: size("height", height)?,
        width: size("width", width)?,
        channels: size("channels", channels)?,
    })
}

/// The path of a set's files.
pub(crate) fn path(spec: &DataSpec) -> Result<&Path> {
    let path = spec.path.as_deref().ok_or_else(|| {
        let expected = format!("the files of `{}` (or --data)", spec.name.name());
        Error::invalid("data", "path", expected, "nothing")
    })?;
    if !path.exists() {
        let needed_for = format!("data of `{}`", spec.name.name());
        return Err(Error::Missing { path: path.to_path_buf(), needed_for });
    }
    Ok(path)
}
