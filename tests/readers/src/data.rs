//! Readers of data sets: archives, pictures, IDX, NumPy, CSV.

use std::io::{Cursor, Write as _};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use image::{DynamicImage, ImageFormat, RgbImage};
use supernano_base::config::{DataSource, DataSpec, WindowSpec};
use supernano_base::error::Error;
use supernano_core::space::Shape;
use supernano_core::wire::checksum;
use supernano_data::{load, sources};

use crate::inputs;
use crate::models::repair_zip;
use crate::targets::Target;

/// A gzip file of one member.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).and_then(|()| gzip.finish()).expect("memory")
}

/// Bytes that differ.
fn noise(n: usize, seed: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 + seed * 97 + i / 7) as u8).collect()
}

/// A tar file with the files of CIFAR-100, a few records each.
fn cifar() -> Vec<u8> {
    let mut builder = tar::Builder::new(Vec::new());
    let names: String = (0..100).map(|i| format!("class{i}\n")).collect();
    let records = |n: usize| {
        (0..n).flat_map(|i| [vec![0, i as u8], vec![i as u8; 3072]].concat()).collect::<Vec<u8>>()
    };
    for (name, bytes) in [
        ("cifar-100-binary/train.bin", records(6)),
        ("cifar-100-binary/readme", b"read me".to_vec()),
        ("cifar-100-binary/test.bin", records(2)),
        ("cifar-100-binary/fine_label_names.txt", names.into_bytes()),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(bytes.len() as u64);
        header.set_mode(0o644);
        header.set_cksum();
        builder.append_data(&mut header, name, bytes.as_slice()).expect("memory");
    }
    builder.into_inner().expect("memory")
}

/// Corrects the checksums of all headers of a tar file whose entries have the sizes of [`cifar`].
fn repair_tar(tar: &mut [u8]) {
    let mut at = 0;
    while let Some(header) = tar.get_mut(at..at + 512) {
        header[148..156].fill(b' ');
        let sum: u32 = header.iter().map(|&b| u32::from(b)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        let digits = String::from_utf8_lossy(&header[124..135]).into_owned();
        let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).unwrap_or(0);
        at += 512 + size.min(1 << 20).next_multiple_of(512);
    }
}

/// Pictures in all formats.
fn pictures() -> Vec<Vec<u8>> {
    let picture = RgbImage::from_fn(9, 8, |x, y| image::Rgb([x as u8 * 20, y as u8 * 30, 77]));
    let picture = DynamicImage::ImageRgb8(picture);
    [ImageFormat::Bmp, ImageFormat::Gif, ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP]
        .into_iter()
        .map(|format| {
            let mut bytes = Cursor::new(Vec::new());
            picture.write_to(&mut bytes, format).expect("memory");
            bytes.into_inner()
        })
        .collect()
}

/// An IDX file of bytes.
fn idx(sizes: &[u32], values: Vec<u8>) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|s| s.to_be_bytes()));
    bytes.extend(values);
    bytes
}

