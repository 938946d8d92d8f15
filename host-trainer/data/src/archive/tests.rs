use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

use super::*;

const NAMES: [&str; 2] = ["a.bin", "b.bin"];

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// Content that no compression shortens much.
fn noise(n: usize) -> Vec<u8> {
    (0..n as u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect()
}

fn tar_of(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut builder = Builder::new(Vec::new());
    for (name, bytes) in entries {
        let mut header = Header::new_gnu();
        header.set_size(bytes.len() as u64);
        builder.append_data(&mut header, name, bytes.as_slice()).unwrap();
    }
    builder.into_inner().unwrap()
}

fn whole() -> Vec<u8> {
    tar_of(&[
        ("set/readme", b"nothing".to_vec()),
        ("set/a.bin", noise(5000)),
        ("set/b.bin", vec![0; 2048]),
    ])
}

fn loaded(bytes: &[u8]) -> Result<HashMap<String, Vec<u8>>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("set.tar.gz");
    std::fs::write(&path, bytes).unwrap();
    read(&path, &NAMES)
}

fn refused(what: &str, bytes: &[u8], says: &str) {
    let error = loaded(bytes).map(drop).expect_err(what);
    assert_eq!(error.exit_code(), 2, "{what}: {error}");
    let error = error.to_string();
    assert!(error.contains("set.tar.gz: ") && error.contains(says), "{what}: {error}");
}

#[test]
fn one_member_or_many_give_the_same() {
    let tar = whole();
    let one = loaded(&gzip(&tar)).unwrap();
    assert_eq!((one["a.bin"].as_slice(), one["b.bin"].len()), (noise(5000).as_slice(), 2048));
    for size in [1, 512, 700, 6000] {
        let many: Vec<u8> = tar.chunks(size).flat_map(gzip).collect();
        assert_eq!(loaded(&many).unwrap(), one);
    }
    let padded = [tar.as_slice(), &[0; 10240]].concat();
    assert_eq!(loaded(&gzip(&padded)).unwrap(), one);
    let long = format!("{}/a.bin", "long".repeat(60));
    let found = loaded(&gzip(&tar_of(&[(&long, noise(9))]))).unwrap();
    assert_eq!(found["a.bin"], noise(9));
}

#[test]
fn damaged_archives_are_refused() {
    let (tar, packed) = (whole(), gzip(&whole()));
    let n = packed.len();
    let changed = |bytes: &[u8], at: usize| {
        let mut bytes = bytes.to_vec();
        bytes[at] ^= 1;
        bytes
    };
    refused("data", &changed(&packed, n / 2), "archive");
    refused("checksum", &changed(&packed, n - 8), "archive");
    refused("length", &changed(&packed, n - 4), "archive");
    let members = [gzip(&tar[..3000]), gzip(&tar[3000..])];
    let first = changed(&members[0], members[0].len() - 8);
    refused("first member", &[first, members[1].clone()].concat(), "archive");
    // The checksum of a member that holds nothing but the end of the tar file.
    let end = gzip(&[0; 1024]);
    let body = gzip(&tar[..tar.len() - 1024]);
    refused("last member", &[body, changed(&end, end.len() - 8)].concat(), "archive");
    for cut in [1, 8, n / 2, n - 20] {
        refused("cut", &packed[..n - cut], "archive");
    }
    refused("text behind it", &[&packed[..], b"more"].concat(), "archive");
    refused("no gzip", &tar, "archive");
    refused("header checksum", &gzip(&changed(&tar, 1024 + 3)), "checksum");
    for cut in [1024, 1500, 1024 + 512 * 3] {
        refused("cut tar file", &gzip(&tar[..tar.len() - cut]), "archive");
    }
    refused("more entries", &gzip(&[tar.as_slice(), &tar].concat()), "after the end");
}

#[test]
fn names_that_come_twice_and_other_kinds_are_refused() {
    let twice = tar_of(&[("x/a.bin", noise(9)), ("y/a.bin", noise(9))]);
    refused("twice", &gzip(&twice), "`a.bin` once");
    let mut builder = Builder::new(Vec::new());
    let mut header = Header::new_gnu();
    header.set_entry_type(EntryType::Symlink);
    header.set_size(0);
    builder.append_link(&mut header, "a.bin", "b.bin").unwrap();
    refused("link", &gzip(&builder.into_inner().unwrap()), "regular file");
}

#[test]
fn large_archives_are_refused_before_they_are_unpacked() {
    let chunk = gzip(&vec![0; 64 << 20]).repeat(48);
    let header = |name: &str, size: u64| {
        let mut header = Header::new_gnu();
        header.set_path(name).unwrap();
        header.set_size(size);
        header.set_cksum();
        gzip(header.as_bytes())
    };
    let entry = |name: &str| [header(name, 3 << 30), chunk.clone(), gzip(&[0; 1024])].concat();
    let bytes = entry("a.bin");
    assert!(bytes.len() < 15 << 20);
    refused("a file", &bytes, "unpacked size with `a.bin`: expected at most 256 MiB");
    refused("a file", &bytes, "found 3072 MiB");
    refused("another file", &entry("readme"), "unpacked size: expected at most 256 MiB");
    let mut name = Header::new_gnu();
    name.set_path("././@LongLink").unwrap();
    name.set_entry_type(EntryType::GNULongName);
    name.set_size(3 << 30);
    name.set_cksum();
    let bytes = [gzip(name.as_bytes()), chunk].concat();
    refused("a long name", &bytes, "unpacked size: expected at most 256 MiB");
}
