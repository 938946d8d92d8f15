use supernano_base::config::DataSource;
use supernano_base::testing::shared;

use super::*;

const SHAPE: Shape = Shape { height: 4, width: 1, channels: 2 };

fn spec(path: &Path, samples: usize, stride: Option<usize>) -> DataSpec {
    let window = WindowSpec { samples, stride, ..WindowSpec::default() };
    DataSpec { path: Some(path.into()), window: Some(window), ..DataSpec::new(DataSource::Sensors) }
}

/// Recordings of `samples` rows: ramps of two axes, one file for each class.
fn recordings(samples: usize, header: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (class, sign) in [("down", -1.0), ("up", 1.0)] {
        let row = |i: usize| format!("{},{}\n", sign * i as f64, 100.0 + i as f64);
        let rows: String = (0..samples).map(row).collect();
        std::fs::write(folder.path().join(format!("{class}.csv")), format!("{header}{rows}"))
            .unwrap();
    }
    folder
}

#[test]
fn recordings_are_cut_into_windows() {
    let folder = recordings(80, "time,value\n");
    let data = super::super::load(&spec(folder.path(), 4, None), SHAPE).unwrap();
    assert_eq!(data.classes, ["down", "up"]);
    let splits = [&data.train, &data.validation, &data.test];
    assert_eq!(splits.iter().map(|s| s.len()).sum::<usize>(), 40);
    // The range of the training values is 0 to 255.
    let axis = |a: usize| data.train.pixels.iter().skip(a).step_by(2).copied();
    assert_eq!((axis(0).min(), axis(0).max()), (Some(0), Some(255)));
    assert_eq!((axis(1).min(), axis(1).max()), (Some(0), Some(255)));
    for (i, &label) in data.train.labels.iter().enumerate() {
        let window = data.train.image(i);
        assert_eq!(window[0] < window[6], label == 1 || window[0] == window[6], "{window:?}");
    }
    assert!(data.notes.iter().any(|n| n.starts_with("axis time: bytes 0 to 255 are -")));
    // The same bytes with samples as rows and axes as columns, and without a header.
    let flat = Shape { height: 4, width: 2, channels: 1 };
    assert_eq!(
        super::super::load(&spec(folder.path(), 4, None), flat).unwrap().train.pixels,
        data.train.pixels
    );
    let bare = recordings(80, "");
    assert_eq!(super::super::load(&spec(bare.path(), 4, None), SHAPE).unwrap().train, data.train);
}

#[test]
fn overlapping_windows_of_a_recording_stay_in_one_split() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..16 {
        let class = folder.path().join(["a", "b"][i % 2]);
        std::fs::create_dir_all(&class).unwrap();
        let rows: String = (0..10).map(|r| format!("{},{}\n", i * 100 + r, i)).collect();
        std::fs::write(class.join(format!("{i}.csv")), rows).unwrap();
    }
    let data = super::super::load(&spec(folder.path(), 4, Some(2)), SHAPE).unwrap();
    let splits = [&data.train, &data.validation, &data.test];
    assert_eq!(splits.iter().map(|s| s.len()).sum::<usize>(), 16 * 4);
    assert!(splits.iter().all(|s| s.len() % 4 == 0));
}

#[test]
fn bad_recordings_are_refused() {
    let says = |file: &str, text: &str, parts: &[&str]| {
        let folder = recordings(80, "x,y\n");
        std::fs::write(folder.path().join(file), text).unwrap();
        let error = super::super::load(&spec(folder.path(), 4, None), SHAPE).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    };
    says("up.csv", "x,y\n1,2\n", &["up.csv", "samples", "at least the 4 of a window", "found 1"]);
    says("up.csv", "x,y\n1,2\n1,nan\n", &["up.csv:3", "column `y`", "a finite number"]);
    says("up.csv", "x,z\n1,2\n1,2\n1,2\n1,2\n", &["up.csv", "columns", "x, y, as in", "x, z"]);
    says("up.csv", "", &["up.csv", "rows"]);
    let folder = recordings(80, "x,y\n");
    let wrong = Shape { height: 5, ..SHAPE };
    let error = super::super::load(&spec(folder.path(), 4, None), wrong).unwrap_err().to_string();
    assert!(error.contains("4x2x1 or 4x1x2"), "{error}");
    let none = DataSpec { window: None, ..spec(folder.path(), 4, None) };
    assert!(super::super::load(&none, SHAPE).unwrap_err().to_string().contains("window"));
    let mut other = spec(folder.path(), 4, None);
    other.window =
        Some(WindowSpec { samples: 4, columns: Some(vec!["w".into()]), ..WindowSpec::default() });
    let error = super::super::load(&other, SHAPE).unwrap_err().to_string();
    assert!(error.contains("expected `w`, found x, y"), "{error}");
}

#[test]
fn magic_wand_gestures_are_read() {
    let Some(path) = shared("data/magic-wand/data") else { return };
    let shape = Shape { height: 119, width: 6, channels: 1 };
    let data = super::super::load(&spec(&path, 119, None), shape).unwrap();
    assert_eq!(data.classes.len(), 5);
    assert_eq!((data.train.len() + data.validation.len(), data.test.len()), (100, 25));
}

#[test]
fn copies_are_added_to_the_training_split_only() {
    let folder = recordings(80, "");
    let plain = super::super::load(&spec(folder.path(), 4, None), SHAPE).unwrap();
    let mut copied = spec(folder.path(), 4, None);
    let window = copied.window.as_mut().unwrap();
    (window.copies, window.scale, window.jitter) = (3, 0.1, 0.02);
    let data = super::super::load(&copied, SHAPE).unwrap();
    assert_eq!(data.train.len(), 4 * plain.train.len());
    assert_eq!((&data.validation, &data.test), (&plain.validation, &plain.test));
    assert_eq!(data.front_end, plain.front_end);
    // The written unit and ranges give the same set.
    copied.window = data.window.clone();
    assert_eq!(super::super::load(&copied, SHAPE).unwrap(), data);
}
