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
        let row = |i: usize| format!("{},{}\n", sign * i as f64, 100.0 + (i % 50) as f64);
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
fn spaces_may_separate_numbers() {
    let folder = recordings(16, "x,y\n");
    let data = super::super::load(&spec(folder.path(), 4, None), SHAPE).unwrap();
    for entry in walkdir::WalkDir::new(folder.path()).into_iter().flatten() {
        if entry.file_type().is_file() {
            let text = std::fs::read_to_string(entry.path()).unwrap();
            std::fs::write(entry.path(), format!("  {}", text.replace(',', "   "))).unwrap();
        }
    }
    let spaced = super::super::load(&spec(folder.path(), 4, None), SHAPE).unwrap();
    assert_eq!((spaced.train, spaced.window), (data.train, data.window));
}

#[test]
fn overlapping_windows_of_a_recording_stay_in_one_split() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..16 {
        let class = folder.path().join(["a", "b"][i % 2]);
        std::fs::create_dir_all(&class).unwrap();
        let rows: String = (0..10).map(|r| format!("{},{}\n", i * 100 + r, i)).collect();
        std::fs::write(class.join(format!("{i}.csv")), format!("x,y\n{rows}")).unwrap();
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
    says("up.csv", "x,y\n1,2\n1,\n", &["up.csv:3", "column `y`", "found an empty cell"]);
    says("up.csv", "x,y\n1,2\n1,caf\u{e9}\n", &["up.csv:3", "column `y`"]);
    says("up.csv", "x,z\n1,2\n1,2\n1,2\n1,2\n", &["up.csv", "columns", "x, y, as in", "x, z"]);
    says("up.csv", "", &["up.csv", "rows"]);
    let folder = recordings(80, "x,y\n");
    let wrong = Shape { height: 5, ..SHAPE };
    let error = super::super::load(&spec(folder.path(), 4, None), wrong).unwrap_err().to_string();
    assert!(error.contains("4x2x1, 4x1x2 or 1x1x8"), "{error}");
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

/// Rows `time;ax;ay;class;person` of three classes, a run of 40 rows of each for each person.
fn rows(separator: char, people: usize) -> String {
    let mut text = String::from("\u{feff}time;ax;ay;class;person\r\n");
    for person in 0..people {
        for class in 0..3 {
            for i in 0..40 {
                let time = (person * 3 + class) * 40 + i;
                let ax = (i * (class + 1)) % 7;
                text += &format!("{}.5;{ax}.25;{}.0;k {class};p{person}\r\n", time, i % 5 + person);
            }
        }
    }
    let text = text + "\r\n";
    match separator {
        ';' => text.replace('.', ","),
        other => text.replace(';', &other.to_string()),
    }
}

fn read_rows(text: &str, change: impl Fn(&mut DataSpec)) -> Result<Dataset> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.csv");
    std::fs::write(&path, text).unwrap();
    let mut spec = spec(&path, 10, None);
    change(&mut spec);
    super::super::load(&spec, Shape { height: 10, width: 2, channels: 1 })
}

#[test]
fn rows_with_a_column_of_classes_are_recordings() {
    let data = read_rows(&rows(',', 8), |_| ()).unwrap();
    assert_eq!(data.classes, ["k 0", "k 1", "k 2"]);
    // A person has 3 runs of 4 windows, and stays in one split.
    let sizes = [&data.train, &data.validation, &data.test].map(|s| s.len());
    assert_eq!(sizes.iter().sum::<usize>(), 8 * 12);
    assert!(sizes.iter().all(|n| n % 12 == 0), "{sizes:?}");
    let says = |part: &str| {
        assert!(data.notes.iter().any(|n| n.contains(part)), "{part}: {:?}", data.notes)
    };
    says("the classes are those of column `class`");
    says("rows with the same `person` stay in one split (8 of them)");
    says("column `time` is a time or an index and no axis");
    // Other separators, with decimal commas, give the same.
    for separator in [';', '\t'] {
        let other = read_rows(&rows(separator, 8), |_| ()).unwrap();
        assert_eq!((&other.train, &other.test), (&data.train, &data.test));
    }
    // What the configuration names is kept.
    let named = read_rows(&rows(',', 8), |spec| {
        let window = spec.window.as_mut().unwrap();
        window.columns = Some(vec!["ay".into(), "time".into()]);
        window.label = Some("class".into());
        window.group = Some("person".into());
    });
    assert!(named.unwrap().notes.iter().any(|n| n.starts_with("axis time: ")));
}

#[test]
fn few_subjects_and_bad_rows_are_told() {
    let two = read_rows(&rows(',', 2), |_| ()).unwrap();
    assert!(
        two.notes.iter().any(|n| n.contains("`person` has fewer than 3 values")),
        "{:?}",
        two.notes
    );
    let bad = rows(',', 8).replace("\n45.5,3.25,", "\n45.5,NaN,");
    let error = read_rows(&bad, |_| ()).unwrap_err().to_string();
    assert!(error.contains("all.csv:47: column `ax`: expected a finite number"), "{error}");
    let skipped = read_rows(&bad, |spec| spec.skip_bad = true).unwrap();
    let note = skipped.notes.iter().find(|n| n.starts_with("left out: 1 rows")).unwrap();
    assert!(note.contains("`NaN` in line 47"), "{note}");
    let short = rows(',', 8) + "999.5,1.0,1.0,k 0,p0\r\n";
    let short = read_rows(&short, |_| ()).unwrap().notes;
    assert!(
        short.iter().any(|n| n.starts_with("left out: 1 of 25 recordings, shorter")),
        "{short:?}"
    );
    // The only column of a few texts holds the classes; of two such columns, neither is chosen.
    let named_otherwise = rows(',', 8).replace("class", "note");
    let found = read_rows(&named_otherwise, |_| ()).unwrap();
    assert_eq!(found.classes, ["k 0", "k 1", "k 2"]);
    let told = "the classes are those of column `note`";
    assert!(found.notes.iter().any(|n| n.contains(told)), "{:?}", found.notes);
    let two_columns = named_otherwise.replace(",note,", ",note,remark,").replace(",k ", ",late,k ");
    let two_columns = two_columns.replacen(",late,", ",early,", 400);
    let error = read_rows(&two_columns, |_| ()).unwrap_err().to_string();
    assert!(error.contains("a column of classes such as `label`"), "{error}");
    let ragged = rows(',', 8) + "1,2\r\n";
    assert!(
        read_rows(&ragged, |_| ()).unwrap_err().to_string().contains("cells: expected 5, found 2")
    );
}

#[test]
fn overlapping_windows_of_few_recordings_are_cut_in_parts() {
    let folder = recordings(400, "x,y\n");
    let data = super::super::load(&spec(folder.path(), 4, Some(2)), SHAPE).unwrap();
    let places = |split: &supernano_base::images::Images| split.len();
    assert!([&data.train, &data.validation, &data.test].into_iter().all(|s| places(s) > 15));
    // No window of two parts: 12 parts of 33 rows hold 15 windows, the last one of 4 rows one more.
    let all: usize = [&data.train, &data.validation, &data.test].into_iter().map(places).sum();
    assert_eq!(all, 2 * (12 * 15 + 1));
    let says =
        |data: &crate::Dataset| data.notes.iter().any(|n| n.contains("parts of up to 33 samples"));
    assert!(says(&data));
    // Windows that do not overlap need no parts.
    assert!(!says(&super::super::load(&spec(folder.path(), 4, None), SHAPE).unwrap()));
}
