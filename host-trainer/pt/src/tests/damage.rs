//! Every cut and thousands of flipped bits of small files.

use super::*;
use crate::testing::archive;

#[test]
fn every_cut_is_refused() {
    for (format, bytes) in files() {
        for length in 0..bytes.len() {
            let error = read(&bytes[..length]).expect_err(&format!("{format}, {length} bytes"));
            assert_eq!(error.exit_code(), 2);
        }
        for length in 1..bytes.len().min(40) {
            assert!(read(&bytes[length..]).is_err(), "{format}, from byte {length} on");
        }
    }
}

/// Reads `bytes` with one bit flipped, for each bit. Returns how many were refused, and how many not.
fn flips<T>(
    bytes: &[u8],
    read: impl Fn(&[u8]) -> Result<T, Error>,
    then: impl Fn(usize, T),
) -> (usize, usize) {
    let mut bytes = bytes.to_vec();
    let (mut refused, mut passed) = (0, 0);
    for at in 0..bytes.len() {
        for bit in 0..8 {
            bytes[at] ^= 1 << bit;
            match read(&bytes) {
                Ok(result) => {
                    passed += 1;
                    then(at, result);
                }
                Err(error) => {
                    refused += 1;
                    assert_eq!(error.exit_code(), 2);
                }
            }
            bytes[at] ^= 1 << bit;
        }
    }
    (refused, passed)
}

/// Where a checksum is, a flip changes nothing or is found.
#[test]
fn no_flipped_bit_of_a_zip_changes_a_value() {
    for (format, bytes) in &files()[1..] {
        let same = |at, tensors| assert_eq!(tensors, values(), "{format}, byte {at}");
        let (refused, passed) = flips(bytes, read, same);
        println!("{format}: {} bytes, {refused} flips refused, {passed} harmless", bytes.len());
        assert!(refused > 2 * passed);
    }
}

#[test]
fn no_flipped_bit_of_a_file_of_pytorch_changes_a_value() {
    for (format, bytes) in &torch::FILES[..2] {
        let right = torch::network(bytes).unwrap();
        let same = |at, tensors| assert_eq!(tensors, right, "{format}, byte {at}");
        let (refused, passed) = flips(bytes, torch::network, same);
        println!("{format}: {} bytes, {refused} flips refused, {passed} harmless", bytes.len());
        assert!(refused > passed);
        for length in 0..bytes.len() {
            assert!(torch::network(&bytes[..length]).is_err(), "{format}, {length} bytes");
        }
    }
}

/// The old format has none: a flip in a number goes through. Nothing panics.
#[test]
fn no_flipped_bit_of_an_old_file_panics() {
    for (format, bytes) in &torch::FILES[2..] {
        let (refused, passed) = flips(bytes, torch::network, |_, _| {});
        println!("{format}: {} bytes, {refused} flips refused, {passed} passed", bytes.len());
        for length in 0..bytes.len() {
            assert!(torch::network(&bytes[..length]).is_err(), "{format}, {length} bytes");
        }
    }
    let (format, bytes) = &files()[0];
    let (refused, passed) = flips(bytes, read, |_, _| {});
    println!("{format}: {} bytes, {refused} flips refused, {passed} passed", bytes.len());
    assert!(refused > passed);
}

/// The pickle with a flipped bit and a right checksum, as an attacker would write it.
#[test]
fn no_pickle_panics() {
    let (root, stored) = small(false);
    let whole = root.pickle();
    let mut tried = 0;
    for at in 0..whole.len() {
        for byte in [whole[at] ^ 1, whole[at] ^ 0x80, 0, 0xff, b'(', b'.', b't', b'R', b'b', 0x93] {
            let mut pickle = whole.clone();
            pickle[at] = byte;
            let mut entries = vec![("net/data.pkl".to_owned(), pickle)];
            entries.extend(stored.iter().map(|s| (format!("net/data/{}", s.key), s.bytes.clone())));
            if let Err(error) = read(&archive(&entries, false)) {
                assert_eq!(error.exit_code(), 2);
            }
            tried += 1;
        }
    }
    println!("{tried} pickles");
}
