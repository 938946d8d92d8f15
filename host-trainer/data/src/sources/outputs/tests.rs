use std::path::PathBuf;

use supernano_base::config::WindowSpec;
use supernano_base::objective::Objective;
use supernano_core::space::Shape;

use super::*;
use crate::Dataset;
use crate::sources::load;

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|&n| n.into()).collect()
}

/// An NPY file of doubles.
fn npy(sizes: &[usize], values: &[f64]) -> Vec<u8> {
    let sizes: String = sizes.iter().map(|s| format!("{s}, ")).collect();
    let header = format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({sizes}), }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(values.iter().flat_map(|v| v.to_le_bytes()));
    file
}

/// A WAV file of 0.1 s at 8 kHz: a tone of this frequency.
fn tone(frequency: f64) -> Vec<u8> {
    let sample =
        |i: u32| (1e4 * (f64::from(i) / 8e3 * std::f64::consts::TAU * frequency).sin()) as i16;
    let data: Vec<u8> = (0..800).flat_map(|i| sample(i).to_le_bytes()).collect();
    let mut file = b"RIFF".to_vec();
    file.extend((36 + data.len() as u32).to_le_bytes());
    file.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0\x80\x3e\0\0\x02\0\x10\0data");
    file.extend((data.len() as u32).to_le_bytes());
    file.extend(data);
    file
}

fn bmp(grey: u8) -> Vec<u8> {
    let picture = image::GrayImage::from_pixel(8, 8, image::Luma([grey]));
    let mut bytes = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut bytes, image::ImageFormat::Bmp).unwrap();
    bytes.into_inner()
}

/// A folder of files and a table of them.
fn table_of(extension: &str, header: &str, row: impl Fn(usize) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut text = format!("file,{header}\n");
    for i in 0..40usize {
        let name = format!("{i}.{extension}");
        let bytes =
            if extension == "wav" { tone(200.0 + 40.0 * i as f64) } else { bmp(i as u8 * 6) };
        std::fs::write(folder.path().join(&name), bytes).unwrap();
        text += &format!("{name},{}\n", row(i));
    }
    std::fs::write(folder.path().join("list.csv"), text).unwrap();
    folder
}

fn spec(name: DataSource, path: impl Into<PathBuf>) -> DataSpec {
    DataSpec { path: Some(path.into()), ..DataSpec::new(name) }
}

/// Guesses the outputs and reads the set with them.
fn guessed(mut spec: DataSpec, shape: Shape) -> Dataset {
    let path = spec.path.clone().unwrap();
    outputs(&spec, &path).unwrap().write(&mut spec);
    load(&spec, shape).unwrap()
}

#[test]
fn numbers_tell_what_they_are() {
    let one = |values: &[f64]| of_numbers(names(&["y"]), values);
    assert_eq!(one(&[0.0, 1.0, 7.0, 1.0]), Outputs::Classes);
    assert_eq!(one(&[0.5, 1.0]), Outputs::Values(names(&["y"])));
    let many: Vec<f64> = (0..400).map(f64::from).collect();
    assert_eq!(one(&many), Outputs::Values(names(&["y"])));
    assert_eq!(one(&many.repeat(4)), Outputs::Classes);
    // A hundred numbered classes, and numbers with gaps between them.
    assert_eq!(one(&many[..100].repeat(3)), Outputs::Classes);
    let scores: Vec<f64> = (0..100).map(|i| f64::from(25 + 3 * i)).collect();
    assert_eq!(one(&scores.repeat(3)), Outputs::Values(names(&["y"])));
    assert_eq!(one(&scores.repeat(4)), Outputs::Classes);
    let two = |values: &[f64]| of_numbers(names(&["a", "b"]), values);
    assert_eq!(two(&[0.0, 1.0, 1.0, 0.0]), Outputs::Classes);
    assert_eq!(two(&[0.0, 1.0, 1.0, 1.0]), Outputs::Labels(names(&["a", "b"])));
    assert_eq!(two(&[0.0, 1.0, 2.0, 0.0]), Outputs::Values(names(&["a", "b"])));
}

