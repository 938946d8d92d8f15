use supernano_base::config::DataSource;

use super::*;
use crate::load;

fn spec(height: u16, width: u16, channels: u16, classes: u16) -> DataSpec {
    DataSpec {
        train: Some(40),
        validation: Some(20),
        test: Some(10),
        shape: Some(Shape { height, width, channels }),
        classes: Some(classes),
        ..DataSpec::new(DataSource::Glyphs)
    }
}

#[test]
fn the_seed_decides_every_pixel() {
    let a = load(&spec(32, 32, 3, 10)).unwrap();
    assert_eq!(a, load(&spec(32, 32, 3, 10)).unwrap());
    let b = load(&DataSpec { seed: 1, ..spec(32, 32, 3, 10) }).unwrap();
    assert_ne!(a.train.pixels, b.train.pixels);
    assert_ne!(a.train.image(0), a.validation.image(0));
    assert_ne!(a.validation.image(0), a.test.image(0));
}

#[test]
fn pixels_are_the_same_on_every_machine() {
    let data = load(&spec(32, 32, 3, 10)).unwrap();
    let crc = crc::Crc::<u32>::new(&crc::CRC_32_ISO_HDLC);
    // Sines differ in the last place between systems' libraries; one grey level is forgiven.
    let sum: u64 = data.train.pixels.iter().map(|&p| u64::from(p)).sum();
    let labels: Vec<u8> = data.train.labels.iter().map(|&l| l as u8).collect();
    assert_eq!(crc.checksum(&labels), LABELS_CRC);
    assert!(sum.abs_diff(PIXEL_SUM) < 50, "{sum}");
}

const LABELS_CRC: u32 = 497274137;
const PIXEL_SUM: u64 = 13_591_227;

#[test]
fn classes_are_balanced_and_mixed() {
    let data = load(&spec(32, 32, 3, 10)).unwrap();
    for class in 0..10 {
        assert_eq!(data.train.labels.iter().filter(|&&l| l == class).count(), 4);
    }
    assert!(data.train.labels.windows(2).any(|w| w[0] > w[1]));
}

#[test]
fn other_shapes_and_classes() {
    for (h, w, c, k) in [(28, 28, 1, 4), (96, 96, 3, 2), (20, 40, 4, 3)] {
        let data = load(&spec(h, w, c, k)).unwrap();
        assert_eq!(data.train.pixels.len(), 40 * data.shape.len());
        assert_eq!(data.classes.len(), usize::from(k));
        assert_eq!(data.mean.len(), usize::from(c));
        assert!(data.std.iter().all(|s| (0.05..0.35).contains(s)), "{:?}", data.std);
        assert!(data.train.labels.iter().all(|&l| l < k));
    }
}

#[test]
fn outlines_differ_and_cover_similar_areas() {
    let grid = |o: Outline| -> Vec<bool> {
        (0..4096)
            .map(|i| {
                let at = |k: i32| (k as f32 + 0.5) / 32.0 - 1.0;
                o.covers(at(i % 64), at(i / 64), 0.5)
            })
            .collect()
    };
    let grids: Vec<Vec<bool>> = CLASSES.iter().map(|&(_, o)| grid(o)).collect();
    for (i, a) in grids.iter().enumerate() {
        let share = a.iter().filter(|&&c| c).count() as f64 / 4096.0;
        assert!((0.2..0.62).contains(&share), "{}: {share}", CLASSES[i].0);
        for (j, b) in grids.iter().enumerate().skip(i + 1) {
            let apart = a.iter().zip(b).filter(|(a, b)| a != b).count();
            assert!(apart > 80, "{} and {}: {apart}", CLASSES[i].0, CLASSES[j].0);
        }
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let bad = [
        (spec(4, 32, 3, 10), "shape"),
        (spec(32, 32, 5, 10), "channels"),
        (spec(32, 32, 3, 11), "classes"),
        (spec(32, 32, 3, 1), "classes"),
        (DataSpec { train: Some(0), ..spec(32, 32, 3, 2) }, "train"),
        (DataSpec { train: Some(4_000_000_000), ..spec(32, 32, 3, 2) }, "SUPERNANO_IMAGES_MIB"),
        (DataSpec { validation: Some(usize::MAX), ..spec(32, 32, 3, 2) }, "at most 1024 MiB"),
        (DataSpec { test: Some(500_000), ..spec(512, 512, 4, 2) }, "at most 1024 MiB"),
        (DataSpec { path: Some("x".into()), ..spec(32, 32, 3, 2) }, "path"),
    ];
    for (spec, field) in bad {
        let error = load(&spec).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(field), "{error}");
    }
}
