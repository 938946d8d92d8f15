use supernano_base::rng::{Key, Purpose};

use super::*;

const SHAPE: Shape = Shape { height: 6, width: 6, channels: 3 };

fn image() -> Vec<u8> {
    (0..SHAPE.len()).map(|i| (i * 7 % 251) as u8 + 1).collect()
}

fn rng(i: u64) -> ChaCha8Rng {
    Key::new(11).rng(Purpose::Augment, i)
}

fn close(a: f32, b: f32) -> bool {
    (a - b).abs() < 1e-5
}

#[test]
fn nothing_switched_on_changes_nothing() {
    let plain: Vec<f32> = image().iter().map(|&p| f32::from(p) / 255.0).collect();
    for i in 0..20 {
        assert_eq!(Augmentation::NONE.apply(&image(), SHAPE, &mut rng(i)), plain);
    }
}

#[test]
fn parts_draw_the_same_with_the_others_off() {
    let all = Augmentation::default();
    for i in 0..50 {
        let full = all.draw(&mut rng(i));
        let crop = Augmentation { crop_padding: 4, ..Augmentation::NONE }.draw(&mut rng(i));
        let turn = Augmentation { rotation: 15.0, ..Augmentation::NONE }.draw(&mut rng(i));
        assert_eq!(crop, Draw { shift: full.shift, ..Augmentation::NONE.draw(&mut rng(i)) });
        assert_eq!(turn.angle, full.angle);
    }
}

#[test]
fn draws_cover_their_ranges() {
    let draws: Vec<Draw> = (0..2000).map(|i| Augmentation::default().draw(&mut rng(i))).collect();
    for shift in -4..=4 {
        let n = draws.iter().filter(|d| d.shift.0 == shift).count();
        assert!((150..300).contains(&n), "{shift}: {n} of 2,000");
    }
    assert!(draws.iter().all(|d| d.shift.1.abs() <= 4 && d.angle.abs() <= 15f32.to_radians()));
    let half = |n: usize| (900..1100).contains(&n);
    assert!(half(draws.iter().filter(|d| d.flip).count()));
    assert!(half(draws.iter().filter(|d| d.brightness.is_some()).count()));
    assert!(half(draws.iter().filter(|d| d.contrast.is_some()).count()));
    assert!(draws.iter().filter_map(|d| d.contrast).all(|f| (0.9..=1.1).contains(&f)));
}

#[test]
fn a_crop_moves_the_image_and_fills_with_zero() {
    let moved = cropped(&image(), SHAPE, (2, -1));
    for y in 0..6i32 {
        for x in 0..6i32 {
            let (sx, sy) = (x + 2, y - 1);
            for c in 0..3 {
                let inside = (0..6).contains(&sx) && (0..6).contains(&sy);
                let expected = if inside {
                    f32::from(image()[((sy * 6 + sx) * 3 + c) as usize]) / 255.0
                } else {
                    0.0
                };
                assert_eq!(moved[((y * 6 + x) * 3 + c) as usize], expected, "{x} {y} {c}");
            }
        }
    }
}

#[test]
fn quarter_turns_and_flips_permute_pixels() {
    let pixels: Vec<f32> = (0..SHAPE.len()).map(|i| i as f32).collect();
    let flipped = turned(&pixels, SHAPE, true, 0.0);
    assert_eq!(flipped[..3], pixels[15..18]);
    assert_eq!(turned(&flipped, SHAPE, true, 0.0), pixels);
    let quarter = turned(&pixels, SHAPE, false, std::f32::consts::FRAC_PI_2);
    assert_ne!(quarter, pixels);
    let mut sorted = quarter.clone();
    sorted.sort_by(f32::total_cmp);
    assert_eq!(sorted, pixels);
    // Off the grid, corners come from outside.
    assert_eq!(turned(&pixels, SHAPE, false, 0.7)[..3], [0.0; 3]);
}

#[test]
fn contrast_keeps_the_grey_mean_and_brightness_scales() {
    let shape = Shape { height: 1, width: 2, channels: 1 };
    let how = Augmentation { contrast: 0.1, ..Augmentation::NONE };
    let plain = [100.0 / 255.0, 120.0 / 255.0];
    let mut changed = 0;
    for i in 0..20 {
        let out = how.apply(&[100, 120], shape, &mut rng(i));
        assert!(close(out[0] + out[1], plain[0] + plain[1]));
        changed += usize::from(!close(out[0], plain[0]));
        let bright = Augmentation { brightness: 0.1, ..Augmentation::NONE };
        let out = bright.apply(&[100, 120], shape, &mut rng(i));
        assert!(close(out[0] * 1.2, out[1]));
    }
    assert!((4..=16).contains(&changed), "{changed}");
}

#[test]
fn masks_take_the_mean_and_spare_the_rest() {
    let shape = Shape { height: 8, width: 6, channels: 1 };
    let image: Vec<u8> = (0..48).map(|i| 5 * i as u8).collect();
    let plain: Vec<f32> = image.iter().map(|&p| f32::from(p) / 255.0).collect();
    let mean = plain.iter().sum::<f32>() / 48.0;
    let hidden = |how: Augmentation, seed| -> Vec<usize> {
        let found = how.apply(&image, shape, &mut rng(seed));
        let hidden: Vec<usize> = (0..48).filter(|&i| found[i] != plain[i]).collect();
        assert!(hidden.iter().all(|&i| found[i] == mean));
        hidden
    };
    for seed in 0..40 {
        let square = hidden(Augmentation { cutout: 3, ..Augmentation::NONE }, seed);
        assert_eq!(square.len(), 9, "{square:?}");
        let rows = hidden(Augmentation { mask_rows: 2, ..Augmentation::NONE }, seed);
        assert!(matches!(rows.len(), 0 | 6 | 12), "{rows:?}");
        let columns = hidden(Augmentation { mask_columns: 6, ..Augmentation::NONE }, seed);
        assert!(columns.len().is_multiple_of(8), "{columns:?}");
    }
}