/// A NumPy file.
fn npy(of: &str, shape: &str, values: Vec<u8>) -> Vec<u8> {
    let mut header = format!("{{'descr': '{of}', 'fortran_order': False, 'shape': {shape}, }}");
    while (header.len() + 11) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut bytes = b"\x93NUMPY\x01\0".to_vec();
    bytes.extend((header.len() as u16).to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(values);
    bytes
}

/// A zip file whose entries are stored.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let (mut out, mut directory) = (Vec::new(), Vec::new());
    for (name, contents) in entries {
        let size = (contents.len() as u32).to_le_bytes();
        let mut fields = vec![20, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        fields.extend(checksum(contents).to_le_bytes());
        fields.extend([size, size].concat());
        fields.extend((name.len() as u32).to_le_bytes());
        directory.extend(b"PK\x01\x02\x14\0");
        directory.extend(&fields);
        directory.extend([0; 10]);
        directory.extend((out.len() as u32).to_le_bytes());
        directory.extend(name.as_bytes());
        out.extend(b"PK\x03\x04");
        out.extend(fields);
        out.extend(name.as_bytes());
        out.extend(*contents);
    }
    let (start, count) = (out.len() as u32, entries.len() as u16);
    out.extend(&directory);
    out.extend(b"PK\x05\x06\0\0\0\0");
    out.extend([count.to_le_bytes(), count.to_le_bytes()].concat());
    out.extend((directory.len() as u32).to_le_bytes());
    out.extend(start.to_le_bytes());
    out.extend([0, 0]);
    out
}

/// A recording of two axes.
fn recording(seed: usize) -> Vec<u8> {
    let row = |i: usize| format!("{}.5,-{}\n", (i * 7 + seed) % 13, (i * i + seed) % 11);
    let rows: String = (0..96).map(row).collect();
    format!("x,y\n{rows}").into_bytes()
}

/// Rows of numbers with a column of time, of classes and of subjects.
fn labelled_rows() -> Vec<u8> {
    let row = |i: usize| {
        let class = ["walk", "run", ""][i / 24 % 3];
        format!("{i},{},{},{class},p{}\n", i * 7 % 13, i * i % 11, i / 72)
    };
    let rows: String = (0..288).map(row).collect();
    format!("time,x,y,class,subject\n{rows}").into_bytes()
}

/// Reads the own files of a data set, with the shape that they have.
fn own(source: DataSource, path: &Path) -> Result<(), Error> {
    let window = WindowSpec { samples: 8, ..WindowSpec::default() };
    let window = (source == DataSource::Sensors).then_some(window);
    let spec = DataSpec { path: Some(path.into()), window, ..DataSpec::new(source) };
    let mut guessed = spec.clone();
    if let Ok(outputs) = sources::outputs::outputs(&spec, path) {
        outputs.write(&mut guessed);
    }
    let shape = match source {
        DataSource::Pictures => Shape { height: 8, width: 9, channels: 3 },
        _ => sources::own_shape(&spec)?,
    };
    // The limit of a space's input keeps this target fast.
    if usize::from(shape.height) * usize::from(shape.width) > 1 << 16 {
        return Ok(());
    }
    if !guessed.target_columns().is_empty() {
        let _ = sources::load(&guessed, shape);
    }
    let dataset = sources::load(&spec, shape)?;
    for split in [&dataset.train, &dataset.validation, &dataset.test] {
        assert_eq!(split.pixels.len(), split.labels.len() * shape.len());
        assert!(split.labels.iter().all(|&l| usize::from(l) < dataset.classes.len()));
    }
    Ok(())
}

/// Makes a folder with these files.
fn folder_of(folder: &Path, files: &[(&str, &[u8])]) {
    for (name, bytes) in files {
        let path = folder.join(name);
        let made = std::fs::create_dir_all(path.parent().unwrap_or(folder));
        made.and_then(|()| std::fs::write(&path, bytes)).expect("the temporary directory");
    }
}

/// The targets of this file.
pub fn targets(folder: &Path) -> Vec<Target> {
    let cifar_spec = |file: &Path| DataSpec {
        path: Some(file.into()),
        validation: Some(2),
        ..DataSpec::new(DataSource::Cifar100)
    };
    let read_cifar = move |file: &Path| load(&cifar_spec(file)).map(|_| ());
    let packed = folder.join("packed.tar.gz");
    let tar = Target {
        repair: repair_tar,
        ..Target::of_file("tar", packed.clone(), vec![gzip(&cifar())], read_cifar)
    };
    let tar = Target {
        seeds: vec![cifar()],
        read: Box::new(move |bytes| {
            std::fs::write(&packed, gzip(bytes)).expect("the temporary directory");
            load(&cifar_spec(&packed)).map(|_| ())
        }),
        ..tar
    };

    let pictures_in = folder.join("pictures");
    let all = pictures();
    let mut names = Vec::new();
    for class in ["a", "b"] {
        for i in 0..8u8 {
            let picture = RgbImage::from_pixel(9, 8, image::Rgb([i * 9, 200, class.as_bytes()[0]]));
            let mut png = Cursor::new(Vec::new());
            DynamicImage::ImageRgb8(picture).write_to(&mut png, ImageFormat::Png).expect("memory");
            names.push((format!("{class}/{i}.png"), png.into_inner()));
        }
    }
    let of_names: Vec<(&str, &[u8])> =
        names.iter().map(|(n, b)| (n.as_str(), b.as_slice())).collect();
    folder_of(&pictures_in, &of_names);
    let inputs_of = folder.join("of-inputs");
    folder_of(&inputs_of, &of_names);
    let lists_in = folder.join("lists");
    folder_of(&lists_in, &of_names);
    let rows = names.iter().map(|(name, _)| format!("{name},{}\n", &name[..1]));
    let list = format!("path,label\n{}", rows.collect::<String>()).into_bytes();

    let idx_in = folder.join("idx");
    let labels = |n: usize| (0..n).map(|i| (i % 3) as u8).collect::<Vec<u8>>();
    let images = idx(&[24, 8, 8], noise(24 * 64, 1));
    folder_of(
        &idx_in,
        &[
            ("train-images-idx3-ubyte", &images),
            ("train-labels-idx1-ubyte", &idx(&[24], labels(24))),
            ("t10k-images-idx3-ubyte", &idx(&[6, 8, 8], noise(6 * 64, 2))),
            ("t10k-labels-idx1-ubyte", &idx(&[6], labels(6))),
        ],
    );
    let (idx_images, idx_labels) =
        (idx_in.join("train-images-idx3-ubyte"), folder.join("idx2/train-labels-idx1-ubyte"));
    folder_of(&folder.join("idx2"), &[("train-images-idx3-ubyte", &images)]);

    let (x, y) = (npy("|u1", "(24, 8, 8)", noise(24 * 64, 3)), npy("|u1", "(24,)", labels(24)));
    let floats: Vec<u8> = (0..24 * 64).flat_map(|i| (i as f32 / 1536.0).to_le_bytes()).collect();
    let wide = npy("<f4", "(24, 8, 8, 1)", floats);
    let numbers: Vec<u8> = labels(24).iter().flat_map(|&l| i64::from(l).to_le_bytes()).collect();
    folder_of(&folder.join("numpy"), &[("y.npy", &y)]);
    folder_of(&folder.join("numpy2"), &[("x.npy", &x)]);
    let zips = vec![zip(&[("x.npy", &x), ("y.npy", &y)])];

    let sensors_in = folder.join("sensors");
    folder_of(&sensors_in, &[("a.csv", &recording(1)), ("b.csv", &recording(5))]);

    let npz = Target::of_file("npz", folder.join("arrays.npz"), zips, |file| {
        own(DataSource::Numpy, file)
    });
    let npz = Target { repair: repair_zip, ..npz };
    let parent = |source| move |file: &Path| own(source, file.parent().unwrap_or(file));
    vec![
        Target::of_file("archive", folder.join("a.tar.gz"), vec![gzip(&cifar())], read_cifar),
        tar,
        Target::of_file("pictures", pictures_in.join("a/0.png"), all, move |_| {
            own(DataSource::Pictures, &pictures_in)
        }),
        Target::of_file("picture-lists", lists_in.join("list.csv"), vec![list], |file| {
            own(DataSource::Pictures, file)
        }),
        Target::of_file("idx-images", idx_images, vec![images], parent(DataSource::Idx)),
        Target::of_file(
            "idx-labels",
            idx_labels,
            vec![idx(&[24], labels(24))],
            parent(DataSource::Idx),
        ),
        Target::of_file(
            "npy-images",
            folder.join("numpy/x.npy"),
            vec![x, wide],
            parent(DataSource::Numpy),
        ),
        Target::of_file(
            "npy-labels",
            folder.join("numpy2/y.npy"),
            vec![y, npy("<i8", "(24,)", numbers)],
            parent(DataSource::Numpy),
        ),
        npz,
        inputs::target(folder, &inputs_of),
        Target::of_file("sensors", sensors_in.join("a.csv"), vec![recording(1)], move |_| {
            own(DataSource::Sensors, &sensors_in)
        }),
        Target::of_file("sensor-rows", folder.join("rows.csv"), vec![labelled_rows()], |file| {
            own(DataSource::Sensors, file)
        }),
    ]
}
