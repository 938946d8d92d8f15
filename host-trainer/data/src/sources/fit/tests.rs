use image::{Luma, Rgb};

use super::*;

const fn shape(height: u16, width: u16, channels: u16) -> Shape {
    Shape { height, width, channels }
}

/// A picture whose columns are black, white and black.
fn striped(width: u32, height: u32, from: u32, to: u32) -> DynamicImage {
    let value = |x| if (from..to).contains(&x) { 255 } else { 0 };
    GrayImage::from_fn(width, height, |x, _| Luma([value(x)])).into()
}

#[test]
fn a_picture_of_the_right_size_keeps_its_bytes() {
    let picture = RgbImage::from_fn(2, 3, |x, y| Rgb([x as u8, y as u8, 9]));
    let bytes = picture.clone().into_raw();
    for resize in [Resize::Crop, Resize::Letterbox, Resize::Stretch] {
        assert_eq!(fit(picture.clone().into(), shape(3, 2, 3), resize), bytes);
    }
    // Grey pixels become three equal ones.
    let grey = fit(striped(2, 1, 0, 1), shape(1, 2, 3), Resize::Crop);
    assert_eq!(grey, [255, 255, 255, 0, 0, 0]);
}

#[test]
fn crop_takes_the_centre_and_letterbox_the_whole() {
    let wide = || striped(12, 4, 4, 8);
    assert_eq!(fit(wide(), shape(2, 2, 1), Resize::Crop), [255; 4]);
    // 12x4 becomes 6x2 between two rows of bars above and below.
    let boxed = fit(wide(), shape(6, 6, 1), Resize::Letterbox);
    assert!(boxed[..12].iter().chain(&boxed[24..]).all(|&p| p == 0), "{boxed:?}");
    assert!(boxed[14] > 200 && boxed[15] > 200 && boxed[12] < 60, "{boxed:?}");
    let stretched = fit(wide(), shape(4, 3, 1), Resize::Stretch);
    assert!(stretched[1] > 150 && stretched[0] < 60 && stretched[2] < 60, "{stretched:?}");
    // The same for a tall picture.
    let tall = striped(4, 4, 0, 4).resize_exact(4, 12, FilterType::Nearest);
    assert_eq!(fit(tall, shape(6, 6, 1), Resize::Letterbox)[..6], [0, 0, 255, 255, 0, 0]);
}

#[test]
fn extreme_ratios_give_a_picture() {
    for (width, height) in [(1, 1), (1, 500), (500, 1), (3, 2)] {
        for resize in [Resize::Crop, Resize::Letterbox, Resize::Stretch] {
            for of in [shape(8, 8, 1), shape(1, 9, 3), shape(7, 2, 3)] {
                assert_eq!(fit(striped(width, height, 0, 1), of, resize).len(), of.len());
            }
        }
    }
}

#[test]
fn raw_bytes_must_have_the_size_of_the_picture() {
    assert_eq!(raw("t", vec![1; 6], 1, 2, 3).unwrap().into_bytes(), [1; 6]);
    assert!(raw("t", vec![1; 5], 1, 2, 3).unwrap_err().to_string().contains("1x2x3"));
    assert!(raw("t", vec![1; 4], 1, 2, 2).unwrap_err().to_string().contains("1 or 3"));
}
