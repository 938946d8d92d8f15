//! Glyphs: rendered shapes on a textured background, generated from a seed.
//!
//! Every image has one large anti-aliased shape at a random position, size and angle. The shape and
//! the background have random textures of two colours that may be close. Distractors and noise are
//! added. Image `i` of a split is a function of (seed, split, i, shape of the image, classes) only.

mod outline;
mod paint;

use rand::Rng as _;
use rayon::prelude::*;
use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files::IMAGES;
use supernano_base::images::Images;
use supernano_base::objective::Objective;
use supernano_base::rng::{Key, Purpose};
use supernano_core::space::Shape;

use super::{Dataset, channel_statistics};
pub use outline::Outline;

/// Shapes in the order of their labels. A set of fewer classes takes the first ones. Neighbours are
/// easy to confuse.
pub const CLASSES: [(&str, Outline); 10] = [
    ("disc", Outline::Disc),
    ("ring", Outline::Ring),
    ("pentagon", Outline::Polygon(5)),
    ("hexagon", Outline::Polygon(6)),
    ("square", Outline::Polygon(4)),
    ("triangle", Outline::Polygon(3)),
    ("star", Outline::Star(5)),
    ("cross", Outline::Cross),
    ("clover", Outline::Clover),
    ("crescent", Outline::Crescent),
];

const SHAPE: Shape = Shape { height: 32, width: 32, channels: 3 };
const TRAIN: usize = 4000;
const TEST: usize = 2000;

/// Name of the specification in errors.
const PLACE: &str = "data (glyphs)";

/// Generates the set: equally many images per class, in random order.
///
/// # Errors
/// [`Error::Invalid`] unless there are 2 to 10 classes, images of 8x8 to 512x512 pixels with 1 to 4
/// channels, at least one image per split, and not more pixels than [`IMAGES`] allows.
pub fn generate(spec: &DataSpec) -> Result<Dataset> {
    let shape = spec.shape.unwrap_or(SHAPE);
    let classes = usize::from(spec.classes.unwrap_or(CLASSES.len() as u16));
    let sizes = [spec.train.unwrap_or(TRAIN), spec.validation_images(), spec.test.unwrap_or(TEST)];
    check(shape, classes, sizes, spec)?;
    let split = |i: usize| render(spec.seed, i as u64 + 1, sizes[i], shape, classes);
    let train = split(0)?;
    let (mean, std) = channel_statistics(&train);
    Ok(Dataset {
        objective: Objective::Classes,
        name: "glyphs".into(),
        shape,
        classes: CLASSES[..classes].iter().map(|(name, _)| (*name).into()).collect(),
        train,
        validation: split(1)?,
        test: split(2)?,
        mean,
        std,
        front_end: None,
        window: None,
        notes: Vec::new(),
    })
}

fn check(shape: Shape, classes: usize, sizes: [usize; 3], spec: &DataSpec) -> Result<()> {
    let invalid =
        |field, expected: &str, found: String| Err(Error::invalid(PLACE, field, expected, found));
    let side = 8..=512;
    if !side.contains(&shape.height) || !side.contains(&shape.width) {
        return invalid("shape", "8x8 to 512x512", format!("{}x{}", shape.height, shape.width));
    }
    if !(1..=4).contains(&shape.channels) {
        return invalid("shape.channels", "1 to 4", shape.channels.to_string());
    }
    if !(2..=CLASSES.len()).contains(&classes) {
        return invalid("classes", "2 to 10", classes.to_string());
    }
    if sizes.contains(&0) {
        return invalid("train, validation, test", "at least one image each", format!("{sizes:?}"));
    }
    let pixels = sizes.iter().fold(0u64, |n, &s| n.saturating_add(s as u64));
    IMAGES.check(PLACE, "train, validation, test", pixels.saturating_mul(shape.len() as u64))?;
    if let Some(path) = &spec.path {
        return invalid("path", "nothing: the set is generated", path.display().to_string());
    }
    Ok(())
}

fn render(seed: u64, split: u64, n: usize, shape: Shape, classes: usize) -> Result<Images> {
    let key = Key { seed, epoch: 0, step: split };
    let mut pixels = Vec::new();
    let length = n * shape.len();
    pixels.try_reserve_exact(length).map_err(|_| {
        let found = format!("{} MiB", length.div_ceil(1 << 20));
        Error::invalid(PLACE, "train, validation, test", "images that fit the memory", found)
    })?;
    let order = key.permutation(Purpose::Shuffle, n);
    let labels: Vec<u16> = order.iter().map(|&i| (i as usize % classes) as u16).collect();
    pixels.resize(length, 0);
    pixels.par_chunks_exact_mut(shape.len()).zip(&labels).enumerate().for_each(
        |(i, (pixels, &label))| {
            let mut rng = key.rng(Purpose::Generate, i as u64);
            paint::paint(CLASSES[usize::from(label)].1, shape, &mut rng, pixels);
        },
    );
    Ok(Images::new(shape, pixels, labels))
}

/// A uniform random number from `low` to `high`.
fn between(rng: &mut impl rand::RngCore, low: f32, high: f32) -> f32 {
    low + (high - low) * rng.random::<f32>()
}

#[cfg(test)]
mod tests;
