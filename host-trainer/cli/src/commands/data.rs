//! `supernano data`: a survey of the user's data.

use std::path::{Path, PathBuf};

use supernano_base::config::DataSource;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::numbers::grouped;
use supernano_base::progress::Progress as _;
use supernano_data::sheet;
use supernano_data::sources::survey::{Survey, TargetRange};

use crate::output::{Output, table};
use crate::project::proposal::{ProjectRequest, Surveyed, data_spec, survey_of};

/// Most lines of a list.
const LINES: usize = 20;

/// Look at data: counts, sizes, classes, bad files and duplicates.
#[derive(clap::Args, Debug)]
#[command(after_help = "Examples:\n  \
    supernano data ./photos --sheet photos.png\n  \
    supernano data ./recordings --samples 119 --json")]
pub struct Args {
    /// Folder or file of the data.
    path: PathBuf,
    /// Also write a contact sheet as PNG: for each class a row of twelve items.
    #[arg(long, value_name = "FILE")]
    sheet: Option<PathBuf>,
    #[command(flatten)]
    kind: KindOptions,
}

/// Selects data and its kind.
#[derive(clap::Args, Debug)]
pub struct KindArgs {
    /// Folder or file of the data.
    #[arg(id = "source", long = "data", value_name = "PATH", help_heading = "Data")]
    data: PathBuf,
    #[command(flatten)]
    kind: KindOptions,
}

/// Says what kind of data it is.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Data")]
struct KindOptions {
    /// Kind of data: pictures, idx, numpy, sensors, sound, cifar10 or cifar100 [default: guessed].
    #[arg(long, value_name = "KIND")]
    kind: Option<String>,
    /// Pattern of the paths below the folder, such as `{class}_{group}_{}.png`.
    #[arg(long)]
    pattern: Option<String>,
    /// Samples of a window, for sensor recordings [default: from the lengths of the recordings].
    #[arg(long, value_name = "N", value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..))]
    samples: Option<usize>,
    /// Column of the classes, for sensor recordings [default: one named label, class or activity].
    #[arg(long, value_name = "COLUMN")]
    label: Option<String>,
    /// Column of the subjects, for sensor recordings; a subject stays in one split [default: one named
    /// subject, user or session].
    #[arg(long, value_name = "COLUMN")]
    group: Option<String>,
    /// Columns of numbers that the network predicts; for NumPy, names for the columns of the labels
    /// [default: guessed].
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    targets: Vec<String>,
    /// Labels of which an item may have several: columns of 0 and 1, or the labels in a column of lists
    /// [default: guessed].
    #[arg(long, value_name = "LABEL", value_delimiter = ',', conflicts_with = "targets")]
    multilabel: Vec<String>,
    /// Columns of the axes, for sensor recordings [default: all that are no time, label or group].
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,
    /// Sampling rate of the device, for sound [default: that of the files, at most 16000].
    #[arg(long, value_name = "HZ")]
    rate: Option<u32>,
    /// Length of a window, for sound [default: from the lengths of the recordings].
    #[arg(long)]
    seconds: Option<f64>,
    /// Regular expression: the files whose paths it matches are test items.
    #[arg(long, value_name = "REGEX")]
    test_files: Option<String>,
}

impl KindOptions {
    fn request<'a>(&'a self, data: &'a Path) -> Result<ProjectRequest<'a>> {
        let named = |name: &String| {
            DataSource::ALL.into_iter().find(|s| s.name() == name).ok_or_else(|| {
                let names: Vec<&str> = DataSource::ALL.iter().map(|s| s.name()).collect();
                Error::invalid("option --kind", "value", names.join(", "), name)
            })
        };
        Ok(ProjectRequest {
            kind: self.kind.as_ref().map(named).transpose()?,
            samples: self.samples,
            label: self.label.as_deref(),
            group: self.group.as_deref(),
            targets: &self.targets,
            multilabel: &self.multilabel,
            columns: &self.columns,
            rate: self.rate,
            seconds: self.seconds,
            test_files: self.test_files.as_deref(),
            pattern: self.pattern.as_deref(),
            ..ProjectRequest::default_for(data)
        })
    }
}

impl KindArgs {
    /// The data, without further wishes.
    ///
    /// # Errors
    /// [`Error::Invalid`] for an unknown kind.
    pub fn request(&self) -> Result<ProjectRequest<'_>> {
        self.kind.request(&self.data)
    }
}

