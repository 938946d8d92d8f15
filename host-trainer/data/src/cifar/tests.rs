use supernano_base::config::DataSource;

use std::fs::File;

use super::*;
use crate::load;

const RECORD: usize = 2 + 3 * PLANE;
const TRAIN: &str = "train.bin";
const TEST: &str = "test.bin";
const LABELS: &str = "fine_label_names.txt";

fn spec(path: &Path) -> DataSpec {
    DataSpec { path: Some(path.into()), validation: Some(2), ..DataSpec::new(DataSource::Cifar100) }
}

/// A directory with five training and three test images whose pixels count up.
fn tiny(directory: &Path) {
    let record = |i: u8| {
        let mut r = vec![0, i];
        r.extend((0..3 * PLANE).map(|p| (p / PLANE * 50) as u8 + i));
        r
    };
    std::fs::write(directory.join(TRAIN), (0..5).flat_map(record).collect::<Vec<u8>>()).unwrap();
    std::fs::write(directory.join(TEST), (5..8).flat_map(record).collect::<Vec<u8>>()).unwrap();
    let names: Vec<String> = (0..100).map(|i| format!("class{i}")).collect();
    std::fs::write(directory.join(LABELS), names.join("\n")).unwrap();
}

#[test]
fn directory_and_archive_give_the_same() {
    let directory = tempfile::tempdir().unwrap();
    tiny(directory.path());
    let data = load(&spec(directory.path())).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (3, 2, 3));
    assert_eq!(data.classes[7], "class7");
    assert_eq!(data.test.labels, [5, 6, 7]);
    assert_eq!(data.test.image(1)[..6], [6, 56, 106, 6, 56, 106]);
    let mut labels = [data.train.labels.clone(), data.validation.labels.clone()].concat();
    labels.sort_unstable();
    assert_eq!(labels, [0, 1, 2, 3, 4]);

    let last = DataSpec { holdout: Holdout::Last, ..spec(directory.path()) };
    let last = load(&last).unwrap();
    assert_eq!((last.train.labels, last.validation.labels), (vec![0, 1, 2], vec![3, 4]));

    let packed = directory.path().join("set.tar.gz");
    let gzip =
        flate2::write::GzEncoder::new(File::create(&packed).unwrap(), flate2::Compression::fast());
    let mut archive = tar::Builder::new(gzip);
    for name in [TRAIN, TEST, LABELS] {
        let to = format!("cifar-100-binary/{name}");
        archive.append_path_with_name(directory.path().join(name), to).unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    assert_eq!(load(&spec(&packed)).unwrap(), data);

    let cut = directory.path().join("cut.tar.gz");
    let bytes = std::fs::read(&packed).unwrap();
    std::fs::write(&cut, &bytes[..bytes.len() / 2]).unwrap();
    let error = load(&spec(&cut)).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("cut.tar.gz"), "{error}");
}

#[test]
fn errors_name_file_expected_and_found() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let says = |parts: &[&str]| {
        let error = load(&spec(path)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    };
    says(&["train.bin", "not found"]);
    tiny(path);
    std::fs::write(path.join(LABELS), "a\nb\n").unwrap();
    says(&[LABELS, "100", "2"]);
    tiny(path);
    std::fs::write(path.join(TEST), vec![0; RECORD + 1]).unwrap();
    says(&[TEST, "3074", "3075"]);
    std::fs::write(path.join(TEST), vec![120; RECORD]).unwrap();
    says(&[TEST, "record 0", "100", "120"]);
    let names: Vec<String> = (0..100).map(|i| format!("class{i}")).collect();
    std::fs::write(path.join(LABELS), names.join("\n").replacen("class7\n", "a */ b\n", 1))
        .unwrap();
    says(&[LABELS, "class 7", "letters, digits"]);
    std::fs::write(path.join(LABELS), format!("\u{feff}{}\r\n", names.join("\r\n"))).unwrap();
    std::fs::write(path.join(TEST), vec![7; RECORD]).unwrap();
    assert_eq!(load(&spec(path)).unwrap().classes, names);
    File::create(path.join(TRAIN)).unwrap().set_len(1 << 40).unwrap();
    says(&[TRAIN, "at most 256 MiB", "SUPERNANO_ARCHIVE_MIB"]);
    tiny(path);
    let mut many = spec(path);
    many.validation = Some(5);
    assert!(load(&many).unwrap_err().to_string().contains("5 images"));
    many = DataSpec { path: None, ..spec(path) };
    assert!(load(&many).unwrap_err().to_string().contains("path"));
}

#[test]
fn the_official_archive() {
    let Some(path) = supernano_base::testing::shared("data/cifar-100-binary.tar.gz") else {
        return;
    };
    let spec = DataSpec { validation: Some(5000), test: Some(2000), ..spec(&path) };
    let data = load(&spec).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (45_000, 5000, 2000));
    assert_eq!(data.classes[0], "apple");
    assert_eq!(data.classes[99], "worm");
    let mut count = [0; 100];
    for &l in data.train.labels.iter().chain(&data.validation.labels) {
        count[usize::from(l)] += 1;
    }
    assert_eq!(count, [500; 100]);
    let (mean, _) = crate::channel_statistics(&data.train);
    for (a, b) in mean.iter().zip(data.mean.clone()) {
        assert!((a - b).abs() < 0.002, "{mean:?}");
    }
}

#[test]
fn cifar_10_has_six_files_and_its_own_statistics() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let record = |label: u8| [vec![label], vec![10 * label; 3 * PLANE]].concat();
    for (i, name) in CIFAR10.train.iter().enumerate() {
        std::fs::write(path.join(name), [record(i as u8), record(9 - i as u8)].concat()).unwrap();
    }
    std::fs::write(path.join(CIFAR10.test), record(3)).unwrap();
    let names = "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n";
    std::fs::write(path.join(CIFAR10.names), names).unwrap();
    let spec = DataSpec { name: DataSource::Cifar10, ..spec(path) };
    let data = load(&spec).unwrap();
    assert_eq!((data.train.len(), data.validation.len(), data.test.len()), (8, 2, 1));
    assert_eq!((data.classes[3].as_str(), &data.test.labels[..]), ("cat", &[3][..]));
    assert_eq!(data.test.image(0)[..3], [30; 3]);
    assert_eq!((data.mean.clone(), data.std.clone()), channel_statistics(&data.train));
    let bytes: usize = data.classes.iter().map(|name| name.len() + 1).sum();
    let config = supernano_base::config::RunConfig::parse(
        "preset = \"quick\"\nspace = \"resnet8\"\nclasses = 10\n[data]\nname = \"cifar10\"\n",
        "t",
    );
    assert_eq!(crate::label_bytes(&config.unwrap()), bytes);

    std::fs::remove_file(path.join(CIFAR10.train[4])).unwrap();
    let error = load(&spec).unwrap_err().to_string();
    assert!(error.contains("data_batch_5.bin: not found"), "{error}");
}
