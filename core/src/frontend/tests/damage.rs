//! Damaged descriptions.

use std::vec::Vec;

use super::*;

#[track_caller]
fn refused(words: &[u32], expected: FrontEndError) {
    let bytes = bytemuck::cast_slice(words);
    assert_eq!(FrontEnd::new_checked(bytes).map(|_| ()), Err(expected));
}

/// A description with 16 bits replaced at `at`.
fn with(words: &[u32], at: usize, value: u16) -> Vec<u32> {
    let mut words = words.to_vec();
    let halves: &mut [u16] = bytemuck::cast_slice_mut(&mut words);
    halves[at / 2] = value;
    words
}

#[test]
fn the_fixed_part() {
    let words = keywords();
    let bytes: &[u8] = bytemuck::cast_slice(&words);
    let magic = FrontEndError::Magic { found: 0x0046_4e54 };
    refused(&with(&words, 0, 0x4e54), magic);
    refused(&with(&words, 4, 2), FrontEndError::Version { expected: 1, found: 2 });
    refused(&with(&words, 6, 3), FrontEndError::Kind { found: 3 });
    let reserved =
        FrontEndError::Field { field: Field::Reserved, smallest: 0, largest: 0, found: 1 };
    refused(&with(&words, 6, 0x101), reserved);
    let found = bytes.len();
    refused(&with(&words, 8, 4000), FrontEndError::Truncated { needed: 4000, found });
    refused(&with(&words, 8, 8), FrontEndError::Truncated { needed: 8, found });
    for length in 0..found {
        assert!(FrontEnd::new_checked(&bytes[..length]).is_err(), "{length}");
    }
    let mut long = words.clone();
    long.push(7);
    sound(&long);
    let length = words.len() as u16 * 4;
    let longer = FrontEndError::Length { expected: found, found: found + 4 };
    refused(&with(&long, 8, length + 4), longer);
    let moved: Vec<u32> = core::iter::once(0).chain(words.iter().copied()).collect();
    let moved: &[u8] = &bytemuck::cast_slice(&moved)[3..];
    let misaligned = FrontEnd::new_checked(moved).map(|_| ());
    assert_eq!(misaligned, Err(FrontEndError::Misaligned { remainder: 3 }));
}

#[test]
fn fields_of_sound() {
    use Field::*;
    let words = keywords();
    let cases: [(usize, u16, Field, u32, u32, u32); 15] = [
        (14, 3, Rate, 1, 192_000, 3 << 16 | 16_000),
        (16, 0, Window, 1, 1024, 0),
        (18, 481, Hop, 1, 480, 481),
        (20, 256, Fft, 512, 1024, 256),
        (20, 600, Fft, 1024, 1024, 600),
        (22, 0, Frames, 1, 4096, 0),
        (24, 129, Bands, 1, 128, 129),
        (26, 41, Features, 1, 40, 41),
        (28, 0x102, Transform, 0, 1, 2),
        (28, 0x100, Features, 40, 40, 10),
        (28, 0x201, Rounding, 0, 1, 2),
        (30, 0x10f, Shift, 16, 40, 15),
        (30, 0x220, PeakMode, 0, 1, 2),
        (32, 0, Peak, 1, 32_768, 0),
        (34, 1, Reserved, 0, 0, 1),
    ];
    for (at, value, field, smallest, largest, found) in cases {
        let error = FrontEndError::Field { field, smallest, largest, found };
        refused(&with(&words, at, value), error);
    }
}

#[test]
fn tables() {
    let words = keywords();
    // 10 offsets, then 480 coefficients, then 42 edges.
    let window = 40 + 40;
    let edges = window + 960;
    let entry = |table, index, (smallest, largest), found| FrontEndError::Entry {
        table,
        index,
        smallest,
        largest,
        found,
    };
    let large = entry(Table::Window, 2, (0, 32_768), 32_769);
    refused(&with(&words, window + 4, 32_769), large);
    refused(&with(&words, edges + 2, 0), entry(Table::Edges, 1, (1, 257), 0));
    refused(&with(&words, edges + 82, 258), entry(Table::Edges, 41, (122, 257), 258));
    refused(&with(&words, edges + 82, 121), entry(Table::Edges, 41, (122, 257), 121));
}

#[test]
fn zeros_follow_an_odd_table() {
    let parts = SoundParts {
        rate: 1,
        window: &[1, 2, 3],
        hop: 3,
        fft: 64,
        frames: 1,
        edges: &[1, 2, 3],
        weights: &[4, 5],
        transform: Transform::Scaled(&[6]),
        offsets: &[7],
        shift: 16,
        rounding: Rounding::Floor,
        peak: Peak::Fixed(1),
        floor: 0,
    };
    let mut words = std::vec![0; 18];
    assert_eq!(write_sound(&parts, bytemuck::cast_slice_mut(&mut words)), Ok(68));
    words.pop();
    assert_eq!(sound(&words).window_table(), [1, 2, 3]);
    let padding = |index, found| FrontEndError::Entry {
        table: Table::Padding,
        index,
        smallest: 0,
        largest: 0,
        found,
    };
    refused(&with(&words, 50, 9), padding(0, 9));
    refused(&with(&words, 66, 0x900), padding(1, 9));
}

#[test]
fn fields_of_sensors() {
    let words = motion();
    let field =
        |field, smallest, largest, found| FrontEndError::Field { field, smallest, largest, found };
    refused(&with(&words, 12, 4097), field(Field::Rows, 1, 4096, 4097));
    refused(&with(&words, 14, 65), field(Field::Axes, 1, 64, 65));
    refused(&with(&words, 14, 3), FrontEndError::Truncated { needed: 64, found: 48 });
    refused(&with(&words, 14, 1), FrontEndError::Length { expected: 32, found: 48 });
    refused(&with(&words, 20, 63), field(Field::Shift, 0, 62, 63));
    refused(&with(&words, 38, 1), field(Field::Reserved, 0, 0, 1 << 8));
    let offset = FrontEndError::Entry {
        table: Table::Axes,
        index: 1,
        smallest: 0,
        largest: 0x3fff_ffff,
        found: 0x4000_0000,
    };
    refused(&with(&words, 46, 0x4000), offset);
}

/// No damage causes a panic; what is accepted computes.
#[test]
fn every_damaged_byte() {
    let mut work = std::vec![0; 2048];
    let mut out = std::vec![0; 1 << 16];
    let samples = noise(1 << 16);
    for words in [keywords(), motion()] {
        let (mut refused, mut accepted) = (0, 0);
        for at in 0..words.len() * 4 {
            for flip in [1, 0x80, 0xff] {
                let mut damaged = words.clone();
                let bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut damaged);
                bytes[at] ^= flip;
                match FrontEnd::new_checked(bytes) {
                    Err(_) => refused += 1,
                    Ok(FrontEnd::Sound(sound)) if at < 84 || at % 64 == 0 => {
                        accepted += 1;
                        let _ = sound.run(&samples, &mut work, &mut out);
                    }
                    Ok(FrontEnd::Sound(_)) => {}
                    Ok(FrontEnd::Sensor(sensor)) => {
                        accepted += 1;
                        let count = sensor.output_bytes().min(samples.len());
                        let _ = sensor.run(&samples[..count], &mut out);
                    }
                }
            }
        }
        assert!(refused > 50 && accepted > 50, "{refused} refused, {accepted} accepted");
    }
}
