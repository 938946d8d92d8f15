use image::{GrayImage, Luma};
use supernano_base::progress::Silent;
use supernano_base::testing::shared;

use super::*;

#[test]
fn counts_sizes_and_what_stands_twice() {
    let root = tempfile::tempdir().unwrap();
    for i in 0..60u32 {
        let folder = root.path().join(["a", "b", "c"][i as usize % 3]);
        std::fs::create_dir_all(&folder).unwrap();
        // Pictures i and i + 30 differ by one row and one grey level.
        let mut state = u64::from(i % 30 + 1);
        let tiles: Vec<u8> = (0..64)
            .map(|_| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                (state >> 57) as u8
            })
            .collect();
        let picture = GrayImage::from_fn(32, 32 + i / 30, |x, y| {
            Luma([2 * tiles[(x / 4 + y.min(31) / 4 * 8) as usize] + (i / 30) as u8])
        });
        picture.save(folder.join(format!("{i}.png"))).unwrap();
    }
    std::fs::write(root.path().join("a/broken.png"), "x").unwrap();
    std::fs::write(root.path().join("a/notes.txt"), "x").unwrap();
    let spec = DataSpec::new(DataSource::Pictures);
    let (survey, dataset) = super::pictures(&spec, root.path(), &Silent).unwrap();
    assert_eq!(survey.source, "pictures");
    let total: usize = survey.classes.iter().map(|c| c.train + c.validation + c.test).sum();
    assert_eq!((total, survey.classes.len()), (60, 3));
    assert_eq!(dataset.train.len(), survey.classes.iter().map(|c| c.train).sum::<usize>());
    assert!(survey.drawn && survey.ignored == [("txt".to_owned(), 1)].into());
    assert!(
        survey.notes.len() == 1 && survey.notes[0].contains("broken.png"),
        "{:?}",
        survey.notes
    );
    let sizes = survey.sizes.unwrap();
    let expected = Sizes { smallest: (32, 32), median: 32, largest: (32, 33), grey: 60 };
    assert_eq!(sizes, expected);
    // Near-duplicates across splits are found where there are some.
    let number = |place: &str| -> u32 {
        Path::new(place).file_stem().unwrap().to_str().unwrap().parse().unwrap()
    };
    assert!(!survey.near_duplicates.is_empty());
    for (a, b) in &survey.near_duplicates {
        assert_eq!(number(a) % 30, number(b) % 30, "{a} {b}");
    }
}

#[test]
fn a_hash_of_a_mirrored_ramp_is_its_complement() {
    let ramp: Vec<u8> = (0..32 * 32).map(|i| (i % 32 * 8) as u8).collect();
    let mirrored: Vec<u8> = ramp.iter().map(|p| 248 - p).collect();
    assert_eq!(difference_hash(&ramp), u64::MAX);
    assert_eq!(difference_hash(&mirrored), 0);
}

#[test]
fn sign_digits_are_surveyed() {
    let Some(path) = shared("data/sign-digits") else { return };
    let (survey, _) =
        super::pictures(&DataSpec::new(DataSource::Pictures), &path, &Silent).unwrap();
    let total: usize = survey.classes.iter().map(|c| c.train + c.validation + c.test).sum();
    assert_eq!((total, survey.classes.len()), (2062, 10));
    assert_eq!(survey.sizes.unwrap().largest, (3024, 3024));
}
