//! Proposes windows for recordings of sensors.

use std::path::Path;

use supernano_base::config::{DataSpec, WindowSpec};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress;
use supernano_core::space::Shape;
use supernano_data::sources::sensors::{self, Recordings, RunLengths};
use supernano_data::sources::{Reading, survey};

use super::proposal::{ProjectRequest, Surveyed};

/// Samples of a window where nothing tells more.
const SAMPLES: usize = 128;
/// Length of a window where a column of time tells the rate, seconds.
const SECONDS: f64 = 2.0;
/// Longest window that is proposed, samples.
const MOST: usize = 512;
/// Longest recordings of equal length that are proposed as windows, samples.
const WHOLE: usize = 256;
/// Shortest window that is proposed, samples.
const LEAST: usize = 16;
/// Windows of all classes for each class, at least, if the recordings allow it.
const WINDOWS: usize = 30;
/// Windows for each class, at least, without which every row becomes an item.
const FEWEST: usize = 6;
/// Rates of sensors, Hz, by which the unit of a column of time is guessed.
const RATES: std::ops::RangeInclusive<f64> = 4.0..=4000.0;
/// Units of time, with their seconds.
const UNITS: [(&str, f64); 4] = [("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)];

/// Reads the recordings, writes the windows that suit them to `spec`, and surveys the set.
pub fn survey(
    request: &ProjectRequest<'_>,
    spec: &mut DataSpec,
    path: &Path,
    progress: &dyn Progress,
) -> Result<Surveyed> {
    let place = path.display().to_string();
    let folder = std::env::temp_dir();
    let recordings = sensors::read(spec, path, Reading { progress, folder: &folder })?;
    let lengths = recordings.lengths(&place)?;
    let (samples, why) = match request.samples {
        Some(samples) => (samples, None),
        None => proposed(&lengths, &recordings),
    };
    let window = WindowSpec {
        samples,
        label: recordings.layout.label.clone(),
        group: recordings.layout.group.clone(),
        columns: Some(recordings.layout.axes.clone()),
        ..spec.window.clone().unwrap_or_default()
    };
    let too_large = |n: usize| Error::invalid("recordings", "size", "at most 65535", n);
    let size = |n: usize| u16::try_from(n).map_err(|_| too_large(n));
    let shape = Shape { height: size(samples)?, width: size(lengths.axes.len())?, channels: 1 };
    spec.window = Some(window);
    let (mut survey, dataset) = survey::windows(spec, &place, recordings, shape)?;
    let why = why.map(|why| match samples {
        1 => format!("every row is an item, {why}; --samples N makes windows of N rows"),
        _ => format!("windows of {samples} samples, {why}; --samples N sets it"),
    });
    survey.notes.splice(0..0, why);
    Ok(Surveyed { survey, shape, dataset })
}

/// The number of windows of `samples` rows without an overlap.
fn count(recordings: &Recordings, samples: usize) -> usize {
    recordings.windows(&WindowSpec { samples, ..WindowSpec::default() })
}

/// The samples of a window, and why. Tables whose rows do not follow each other in time have windows of
/// one sample.
fn proposed(lengths: &RunLengths, recordings: &Recordings) -> (usize, Option<String>) {
    let (samples, why) = of_time(lengths, recordings);
    // The windows of arrays are those of their files, and files of recordings have rows in time.
    let layout = &recordings.layout;
    let rows_have_outputs = layout.label.is_some() || !layout.targets.is_empty();
    let is_table = rows_have_outputs && recordings.tables.len() == 1 && lengths.step.is_none();
    if samples == 1 || !is_table {
        return (samples, why);
    }
    if recordings.rows_are_unordered() {
        let why = "because a row is no more like the next one than like any other of its class";
        return (1, Some(why.into()));
    }
    let least = FEWEST * recordings.classes.len();
    let halves = std::iter::successors(Some(samples), |n| Some(n / 2));
    let mut lengths = halves.take_while(|&n| n == samples || n >= LEAST);
    match lengths.find(|&n| count(recordings, n) >= least) {
        Some(n) if n == samples => (samples, why),
        Some(n) => (n, Some("short because there are few rows".into())),
        None => (1, Some("because there are too few rows for longer ones".into())),
    }
}

/// The samples of a window of rows that follow each other in time, and why.
fn of_time(lengths: &RunLengths, recordings: &Recordings) -> (usize, Option<String>) {
    if lengths.shortest == lengths.longest && lengths.longest <= WHOLE {
        return (lengths.longest, Some("the length of all recordings".into()));
    }
    let rate = lengths.step.and_then(|step| {
        UNITS
            .into_iter()
            .find(|(_, seconds)| RATES.contains(&(1.0 / (step * seconds))))
            .map(|(unit, seconds)| (unit, 1.0 / (step * seconds)))
    });
    let (mut samples, mut why) = match rate {
        Some((unit, rate)) => (
            ((SECONDS * rate).round() as usize).clamp(LEAST, MOST),
            format!("{SECONDS} s at about {rate:.0} Hz, if the time is in {unit}"),
        ),
        None => (SAMPLES, "the default".to_owned()),
    };
    if samples > lengths.short {
        samples = lengths.short.max(1);
        why = "the length that 9 of 10 recordings have".into();
    }
    let classes = recordings.classes.len();
    while samples >= 2 * LEAST && count(recordings, samples) < WINDOWS * classes {
        samples /= 2;
        why = "short because there are few rows".into();
    }
    (samples, Some(why))
}
