//! Checks of descriptions, streams against recordings, and the exact primitives.

use std::vec::Vec;

use super::*;

mod damage;
mod streams;

/// The description of MLPerf Tiny's features, aligned.
fn keywords() -> Vec<u32> {
    aligned(include_bytes!("../../../tests/golden/keywords.snf"))
}

fn aligned(bytes: &[u8]) -> Vec<u32> {
    let words = bytes.chunks(4);
    words.map(|c| c.iter().rev().fold(0, |word, &b| word << 8 | u32::from(b))).collect()
}

fn sound(words: &[u32]) -> Sound<'_> {
    match FrontEnd::new_checked(bytemuck::cast_slice(words)) {
        Ok(FrontEnd::Sound(sound)) => sound,
        other => panic!("{other:?}"),
    }
}

fn sensor(words: &[u32]) -> Sensor<'_> {
    match FrontEnd::new_checked(bytemuck::cast_slice(words)) {
        Ok(FrontEnd::Sensor(sensor)) => sensor,
        other => panic!("{other:?}"),
    }
}

/// Two axes, three rows.
fn motion() -> Vec<u32> {
    let axes = [
        Axis { multiplier: 10, shift: 3, offset: 1024 },
        Axis { multiplier: -1, shift: 0, offset: 100 },
    ];
    let mut words = std::vec![0; 12];
    let parts = SensorParts { rows: 3, axes: &axes };
    let length = write_sensor(&parts, bytemuck::cast_slice_mut(&mut words)).unwrap();
    assert_eq!(length, 48);
    words
}

/// Values that look random.
fn noise(count: usize) -> Vec<i16> {
    let mut state = 1u32;
    let next = |_| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 16) as i16
    };
    (0..count).map(next).collect()
}

#[test]
fn the_golden_description_has_the_sizes_of_the_document() {
    let words = keywords();
    let sound = sound(&words);
    assert_eq!((sound.rate(), sound.window(), sound.hop(), sound.fft()), (16_000, 480, 320, 512));
    assert_eq!((sound.frames(), sound.bands(), sound.features()), (49, 40, 10));
    assert_eq!((sound.samples(), sound.output_bytes(), sound.work_words()), (15_840, 490, 552));
    assert_eq!(sound.peak(), Peak::OfRecording(1 << 15));
    let front_end = FrontEnd::Sound(sound);
    assert_eq!(front_end.shape(), [49, 10, 1]);
}

#[test]
fn the_written_description_is_the_one_that_was_read() {
    let words = keywords();
    let sound = sound(&words);
    let parts = SoundParts {
        rate: sound.rate(),
        window: sound.window_table(),
        hop: sound.hop() as u16,
        fft: sound.fft() as u16,
        frames: sound.frames() as u16,
        edges: sound.edges(),
        weights: sound.weights(),
        transform: sound.transform(),
        offsets: sound.offsets(),
        shift: sound.shift() as u8,
        rounding: sound.rounding(),
        peak: sound.peak(),
        floor: sound.floor(),
    };
    let mut written = std::vec![0; words.len()];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut written);
    assert_eq!(write_sound(&parts, out), Ok(words.len() * 4));
    assert_eq!(written, words);
    let mut short = std::vec![0; words.len() - 1];
    let error = write_sound(&parts, bytemuck::cast_slice_mut(&mut short)).unwrap_err();
    let (needed, found) = (words.len() * 4, short.len() * 4);
    assert_eq!(error, FrontEndError::TooSmall { memory: Memory::Description, needed, found });
    let bad = SoundParts { hop: 481, ..parts };
    let error = write_sound(&bad, bytemuck::cast_slice_mut(&mut written)).unwrap_err();
    let (smallest, largest, found) = (1, 480, 481);
    assert_eq!(error, FrontEndError::Field { field: Field::Hop, smallest, largest, found });
}

/// The example of the document.
#[test]
fn an_axis_saturates_and_rounds_down() {
    let words = motion();
    let axes: Vec<Axis> = sensor(&words).scales().collect();
    assert_eq!([100, -100, 0, 1000, -1000].map(|x| axes[0].byte(x)), [253, 3, 128, 255, 0]);
    assert_eq!([0, 100, 101, -155, -156].map(|x| axes[1].byte(x)), [100, 0, 0, 255, 255]);
    let bytes: &[u8] = bytemuck::cast_slice(&words);
    let axis = [10, 0, 0, 0, 3, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0];
    assert_eq!(bytes[16..32], axis);
    assert_eq!(FrontEnd::new_checked(bytes).unwrap().shape(), [3, 1, 2]);
}

#[test]
fn silence_has_the_logarithm_of_the_floor() {
    let words = keywords();
    let sound = sound(&words);
    let mut work = std::vec![0; sound.work_words()];
    let mut out = std::vec![0; sound.output_bytes()];
    sound.run(&std::vec![0; sound.samples()], &mut work, &mut out).unwrap();
    // The sum of 40 logarithms of 10^-6 saturates; the other coefficients of a constant are 0.
    for row in out.chunks(10) {
        assert_eq!(row, [0, 211, 211, 211, 211, 211, 211, 211, 211, 211]);
    }
}
