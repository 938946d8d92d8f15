use std::io::Write as _;

use supernano_base::config::DataSource;

use super::*;

const SHAPE: Shape = Shape { height: 2, width: 3, channels: 1 };

fn idx(sizes: &[u32], values: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, BYTES, sizes.len() as u8];
    sizes.iter().for_each(|s| bytes.extend(s.to_be_bytes()));
    bytes.extend(values);
    bytes
}

fn gz(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// A set of 40 training and 10 test images, half of the files compressed.
fn set() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, n) in [("train", 40u8), ("t10k", 10)] {
        let pixels: Vec<u8> = (0..n).flat_map(|i| [i, 1, 2, 3, 4, n]).collect();
        let labels: Vec<u8> = (0..n).map(|i| i % 4).collect();
        let images = idx(&[n.into(), 2, 3], &pixels);
        std::fs::write(folder.path().join(format!("{name}-images-idx3-ubyte.gz")), gz(&images))
            .unwrap();
        let labels = idx(&[n.into()], &labels);
        std::fs::write(folder.path().join(format!("{name}-labels-idx1-ubyte")), labels).unwrap();
    }
    folder
}

fn spec(path: &Path) -> DataSpec {
    DataSpec { path: Some(path.into()), ..DataSpec::new(DataSource::Idx) }
}

#[test]
fn the_four_files_are_a_data_set() {
    let folder = set();
    let data = super::super::load(&spec(folder.path()), SHAPE).unwrap();
    assert_eq!(data.classes, ["0", "1", "2", "3"]);
    assert_eq!((data.train.len() + data.validation.len(), data.test.len()), (40, 10));
    for (i, &label) in data.test.labels.iter().enumerate() {
        let image = data.test.image(i);
        assert_eq!((u16::from(image[0]) % 4, &image[1..]), (label, &[1, 2, 3, 4, 10][..]));
    }
    // Numbers that do not occur are no classes.
    let labels = folder.path().join("train-labels-idx1-ubyte");
    let (old, test) =
        (std::fs::read(&labels).unwrap(), folder.path().join("t10k-labels-idx1-ubyte"));
    let shifted = |n: u8| idx(&[n.into()], &(0..n).map(|i| 3 + i % 4).collect::<Vec<u8>>());
    let old_test = std::fs::read(&test).unwrap();
    std::fs::write(&labels, shifted(40)).unwrap();
    std::fs::write(&test, shifted(10)).unwrap();
    let other = super::super::load(&spec(folder.path()), SHAPE).unwrap();
    assert_eq!(other.classes, ["3", "4", "5", "6"]);
    assert_eq!((&other.train, &other.test), (&data.train, &data.test));
    let again = other.with_facts(&spec(folder.path()));
    assert_eq!(super::super::load(&again, SHAPE).unwrap(), other);
    std::fs::write(&labels, old).unwrap();
    std::fs::write(&test, old_test).unwrap();
    // Files with the name of a part before their own.
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let path = entry.unwrap().path();
        let name = format!("emnist-{}", path.file_name().unwrap().to_str().unwrap());
        std::fs::rename(&path, path.with_file_name(name)).unwrap();
    }
    assert_eq!(super::super::load(&spec(folder.path()), SHAPE).unwrap(), data);
    let labels = Some(["a", "b", "c", "d", "e"].map(String::from).to_vec());
    let error = super::super::load(&DataSpec { labels, ..spec(folder.path()) }, SHAPE).unwrap_err();
    assert!(error.to_string().contains("class `e`"), "{error}");
}

#[test]
fn damaged_files_are_refused() {
    for (name, bytes, parts) in [
        ("train-images-idx3-ubyte.gz", idx(&[40, 2, 3], &[0; 239]), ["length", "[40, 2, 3]"]),
        ("train-images-idx3-ubyte.gz", idx(&[u32::MAX; 3], &[0; 8]), ["length", "4294967295"]),
        ("train-images-idx3-ubyte.gz", idx(&[0, 2, 3], &[]), ["sizes", "at least 1"]),
        ("train-images-idx3-ubyte.gz", vec![0, 0, 13, 3], ["magic number", "0d"]),
        ("train-images-idx3-ubyte.gz", vec![], ["length", "found 0"]),
        ("train-images-idx3-ubyte.gz", vec![0, 0, 8, 3, 1], ["length", "header"]),
        ("train-labels-idx1-ubyte", idx(&[39], &[0; 39]), ["labels", "40, as many as images"]),
        ("train-labels-idx1-ubyte", idx(&[40, 1], &[0; 40]), ["dimensions", "found 2"]),
    ] {
        let folder = set();
        std::fs::write(folder.path().join(name), bytes).unwrap();
        let error = super::super::load(&spec(folder.path()), SHAPE).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains(name), "{error}");
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    }
    let folder = set();
    let path = folder.path().join("train-images-idx3-ubyte.gz");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 3]).unwrap();
    let error = super::super::load(&spec(folder.path()), SHAPE).unwrap_err().to_string();
    assert!(error.contains("gzip"), "{error}");
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(folder.path().join("t10k-labels-idx1-ubyte")).unwrap();
    let error = super::super::load(&spec(folder.path()), SHAPE).unwrap_err().to_string();
    assert!(error.contains("t10k-labels-idx1-ubyte: not found"), "{error}");
}