/// Surveys the data, writes the contact sheet and prints what the data holds.
///
/// # Errors
/// As [`data_spec`], [`survey_of`] and [`files::write`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    if let Some(path) = &args.sheet {
        files::claim(path, true)?;
    }
    let request = args.kind.request(&args.path)?;
    let mut spec = data_spec(&request)?;
    let Surveyed { survey, dataset, .. } = survey_of(&request, &mut spec, out)?;
    if let Some(path) = &args.sheet {
        let sheet = match (spec.name, &spec.path) {
            (DataSource::Pictures, Some(pictures)) if survey.outputs == "classes" => {
                sheet::of_pictures(&spec, pictures, &dataset.classes)?
            }
            _ => sheet::of_dataset(&dataset)?,
        };
        files::write(path, &sheet)?;
        let names: Vec<&str> =
            dataset.classes.iter().take(sheet::CLASSES).map(String::as_str).collect();
        out.note(&format!("{}: rows from the top: {}", path.display(), names.join("; ")));
    }
    out.emit(&survey, text)
}

/// The survey as a table and remarks.
pub fn text(survey: &Survey) -> String {
    let rows: Vec<Vec<String>> = survey
        .classes
        .iter()
        .map(|c| {
            let counts = [c.train, c.validation, c.test, c.train + c.validation + c.test];
            std::iter::once(c.class.clone()).chain(counts.map(|n| n.to_string())).collect()
        })
        .collect();
    let count = |items: usize| grouped(items as u64);
    let [train, validation, test] = survey.items;
    let (of, name, n) = match (survey.outputs, survey.targets.len()) {
        ("labels", _) => ("with", "label", rows.len()),
        (_, 0) => ("in", "class", rows.len()),
        (_, n) => ("with", "target", n),
    };
    let several = match (name, n) {
        (_, 1) => name.to_owned(),
        ("class", _) => "classes".into(),
        _ => format!("{name}s"),
    };
    let mut lines = vec![
        format!("{}: {} items {of} {n} {several}", survey.source, count(train + validation + test)),
        match survey.targets.as_slice() {
            [] => table(&[name, "train", "validation", "test", "all"], &rows),
            targets => {
                let row = |t: &TargetRange| {
                    let numbers = [f64::from(t.lowest), t.mean, f64::from(t.highest)];
                    let cells = numbers.map(|v| format!("{v:.6}"));
                    std::iter::once(t.target.clone()).chain(cells).collect::<Vec<_>>()
                };
                let rows: Vec<Vec<String>> = targets.iter().map(row).collect();
                table(&[name, "lowest", "mean", "highest"], &rows)
            }
        },
        format!(
            "{} for training, {} for validation, {} for the test{}",
            count(train),
            count(validation),
            count(test),
            if survey.drawn { " (drawn from the content of the items)" } else { "" }
        ),
    ];
    if let Some(sizes) = &survey.sizes {
        lines.push(format!(
            "pictures from {}x{} to {}x{}, median short side {} pixels, {} grey",
            sizes.smallest.0,
            sizes.smallest.1,
            sizes.largest.0,
            sizes.largest.1,
            sizes.median,
            sizes.grey
        ));
    }
    if let Some(sound) = &survey.sound {
        let rates: Vec<String> = sound.rates.iter().map(u32::to_string).collect();
        lines.push(format!(
            "recordings of {:.2} to {:.2} s, median {:.2} s, at {} Hz, {} with several channels",
            sound.shortest,
            sound.longest,
            sound.median,
            rates.join(", "),
            sound.several_channels
        ));
    }
    if let Some(sensors) = &survey.sensors {
        let shown = sensors.axes.iter().take(LINES).cloned().collect::<Vec<_>>().join(", ");
        lines.push(format!(
            "{} recordings of {} to {} samples, median {}; {} axes: {shown}{}",
            sensors.recordings,
            sensors.shortest,
            sensors.longest,
            sensors.median,
            sensors.axes.len(),
            if sensors.axes.len() > LINES { ", .." } else { "" }
        ));
    }
    let per_class = survey.classes.iter().map(|c| c.train + c.validation + c.test);
    if let (Some(least), Some(most)) = (per_class.clone().min(), per_class.max())
        && survey.outputs == "classes"
        && most > 3 * least.max(1)
    {
        lines.push(format!("the classes are unbalanced: {least} to {most} items"));
    }
    for (extension, count) in &survey.ignored {
        let kind =
            if extension.is_empty() { "no extension".into() } else { format!(".{extension}") };
        lines.push(format!("other files: {count} with {kind}"));
    }
    shortened(&mut lines, &survey.notes);
    let alike: Vec<String> =
        survey.near_duplicates.iter().map(|(a, b)| format!("look alike: {a} and {b}")).collect();
    shortened(&mut lines, &alike);
    lines.join("\n")
}

/// Appends the first lines of a list and counts the others.
fn shortened(lines: &mut Vec<String>, list: &[String]) {
    lines.extend(list.iter().take(LINES).cloned());
    if let Some(more) = list.len().checked_sub(LINES).filter(|more| *more > 0) {
        lines.push(format!(".. and {more} more (--json lists all)"));
    }
}
