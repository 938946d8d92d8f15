//! The images of an export. They are taken from the data set once and passed on as values.

use std::ops::Range;

use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_data::Dataset;

use crate::run::recalibration_batches;
use crate::supernet::EvalSet;

/// Images a forward pass of the float network: a multiple of the 16 images of a block, so that the
/// results are those of one pass.
pub(super) const BATCH: usize = 64;

/// How a pixel becomes a value: `(pixel / 255 - mean) / std`.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel, of pixel / 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, of pixel / 255.
    pub std: Vec<f32>,
}

impl Normalisation {
    /// That of a data set.
    pub fn of(dataset: &Dataset) -> Self {
        Self { mean: dataset.mean.clone(), std: dataset.std.clone() }
    }

    /// Mean and standard deviation, channel by channel.
    pub fn channels(&self) -> impl Iterator<Item = (f32, f32)> {
        self.mean.iter().copied().zip(self.std.iter().copied())
    }
}

/// Images as bytes, which the integers start from, and as the normalised values of the float
/// network.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// Pixels and labels.
    pub bytes: Images,
    /// Values and labels of the same images.
    pub normalised: EvalSet,
}

/// Some images of an [`ImageSet`].
#[derive(Clone, Copy, Debug)]
pub struct ImageBatch<'a> {
    /// Number of images.
    pub n: usize,
    /// Pixels `[n, height, width, channels]`.
    pub bytes: &'a [u8],
    /// Normalised values `[n, channels, height, width]`.
    pub values: &'a [f32],
    /// Class of each image, `[n]`.
    pub labels: &'a [u16],
}

impl ImageSet {
    /// The first `most` images of a split of a data set.
    pub fn first(dataset: &Dataset, split: &Images, most: usize) -> Self {
        let normalised = EvalSet::new(dataset, split, most);
        let indices: Vec<u32> = (0..normalised.len() as u32).collect();
        Self { bytes: split.select(&indices), normalised }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True without images.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The images of a range.
    ///
    /// # Panics
    /// Where the range goes beyond the last image.
    pub fn part(&self, range: Range<usize>) -> ImageBatch<'_> {
        let size = self.bytes.shape.len();
        let values = range.start * size..range.end * size;
        ImageBatch {
            n: range.len(),
            bytes: &self.bytes.pixels[values.clone()],
            values: &self.normalised.values()[values],
            labels: &self.bytes.labels[range],
        }
    }

    /// All images, [`BATCH`] at a time.
    pub(super) fn batches(&self) -> impl Iterator<Item = ImageBatch<'_>> {
        let n = self.len();
        (0..n).step_by(BATCH).map(move |start| self.part(start..n.min(start + BATCH)))
    }
}

/// The training images that quantisation looks at, at least one.
#[derive(Clone, Debug)]
pub struct CalibrationSet {
    /// Normalisation of the network's input.
    pub normalisation: Normalisation,
    /// The images.
    pub images: ImageSet,
}

impl CalibrationSet {
    /// The first `images` of the training split; all where there are fewer.
    ///
    /// # Errors
    /// [`Error::Invalid`] where that is none.
    pub fn new(dataset: &Dataset, images: usize) -> Result<Self> {
        let images = ImageSet::first(dataset, &dataset.train, images);
        if images.is_empty() {
            let place = format!("data set {}", dataset.name);
            return Err(Error::invalid(place, "calibration images", "at least 1", 0));
        }
        Ok(Self { normalisation: Normalisation::of(dataset), images })
    }
}

/// Everything that exports of a run take from a data set. Fine-tuning alone draws further images.
#[derive(Clone, Debug)]
pub struct Material {
    /// Names of the classes, in the order of the labels; empty where they have none.
    pub classes: Vec<String>,
    /// Images of a batch of `recalibration`.
    pub recalibration_batch: usize,
    /// Training images that batch-norm statistics are taken over, each
    /// `[batch, channels, height, width]`, normalised.
    pub recalibration: Vec<Vec<f32>>,
    /// Training images that a network is quantised with.
    pub calibration: CalibrationSet,
    /// Images that a network is judged by.
    pub judged: ImageSet,
}

impl Material {
    /// `calibration` training images, and the first `most` images of `judged`, a split of the data
    /// set; all where there are fewer.
    ///
    /// # Errors
    /// As [`CalibrationSet::new`].
    pub fn new(
        config: &RunConfig,
        dataset: &Dataset,
        calibration: usize,
        (judged, most): (&Images, usize),
    ) -> Result<Self> {
        let calibration = CalibrationSet::new(dataset, calibration)?;
        let (recalibration_batch, recalibration) =
            recalibration_batches(dataset, config, usize::MAX);
        let judged = ImageSet::first(dataset, judged, most);
        let classes = dataset.classes.clone();
        Ok(Self { classes, recalibration_batch, recalibration, calibration, judged })
    }
}
