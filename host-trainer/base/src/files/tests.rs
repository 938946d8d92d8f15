use std::io::Write as _;

use flate2::Compression;

use super::*;

mod csv;
mod json;
mod stream;
#[cfg(unix)]
mod write;

fn gzip(text: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
    gzip.write_all(text).unwrap();
    gzip.finish().unwrap()
}

/// The text of a file with these bytes, or the error's message.
fn text_of(bytes: &[u8]) -> Result<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("text");
    std::fs::write(&path, bytes).unwrap();
    read_text(&path).map_err(|e| {
        assert_eq!(e.exit_code(), 2, "{e}");
        e.to_string()
    })
}

#[test]
fn a_text_reads_the_same_in_every_form() {
    let marked = "\u{feff}one\r\ntwo".as_bytes();
    for bytes in [b"one\r\ntwo".to_vec(), marked.to_vec(), gzip(marked), gzip(b"one\r\ntwo")] {
        assert_eq!(text_of(&bytes).unwrap(), "one\r\ntwo");
    }
    assert_eq!(
        text_of(&[gzip(b"one\n"), gzip(b""), gzip(b"two\n")].concat()).unwrap(),
        "one\ntwo\n"
    );
    assert_eq!(text_of(b"").unwrap(), "");
    assert_eq!(text_of(&gzip(b"")).unwrap(), "");
}

#[test]
fn other_encodings_are_named() {
    let utf16 =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let big: Vec<u8> = "\u{feff}né".encode_utf16().flat_map(u16::to_be_bytes).collect();
    assert_eq!(text_of(&big).unwrap(), "né");
    for bytes in [utf16("\u{feff}a;ü\r\n"), gzip(&utf16("\u{feff}a;ü\r\n"))] {
        assert_eq!(text_of(&bytes).unwrap(), "a;ü\r\n");
    }
    for (bytes, says) in [
        (utf16("4-4"), "NUL character in line 1 (UTF-16 without a mark"),
        (vec![0xff, 0xfe, 0, 0, b'4', 0, 0, 0], "UTF-32"),
        (vec![0xff, 0xfe, b'4'], "damaged UTF-16"),
        (vec![0xff, 0xfe, 0, 0xd8, b'4', 0], "damaged UTF-16"),
        (b"caf\xe9".to_vec(), "byte 0xe9 as byte 4 of line 1 (Latin-1"),
        (b"path,label\na.png,ok\nb.png,caf\xe9\n".to_vec(), "byte 0xe9 as byte 10 of line 3"),
    ] {
        let error = text_of(&bytes).unwrap_err();
        assert!(error.contains("expected UTF-8") && error.contains(says), "{error}");
    }
}

#[test]
fn damaged_gzip_is_refused() {
    let whole = gzip("4-4-4-4-4-4\n".repeat(50).as_bytes());
    let changed = |at: usize| {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x10;
        bytes
    };
    let n = whole.len();
    for (what, bytes) in [
        ("data", changed(n / 2)),
        ("checksum", changed(n - 8)),
        ("length", changed(n - 4)),
        ("cut trailer", whole[..n - 3].to_vec()),
        ("cut", whole[..n / 2].to_vec()),
        ("text behind it", [&whole[..], b"more"].concat()),
        ("damaged second member", [&whole[..], &changed(n - 8)[..]].concat()),
        ("cut second member", [&whole[..], &whole[..n - 1]].concat()),
    ] {
        let error = text_of(&bytes).expect_err(what);
        assert!(error.contains(": gzip: expected a whole file"), "{what}: {error}");
    }
}

#[test]
fn sizes_are_limited() {
    let says = |error: Error, parts: &[&str]| {
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        parts.iter().for_each(|p| assert!(error.contains(p), "{p}: {error}"));
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("big.gz");
    // 3 GiB of zeros in 3 MB: members of 64 MiB.
    let member = gzip(&vec![b' '; 64 << 20]);
    std::fs::write(&path, member.repeat(48)).unwrap();
    let parts = ["big.gz: size", "at most 128 MiB", "SUPERNANO_TEXT_MIB", "found 129 MiB"];
    says(read_text(&path).unwrap_err(), &parts);
    let sparse = folder.path().join("sparse");
    std::fs::File::create(&sparse).unwrap().set_len(1 << 40).unwrap();
    says(read(&sparse).unwrap_err(), &["sparse: size", "256 MiB", "found 1048576 MiB"]);
    says(read_text(&sparse).unwrap_err(), &["at most 128 MiB"]);
    #[cfg(target_os = "linux")]
    says(read_within(Path::new("/dev/zero"), &CONFIGURATION).unwrap_err(), &["at most 1 MiB"]);
    let missing = read(&folder.path().join("none")).unwrap_err();
    assert!(matches!(missing, Error::Missing { .. }), "{missing}");
}
