use super::*;
use crate::testing::archive;

/// Entries of the small checkpoint.
fn entries() -> Vec<(String, Vec<u8>)> {
    let (root, stored) = small(false);
    let mut entries = vec![("net/data.pkl".to_owned(), root.pickle())];
    entries.extend(stored.iter().map(|s| (format!("net/data/{}", s.key), s.bytes.clone())));
    entries
}

fn with(change: impl Fn(&mut Vec<(String, Vec<u8>)>)) -> Vec<u8> {
    let mut entries = entries();
    change(&mut entries);
    archive(&entries, false)
}

#[test]
fn both_formats_are_read() {
    for (format, bytes) in files() {
        assert_eq!(read(&bytes).unwrap(), values(), "{format}");
    }
    // packed again, with folders and other files
    let again = with(|e| {
        e.iter_mut().for_each(|(name, _)| *name = format!("a/{name}"));
        e.insert(0, ("a/net/".into(), vec![]));
        e.push(("a/net/data/99".into(), vec![1; 9]));
    });
    assert_eq!(read(&again).unwrap(), values());
}

#[test]
fn an_archive_without_its_parts_is_refused() {
    refused(&with(|e| e.truncate(3)), &["storage `12`", "2 float32", "no such entry"]);
    refused(&with(|e| drop(e.remove(0))), &["one entry data.pkl", "`net/data/10`"]);
    refused(&with(|e| e.push(("b/data.pkl".into(), vec![]))), &["`b/data.pkl`, `net/data.pkl`"]);
    refused(&with(|e| e.push(e[1].clone())), &["zip entry `net/data/10`: expected one entry"]);
    refused(&with(|e| e[2].1.truncate(16)), &["storage `11`", "(20 bytes)", "found 16 bytes"]);
    refused(&with(|e| e[2].1.push(0)), &["storage `11`", "(20 bytes)", "found 21 bytes"]);
    refused(&with(|e| e[0].1.push(0)), &["`net/data.pkl`: expected one pickle", "1 more"]);
    refused(&with(|e| e.push(("net/constants.pkl".into(), vec![]))), &["TorchScript"]);
    refused(&with(|e| e.push(("net/version".into(), b"11\n".to_vec()))), &["`version`", "11"]);
    refused(&with(|e| e.push(("net/byteorder".into(), b"middle".to_vec()))), &["middle"]);
}

#[test]
fn big_endian_storages_are_converted() {
    let swapped = with(|e| {
        e[1..].iter_mut().for_each(|(_, bytes)| bytes.chunks_mut(4).for_each(<[u8]>::reverse));
        e.push(("net/byteorder".into(), b"big".to_vec()));
    });
    assert_eq!(read(&swapped).unwrap(), values());
}

/// Changes the directory's record of the first entry.
fn directory(at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut file = archive(&entries(), false);
    let start = file.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    file[start + at..][..bytes.len()].copy_from_slice(bytes);
    file
}

#[test]
fn an_archive_that_contradicts_itself_is_refused() {
    refused(&directory(8, &[1]), &["zip entry `net/data.pkl`", "flags 0x0001 (encrypted)"]);
    refused(&directory(10, &[14]), &["method 0 (stored) or 8 (deflated)", "method 14"]);
    refused(&directory(10, &[8]), &["a header as in the directory"]);
    refused(&directory(16, &[0; 4]), &["CRC-32 00000000", "set_crc32_options(True)"]);
    refused(&directory(16, &[9; 4]), &["CRC-32 09090909", "copy it again"]);
    refused(&directory(20, &[0xff, 0xff, 0xff, 0x7f]), &["data before the directory"]);
    refused(&directory(24, &[0; 4]), &["sizes that agree"]);
    refused(&directory(42, &[1]), &["a header as in the directory"]);
    refused(&directory(46, b"NET"), &["a header as in the directory"]);
    // more and fewer entries than there are, and bytes before and after the archive
    let file = archive(&entries(), false);
    let end = file.len() - 22;
    for count in [3, 5] {
        let mut file = file.clone();
        file[end + 8..end + 12].copy_from_slice(&[count, 0, count, 0]);
        refusal(&file);
    }
    refused(&[&file[..], &[0]].concat(), &["an end record"]);
    refused(&[b"PK\x03\x04", &file[..]].concat(), &["a directory of"]);
    refused(&file[4..], &["a zip archive without its beginning"]);
    let mut parts = file.clone();
    parts[end + 4] = 1;
    refused(&parts, &["a part of several"]);
}

#[test]
fn one_entry_is_not_two() {
    // the second storage's record points at the first one's header, which has its name
    let mut file =
        archive(&[entries()[0].clone(), ("a".into(), vec![]), ("a".into(), vec![])], false);
    let starts: Vec<usize> =
        (0..file.len() - 4).filter(|&i| file[i..].starts_with(b"PK\x01\x02")).collect();
    let place: [u8; 4] = file[starts[1] + 42..][..4].try_into().unwrap();
    file[starts[2] + 42..][..4].copy_from_slice(&place);
    refused(&file, &["zip entry `a`: expected one entry of this name"]);
}

