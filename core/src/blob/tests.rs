use std::vec;
use std::vec::Vec;

use super::checksum::words_checksum;
use super::{BlobView, FIXED, Sections, VERSION, checksum, offset, upgrade, write};
use crate::error::{Error, GraphProblem};
use crate::exec::Network;
use crate::graph::{Activation, Header, KernelKind, Op};
use crate::kernel::{Packed, Reference, Scalar};
use crate::testnet::{Blob, Net, Random, outputs};

#[test]
fn what_is_written_is_read() {
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    assert_eq!((view.space(), view.code()), ("test", "1-2-3"));
    assert_eq!((view.header().space, view.header().code), ("test", "1-2-3"));
    assert_eq!(view.header().ops.len(), 7);
    assert_eq!(super::arena_words(blob.bytes()) * 4, view.arena_bytes());
    assert_eq!(super::arena_words(&blob.bytes()[..40]), 0);
    assert_eq!(view.length(), blob.bytes().len());
    assert_eq!(view.labels().collect::<Vec<_>>(), ["class 0", "class 1", "class 2", "class 3"]);
    assert_eq!(view.label(2), Some("class 2"));
    assert_eq!(view.label(4), None);
    assert_eq!(view.table().len(), 768);
}

#[test]
fn bytes_behind_the_blob_are_ignored() {
    let mut blob = Net::golden().build();
    blob.0.push(0xffff_ffff);
    assert!(BlobView::new_checked(blob.bytes()).is_ok());
}

#[test]
fn every_truncation_is_refused() {
    let blob = Net::golden().build();
    let bytes = blob.bytes();
    for len in 0..bytes.len() {
        let needed = if len < FIXED { FIXED } else { bytes.len() };
        let error = BlobView::new_checked(&bytes[..len]).unwrap_err();
        assert_eq!(error, Error::BlobTruncated { needed, found: len });
    }
}

#[test]
fn every_flipped_bit_is_refused() {
    let mut blob = Net::golden().build();
    for at in 0..blob.bytes().len() {
        for bit in 0..8 {
            blob.bytes_mut()[at] ^= 1 << bit;
            let error = BlobView::new_checked(blob.bytes()).unwrap_err();
            if at >= offset::CHECKSUM {
                assert!(matches!(error, Error::BlobChecksum { .. }), "byte {at}: {error}");
            }
            blob.bytes_mut()[at] ^= 1 << bit;
        }
    }
}

#[test]
fn misalignment_is_refused() {
    let blob = Net::golden().build();
    let mut moved = Blob(vec![0; blob.0.len() + 1]);
    for remainder in 1..4 {
        let end = remainder + blob.bytes().len();
        moved.bytes_mut()[remainder..end].copy_from_slice(blob.bytes());
        let error = BlobView::new_checked(&moved.bytes()[remainder..end]).unwrap_err();
        assert_eq!(error, Error::BlobMisaligned { remainder });
    }
}

#[test]
fn magic_and_version_are_named() {
    let mut blob = Net::golden().build();
    blob.bytes_mut()[offset::VERSION] = 9;
    let error = BlobView::new_checked(blob.bytes()).unwrap_err();
    assert_eq!(error, Error::BlobVersion { expected: VERSION, found: 9 });
    blob.bytes_mut()[..4].copy_from_slice(b"ELF!");
    let error = BlobView::new_checked(blob.bytes()).unwrap_err();
    assert_eq!(error, Error::BlobMagic { found: u32::from_le_bytes(*b"ELF!") });
}

/// Random changes with a correct checksum are refused or can be executed; none causes a panic.
#[test]
fn damaged_headers_never_panic() {
    let original = Net::golden().build();
    let image = Random(3).bytes(Net::golden().input.len());
    let header_end = FIXED + 7 * 16 + 7 * 28;
    let mut random = Random(4);
    let mut accepted = 0;
    for _ in 0..4000 {
        let mut blob = Blob(original.0.clone());
        for _ in 0..random.range(1, 3) {
            let at = random.range(offset::CHECKED as i64, header_end as i64 - 1);
            let value = [random.next() as u8, 0, 1, 0xff][random.range(0, 3) as usize];
            blob.bytes_mut()[at as usize] = value;
        }
        blob.0[offset::CHECKSUM / 4] = checksum(&blob.bytes()[offset::CHECKED..]);
        if let Ok(view) = BlobView::new_intact(blob.bytes())
            && view.header().tensors.iter().all(|t| t.shape.len() < 1 << 12)
            && view.arena_bytes() < 1 << 18
            && view.header().classes < 1 << 8
        {
            let network = Network::new(&view, Packed(Scalar));
            let mut arena = vec![0; network.arena_words()];
            let image = vec![7; view.image_len()];
            let mut logits = vec![0; view.classes()];
            // The logits are unspecified.
            let _ = network.run(&image, &mut arena, &mut logits, &mut ());
        }
        let Ok(view) = BlobView::new_checked(blob.bytes()) else { continue };
        let network = Network::new(&view, Packed(Scalar));
        if view.image_len() == image.len() && network.arena_words() < 1 << 16 {
            let expected = outputs(&Network::new(&view, Reference), &image, 1);
            assert!(expected == outputs(&network, &image, 2));
            accepted += 1;
        }
    }
    assert!(accepted > 0);
}

