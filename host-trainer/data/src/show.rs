//! Images of a data set as pictures for people.

use std::io::Cursor;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use image::{DynamicImage, GrayImage, ImageFormat, RgbImage, imageops};
use supernano_base::answers::{Answers, Picture};
use supernano_base::images::Images;
use supernano_core::space::Shape;

/// Longest side of a picture, pixels. A larger image is shrunk.
const LONGEST: u32 = 128;

/// Adds pictures of the images that [`Answers::shown`] names.
pub fn add_pictures(answers: &mut Answers, images: &Images) {
    let shown = answers.shown().into_iter().filter(|&index| index < images.len());
    let picture = |index| Some(Picture { index, png: png(images.image(index), images.shape)? });
    answers.pictures = shown.filter_map(picture).collect();
}

/// An image as a picture. One channel is grey and three are colours. Signals, which are one pixel wide
/// or have another number of channels, have time from left to right and a row for each channel.
pub fn picture(pixels: &[u8], shape: Shape) -> Option<DynamicImage> {
    let (height, width) = (u32::from(shape.height), u32::from(shape.width));
    let channels = usize::from(shape.channels);
    Some(match channels {
        1 if width > 1 => DynamicImage::from(GrayImage::from_raw(width, height, pixels.to_vec())?),
        3 if width > 1 => DynamicImage::from(RgbImage::from_raw(width, height, pixels.to_vec())?),
        _ => {
            let row = width as usize * channels;
            let at = |x: u32, y: u32| pixels[x as usize * row + y as usize];
            let grey = GrayImage::from_fn(height, row as u32, |x, y| image::Luma([at(x, y)]));
            DynamicImage::from(grey)
        }
    })
}

/// An image as PNG in base64.
fn png(pixels: &[u8], shape: Shape) -> Option<String> {
    let picture = picture(pixels, shape)?;
    let longest = picture.width().max(picture.height());
    let picture = match longest > LONGEST {
        true => picture.resize(LONGEST, LONGEST, imageops::FilterType::Triangle),
        false => picture,
    };
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, ImageFormat::Png).ok()?;
    Some(STANDARD.encode(bytes.into_inner()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(text: &str) -> DynamicImage {
        image::load_from_memory(&STANDARD.decode(text).unwrap()).unwrap()
    }

    #[test]
    fn pictures_keep_their_pixels() {
        let shape = Shape { height: 2, width: 3, channels: 3 };
        let pixels: Vec<u8> = (0..18).collect();
        assert_eq!(decoded(&png(&pixels, shape).unwrap()).to_rgb8().into_raw(), pixels);
        let wide = Shape { height: 2, width: 600, channels: 1 };
        assert_eq!(decoded(&png(&[7; 1200], wide).unwrap()).width(), LONGEST);
    }

    #[test]
    fn signals_run_from_left_to_right() {
        let shape = Shape { height: 4, width: 1, channels: 2 };
        let picture = decoded(&png(&[1, 9, 2, 8, 3, 7, 4, 6], shape).unwrap()).to_luma8();
        assert_eq!((picture.width(), picture.height()), (4, 2));
        assert_eq!(picture.into_raw(), [1, 2, 3, 4, 9, 8, 7, 6]);
    }

    #[test]
    fn answers_get_the_pictures_that_they_name() {
        let shape = Shape { height: 1, width: 2, channels: 1 };
        let images = Images::new(shape, vec![0; 4], vec![0, 1]);
        let mut answers = Answers::new(&[], &images.labels, &[1, 0, 1, 0]);
        add_pictures(&mut answers, &images);
        assert_eq!(answers.pictures.iter().map(|p| p.index).collect::<Vec<_>>(), [0, 1]);
    }
}
