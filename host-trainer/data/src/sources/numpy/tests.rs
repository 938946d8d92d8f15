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
    assert_eq!(Dataset { notes: Vec::new(), ..others }, bytes);
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
    let again = ("y_test.npy".to_owned(), npy("|u1", &[2], &[1, 0]));
    let twice: Vec<_> = entries.into_iter().chain([again]).collect();
    std::fs::write(&path, supernano_pt::testing::archive(&twice, true)).unwrap();
    let error = super::super::load(&spec, SHAPE).unwrap_err().to_string();
    assert!(error.contains("each name once, found 5 members with 4 names"), "{error}");
}

#[test]
fn bad_arrays_are_refused() {
    let good = || npy("|u1", &[20, 2, 2], &[7; 80]);
    let labels = || npy("|u1", &[20], &[1; 20]);
    let nan: Vec<u8> = [f32::NAN; 80].iter().flat_map(|v| v.to_le_bytes()).collect();
    for (images, labels, parts) in [
        (good()[..90].to_vec(), labels(), ["x.npy", "length"]),
        (b"\x93NUMPY".to_vec(), labels(), ["x.npy", "length"]),
        (b"PK".to_vec(), labels(), ["x.npy", "magic number"]),
        (npy("|O", &[20, 2, 2], &[0; 640]), labels(), ["no Python objects", "astype('float32')"]),
        (npy("<c8", &[20, 2, 2], &[0; 640]), labels(), ["descr", "<c8"]),
        (npy("<f4", &[20, 2, 2], &nan), labels(), ["value 0", "a finite number"]),
        (npy("<i2", &[20, 2, 2], &[0xff; 160]), labels(), ["0 to 255", "found -1.0000 to -1.0000"]),
        (npy("|u1", &[usize::MAX, 2, 2], &[]), labels(), ["shape", "in memory"]),
        (npy("|u1", &[20, 4], &[7; 80]), labels(), ["[n, height, width]", "x.reshape(-1, 2, 2)"]),
        (good(), npy("|u1", &[20, 2], &[1; 40]), ["row 0", "y.argmax(axis=1)"]),
        (good(), npy("|u1", &[19], &[1; 19]), ["y.npy", "20, as many as images"]),
        (good(), npy("<f4", &[20], &[0x11; 80]), ["y.npy", "a whole number"]),
    ] {
        let error = set(images, labels).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    }
}

#[test]
fn other_layouts_give_the_same_set() {
    let pixels: Vec<u8> = (0..240).collect();
    let labels: Vec<u8> = (0..20).map(|i| i % 2).collect();
    let shape = Shape { channels: 3, ..SHAPE };
    let of = |images: Vec<u8>, labels: Vec<u8>| {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("X_train.npy"), images).unwrap();
        std::fs::write(folder.path().join("train_labels.npy"), labels).unwrap();
        let path = Some(folder.path().into());
        super::super::load(&DataSpec { path, ..DataSpec::new(DataSource::Numpy) }, shape)
    };
    let bytes = || npy("|u1", &[20, 2, 2, 3], &pixels);
    let of_bytes = || npy("|u1", &[20], &labels);
    let expected = of(bytes(), of_bytes()).unwrap();
    let same = |images: Vec<u8>, labels: Vec<u8>| {
        let found = of(images, labels).unwrap();
        assert_eq!((&found.train, &found.validation), (&expected.train, &expected.validation));
        found
    };
    // Fortran order: the first axis is the fastest.
    let mut fortran = vec![0; 240];
    for (i, &pixel) in pixels.iter().enumerate() {
        let (n, y, x, c) = (i / 12, i / 6 % 2, i / 3 % 2, i % 3);
        fortran[n + 20 * (y + 2 * (x + 2 * c))] = pixel;
    }
    let file =
        String::from_utf8_lossy(&npy("|u1", &[20, 2, 2, 3], &[])[10..]).replace("False", "True ");
    let head = npy("|u1", &[20, 2, 2, 3], &[])[..10].to_vec();
    same([head, file.into_bytes(), fortran].concat(), of_bytes());
    // Channels first, floats, one-hot labels and texts.
    let first: Vec<u8> = (0..240).map(|i| pixels[i / 12 * 12 + i % 4 * 3 + i % 12 / 4]).collect();
    same(npy("|u1", &[20, 3, 2, 2], &first), of_bytes());
    let whole: Vec<u8> = pixels.iter().flat_map(|&p| f64::from(p).to_le_bytes()).collect();
    let hot: Vec<u8> = labels
        .iter()
        .flat_map(|&l| [f32::from(1 - l), f32::from(l)])
        .flat_map(f32::to_le_bytes)
        .collect();
    same(npy("<f8", &[20, 2, 2, 3], &whole), npy("<f4", &[20, 2], &hot));
    let signed: Vec<u8> =
        pixels.iter().flat_map(|&p| (f32::from(p) / 127.5 - 1.0).to_le_bytes()).collect();
    let names: Vec<u8> = labels
        .iter()
        .flat_map(|&l| {
            ["caf\u{e9}", "tea"][usize::from(l)]
                .chars()
                .chain(['\0'; 4])
                .take(5)
                .collect::<Vec<_>>()
        })
        .flat_map(|c| u32::from(c).to_le_bytes())
        .collect();
    let named = same(npy("<f4", &[20, 2, 2, 3], &signed), npy("<U5", &[20], &names));
    assert_eq!(named.classes, ["caf\u{e9}", "tea"]);
    assert!(named.notes.iter().any(|n| n.contains("values from -1 to 1")), "{:?}", named.notes);
    // Floats of 16 bits: 0, 0.5 and 1. The first three of an image are the digits of its number.
    let half = |i: usize| {
        let digit = if i % 12 < 3 { i / 12 / [1, 3, 9][i % 12] } else { i };
        [0u16, 0x3800, 0x3c00][digit % 3].to_le_bytes()
    };
    let halves: Vec<u8> = (0..240).flat_map(half).collect();
    let halves = of(npy("<f2", &[20, 2, 2, 3], &halves), of_bytes()).unwrap();
    assert_eq!(halves.train.image(0)[3..6], [0, 128, 255]);
    // Labels that leave out numbers name their classes.
    let sparse: Vec<u8> = labels.iter().map(|l| 3 + 4 * l).collect();
    assert_eq!(of(bytes(), npy("|u1", &[20], &sparse)).unwrap().classes, ["3", "7"]);
}

#[test]
fn windows_of_floats_are_recordings_of_sensors() {
    let folder = tempfile::tempdir().unwrap();
    let values: Vec<u8> =
        (0..40 * 6 * 2).flat_map(|i| ((i * i % 91) as f32 - 45.0).to_le_bytes()).collect();
    std::fs::write(folder.path().join("x.npy"), npy("<f4", &[40, 6, 2], &values)).unwrap();
    let labels: Vec<u8> = (0..40).map(|i| i % 2).collect();
    std::fs::write(folder.path().join("y.npy"), npy("|u1", &[40], &labels)).unwrap();
    assert_eq!(super::super::guess(folder.path()).unwrap(), DataSource::Sensors);
    let window = supernano_base::config::WindowSpec { samples: 6, ..Default::default() };
    let spec = DataSpec {
        path: Some(folder.path().into()),
        window: Some(window),
        ..DataSpec::new(DataSource::Sensors)
    };
    let data = super::super::load(&spec, Shape { height: 6, width: 2, channels: 1 }).unwrap();
    assert_eq!(data.train.len() + data.validation.len() + data.test.len(), 40);
    assert!(data.front_end.is_some());
}
