//! Fits pictures to the input of a network.

use image::imageops::FilterType;
use image::{DynamicImage, GrayImage, RgbImage};
use supernano_base::config::Resize;
use supernano_base::error::{Error, Result};
use supernano_core::space::Shape;

/// The bytes `[height, width, channels]` of a picture as an input of `shape`: grey for 1 channel,
/// red, green and blue for 3.
pub fn fit(picture: DynamicImage, shape: Shape, resize: Resize) -> Vec<u8> {
    let (height, width) = (u32::from(shape.height), u32::from(shape.width));
    let picture = match shape.channels {
        1 => DynamicImage::from(picture.into_luma8()),
        _ => DynamicImage::from(picture.into_rgb8()),
    };
    let (of_width, of_height) = (picture.width(), picture.height());
    let fitted = if (of_width, of_height) == (width, height) {
        picture
    } else {
        match resize {
            Resize::Stretch => picture.resize_exact(width, height, FilterType::Triangle),
            Resize::Crop => {
                let part = inside(of_width, of_height, width, height);
                let (x, y) = ((of_width - part.0) / 2, (of_height - part.1) / 2);
                let part = picture.crop_imm(x, y, part.0, part.1);
                part.resize_exact(width, height, FilterType::Triangle)
            }
            Resize::Letterbox => {
                let part = inside(width, height, of_width, of_height);
                let scaled = picture.resize_exact(part.0, part.1, FilterType::Triangle);
                let mut whole = match shape.channels {
                    1 => DynamicImage::from(GrayImage::new(width, height)),
                    _ => DynamicImage::from(RgbImage::new(width, height)),
                };
                let (x, y) = ((width - part.0) / 2, (height - part.1) / 2);
                image::imageops::replace(&mut whole, &scaled, x.into(), y.into());
                // A dynamic image is drawn on in RGBA and keeps its own format.
                whole
            }
        }
    };
    fitted.into_bytes()
}

/// The largest size with the ratio `width : height` inside `of_width` x `of_height`.
fn inside(of_width: u32, of_height: u32, width: u32, height: u32) -> (u32, u32) {
    let scaled =
        |a: u32, b: u32, c: u32| (u64::from(a) * u64::from(b) / u64::from(c)).max(1) as u32;
    let by_height = scaled(of_height, width, height);
    if by_height <= of_width {
        (by_height, of_height)
    } else {
        (of_width, scaled(of_width, height, width).min(of_height))
    }
}

/// A picture of raw bytes `[height, width, channels]`.
///
/// # Errors
/// [`Error::Invalid`] unless there are 1 or 3 channels and as many bytes as pixels.
pub fn raw(
    place: &str,
    bytes: Vec<u8>,
    height: u32,
    width: u32,
    channels: u32,
) -> Result<DynamicImage> {
    let found = bytes.len();
    let picture = match channels {
        1 => GrayImage::from_raw(width, height, bytes).map(DynamicImage::from),
        3 => RgbImage::from_raw(width, height, bytes).map(DynamicImage::from),
        _ => return Err(Error::invalid(place, "channels", "1 or 3", channels)),
    };
    picture.ok_or_else(|| {
        let expected = format!("{height}x{width}x{channels} bytes");
        Error::invalid(place, "image", expected, found)
    })
}

#[cfg(test)]
mod tests;
