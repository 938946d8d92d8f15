//! Proposes a space, a resolution and a training for the user's data.

use std::path::Path;

use serde::Serialize;
use supernano_base::config::{BudgetSpec, DataSource, DataSpec, RunConfig, WindowSpec};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_core::space::Shape;
use supernano_data::Dataset;
use supernano_data::sources::survey::{self, Survey};
use supernano_data::sources::{self, guess};

use super::template::{self, Template};
use super::{sensors, sound};

/// Sides of pictures that are proposed.
const SIDES: [u16; 5] = [32, 48, 64, 96, 128];
/// Training images that all epochs of the first step see together, about.
const IMAGES_SEEN: usize = 100_000;

/// Wishes of the user.
#[derive(Clone, Debug)]
pub struct ProjectRequest<'a> {
    /// Path of the data.
    pub data: &'a Path,
    /// Kind of the data; guessed if it is not given.
    pub kind: Option<DataSource>,
    /// Side of the square input for pictures; proposed if it is not given.
    pub resolution: Option<u16>,
    /// True for grey pictures.
    pub grey: bool,
    /// Samples of a window of sensor recordings; proposed if it is not given.
    pub samples: Option<usize>,
    /// Column of the classes in recordings of sensors.
    pub label: Option<&'a str>,
    /// Column of the subjects in recordings of sensors.
    pub group: Option<&'a str>,
    /// Columns of numbers that the network predicts.
    pub targets: &'a [String],
    /// Labels of which an item may have several.
    pub multilabel: &'a [String],
    /// Columns of the axes in recordings of sensors; none means all.
    pub columns: &'a [String],
    /// Sampling rate of windows of sound, Hz; proposed if it is not given.
    pub rate: Option<u32>,
    /// Length of windows of sound, seconds; proposed if it is not given.
    pub seconds: Option<f64>,
    /// Regular expression of the test files.
    pub test_files: Option<&'a str>,
    /// Pattern of the paths.
    pub pattern: Option<&'a str>,
    /// Limits of the device.
    pub budget: BudgetSpec,
}

impl<'a> ProjectRequest<'a> {
    /// Data at a path, without further wishes.
    pub fn default_for(data: &'a Path) -> Self {
        Self {
            data,
            kind: None,
            resolution: None,
            grey: false,
            samples: None,
            label: None,
            group: None,
            targets: &[],
            multilabel: &[],
            columns: &[],
            rate: None,
            seconds: None,
            test_files: None,
            pattern: None,
            budget: BudgetSpec::default(),
        }
    }
}

/// A proposed project.
#[derive(Clone, Debug, Serialize)]
pub struct Proposal {
    /// What the data holds.
    pub survey: Survey,
    /// Shape of the network's input, `[height, width, channels]`.
    pub input: [u16; 3],
    /// Text of the configuration.
    #[serde(skip)]
    pub config: String,
}

/// The specification of data at a path, before anything of it is read.
///
/// # Errors
/// The errors of [`guess`].
pub fn data_spec(request: &ProjectRequest<'_>) -> Result<DataSpec> {
    let kind = match request.kind {
        Some(kind) => kind,
        None => guess(request.data)?,
    };
    let absolute = std::path::absolute(request.data).map_err(|e| Error::io(request.data, e))?;
    let window = WindowSpec {
        samples: request.samples.unwrap_or(0),
        label: request.label.map(String::from),
        group: request.group.map(String::from),
        columns: (!request.columns.is_empty()).then(|| request.columns.to_vec()),
        ..WindowSpec::default()
    };
    let names = |names: &[String]| (!names.is_empty()).then(|| names.to_vec());
    let spec = DataSpec {
        path: Some(absolute),
        targets: names(request.targets),
        labels: names(request.multilabel),
        multilabel: !request.multilabel.is_empty(),
        pattern: request.pattern.map(String::from),
        test_files: request.test_files.map(String::from),
        window: (kind == DataSource::Sensors).then_some(window),
        ..DataSpec::new(kind)
    };
    spec.check_fields("command line")?;
    Ok(spec)
}

/// Data that was looked at.
pub struct Surveyed {
    /// What it holds.
    pub survey: Survey,
    /// The shape of the network's input that is proposed.
    pub shape: Shape,
    /// The items: small pictures, or inputs of that shape.
    pub dataset: Dataset,
}

