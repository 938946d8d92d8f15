use supernano_base::config::DataSource;

use super::*;

const SHAPE: Shape = Shape { height: 2, width: 2, channels: 1 };

/// An NPY file of version 1.
fn npy(descr: &str, sizes: &[usize], bytes: &[u8]) -> Vec<u8> {
    let sizes: String = sizes.iter().map(|s| format!("{s}, ")).collect();
    let header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({sizes}), }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    let length = header.len().next_multiple_of(64);
    file.extend((length as u16).to_le_bytes());
    file.extend(format!("{header:length$}").bytes());
    file.extend(bytes);
    file
}

fn set(images: Vec<u8>, labels: Vec<u8>) -> Result<Dataset> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x.npy"), images).unwrap();
    std::fs::write(folder.path().join("y.npy"), labels).unwrap();
    let path = Some(folder.path().into());
    super::super::load(&DataSpec { path, ..DataSpec::new(DataSource::Numpy) }, SHAPE)
}

#[test]
fn every_type_of_number_gives_the_same_set() {
    let pixels: Vec<u8> = (0..80).collect();
    let labels: Vec<u8> = (0..20).map(|i| i % 2).collect();
    let bytes = set(npy("|u1", &[20, 2, 2], &pixels), npy("|u1", &[20], &labels)).unwrap();
    assert_eq!(bytes.train.len() + bytes.validation.len() + bytes.test.len(), 20);
    for (i, &label) in bytes.train.labels.iter().enumerate() {
        assert_eq!(u16::from(bytes.train.image(i)[0] / 4) % 2, label);
    }
    let wide: Vec<u8> = labels.iter().flat_map(|&l| i64::from(l).to_be_bytes()).collect();
    let floats: Vec<u8> =
        pixels.iter().flat_map(|&p| (f32::from(p) / 255.0).to_le_bytes()).collect();
    let others = set(npy("<f4", &[20, 2, 2, 1], &floats), npy(">i8", &[20, 1], &wide)).unwrap();
    assert_eq!(others, bytes);
}

#[test]
fn an_npz_archive_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let pixels: Vec<u8> = (0..80).collect();
    let labels: Vec<u8> = (0..20).map(|i| i % 2).collect();
    let path = folder.path().join("set.npz");
    let entries = [
        ("x_train.npy", npy("|u1", &[20, 2, 2], &pixels)),
        ("y_train.npy", npy("|u1", &[20], &labels)),
        ("x_test.npy", npy("|u1", &[2, 2, 2], &[9; 8])),
        ("y_test.npy", npy("|u1", &[2], &[0, 1])),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes));
    let zip = supernano_pt::testing::archive(&entries, true);
    std::fs::write(&path, &zip).unwrap();
    let spec = DataSpec { path: Some(path.clone()), ..DataSpec::new(DataSource::Numpy) };
    let data = super::super::load(&spec, SHAPE).unwrap();
    assert_eq!((data.train.len() + data.validation.len(), data.test.len()), (20, 2));
    let mut flipped = zip.clone();
    let at = flipped.len() / 3;
    flipped[at] ^= 1;
    std::fs::write(&path, flipped).unwrap();
    assert!(super::super::load(&spec, SHAPE).is_err());
}

#[test]
fn bad_arrays_are_refused() {
    let good = || npy("|u1", &[20, 2, 2], &[7; 80]);
    let labels = || npy("|u1", &[20], &[1; 20]);
    let fortran = String::from_utf8_lossy(&good()[10..]).replace("False", "True ");
    let fortran = [&good()[..10], fortran.as_bytes()].concat();
    let nan: Vec<u8> = [f32::NAN; 80].iter().flat_map(|v| v.to_le_bytes()).collect();
    for (images, labels, parts) in [
        (good()[..90].to_vec(), labels(), ["x.npy", "length"]),
        (b"\x93NUMPY".to_vec(), labels(), ["x.npy", "length"]),
        (b"PK".to_vec(), labels(), ["x.npy", "magic number"]),
        (fortran, labels(), ["x.npy", "fortran_order"]),
        (npy("<c8", &[20, 2, 2], &[0; 640]), labels(), ["descr", "<c8"]),
        (npy("<f4", &[20, 2, 2], &nan), labels(), ["value 0", "0.0 to 1.0"]),
        (npy("<i2", &[20, 2, 2], &[0xff; 160]), labels(), ["value 0", "0 to 255"]),
        (npy("|u1", &[usize::MAX, 2, 2], &[]), labels(), ["shape", "in memory"]),
        (npy("|u1", &[20, 4], &[7; 80]), labels(), ["shape", "[n, height, width]"]),
        (good(), npy("|u1", &[19], &[1; 19]), ["y.npy", "20, as many as images"]),
        (good(), npy("<f4", &[20], &[0x11; 80]), ["y.npy", "a whole number"]),
    ] {
        let error = set(images, labels).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    }
}
