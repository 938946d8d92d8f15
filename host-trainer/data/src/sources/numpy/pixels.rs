//! Images in arrays: their sizes, and their values as bytes.

use supernano_base::error::{Error, Result};

use super::array::{Array, Kind};

/// The way in which the values of all arrays of a set become bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Range {
    /// Values from 0 to 255 are rounded.
    Bytes,
    /// Values from 0 to 1 are multiplied by 255.
    Unit,
    /// Values from -1 to 1: `127.5 (x + 1)`.
    Signed,
}

impl Range {
    /// The range of several arrays.
    ///
    /// # Errors
    /// [`Error::Invalid`] for values outside -1 to 255, and for those that are no numbers.
    pub fn of<'a>(arrays: impl Iterator<Item = &'a Array> + Clone) -> Result<Self> {
        if arrays.clone().all(|a| a.kind == Kind::Bool) {
            return Ok(Self::Unit);
        }
        let (mut low, mut high, mut floats) = (f64::INFINITY, f64::NEG_INFINITY, false);
        for array in arrays.clone() {
            if !array.has_numbers() {
                return Err(Error::invalid(&array.place, "values", "numbers", "texts"));
            }
            floats |= array.kind == Kind::Float;
            if array.is_bytes() {
                (low, high) = (low.min(0.0), high.max(255.0));
                continue;
            }
            let mut i = 0usize;
            array.blocks(|block| {
                for value in array.numbers(block) {
                    if !value.is_finite() {
                        let field = format!("value {i}");
                        return Err(Error::invalid(&array.place, field, "a finite number", value));
                    }
                    i += 1;
                    (low, high) = (low.min(value), high.max(value));
                }
                Ok(())
            })?;
        }
        match (floats, low >= 0.0, low >= -1.0) {
            (true, true, _) if high <= 1.0 => Ok(Self::Unit),
            (true, false, true) if high <= 1.0 => Ok(Self::Signed),
            (_, true, _) if high <= 255.0 => Ok(Self::Bytes),
            _ => {
                let place = arrays.clone().next().map(|a| a.place.clone()).unwrap_or_default();
                let expected = "0 to 255, 0.0 to 1.0 or -1.0 to 1.0: \
                    x = ((x - x.min()) / (x.max() - x.min()) * 255).astype('uint8'), \
                    with the smallest and the largest value of the training images for all splits";
                Err(Error::invalid(place, "values", expected, format!("{low:.4} to {high:.4}")))
            }
        }
    }

    /// A remark about values that are no bytes.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Self::Bytes => None,
            Self::Unit => Some("values from 0 to 1 became bytes from 0 to 255"),
            Self::Signed => Some("values from -1 to 1 became bytes from 0 to 255"),
        }
    }

    fn byte(self, value: f64) -> u8 {
        match self {
            Self::Bytes => value.round() as u8,
            Self::Unit => (value * 255.0).round() as u8,
            Self::Signed => ((value + 1.0) * 127.5).round() as u8,
        }
    }
}

/// Sizes of an array of images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// `[n, height, width, channels]`.
    pub sizes: [usize; 4],
    /// True if the array is `[n, channels, height, width]`.
    pub channels_first: bool,
}

impl Sizes {
    /// The sizes of `[n, height, width]`, `[n, height, width, channels]` or, if the last size is neither
    /// 1 nor 3, `[n, channels, height, width]`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another shape, with what to type in Python.
    pub fn of(array: &Array) -> Result<Self> {
        let found = array.sizes.as_slice();
        let (sizes, channels_first) = match *found {
            [n, height, width] => ([n, height, width, 1], false),
            [n, height, width, channels @ (1 | 3)] => ([n, height, width, channels], false),
            [n, channels @ (1 | 3), height, width] => ([n, height, width, channels], true),
            _ => ([0; 4], false),
        };
        if !sizes.contains(&0) && sizes.iter().all(|&s| u32::try_from(s).is_ok()) {
            return Ok(Self { sizes, channels_first });
        }
        let hint = match *found {
            [_, flat] if flat.isqrt().pow(2) == flat && flat > 1 => {
                let side = flat.isqrt();
                format!("; x = x.reshape(-1, {side}, {side}) if these are flat images")
            }
            [_, flat] if flat % 3 == 0 && (flat / 3).isqrt().pow(2) == flat / 3 => {
                let side = (flat / 3).isqrt();
                format!("; x = x.reshape(-1, {side}, {side}, 3) if these are flat images")
            }
            [_, _, _, 4] => "; x = x[..., :3] leaves an alpha channel out".into(),
            _ => String::new(),
        };
        let expected = format!(
            "[n, height, width], [n, height, width, 1 or 3] or [n, 1 or 3, height, width]{hint}"
        );
        Err(Error::invalid(&array.place, "shape", expected, format!("{found:?}")))
    }

    /// The bytes `[items, height, width, channels]` of a block of an array.
    pub fn pixels(&self, array: &Array, block: &[u8], range: Range) -> Vec<u8> {
        let bytes: Vec<u8> = match array.is_bytes() && range == Range::Bytes {
            true => block.to_vec(),
            false => array.numbers(block).map(|value| range.byte(value)).collect(),
        };
        let [_, height, width, channels] = self.sizes;
        if !self.channels_first || channels == 1 {
            return bytes;
        }
        let plane = height * width;
        let image = |image: &[u8]| -> Vec<u8> {
            (0..plane * channels).map(|i| image[i % channels * plane + i / channels]).collect()
        };
        bytes.chunks_exact(plane * channels).flat_map(image).collect()
    }
}
