//! The features of MLPerf Tiny's keywords: the golden description and the official features.

use std::fs;
use std::path::Path;

use crate::testing::shared;

use super::*;

/// The file pins the tables. With `SUPERNANO_BLESS=1` the test writes it.
#[test]
fn the_golden_description_is_that_of_the_parameters() {
    let description = built(&FrontEndSpec::Sound(SoundSpec::keywords()));
    if std::env::var_os("SUPERNANO_BLESS").is_some() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
        fs::write(root.join("keywords.snf"), description.bytes()).unwrap();
    }
    assert_eq!(description.bytes(), golden("keywords.snf"));
}

/// The 71 recordings with official features have 34,790 values. The document states these counts.
#[test]
fn the_official_features() {
    let Some(root) = shared("data/keywords") else { return };
    let spec = SoundSpec::keywords();
    let description = built(&FrontEndSpec::Sound(spec.clone()));
    let sound = sound(&description);
    let mut work = vec![0; sound.work_words()];
    let (mut values, mut equal, mut far) = (0, 0, 0);
    let (mut rounded, mut rounded_far) = (0, 0);
    for entry in fs::read_dir(root.join("pcm")).unwrap() {
        let file = entry.unwrap().path();
        let pcm = fs::read(&file).unwrap();
        let samples: Vec<i16> = pcm.as_chunks().0.iter().map(|&s| i16::from_le_bytes(s)).collect();
        let official = fs::read(root.join("mfcc-open").join(file.file_name().unwrap())).unwrap();
        let mut found = vec![0; sound.output_bytes()];
        sound.run(&samples, &mut work, &mut found).unwrap();
        let largest = samples.iter().copied().max().unwrap();
        let exact = reference::values(&spec, &samples, largest.into());
        assert_eq!(official.len(), found.len());
        for ((&found, &official), exact) in found.iter().zip(&official).zip(exact) {
            let difference = found.abs_diff((official as i8 as u8).wrapping_add(128));
            let error = found.abs_diff(reference::byte(&spec, exact));
            values += 1;
            equal += usize::from(difference == 0);
            far += usize::from(difference > 1);
            rounded += usize::from(error > 0);
            rounded_far += usize::from(error > 1);
        }
    }
    assert_eq!((values, equal, far), (34_790, 34_675, 0));
    assert!(rounded <= 220, "{rounded} bytes differ from floating point");
    assert_eq!(rounded_far, 0);
}
