//! Readers of recordings: WAV, FLAC, Ogg Vorbis.

use std::path::Path;

use crc::{Algorithm, CRC_16_UMTS, Crc};
use supernano_data::sources::sound;

use crate::targets::Target;

/// A tone of a tenth of a second or less in every format.
const TONES: [&[u8]; 5] = [
    include_bytes!("../corpus/tone.wav"),
    include_bytes!("../corpus/tone-24.wav"),
    include_bytes!("../corpus/tone-float.wav"),
    include_bytes!("../corpus/tone.flac"),
    include_bytes!("../corpus/tone.ogg"),
];

/// The checksum of a page of Ogg.
const OGG: Algorithm<u32> = Algorithm {
    width: 32,
    poly: 0x04c1_1db7,
    init: 0,
    refin: false,
    refout: false,
    xorout: 0,
    check: 0x89a1_897f,
    residue: 0,
};

/// Corrects the checksum of every page of Ogg, and that of the last frame of FLAC.
fn repair(bytes: &mut [u8]) {
    match bytes {
        [b'O', b'g', b'g', b'S', ..] => repair_pages(bytes),
        [b'f', b'L', b'a', b'C', ..] => repair_frame(bytes),
        _ => {}
    }
}

fn repair_pages(mut rest: &mut [u8]) {
    while rest.len() >= 27 && rest.starts_with(b"OggS") {
        let segments = usize::from(rest[26]);
        let sizes = rest.get(27..27 + segments).unwrap_or_default();
        let length = 27 + segments + sizes.iter().map(|&s| usize::from(s)).sum::<usize>();
        let (page, others) = rest.split_at_mut(length.min(rest.len()));
        page[22..26].fill(0);
        let sum = Crc::<u32>::new(&OGG).checksum(page);
        page[22..26].copy_from_slice(&sum.to_le_bytes());
        rest = others;
    }
}

/// Takes everything behind the metadata as one frame.
fn repair_frame(bytes: &mut [u8]) {
    let mut at = 4;
    while let Some(&[kind, a, b, c]) = bytes.get(at..at + 4) {
        at += 4 + u32::from_be_bytes([0, a, b, c]) as usize;
        if kind & 0x80 != 0 {
            break;
        }
    }
    if let Some([frame @ .., high, low]) = bytes.get_mut(at..) {
        [*high, *low] = Crc::<u16>::new(&CRC_16_UMTS).checksum(frame).to_be_bytes();
    }
}

/// The target of this file.
pub fn targets(folder: &Path) -> Vec<Target> {
    let seeds = TONES.map(<[u8]>::to_vec).to_vec();
    let target = Target::of_file("sounds", folder.join("tone"), seeds, |file| {
        sound::read(file, 8000).map(|_| ())
    });
    vec![Target { repair, ..target }]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_files_are_repaired_to_themselves() {
        for tone in TONES {
            let mut bytes = tone.to_vec();
            repair(&mut bytes);
            assert_eq!(bytes, tone);
        }
    }
}
