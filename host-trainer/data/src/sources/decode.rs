//! Decodes pictures: JPEG, PNG, BMP, GIF (the first frame) and WebP, as a viewer shows them.
//!
//! The orientation in the EXIF data is applied, transparent pixels lie on white, and 16 bits are
//! reduced to 8. Colour profiles are ignored.

use std::io::{BufReader, Cursor};
use std::path::Path;
use std::sync::Mutex;

use image::{DynamicImage, ImageDecoder as _, ImageFormat, ImageReader, Limits, Rgba};
use supernano_base::error::{Error, Result};
use supernano_base::files::{self, PICTURE};

/// Extensions of the files that are read, in lower case.
pub const EXTENSIONS: [&str; 8] = ["bmp", "gif", "jfif", "jpe", "jpeg", "jpg", "png", "webp"];

/// Bytes of a decoded picture from which on one is decoded at a time.
const LARGE: u64 = 16 << 20;
/// Held while a large picture is in memory.
static ONE: Mutex<()> = Mutex::new(());

/// Decodes a picture and hands it to `then`. At most one large picture is in memory at a time.
///
/// # Errors
/// [`Error::Missing`] and [`Error::Io`]; [`Error::Invalid`] for a file that is damaged or cut short,
/// for another format, and for a picture that needs more memory than [`PICTURE`] allows.
pub fn with_picture<T>(
    path: &Path,
    bytes: &[u8],
    then: impl FnOnce(DynamicImage) -> T,
) -> Result<T> {
    with_brightest(path, bytes, |picture, _| then(picture))
}

/// As [`with_picture`], with the largest value of a picture of 16 bits.
///
/// # Errors
/// The errors of [`with_picture`].
pub fn with_brightest<T>(
    path: &Path,
    bytes: &[u8],
    then: impl FnOnce(DynamicImage, Option<u16>) -> T,
) -> Result<T> {
    let broken = |e: &dyn std::fmt::Display| {
        Error::invalid(path.display(), "picture", "a whole JPEG, PNG, BMP, GIF or WebP file", e)
    };
    let reader = ImageReader::new(BufReader::new(Cursor::new(bytes)));
    let reader = reader.with_guessed_format().map_err(|e| Error::io(path, e))?;
    match reader.format() {
        None => return Err(broken(&"another kind of file")),
        // The decoder fills what is missing with grey.
        Some(ImageFormat::Jpeg) if !jpeg_ends(bytes) => return Err(broken(&"a JPEG cut short")),
        Some(_) => {}
    }
    let mut decoder = reader.into_decoder().map_err(|e| broken(&e))?;
    let (width, height) = decoder.dimensions();
    // An orientation or a conversion needs a second copy.
    let pixels = u64::from(width) * u64::from(height);
    let needed = decoder.total_bytes().max(pixels.saturating_mul(3));
    let size = format!("size in memory ({width}x{height})");
    PICTURE.check(path.display(), &size, needed)?;
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(PICTURE.value()?.saturating_mul(2));
    decoder.set_limits(limits).map_err(|e| broken(&e))?;
    let _held = (needed > LARGE).then(|| ONE.lock().unwrap_or_else(|held| held.into_inner()));
    let orientation = decoder.orientation().map_err(|e| broken(&e))?;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|e| broken(&e))?;
    let brightest = match &picture {
        DynamicImage::ImageLuma16(p) => p.as_raw().iter().max().copied(),
        DynamicImage::ImageRgb16(p) => p.as_raw().iter().max().copied(),
        _ => None,
    };
    picture = on_white(picture);
    picture.apply_orientation(orientation);
    Ok(then(picture, brightest))
}

/// Reads and decodes a picture, as [`with_picture`].
///
/// # Errors
/// The errors of [`with_picture`].
pub fn open<T>(path: &Path, then: impl FnOnce(DynamicImage) -> T) -> Result<T> {
    with_picture(path, &files::read(path)?, then)
}

/// True if a JPEG has its end marker. Segments are skipped by their lengths, since they may contain
/// a whole thumbnail.
fn jpeg_ends(bytes: &[u8]) -> bool {
    const ESCAPED: u8 = 0;
    const RESTARTS: std::ops::RangeInclusive<u8> = 0xd0..=0xd7;
    const START: u8 = 0xd8;
    const END: u8 = 0xd9;
    const FILL: u8 = 0xff;
    let mut at = 0;
    // Between two markers stands entropy-coded data, or nothing.
    while let Some(found) = bytes.get(at..).and_then(|b| b.iter().position(|&b| b == FILL)) {
        at += found + 1;
        match bytes.get(at) {
            None => return false,
            Some(&END) => return true,
            Some(&FILL) => {}
            Some(&marker) if marker == ESCAPED || marker == START || RESTARTS.contains(&marker) => {
                at += 1;
            }
            Some(_) => {
                let Some(length) = bytes.get(at + 1..at + 3) else { return false };
                at += 1 + usize::from(u16::from_be_bytes([length[0], length[1]]));
            }
        }
    }
    false
}

/// The picture in 8 bits without an alpha channel, transparent pixels on white.
fn on_white(picture: DynamicImage) -> DynamicImage {
    if !picture.color().has_alpha() {
        return match picture.color().has_color() {
            true => picture.into_rgb8().into(),
            false => picture.into_luma8().into(),
        };
    }
    let has_color = picture.color().has_color();
    let mut pixels = picture.into_rgba8();
    for Rgba([r, g, b, a]) in pixels.pixels_mut() {
        let alpha = u32::from(*a);
        for value in [r, g, b] {
            *value = ((u32::from(*value) * alpha + 255 * (255 - alpha) + 127) / 255) as u8;
        }
        *a = 255;
    }
    let picture = DynamicImage::from(pixels);
    if has_color { picture.into_rgb8().into() } else { picture.into_luma8().into() }
}

#[cfg(test)]
mod tests;