/// Writes the golden network with a changed header.
fn rewritten(change: impl Fn(&mut Header<'_>)) -> Result<usize, Error> {
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let mut header = view.header().clone();
    change(&mut header);
    let data = &blob.bytes()[blob.0[offset::DATA / 4] as usize..];
    let mut out = Blob(vec![0; blob.0.len() + 64]);
    write(&header, &[], data, out.bytes_mut())
}

fn conv<'h>(header: &'h mut Header<'_>, op: usize) -> &'h mut crate::graph::Conv {
    match &mut header.ops[op] {
        Op::Conv(conv) => conv,
        Op::Classifier(_) => panic!("operation {op} is the classifier"),
    }
}

fn classifier<'h>(header: &'h mut Header<'_>) -> &'h mut crate::graph::Classifier {
    match header.ops.last_mut() {
        Some(Op::Classifier(classifier)) => classifier,
        _ => panic!("no classifier"),
    }
}

#[test]
fn inconsistent_graphs_are_refused() {
    let op = |op, problem| Err(Error::BlobOp { op, problem });
    let tensor = |tensor, problem| Err(Error::BlobTensor { tensor, problem });
    use GraphProblem::*;
    assert!(rewritten(|_| ()).is_ok());
    assert_eq!(rewritten(|h| conv(h, 1).input = 64), op(1, Unknown));
    assert_eq!(rewritten(|h| conv(h, 1).input = 3), op(1, Unwritten));
    assert_eq!(rewritten(|h| conv(h, 1).output = 1), op(1, Shape));
    assert_eq!(rewritten(|h| conv(h, 4).residual = Some(4)), op(4, Shape));
    assert_eq!(rewritten(|h| conv(h, 3).output = 3), op(3, Written));
    assert_eq!(rewritten(|h| conv(h, 0).geometry.kernel = [2; 2]), op(0, Shape));
    assert_eq!(rewritten(|h| conv(h, 0).geometry.kernel = [3, 8]), op(0, Kernel));
    assert_eq!(rewritten(|h| conv(h, 0).geometry.stride = [1, 3]), op(0, Kernel));
    assert_eq!(rewritten(|h| conv(h, 0).geometry.stride = [2; 2]), op(0, Shape));
    assert_eq!(rewritten(|h| conv(h, 1).kind = KernelKind::Winograd), op(1, Kind));
    assert_eq!(rewritten(|h| conv(h, 4).kind = KernelKind::WinogradOnline), op(4, Kind));
    assert_eq!(rewritten(|h| conv(h, 0).kind = KernelKind::Winograd), op(0, Transform));
    assert_eq!(rewritten(|h| classifier(h).input = 0), op(6, Image));
    assert_eq!(rewritten(|h| conv(h, 0).weights += 2), op(0, Section));
    assert_eq!(rewritten(|h| conv(h, 0).params = u32::MAX - 3), op(0, Section));
    assert_eq!(rewritten(|h| conv(h, 1).activation = Activation::Relu), op(1, Zero));
    assert_eq!(rewritten(|h| h.table = 1 << 30), tensor(0, Section));
    assert_eq!(rewritten(|h| h.tensors[2].scale = f32::NAN), tensor(2, Scale));
    assert_eq!(rewritten(|h| h.tensors[2].shape.width = 0), tensor(2, Size));
    assert_eq!(rewritten(|h| h.tensors[2].shape.channels = 2000), tensor(2, Size));
    assert_eq!(rewritten(|h| h.classes = 0), op(6, Size));
    assert_eq!(rewritten(|h| h.logit_scale = 0.0), op(6, Scale));
    assert_eq!(rewritten(|h| h.ops.truncate(6)), op(5, Classifier));
    assert_eq!(rewritten(|h| h.ops.clear()), op(0, Classifier));
    let extra = |h: &mut Header<'_>| h.tensors.push(h.tensors[0]).unwrap();
    assert_eq!(rewritten(extra), tensor(7, Written));
}

/// Checks the golden blob with a changed word of the data section.
fn with_word(at: impl Fn(&Header<'_>) -> u32, value: u32) -> Result<(), Error> {
    let mut blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let at = at(&view.header());
    let word = (blob.0[offset::DATA / 4] + at) as usize / 4;
    blob.0[word] = value;
    blob.0[offset::CHECKSUM / 4] = checksum(&blob.bytes()[offset::CHECKED..]);
    BlobView::new_checked(blob.bytes()).map(|_| ())
}

#[test]
fn overflows_and_padding_are_refused() {
    let first = |h: &Header<'_>| match h.ops[0] {
        Op::Conv(c) => c,
        Op::Classifier(_) => panic!("no convolution"),
    };
    let overflow = Err(Error::BlobOp { op: 0, problem: GraphProblem::Overflow });
    // 3 x 3 x 3 products of at most 2^14 each.
    let largest = i32::MAX - 27 * (1 << 14);
    assert_eq!(with_word(|h| first(h).params, largest as u32), Ok(()));
    assert_eq!(with_word(|h| first(h).params, largest as u32 + 1), overflow);
    assert_eq!(with_word(|h| first(h).params, (-largest) as u32), Ok(()));
    assert_eq!(with_word(|h| first(h).params, (-largest - 1) as u32), overflow);
    assert_eq!(with_word(|h| first(h).params, i32::MIN as u32), overflow);
    // The second word of a pixel's four channels holds channels 1 and 3; three channels exist.
    let padding = Err(Error::BlobOp { op: 0, problem: GraphProblem::Padding });
    assert_eq!(with_word(|h| first(h).weights + 12, 0x0000_0101), Ok(()));
    assert_eq!(with_word(|h| first(h).weights + 12, 0x0001_0000), padding);
}

/// Checks the golden blob with a changed word at byte `at` and a correct checksum.
fn with_fixed(at: usize, value: u32) -> Result<(), Error> {
    let mut blob = Net::golden().build();
    blob.0[at / 4] = value;
    blob.0[offset::CHECKSUM / 4] = checksum(&blob.bytes()[offset::CHECKED..]);
    assert!(BlobView::new_intact(blob.bytes()).is_ok());
    BlobView::new_checked(blob.bytes()).map(|_| ())
}

/// The word at byte `at` of the golden blob.
fn fixed(at: usize) -> u32 {
    Net::golden().build().0[at / 4]
}

#[test]
fn plans_that_do_not_hold_are_refused() {
    let arena = Err(Error::BlobOp { op: 6, problem: GraphProblem::Arena });
    assert_eq!(with_fixed(offset::ARENA, fixed(offset::ARENA)), Ok(()));
    assert_eq!(with_fixed(offset::ARENA, fixed(offset::ARENA) + 4), Ok(()));
    assert_eq!(with_fixed(offset::ARENA, fixed(offset::ARENA) - 4), arena);
    assert_eq!(with_fixed(offset::ARENA, fixed(offset::ARENA) + 1), Err(Error::BlobHeader));
    // Tensor 1, which the first convolution writes, and the scratch of the first operation.
    let (tensor, scratch) = (FIXED + 16, FIXED + 7 * 16 + 24);
    assert_eq!(with_fixed(tensor, fixed(scratch)), arena);
    assert_eq!(with_fixed(scratch, fixed(tensor)), arena);
    assert_eq!(with_fixed(scratch, 1 << 30), arena);
    assert_eq!(with_fixed(scratch, 2), Err(Error::BlobHeader));
}

#[test]
fn weights_that_are_no_transform_are_refused() {
    let winograd = |h: &Header<'_>| match h.ops[3] {
        Op::Conv(c) => c,
        Op::Classifier(_) => panic!("no convolution"),
    };
    let blob = Net::golden().build();
    let start = blob.0[offset::DATA / 4] as usize;
    let mut refused = 0;
    for word in 0..64 {
        let at = |h: &Header<'_>| winograd(h).weights + 4 * word;
        let view = BlobView::new_checked(blob.bytes()).unwrap();
        let old = blob.0[(start + at(&view.header()) as usize) / 4];
        assert_eq!(with_word(at, old), Ok(()));
        for change in [1, 2, 4, 8, 0x10_0000, 0x8000_0000] {
            let error = Err(Error::BlobOp { op: 3, problem: GraphProblem::Transform });
            assert_eq!(with_word(at, old ^ change), error, "word {word}");
            refused += 1;
        }
    }
    assert_eq!(refused, 384);
}

