//! Every loader of this crate, over sets that are made to take memory, with 1 GiB of it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use supernano_base::config::{DataSource, DataSpec};
use supernano_base::testing::{folder_of_child, with_little_memory};
use supernano_core::space::Shape;
use tar::Header;

use crate::{load, sources};

const RECORD: u64 = 3074;

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

fn header(name: &str, size: u64) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_cksum();
    gzip(header.as_bytes())
}

/// A directory of the layout whose two files of images have `n` records of zeros each.
fn directory(path: &Path, n: u64) {
    std::fs::create_dir(path).unwrap();
    for name in ["train.bin", "test.bin"] {
        File::create(path.join(name)).unwrap().set_len(n * RECORD).unwrap();
    }
    let names: Vec<String> = (0..100).map(|i| format!("class{i}")).collect();
    std::fs::write(path.join("fine_label_names.txt"), names.join("\n")).unwrap();
}

fn sets_in(folder: &Path) {
    directory(&folder.join("most"), 43_000);
    directory(&folder.join("more"), 60_000);
    directory(&folder.join("huge"), 1 << 30);
    let names = folder.join("huge-names");
    directory(&names, 10);
    File::create(names.join("fine_label_names.txt")).unwrap().set_len(200 << 20).unwrap();
    let zeros = gzip(&vec![0; 64 << 20]);
    for (name, of) in
        [("bomb", "train.bin"), ("other", "readme"), ("names", "fine_label_names.txt")]
    {
        for (size, chunks) in [(3 << 30, 48), (192 << 20, 3)] {
            let bytes = [header(of, size), zeros.repeat(chunks), gzip(&[0; 1024])].concat();
            std::fs::write(folder.join(format!("{name}-{chunks}.tar.gz")), bytes).unwrap();
        }
    }
}

/// Recordings that decoders stumble over need less than 200 MiB and give a typed error or samples.
#[test]
fn messy_recordings_need_little_memory() {
    let Some(folder) = folder_of_child() else {
        let folder = tempfile::tempdir().unwrap();
        let name = "memory_tests::messy_recordings_need_little_memory";
        return with_little_memory(name, folder.path());
    };
    let chunk = |length: u32, rate: u32, channels: u16, bits: u16| {
        let mut bytes = b"RIFF\xff\xff\xff\x7fWAVEfmt \x10\0\0\0\x01\0".to_vec();
        let frame = channels * bits.div_ceil(8);
        bytes.extend(channels.to_le_bytes());
        bytes.extend(rate.to_le_bytes());
        bytes.extend((rate.wrapping_mul(frame.into())).to_le_bytes());
        bytes.extend(frame.to_le_bytes());
        bytes.extend(bits.to_le_bytes());
        bytes.extend(b"data");
        bytes.extend(length.to_le_bytes());
        bytes
    };
    // A header that promises 4 GiB, and files whose samples need more than the limit.
    let promise = chunk(u32::MAX - 8, 8000, 2, 16);
    let long = |count: usize, rate| {
        let mut bytes = chunk(count as u32, rate, 1, 8);
        bytes.resize(bytes.len() + count, 128);
        bytes
    };
    let files = [
        ("promise.wav", promise, false),
        ("long.wav", long(30 << 20, 8000), false),
        ("slow.wav", long(2 << 20, 1), false),
        ("fits.wav", long(20 << 20, 16_000), true),
        ("odd.wav", long(9, 7919), true),
    ];
    for (name, bytes, reads) in files {
        let path = folder.join(name);
        std::fs::write(&path, &bytes).unwrap();
        drop(bytes);
        let found = sources::sound::read(&path, 16_000);
        assert_eq!(found.is_ok(), reads, "{name}: {:?}", found.err());
    }
    let peak = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = peak.lines().find_map(|l| l.strip_prefix("VmHWM:")).unwrap().trim();
    let kib: u64 = peak.trim_end_matches(" kB").parse().unwrap();
    assert!(kib < 200 << 10, "{kib} KiB");
}

#[test]
fn loaders_need_little_memory() {
    let Some(folder) = folder_of_child() else {
        let folder = tempfile::tempdir().unwrap();
        sets_in(folder.path());
        return with_little_memory("memory_tests::loaders_need_little_memory", folder.path());
    };
    let cifar = |path: &Path| {
        load(&DataSpec { path: Some(path.into()), ..DataSpec::new(DataSource::Cifar100) })
    };
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if let Err(error) = cifar(&path) {
            assert_eq!(error.exit_code(), 2, "{}: {error}", path.display());
        }
    }
    let most = cifar(&folder.join("most")).unwrap();
    assert_eq!((most.train.len(), most.test.len()), (42_000, 43_000));
    drop(most);
    let large = Shape { height: 512, width: 512, channels: 4 };
    let small = Shape { height: 8, width: 8, channels: 1 };
    for (shape, images) in
        [(large, 100_000), (large, 900), (small, 4_000_000_000), (small, usize::MAX)]
    {
        let spec = DataSpec {
            train: Some(images),
            shape: Some(shape),
            ..DataSpec::new(DataSource::Glyphs)
        };
        let error = load(&spec).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
    }
}