#[test]
fn a_deflated_entry_is_exactly_its_size() {
    let file = archive(&[("net/data.pkl".into(), vec![0; 4000])], true);
    let start = file.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    for (size, words) in
        [(3999_u32, "more"), (4001, "4000 bytes"), (u32::MAX - 1, "sizes that agree")]
    {
        let mut file = file.clone();
        file[start + 24..][..4].copy_from_slice(&size.to_le_bytes());
        refused(&file, &[words]);
    }
}

#[test]
fn other_files_are_named() {
    for (bytes, word) in [
        (&b""[..], "an empty file"),
        (b"\x1f\x8b\x08\0", "gzip"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"\x10\0\0\0\0\0\0\0{\"a\":{}}", "safetensors"),
        (b"<!DOCTYPE html>", "web page"),
        (b"\x89HDF\r\n", "HDF5"),
        (b"not a pickle", "other bytes (6e 6f 74"),
        (b"PK\x05\x06", "an empty zip archive"),
        (b"PK\x03\x04", "an end record"),
        (b"\x80\x02K\x01.", "PyTorch's magic number, found the number 1"),
    ] {
        refused(bytes, &[word]);
    }
    let mut tar = vec![b'a'; 257];
    tar.extend(b"ustar\0");
    refused(&tar, &["tar archive"]);
}

#[test]
fn legacy_storages_are_there_once_and_whole() {
    let (root, stored) = small(true);
    let change = |f: &dyn Fn(&mut Vec<Stored>)| {
        let mut stored = stored.clone();
        f(&mut stored);
        legacy(&root, &stored)
    };
    for count in [-1, 0, 4, 6, 1 << 62, i64::MIN, i64::MAX] {
        let words = ["storage `11`: expected 5 numbers", &format!("a count of {count};")];
        refused(&change(&|s| s[1].count = count), &words);
    }
    refused(&change(&|s| drop(s.pop())), &["every one that is used", "`12`"]);
    refused(&change(&|s| s.push(s[0].clone())), &["storage `10`", "it twice"]);
    refused(&change(&|s| s.push(Stored::floats("13", &[]))), &["storage `13`", "no use of it"]);
    refused(&change(&|s| s[2].bytes.push(0)), &["the end of the file", "1 more bytes"]);
    let cut = change(&|s| s[2].bytes.truncate(7));
    refused(&cut, &["storage `12`: expected 8 more bytes, found 7", "cut short"]);
}

#[test]
fn counts_that_no_file_has_are_refused() {
    for old in [false, true] {
        for (count, words) in [
            (-1, "a count of at least 0, found the number -1"),
            (1 << 62, "a count that fits a file"),
            (i64::MAX, "a count that fits a file"),
            (1 << 40, "storage"),
        ] {
            let mut stored = Stored::floats("0", &ramp(4));
            stored.count = count;
            let root = dict([("x", stored.tensor(old, &[4]))]);
            let stored = [stored];
            let file = if old { legacy(&root, &stored) } else { zipped(&root, &stored, false) };
            refused(&file, &["storage `0`", words]);
        }
    }
    // two tensors that disagree about their storage
    let (one, mut other) = (Stored::floats("0", &ramp(4)), Stored::floats("0", &ramp(4)));
    other.class = "IntStorage";
    let root = dict([("x", one.tensor(false, &[4])), ("y", other.tensor(false, &[4]))]);
    refused(&zipped(&root, &[one], false), &["storage `0`", "4 float32 everywhere", "4 int32"]);
}

#[test]
fn a_big_endian_machine_is_refused() {
    let (root, stored) = small(true);
    let mut file = legacy(&root, &stored);
    let at = file.windows(13).position(|w| w == b"little_endian").unwrap() + 13;
    assert_eq!(file[at], 0x88);
    file[at] = 0x89;
    refused(&file, &["little-endian machine"]);
}

#[test]
fn sizes_of_64_bits_are_read() {
    let file = archive(&entries(), false);
    let start = file.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    let end = file.len() - 22;
    let name = start + 46..start + 46 + "net/data.pkl".len();
    let field = |at: usize| u32::from_le_bytes(file[at..at + 4].try_into().unwrap());
    let [size, packed, place] = [start + 24, start + 20, start + 42].map(|at| u64::from(field(at)));
    let wide = |sizes: &[u64]| {
        // another extra field comes first
        let mut extra = vec![9, 9, 2, 0, 1, 1, 1, 0, 8 * sizes.len() as u8, 0];
        extra.extend(sizes.iter().flat_map(|n| n.to_le_bytes()));
        let mut file = file.clone();
        for at in [start + 24, start + 20, start + 42] {
            file[at..at + 4].fill(0xff);
        }
        file[start + 30] = extra.len() as u8;
        let size = field(end + 12) + extra.len() as u32;
        file[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
        file.splice(name.end..name.end, extra);
        file
    };
    assert_eq!(read(&wide(&[size, packed, place])).unwrap(), values());
    refused(&wide(&[size, packed]), &["8 more bytes"]);
    refused(&wide(&[size, packed, u64::MAX]), &["zip archive"]);
    refused(&wide(&[u64::MAX, u64::MAX, place]), &["data before the directory"]);
    refused(&wide(&[u64::MAX, packed, place]), &["sizes that agree"]);
}
