//! The `[augmentation]` table of a configuration.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use supernano_core::space::Shape;

use super::range;
use crate::error::Result;

/// Augmentation of training images, in this order: crop, brightness, contrast, flip, rotation, masks, mixup. 0 or
/// `false` disables a part; the random numbers of the other parts stay the same.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Augmentation {
    /// Padding with 0 on each side, pixels, before a random crop to the original size.
    pub crop_padding: u16,
    /// Horizontal flip, probability 0.5.
    pub flip: bool,
    /// Brightness factor from `1 - x` to `1 + x`, probability 0.5.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub brightness: f32,
    /// Contrast factor from `1 - x` to `1 + x` about the mean grey, probability 0.5.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub contrast: f32,
    /// Rotation from `-x` to `x` degrees about the centre: nearest pixel, 0 outside.
    #[schemars(range(min = 0.0, max = 180.0))]
    pub rotation: f32,
    /// Rows of a band at a random place that takes the mean of the image, from 0 to this. For features
    /// of sound these are frames.
    #[serde(skip_serializing_if = "is_zero")]
    pub mask_rows: u16,
    /// Columns of a second band with the same value, from 0 to this. For features of sound these are mel
    /// bands.
    #[serde(skip_serializing_if = "is_zero")]
    pub mask_columns: u16,
    /// Side of a square at a random place that takes the mean of the image, pixels.
    #[serde(skip_serializing_if = "is_zero")]
    pub cutout: u16,
    /// Mixup: each item of a batch is blended with another one, `w x + (1 - w) x'`, and so are their
    /// targets. The share `w` is drawn from the beta distribution with both parameters equal to this.
    #[serde(skip_serializing_if = "is_zero")]
    #[schemars(range(min = 0.0, max = MOST_MIXUP))]
    pub mixup: f32,
}

/// Largest parameter of the beta distribution of mixup.
const MOST_MIXUP: f32 = 100.0;

fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl Default for Augmentation {
    /// The values of the reference code: crop 4, flip, 0.1, 0.1, 15 degrees.
    fn default() -> Self {
        Self {
            crop_padding: 4,
            flip: true,
            brightness: 0.1,
            contrast: 0.1,
            rotation: 15.0,
            ..Self::NONE
        }
    }
}

impl Augmentation {
    /// No augmentation.
    pub const NONE: Self = Self {
        crop_padding: 0,
        flip: false,
        brightness: 0.0,
        contrast: 0.0,
        rotation: 0.0,
        mask_rows: 0,
        mask_columns: 0,
        cutout: 0,
        mixup: 0.0,
    };
    /// Crop and flip only.
    pub const CROP_FLIP: Self = Self { crop_padding: 4, flip: true, ..Self::NONE };

    /// True if a part of an image is masked.
    pub fn masks(&self) -> bool {
        self.mask_rows > 0 || self.mask_columns > 0 || self.cutout > 0
    }

    /// Checks every value for images of this shape.
    pub(super) fn validate(&self, place: &str, shape: Shape) -> Result<()> {
        // With more padding a crop may contain no pixel of the image.
        let most = shape.height.min(shape.width) - 1;
        range(place, "augmentation.crop_padding", self.crop_padding, 0, most)?;
        range(place, "augmentation.brightness", self.brightness, 0.0, 1.0)?;
        range(place, "augmentation.contrast", self.contrast, 0.0, 1.0)?;
        range(place, "augmentation.mask_rows", self.mask_rows, 0, shape.height)?;
        range(place, "augmentation.mask_columns", self.mask_columns, 0, shape.width)?;
        range(place, "augmentation.cutout", self.cutout, 0, most + 1)?;
        range(place, "augmentation.mixup", self.mixup, 0.0, MOST_MIXUP)?;
        range(place, "augmentation.rotation", self.rotation, 0.0, 180.0)
    }
}