#[test]
fn arrays_have_numbers_or_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let set = |y: Vec<u8>, columns: &str| {
        let pixels: Vec<f64> = (0..160).map(|i| f64::from(i * 37 % 255)).collect();
        std::fs::write(folder.path().join("x_train.npy"), npy(&[40, 2, 2], &pixels)).unwrap();
        std::fs::write(folder.path().join("y_train.npy"), y).unwrap();
        let shape = Shape { height: 2, width: 2, channels: 1 };
        let data = guessed(spec(DataSource::Numpy, folder.path()), shape);
        assert_eq!(data.classes.join(","), columns);
        data
    };
    let halves: Vec<f64> = (0..80).map(|i| f64::from(i) / 2.0).collect();
    let data = set(npy(&[40], &halves[..40]), "y");
    assert!(matches!(&data.objective, Objective::Values(spreads) if spreads.len() == 1));
    let data = set(npy(&[40, 2], &halves), "y1,y2");
    assert_eq!(data.train.target(3)[1], data.train.target(3)[0] + 0.5);
    let events: Vec<f64> = (0..120).map(|i| f64::from(i * i % 7 % 2)).collect();
    let data = set(npy(&[40, 3], &events), "y1,y2,y3");
    assert_eq!(data.objective, Objective::Labels);
    // What a configuration asks for must be there.
    let wanted =
        DataSpec { targets: Some(names(&["a"])), ..spec(DataSource::Numpy, folder.path()) };
    let error = load(&wanted, data.shape).unwrap_err().to_string();
    let expected =
        "y_train.npy: shape: expected [n, 1], a column for each of `targets` a, found [40, 3]";
    assert!(error.ends_with(expected), "{error}");
    std::fs::write(folder.path().join("y_train.npy"), npy(&[40, 2], &halves)).unwrap();
    let (multilabel, labels) = (true, Some(names(&["a", "b"])));
    let wanted = DataSpec { multilabel, labels, ..spec(DataSource::Numpy, folder.path()) };
    let error = load(&wanted, data.shape).unwrap_err().to_string();
    assert!(error.ends_with("row 0, column `b`: expected 0 or 1, found 0.5"), "{error}");
}

#[test]
fn windows_in_arrays_have_numbers() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<f64> = (0..960).map(|i| f64::from(i * 37 % 255) - 100.0).collect();
    std::fs::write(folder.path().join("x.npy"), npy(&[40, 8, 3], &values)).unwrap();
    let first: Vec<f64> = (0..40).map(|i| values[i * 24] / 4.0).collect();
    std::fs::write(folder.path().join("targets.npy"), npy(&[40, 1], &first)).unwrap();
    let window = Some(WindowSpec { samples: 8, ..WindowSpec::default() });
    let spec = DataSpec { window, ..spec(DataSource::Sensors, folder.path()) };
    let data = guessed(spec, Shape { height: 8, width: 3, channels: 1 });
    assert_eq!(data.classes, ["targets"]);
    let (low, high) = data.window.unwrap().ranges.unwrap()[0];
    for i in 0..data.train.len() {
        let value = low + f64::from(data.train.image(i)[0]) / 255.0 * (high - low);
        assert!((value / 4.0 - f64::from(data.train.target(i)[0])).abs() < 0.3);
    }
}

#[test]
fn tables_of_pictures_and_of_sound_have_numbers_or_labels() {
    for extension in ["bmp", "wav"] {
        let sound = extension == "wav";
        let read = |folder: &tempfile::TempDir| {
            let source = if sound { DataSource::Sound } else { DataSource::Pictures };
            let settings = supernano_base::config::SoundConfig::new(8000, 0.1);
            let spec = DataSpec { sound: sound.then_some(settings), ..spec(source, folder.path()) };
            guessed(spec, Shape { height: 8, width: 8, channels: 1 })
        };
        let data =
            read(&table_of(extension, "angle,length,note", |i| format!("{i}.5,{},n", i * 3)));
        assert_eq!(data.classes, ["angle", "length"]);
        let row = data.train.target(0);
        assert_eq!(row[1], 3.0 * (row[0] - 0.5));
        let data = read(&table_of(extension, "hot,wet", |i| format!("{},{}", i % 2, i / 2 % 2)));
        assert_eq!((data.objective, data.classes), (Objective::Labels, names(&["hot", "wet"])));
        let lists = ["cat|dog", "dog", "", "cat"];
        let data = read(&table_of(extension, "labels", |i| lists[i % 4].into()));
        assert_eq!((data.objective, data.classes), (Objective::Labels, names(&["cat", "dog"])));
        let data = read(&table_of(extension, "label", |i| ["cat", "dog"][i % 2].into()));
        assert_eq!(data.objective, Objective::Classes);
        let data = read(&table_of(extension, "score", |i| format!("{}", i as f64 / 8.0)));
        assert_eq!(data.classes, ["score"]);
    }
    let split = |cells: &[&str]| of_lists(cells.iter().copied(), false);
    assert_eq!(split(&["tench, Tinca", "goldfish, Carassius"]), None);
    assert_eq!(split(&["a,b", "b", "a"]).unwrap(), ["a", "b"]);
    assert_eq!(split(&["a b", "b", "", "a"]).unwrap(), ["a", "b"]);
    assert_eq!(split(&["left hand", "right hand", "left foot"]), None);
    let tags = ["haze wet", "clear wet", "clear road wet", "haze road wet", "haze road"];
    assert_eq!(of_lists(tags.into_iter(), true).unwrap(), ["clear", "haze", "road", "wet"]);
}

