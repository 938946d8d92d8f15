use std::path::Path;

use supernano_base::config::{DataSource, WindowSpec};
use supernano_core::space::Shape;

use super::*;
use crate::Dataset;

const SHAPE: Shape = Shape { height: 4, width: 2, channels: 1 };

/// A file of rows: two axes, a force, two events and a state; `row` may change a row.
fn file(change: impl Fn(usize, String) -> String) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let row = |i: usize| {
        let (x, y) = (i * 37 % 101, i * 53 % 89);
        let state = if i % 97 < 90 { "good" } else { "worn" };
        let text = format!("{x},{y},{}.5,{},{},{state}", x + y, i / 4 % 2, i / 8 % 2);
        change(i, text)
    };
    let rows: Vec<String> = (0..400).map(row).collect();
    let text = format!("x,y,force,hot,loud,state\n{}\n", rows.join("\n"));
    std::fs::write(folder.path().join("rows.csv"), text).unwrap();
    folder
}

fn spec(folder: &Path) -> DataSpec {
    let columns = Some(["x", "y"].map(String::from).into());
    let window = WindowSpec { samples: 4, columns, ..WindowSpec::default() };
    let path = Some(folder.join("rows.csv"));
    DataSpec { path, window: Some(window), ..DataSpec::new(DataSource::Sensors) }
}

fn names<const N: usize>(names: [&str; N]) -> Option<Vec<String>> {
    Some(names.map(String::from).into())
}

fn load(spec: &DataSpec) -> Result<Dataset> {
    super::super::load(spec, SHAPE)
}

fn refused(spec: &DataSpec) -> String {
    load(spec).unwrap_err().to_string()
}

#[test]
fn targets_are_those_of_the_last_row_of_a_window_or_their_mean() {
    let folder = file(|_, row| row);
    let spec = DataSpec { targets: names(["force"]), ..spec(folder.path()) };
    let data = load(&spec).unwrap();
    assert_eq!((data.classes.clone(), data.outputs()), (vec!["force".to_owned()], 1));
    let Objective::Values(spreads) = &data.objective else { panic!("{:?}", data.objective) };
    // The bytes of a window tell its force: the scales of both axes are known.
    let ranges = data.window.as_ref().unwrap().ranges.clone().unwrap();
    let value = |byte: u8, (low, high): (f64, f64)| low + f64::from(byte) / 255.0 * (high - low);
    let of_row = |image: &[u8], row: usize| {
        value(image[2 * row], ranges[0]) + value(image[2 * row + 1], ranges[1]) + 0.5
    };
    for i in 0..data.train.len() {
        let wanted = of_row(data.train.image(i), 3);
        assert!((f64::from(data.train.target(i)[0]) - wanted).abs() < 1.0);
    }
    let indices: Vec<u32> = (0..data.train.len() as u32).collect();
    let targets = data.targets(&data.train, &indices, &[]);
    let mean = targets.iter().sum::<f32>() / targets.len() as f32;
    let square = targets.iter().map(|t| t * t).sum::<f32>() / targets.len() as f32;
    assert!(mean.abs() < 1e-4 && (square - 1.0).abs() < 1e-3, "{mean} {square}");
    assert!(spreads[0].std > 10.0);

    let mut other = spec.clone();
    other.window.as_mut().unwrap().target = supernano_base::config::TargetRow::Mean;
    other.target_scales = Some(vec![(10.0, 2.0)]);
    let data = load(&other).unwrap();
    let image = data.test.image(0);
    let wanted = (0..4).map(|row| of_row(image, row)).sum::<f64>() / 4.0;
    assert!((f64::from(data.test.target(0)[0]) - wanted).abs() < 1.0);
    let scaled = data.targets(&data.test, &[0], &[])[0];
    assert_eq!(scaled, ((f64::from(data.test.target(0)[0]) - 10.0) / 2.0) as f32);
}

#[test]
fn several_labels_are_columns_of_0_and_1() {
    let folder = file(|_, row| row);
    let labels = names(["hot", "loud"]);
    let spec = DataSpec { multilabel: true, labels, ..spec(folder.path()) };
    let data = load(&spec).unwrap();
    assert_eq!((&data.objective, data.outputs()), (&Objective::Labels, 2));
    assert_eq!(data.classes, ["hot", "loud"]);
    assert!(data.train.targets.iter().all(|&t| t == 0.0 || t == 1.0));
    let bad = file(|i, row| if i == 7 { "1,2,3,2,0,good".into() } else { row });
    let error = refused(&DataSpec { path: Some(bad.path().join("rows.csv")), ..spec });
    assert!(error.ends_with("row 8, column `hot`: expected 0 or 1, found 2"), "{error}");
}

#[test]
fn anomalies_are_in_the_test_split_alone() {
    let folder = file(|_, row| row);
    let mut spec = DataSpec { reconstruct: true, ..spec(folder.path()) };
    let plain = load(&spec).unwrap();
    assert_eq!((&plain.objective, plain.outputs()), (&Objective::Reconstruction, 8));
    assert!(plain.test.labels.iter().all(|&label| label == 0));
    spec.window.as_mut().unwrap().label = Some("state".into());
    let error = refused(&spec);
    let expected =
        "data.normal: expected the class of normal items, one of good, worn, found nothing";
    assert!(error.ends_with(expected), "{error}");
    spec.normal = Some("good".into());
    let data = load(&spec).unwrap();
    let anomalies = |images: &Images| images.labels.iter().filter(|&&label| label == 1).count();
    assert_eq!((anomalies(&data.train), anomalies(&data.validation)), (0, 0));
    assert!(anomalies(&data.test) > 0 && anomalies(&data.test) < data.test.len());
    // What a network shall give is what it reads.
    let values = data.batch(&data.test, &[1]);
    assert_eq!(data.targets(&data.test, &[1], &values), values);
}

#[test]
fn wrong_targets_are_named() {
    let folder = file(|_, row| row);
    let spec = |targets: [&str; 1]| DataSpec { targets: names(targets), ..spec(folder.path()) };
    let error = refused(&spec(["power"]));
    assert!(error.contains("columns: expected `power`, found x, y, force"), "{error}");
    let error = refused(&spec(["x"]));
    assert!(error.contains("axes: expected no target"), "{error}");
    let text = file(|i, row| if i == 9 { "1,2,three,0,0,good".into() } else { row });
    let path = Some(text.path().join("rows.csv"));
    let error = refused(&DataSpec { path, ..spec(["force"]) });
    assert!(error.contains("rows.csv:11: column `force`: expected a finite number"), "{error}");
    let flat = file(|i, _| format!("{i},{},3,0,0,good", i * 7 % 50));
    let path = Some(flat.path().join("rows.csv"));
    let error = refused(&DataSpec { path, ..spec(["force"]) });
    let expected =
        "training split, column `force`: expected values that differ, found 3 in every item";
    assert!(error.ends_with(expected), "{error}");
    let scales = Some(vec![(0.0, 1.0), (0.0, 1.0)]);
    let error = refused(&DataSpec { target_scales: scales, ..spec(["force"]) });
    assert!(error.contains("target_scales: expected 1, one for each target, found 2"), "{error}");
}
