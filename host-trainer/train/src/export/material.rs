//! The images of an export. They are read from the data set once and passed on as values.

use std::borrow::Cow;
use std::ops::Range;

use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::frontend::Description;
use supernano_base::images::Images;
use supernano_base::quality::Measured;
use supernano_core::space::Shape;
use supernano_data::Dataset;

use crate::rank::Split;
use crate::run::recalibration_batches;
use crate::supernet::EvalSet;

/// Images per forward pass. It is a multiple of the 16 images of a block, so the results do not
/// depend on it.
pub(super) const BATCH: usize = 64;

/// Normalisation of pixels: `(pixel / 255 - mean) / std`, by channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Normalisation {
    /// Mean of each channel, of pixel / 255.
    pub mean: Vec<f32>,
    /// Standard deviation of each channel, of pixel / 255.
    pub std: Vec<f32>,
}

impl Normalisation {
    /// The normalisation of a data set.
    pub fn of(dataset: &Dataset) -> Self {
        Self { mean: dataset.mean.clone(), std: dataset.std.clone() }
    }

    /// Mean and standard deviation of each channel.
    pub fn channels(&self) -> impl Iterator<Item = (f32, f32)> {
        self.mean.iter().copied().zip(self.std.iter().copied())
    }
}

/// Images in two forms: bytes for the integer network, and normalised values for the float network.
#[derive(Clone, Debug)]
pub struct ImageSet {
    /// Bytes and labels.
    pub bytes: Images,
    /// Normalised values and labels of the same images.
    pub normalised: EvalSet,
    /// What the outputs mean, and how they are measured.
    pub measured: Measured,
}

/// A range of the images of an [`ImageSet`].
#[derive(Clone, Debug)]
pub struct ImageBatch<'a> {
    /// Number of images.
    pub n: usize,
    /// Pixels `[n, height, width, channels]`.
    pub bytes: &'a [u8],
    /// Normalised values `[n, channels, height, width]`.
    pub values: Cow<'a, [f32]>,
    /// Class of each image, `[n]`.
    pub labels: &'a [u16],
    /// Targets of other heads than classes, `[n, outputs]`, on the scale on which they are learnt.
    pub targets: &'a [f32],
}

impl ImageSet {
    /// The first `most` images of a split of a data set, or all if it has fewer.
    pub fn first(dataset: &Dataset, split: &Images, most: usize) -> Self {
        let normalised = EvalSet::new(dataset, split, most);
        Self { bytes: split.first(normalised.len()), normalised, measured: dataset.measured() }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// True if there are no images.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The images of a range.
    ///
    /// # Panics
    /// If the range exceeds the set.
    pub fn part(&self, range: Range<usize>) -> ImageBatch<'_> {
        let size = self.bytes.shape.len();
        let pixels = range.start * size..range.end * size;
        let targets = self.normalised.targets();
        let outputs = targets.len() / self.len().max(1);
        ImageBatch {
            n: range.len(),
            bytes: &self.bytes.pixels[pixels],
            values: self.normalised.part(range.clone()),
            targets: &targets[range.start * outputs..range.end * outputs],
            labels: &self.bytes.labels[range],
        }
    }

    /// All images in batches of [`BATCH`]; the last batch may be smaller.
    pub(super) fn batches(&self) -> impl Iterator<Item = ImageBatch<'_>> {
        let n = self.len();
        (0..n).step_by(BATCH).map(move |start| self.part(start..n.min(start + BATCH)))
    }
}

/// Training images for quantisation, at least one.
#[derive(Clone, Debug)]
pub struct CalibrationSet {
    /// Normalisation of the images.
    pub normalisation: Normalisation,
    /// The images.
    pub images: ImageSet,
}

impl CalibrationSet {
    /// The first `images` of the training split, or all if it has fewer.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no image.
    pub fn new(dataset: &Dataset, images: usize) -> Result<Self> {
        let images = ImageSet::first(dataset, &dataset.train, images);
        if images.is_empty() {
            let place = format!("data set {}", dataset.name);
            return Err(Error::invalid(place, "calibration images", "at least 1", 0));
        }
        Ok(Self { normalisation: Normalisation::of(dataset), images })
    }
}

/// All images that the exports of a run need, except those of fine-tuning.
#[derive(Clone, Debug)]
pub struct Material {
    /// Names of the classes in the order of the labels, or none.
    pub classes: Vec<String>,
    /// The front end that makes the images, if there is one.
    pub front_end: Option<Description>,
    /// Images of each batch in `recalibration`.
    pub recalibration_batch: usize,
    /// Batches of training images for batch-norm statistics, each `[batch, channels, height,
    /// width]`, normalised.
    pub recalibration: Vec<Vec<f32>>,
    /// Training images for quantisation.
    pub calibration: CalibrationSet,
    /// Images for accuracies.
    pub judged: ImageSet,
}

impl Material {
    /// Reads `calibration` training images, and the first `most` images of the split `judged` of
    /// the data set; all images of a split that has fewer.
    ///
    /// # Errors
    /// [`Error::Invalid`] if there is no image of one of the two kinds.
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
        if judged.is_empty() {
            let place = format!("data set {}", dataset.name);
            return Err(Error::invalid(place, "images for accuracies", "at least 1", 0));
        }
        let classes = dataset.classes.clone();
        let front_end = dataset.front_end.clone();
        Ok(Self { classes, front_end, recalibration_batch, recalibration, calibration, judged })
    }
}

/// The materials of a run, one for each resolution of its networks.
pub struct Materials<'a> {
    config: &'a RunConfig,
    dataset: &'a Dataset,
    calibration: usize,
    judged: (Split, usize),
    made: Vec<(Shape, Material)>,
}

impl<'a> Materials<'a> {
    /// Materials that will be made as [`Material::new`] makes them; `judged` has the split for the
    /// accuracies.
    pub fn new(
        config: &'a RunConfig,
        dataset: &'a Dataset,
        calibration: usize,
        judged: (Split, usize),
    ) -> Self {
        Self { config, dataset, calibration, judged, made: Vec::new() }
    }

    /// The material for networks that read images of this shape.
    ///
    /// # Errors
    /// The errors of [`Material::new`].
    pub fn at(&mut self, image: Shape) -> Result<&Material> {
        let found = self.made.iter().position(|(shape, _)| *shape == image);
        let index = match found {
            Some(index) => index,
            None => {
                let dataset = self.dataset.at(image)?;
                let (split, most) = self.judged;
                let judged = (split.of(&dataset), most);
                let made = Material::new(self.config, &dataset, self.calibration, judged)?;
                self.made.push((image, made));
                self.made.len() - 1
            }
        };
        Ok(&self.made[index].1)
    }
}
