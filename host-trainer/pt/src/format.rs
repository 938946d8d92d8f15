//! Files that are no checkpoint of PyTorch, told apart by their first bytes.

use crate::fault::Fault;
use crate::zip;

/// Position, bytes, and what a file is that has them there.
const KNOWN: [(usize, &[u8], &str); 12] = [
    (0, b"\x1f\x8b", "a gzip file; unpack it"),
    (0, b"\xfd7zXZ\0", "an xz file; unpack it"),
    (0, b"BZh", "a bzip2 file; unpack it"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file; unpack it"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7z archive; unpack it"),
    (0, b"version https://git-lfs", "a pointer of Git LFS; run `git lfs pull`"),
    (0, b"\x89HDF", "an HDF5 file; save the state dict with torch.save"),
    (0, b"\x93NUMPY", "a NumPy array; save the state dict with torch.save"),
    (0, b"<", "a web page or XML; download the file itself"),
    (0, b"PK\x05\x06", "an empty zip archive"),
    (8, b"{\"", "a safetensors file; load it with safetensors.torch and torch.save the result"),
    (257, b"ustar", "a tar archive: unpack it, or, where torch.load reads it, torch.save it again"),
];

/// The fault of a file that begins neither as a zip archive nor as a pickle.
pub(crate) fn unknown(bytes: &[u8]) -> Fault {
    let known = KNOWN
        .iter()
        .find(|(at, magic, _)| bytes.get(*at..).is_some_and(|rest| rest.starts_with(magic)));
    let found = match known {
        Some((_, _, what)) => (*what).into(),
        None if bytes.is_empty() => "an empty file".into(),
        None if zip::ends(bytes) => "a zip archive without its beginning".into(),
        None => format!("other bytes ({})", hex(bytes)),
    };
    Fault::new("PyTorch file", "a checkpoint made by torch.save", found)
}

/// The first bytes for messages.
fn hex(bytes: &[u8]) -> String {
    let hex: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    hex.join(" ")
}