/// Surveys data of any kind at its own shape. Outputs that are no classes and windows that are proposed
/// are written to `spec`.
///
/// # Errors
/// As [`supernano_data::sources::load`] and [`supernano_data::load`].
pub fn survey_of(
    request: &ProjectRequest<'_>,
    spec: &mut DataSpec,
    progress: &dyn Progress,
) -> Result<Surveyed> {
    let path = spec.path.clone();
    let path = path.as_deref().unwrap_or(Path::new(""));
    let note = match spec.target_columns() {
        [] => sources::outputs::outputs(spec, path)?.write(spec),
        _ => None,
    };
    let mut surveyed = of_kind(request, spec, path, progress)?;
    surveyed.survey.notes.splice(0..0, note);
    Ok(surveyed)
}

fn of_kind(
    request: &ProjectRequest<'_>,
    spec: &mut DataSpec,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Surveyed> {
    match spec.name {
        DataSource::Sound => sound::survey(request, spec, path, progress),
        DataSource::Sensors => sensors::survey(request, spec, path, progress),
        DataSource::Pictures => {
            let (survey, dataset) = survey::pictures(spec, path, progress)?;
            let side = survey.sizes.as_ref().map_or(SIDES[0], |s| proposed_side(s.median));
            let grey =
                survey.sizes.as_ref().is_some_and(|s| s.grey == survey.items.iter().sum::<usize>());
            let channels = if grey { 1 } else { 3 };
            Ok(Surveyed { survey, shape: Shape { height: side, width: side, channels }, dataset })
        }
        DataSource::Idx | DataSource::Numpy => {
            let shape = sources::own_shape(spec)?;
            let dataset = sources::load_shown(spec, shape, progress)?;
            Ok(Surveyed { survey: survey::of_dataset(&dataset), shape, dataset })
        }
        DataSource::Glyphs | DataSource::Cifar100 | DataSource::Cifar10 => {
            let dataset = supernano_data::load(spec)?;
            Ok(Surveyed { survey: survey::of_dataset(&dataset), shape: dataset.shape, dataset })
        }
    }
}

/// The largest proposed side that is not above the short side of most pictures, and not above 64:
/// larger inputs seldom fit a microcontroller.
fn proposed_side(median: u32) -> u16 {
    let fits = |side: &&u16| u32::from(**side) <= median.clamp(32, 64);
    SIDES.iter().rev().find(fits).copied().unwrap_or(SIDES[0])
}

/// Surveys the data and proposes a configuration named `name`.
///
/// # Errors
/// As [`data_spec`] and [`survey_of`]; [`Error::Invalid`] for a resolution outside 8 to 224 and for
/// an unknown chip.
pub fn propose(
    name: &str,
    request: &ProjectRequest<'_>,
    progress: &dyn Progress,
) -> Result<Proposal> {
    if let Some(chip) = &request.budget.chip {
        supernano_search::chip::find(chip)?;
    }
    let mut spec = data_spec(request)?;
    let Surveyed { survey, mut shape, .. } = survey_of(request, &mut spec, progress)?;
    if let Some(side) = request.resolution {
        if !(8..=224).contains(&side) {
            return Err(Error::invalid("option --resolution", "pixels", "8 to 224", side));
        }
        (shape.height, shape.width) = (side, side);
    }
    if request.grey {
        shape.channels = 1;
    }
    let train = survey.items[0];
    let template = Template {
        name,
        spec: &spec,
        outputs: survey.outputs,
        labels: match survey.targets.as_slice() {
            [] => survey.classes.iter().map(|c| c.class.as_str()).collect(),
            targets => targets.iter().map(|t| t.target.as_str()).collect(),
        },
        shape,
        bad: survey.notes.iter().filter(|n| is_bad_file(n)).count(),
        train,
        epochs: (IMAGES_SEEN / train.max(1)).clamp(6, 80),
        budget: &request.budget,
    };
    let config = template::text(&template);
    // What is proposed must be accepted.
    RunConfig::parse(&config, name)?;
    Ok(Proposal { survey, input: [shape.height, shape.width, shape.channels], config })
}

/// True for the remark about a file that cannot be read: it has the text of an error.
fn is_bad_file(note: &str) -> bool {
    note.starts_with("left out: ") && note.contains(": expected ")
}

/// Writes the configuration of a proposal, which must not exist yet.
///
/// # Errors
/// As [`files::refuse_existing`] and [`files::write_text`].
pub fn write(path: &Path, proposal: &Proposal) -> Result<()> {
    files::refuse_existing(path, "choose another name or remove it")?;
    files::write_text(path, &proposal.config)
}

#[cfg(test)]
mod tests;
