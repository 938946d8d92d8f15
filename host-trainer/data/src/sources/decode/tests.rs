use image::{GrayAlphaImage, ImageFormat, Luma, LumaA, Rgb, RgbImage, RgbaImage};
use supernano_base::testing::shared;

use super::*;

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn decoded(bytes: &[u8]) -> Result<DynamicImage> {
    with_picture(Path::new("p"), bytes, |picture| picture)
}

#[test]
fn every_format_is_read() {
    let picture =
        DynamicImage::from(RgbImage::from_fn(3, 2, |x, y| Rgb([x as u8 * 80, y as u8, 7])));
    for format in [ImageFormat::Png, ImageFormat::Bmp, ImageFormat::WebP] {
        assert_eq!(decoded(&encoded(&picture, format)).unwrap(), picture, "{format:?}");
    }
    for format in [ImageFormat::Jpeg, ImageFormat::Gif] {
        let read = decoded(&encoded(&picture, format)).unwrap();
        assert_eq!((read.width(), read.height()), (3, 2), "{format:?}");
    }
}

#[test]
fn transparent_pixels_lie_on_white_and_16_bits_become_8() {
    let mut picture = RgbaImage::from_pixel(2, 1, image::Rgba([10, 20, 30, 255]));
    picture.put_pixel(1, 0, image::Rgba([0, 255, 100, 51]));
    let read = decoded(&encoded(&picture.into(), ImageFormat::Png)).unwrap().into_rgb8();
    assert_eq!((read[(0, 0)], read[(1, 0)]), (Rgb([10, 20, 30]), Rgb([204, 255, 224])));
    let grey = GrayAlphaImage::from_pixel(1, 1, LumaA([0, 0]));
    let read = decoded(&encoded(&grey.into(), ImageFormat::Png)).unwrap();
    assert_eq!(read, DynamicImage::from(image::GrayImage::from_pixel(1, 1, Luma([255]))));
    let deep = image::ImageBuffer::<Luma<u16>, _>::from_pixel(1, 1, Luma([0x8080]));
    let read = decoded(&encoded(&deep.into(), ImageFormat::Png)).unwrap();
    assert_eq!(read.into_luma8()[(0, 0)], Luma([0x80]));
}

#[test]
fn broken_files_are_errors_that_name_the_file() {
    let picture = DynamicImage::from(RgbImage::from_fn(40, 40, |x, y| Rgb([(x * y) as u8, 1, 2])));
    let whole = encoded(&picture, ImageFormat::Png);
    for bytes in [&whole[..0], &whole[..20], &whole[..whole.len() / 2], b"GIF89a", b"no picture"] {
        let error = decoded(bytes).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().starts_with("p: picture: expected a whole"), "{error}");
    }
}

#[test]
fn a_huge_picture_is_refused_before_it_is_decoded() {
    // A BMP header of 60,000 x 60,000 pixels.
    let mut bytes = encoded(&RgbImage::new(1, 1).into(), ImageFormat::Bmp);
    bytes[18..22].copy_from_slice(&60_000u32.to_le_bytes());
    bytes[22..26].copy_from_slice(&60_000u32.to_le_bytes());
    let error = decoded(&bytes).unwrap_err().to_string();
    assert!(error.contains("60000x60000") && error.contains("SUPERNANO_PICTURE_MIB"), "{error}");
}

#[test]
fn messy_files_are_pictures_or_errors() {
    let Some(folder) = shared("data/messy-images") else { return };
    let (mut pictures, mut errors) = (Vec::new(), Vec::new());
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        match open(&path, |picture| (picture.width(), picture.height())) {
            Ok(size) => pictures.push((name, size)),
            Err(e) => {
                assert!(e.exit_code() == 2 && e.to_string().contains(&name), "{e}");
                errors.push(name);
            }
        }
    }
    // All orientations of one picture look alike.
    let sizes: Vec<_> =
        pictures.iter().filter(|(n, _)| n.starts_with("hopper_orientation")).map(|p| p.1).collect();
    assert_eq!(sizes.len(), 7);
    assert!(sizes.iter().all(|s| *s == sizes[0]), "{sizes:?}");
    for broken in ["broken.png", "truncated_image.png", "truncated_jpeg.jpg"] {
        assert!(errors.iter().any(|n| n == broken), "{broken} is read; errors: {errors:?}");
    }
    for whole in ["pil_sample_cmyk.jpg", "hopper_gray.jpg", "uncompressed_la.png", "1_trns.png"] {
        assert!(pictures.iter().any(|(n, _)| n == whole), "{whole}; errors: {errors:?}");
    }
}

#[test]
fn a_jpeg_without_its_end_is_refused_at_every_length() {
    let picture =
        DynamicImage::from(RgbImage::from_fn(24, 24, |x, y| Rgb([x as u8 * 9, y as u8, 7])));
    let whole = encoded(&picture, ImageFormat::Jpeg);
    assert!(decoded(&whole).is_ok());
    for length in 0..whole.len() {
        assert!(decoded(&whole[..length]).is_err(), "{length} of {}", whole.len());
    }
    // A thumbnail in a segment does not count as the end.
    let mut nested = whole[..2].to_vec();
    nested.extend([0xff, 0xe1]);
    nested.extend((whole.len() as u16 + 2).to_be_bytes());
    nested.extend(&whole);
    nested.extend(&whole[2..whole.len() - 2]);
    assert!(decoded(&nested).is_err());
    nested.extend([0xff, 0xd9]);
    assert!(decoded(&nested).is_ok());
}