#[test]
fn the_writer_refuses() {
    let blob = Net::golden().build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let data = &blob.bytes()[blob.0[offset::DATA / 4] as usize..];
    let labels = ["a", "b", "c", "d"];
    let mut out = vec![0; 4 * blob.0.len()];
    let len = write(&view.header(), &labels, data, &mut out).unwrap();
    for short in 0..len {
        let error = write(&view.header(), &labels, data, &mut out[..short]).unwrap_err();
        assert!(matches!(error, Error::BufferTooSmall { .. }), "{short}: {error}");
    }
    let wrong = |labels: &[&str], found| {
        let mut out = vec![0; 4 * blob.0.len()];
        let error = write(&view.header(), labels, data, &mut out).unwrap_err();
        assert_eq!(error, Error::BlobLabels { expected: 4, found });
    };
    wrong(&["a", "b"], 2);
    wrong(&["a", "b", "c\n", "d"], 4);
    wrong(&["a", "b", "", "d"], 4);
    let mut small = [0; 8];
    let mut sections = Sections::new(&mut small);
    assert_eq!(sections.table(&[1; 5]), Ok(0));
    assert_eq!(sections.table(&[1]), Err(Error::BufferTooSmall { needed: 12, found: 8 }));
    assert_eq!(sections.data(), [1, 1, 1, 1, 1, 0, 0, 0]);
}