#[test]
fn rows_of_sensors_have_numbers_or_labels() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    let read = |header: &str, row: &dyn Fn(usize) -> String| {
        let rows: Vec<String> = (0..600).map(row).collect();
        std::fs::write(&path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
        let spec = spec(DataSource::Sensors, &path);
        outputs(&spec, &path).unwrap()
    };
    let class = read("a,b,label", &|i| format!("{i},{},{}", i * 7 % 13, i / 200));
    assert_eq!(class, Outputs::Classes);
    let value = read("a,b,target", &|i| format!("{i},{},{}.5", i * 7 % 13, i));
    assert_eq!(value, Outputs::Values(names(&["target"])));
    let value = read("u,v,y", &|i| format!("{i},{},{}.25", i * 7 % 13, i));
    assert_eq!(value, Outputs::Values(names(&["y"])));
    let axes = read("x,y,z,label", &|i| format!("{i}.5,{i}.5,1.5,{}", i / 200));
    assert_eq!(axes, Outputs::Classes);
    let labels = read("a,label_hot,label_wet", &|i| format!("{i},{},{}", i % 2, i / 2 % 2));
    assert_eq!(labels, Outputs::Labels(names(&["label_hot", "label_wet"])));
}

#[test]
fn arrays_with_other_names_are_found_by_their_shapes() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, sizes: &[usize]| {
        // Every item has other values, and labels are 0, 1 and 2 in turn.
        let of_name = name.bytes().map(usize::from).sum::<usize>();
        let value =
            |i: usize| if sizes.len() > 1 { (i * i * 31 + i + of_name) % 251 } else { i % 3 };
        let values: Vec<f64> = (0..sizes.iter().product()).map(|i| value(i) as f64).collect();
        std::fs::write(folder.path().join(format!("{name}.npy")), npy(sizes, &values)).unwrap();
    };
    write("Xtr", &[30, 4, 4]);
    write("Ytr", &[30]);
    write("Xte", &[9, 4, 4]);
    write("Yte", &[9]);
    write("mean", &[1]);
    let shape = Shape { height: 4, width: 4, channels: 1 };
    let set = spec(DataSource::Numpy, folder.path());
    let data = load(&set, shape).unwrap();
    assert_eq!((data.test.len(), data.classes.len()), (9, 3));
    assert!(data.notes[0].contains("`xtr`, their labels `ytr`"), "{:?}", data.notes);
    // With two arrays of labels there is a choice.
    write("weights_tr", &[30]);
    let error = load(&set, shape).unwrap_err().to_string();
    assert!(error.contains("expected `x_train` and `y_train`"), "{error}");
}

#[test]
fn the_only_column_of_few_texts_holds_the_classes() {
    let folder = tempfile::tempdir().unwrap();
    let states = ["Stillstand", "Läuft", "Störung"];
    let row = |i: usize| format!("{i};{},5;{},25;{}", i * 7 % 13, i * 5 % 11, states[i / 30 % 3]);
    let rows: Vec<String> = (0..1080).map(row).collect();
    let text = format!("\u{feff}Zeit [ms];Beschl. x [g];y;Zustand\r\n{}\r\n", rows.join("\r\n"));
    std::fs::write(folder.path().join("Messung 1.csv"), text).unwrap();
    let columns = Some(names(&["Beschl. x [g]", "y"]));
    let window = Some(WindowSpec { samples: 10, columns, ..WindowSpec::default() });
    let set = DataSpec { window, ..spec(DataSource::Sensors, folder.path()) };
    let data = load(&set, Shape { height: 10, width: 2, channels: 1 }).unwrap();
    assert_eq!(data.classes, ["Läuft", "Stillstand", "Störung"]);
}

#[test]
fn what_a_person_may_overlook_is_said() {
    let folder = tempfile::tempdir().unwrap();
    for (i, class) in ["animals/cat", "animals/dog", "plants/oak", "plants/rose"].iter().enumerate()
    {
        let of = folder.path().join(class);
        std::fs::create_dir_all(&of).unwrap();
        for k in 0..6u16 {
            let value = 3000 + 100 * k + i as u16;
            let picture = image::ImageBuffer::from_pixel(8, 8, image::Luma([value]));
            picture.save(of.join(format!("{k}.png"))).unwrap();
        }
    }
    let shape = Shape { height: 8, width: 8, channels: 1 };
    let set = spec(DataSource::Pictures, folder.path());
    let notes = load(&set, shape).unwrap().notes.join("\n");
    let deeper =
        "the classes are the folders animals, plants; --pattern '{}/{class}/{}' takes those";
    assert!(notes.contains(deeper) && notes.contains("(cat, dog, oak, rose)"), "{notes}");
    assert!(notes.contains("16 bits use 12 of them") && notes.contains("by 16"), "{notes}");
    let pattern = Some("{}/{class}/{}".to_owned());
    let data = load(&DataSpec { pattern, ..set }, shape).unwrap();
    assert_eq!(data.classes, ["cat", "dog", "oak", "rose"]);
}