/// The files `tests/golden/tiny.*` pin the format and the arithmetic. With `SUPERNANO_BLESS=1` the
/// test writes them; otherwise they must equal the bytes that this library builds and computes.
#[test]
fn golden_blob() {
    golden("tiny", &Net::golden());
}

/// As [`golden_blob`], for the files `tests/golden/layers.*`, which have every layer.
#[test]
fn golden_layers() {
    golden("layers", &Net::golden_layers());
}

/// The golden file of version 2 becomes that of version 3; no other file is upgraded.
#[test]
fn the_golden_blob_of_version_2_is_upgraded() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    let read = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let (old, new) = (read("tiny-2.snb"), read("tiny.snb"));
    let mut out = Blob(vec![0; new.len() / 4]);
    assert_eq!(upgrade(&old, out.bytes_mut()), Ok(new.len()));
    assert!(out.bytes() == new);
    let version = Err(Error::BlobVersion { expected: 2, found: VERSION });
    assert_eq!(upgrade(&new, out.bytes_mut()), version);
    for length in 0..old.len() {
        assert!(upgrade(&old[..length], out.bytes_mut()).is_err(), "{length} bytes");
    }
    for at in 0..old.len() {
        let mut damaged = old.clone();
        damaged[at] ^= 0x10;
        assert!(upgrade(&damaged, out.bytes_mut()).is_err(), "byte {at}");
        // Also with the right checksum, the result is refused or passes the check.
        if at >= offset::CHECKED {
            let sum = checksum(&damaged[offset::CHECKED..]);
            damaged[offset::CHECKSUM..offset::CHECKED].copy_from_slice(&sum.to_le_bytes());
            let mut out = Blob(vec![0; new.len() / 4 + 1000]);
            if let Ok(length) = upgrade(&damaged, out.bytes_mut()) {
                assert!(BlobView::new_checked(&out.bytes()[..length]).is_ok());
            }
        }
    }
}

fn golden(name: &str, net: &Net) {
    let blob = net.build();
    let view = BlobView::new_checked(blob.bytes()).unwrap();
    let image = Random(2108).bytes(view.image_len());
    let (_, logits) = outputs(&Network::new(&view, Reference), &image, 0);
    let text: std::string::String = logits.iter().map(|l| std::format!("{l}\n")).collect();
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/golden");
    for (kind, bytes) in [("snb", blob.bytes()), ("image", &image), ("logits", text.as_bytes())] {
        let name = std::format!("{name}.{kind}");
        let path = folder.join(&name);
        if std::env::var_os("SUPERNANO_BLESS").is_some() {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, bytes).unwrap();
        }
        let pinned = std::fs::read(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
        assert!(pinned == bytes, "{} has changed", path.display());
    }
}

#[test]
fn text_is_text_as_the_standard_library_says() {
    let mut random = Random(9);
    let mut valid = 0;
    for _ in 0..200_000 {
        let length = random.range(1, 5) as usize;
        let ends = [0x00, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc1, 0xc2, 0xdf, 0xe0];
        let more = [0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff, 0x41];
        let bytes: std::vec::Vec<u8> =
            (0..length).map(|_| [ends, more].concat()[random.range(0, 23) as usize]).collect();
        let expected = core::str::from_utf8(&bytes).is_ok();
        assert_eq!(super::check::is_utf8(&bytes), expected, "{bytes:x?}");
        valid += usize::from(expected);
    }
    assert!(valid > 5_000, "{valid}");
    let all: std::string::String = (0..=0x10_ffff).filter_map(char::from_u32).collect();
    assert!(super::check::is_utf8(all.as_bytes()));
}

#[test]
fn both_checksums_are_one() {
    for length in 0..40 {
        let blob = Random(length).bytes(length as usize * 4);
        let words: std::vec::Vec<u32> =
            blob.chunks_exact(4).map(|b| u32::from_le_bytes(b.try_into().unwrap())).collect();
        assert_eq!(words_checksum(&words, 0), checksum(&blob));
    }
    // The check value of CRC-32/ISO-HDLC is the checksum of the bytes "123456789".
    assert_eq!(checksum(b"123456789"), 0xcbf4_3926);
}
