//! The front ends of core against the independent oracle, bytes with `==`.

use std::fs;
use std::path::PathBuf;

use supernano_core::frontend::{
    Axis, FrontEnd, MAX_SHIFT, Peak, Rounding, SensorParts, Sound, SoundParts, SoundStream,
    Transform, write_sensor, write_sound,
};
use supernano_tests::command::root;
use supernano_tests::oracle::frontend::{self as oracle, scaled};
use supernano_tests::random::{Random, words};

fn sound(bytes: &[u8]) -> Sound<'_> {
    match FrontEnd::new_checked(bytes).unwrap() {
        FrontEnd::Sound(sound) => sound,
        FrontEnd::Sensor(_) => panic!("a sensor"),
    }
}

fn parsed(bytes: &[u8]) -> oracle::Sound {
    match oracle::FrontEnd::parse(bytes).unwrap() {
        oracle::FrontEnd::Sound(sound) => sound,
        oracle::FrontEnd::Sensor(..) => panic!("a sensor"),
    }
}

/// Compares a whole recording.
fn agree(bytes: &[u8], samples: &[i16]) -> Vec<u8> {
    let (core, oracle) = (sound(bytes), parsed(bytes));
    let mut work = vec![0x5a5a_5a5a; core.work_words()];
    let mut features = vec![0; core.output_bytes()];
    core.run(samples, &mut work, &mut features).unwrap();
    assert_eq!(features, oracle.recording(samples));
    features
}

/// Compares a stream, which has the fixed scale, frame by frame.
fn streams_agree(bytes: &[u8], samples: &[i16]) {
    let (core, oracle) = (sound(bytes), parsed(bytes));
    let mut work = vec![0x5a5a_5a5a; core.work_words()];
    let (mut waiting, mut rows) = (vec![0; core.window()], vec![0; core.output_bytes()]);
    let mut stream = SoundStream::new(core, &mut waiting, &mut rows).unwrap();
    let made: usize = samples.chunks(97).map(|chunk| stream.push(chunk, &mut work).unwrap()).sum();
    assert_eq!(made, 1 + (samples.len() - oracle.window) / oracle.hop);
    let mut features = vec![0; core.output_bytes()];
    stream.features(&mut features).unwrap();
    let frames = (made - oracle.frames..made).map(|f| &samples[f * oracle.hop..][..oracle.window]);
    let expected: Vec<u8> = frames.flat_map(|f| oracle.frame(f, oracle.peak)).collect();
    assert_eq!(features, expected);
}

fn keywords() -> Vec<u32> {
    words(&fs::read(root().join("tests/golden/keywords.snf")).unwrap())
}

/// A description with random tables in the whole of their ranges.
fn random_description(random: &mut Random) -> Vec<u32> {
    let points = 1u64 << random.between(6, 10);
    let window = random.between(1, points);
    let bands = random.between(1, 128) as usize;
    let matrix = random.between(0, 1) == 1;
    let features = if matrix { random.between(1, bands as u64) as usize } else { bands };
    let mut edges: Vec<u16> =
        (0..bands + 2).map(|_| random.between(0, points / 2 + 1) as u16).collect();
    edges.sort_unstable();
    let bins = usize::from(edges[bands + 1] - edges[0]);
    let mut table = |count: usize, low: u64, high: u64| -> Vec<u16> {
        let extreme = random.between(0, 3);
        let mut one = || match extreme {
            0 => high,
            1 => low,
            _ => random.between(low, high),
        };
        (0..count).map(|_| one() as u16).collect()
    };
    let (coefficients, weights) = (table(window as usize, 0, 1 << 15), table(bins, 0, 65535));
    let factors: Vec<i16> = table(if matrix { features * bands } else { bands }, 0, 65535)
        .into_iter()
        .map(|v| v as i16)
        .collect();
    let offsets: Vec<i32> = (0..features).map(|_| random.next() as i32).collect();
    let peak = random.between(1, 1 << 15) as u16;
    let parts = SoundParts {
        rate: 16_000,
        window: &coefficients,
        hop: random.between(1, window) as u16,
        fft: points as u16,
        frames: random.between(1, 5) as u16,
        edges: &edges,
        weights: &weights,
        transform: if matrix { Transform::Matrix(&factors) } else { Transform::Scaled(&factors) },
        offsets: &offsets,
        shift: random.between(16, MAX_SHIFT.into()) as u8,
        rounding: [Rounding::Floor, Rounding::Truncate][random.between(0, 1) as usize],
        peak: [Peak::Fixed(peak), Peak::OfRecording(peak)][random.between(0, 1) as usize],
        floor: (random.next() >> random.between(32, 63)) as u32,
    };
    let mut words = vec![0; 1 << 14];
    let length = write_sound(&parts, bytemuck::cast_slice_mut(&mut words)).unwrap();
    words.truncate(length / 4);
    words
}

/// Sounds with the extreme values and with ordinary ones.
fn sounds(length: usize, random: &mut Random) -> Vec<Vec<i16>> {
    let of = |f: &mut dyn FnMut(usize) -> i16| (0..length).map(f).collect::<Vec<_>>();
    let volume = random.between(1, 15) as u32;
    vec![
        of(&mut |_| 0),
        of(&mut |_| i16::MIN),
        of(&mut |_| i16::MAX),
        of(&mut |i| if i % 2 == 0 { i16::MIN } else { i16::MAX }),
        of(&mut |i| if i / 2 % 2 == 0 { i16::MIN } else { i16::MAX }),
        of(&mut |i| if i == length / 2 { i16::MIN } else { 0 }),
        of(&mut |i| if i == length / 2 { 1 } else { 0 }),
        of(&mut |_| random.next() as i16),
        of(&mut |_| random.next() as i16 >> volume),
    ]
}

#[test]
fn random_descriptions_agree() {
    let mut random = Random(1);
    for _ in 0..60 {
        let words = random_description(&mut random);
        let bytes = bytemuck::cast_slice(&words);
        let length = sound(bytes).samples();
        for samples in sounds(length, &mut random) {
            agree(bytes, &samples);
        }
        let longer = sounds(length + 300, &mut random);
        streams_agree(bytes, &longer[7]);
    }
}

/// Full-scale tones of every bin reach the largest magnitudes.
#[test]
fn full_scale_tones_agree() {
    let words = keywords();
    let bytes = bytemuck::cast_slice(&words);
    let oracle = parsed(bytes);
    let mut work = vec![0; sound(bytes).work_words()];
    for bin in 0..=oracle.points / 2 {
        for phase in [0.0, 0.25] {
            let samples: Vec<i16> = (0..sound(bytes).samples())
                .map(|n| {
                    let turns = (bin * n % oracle.points) as f64 / oracle.points as f64 + phase;
                    // The cast saturates.
                    (32768.0 * (2.0 * std::f64::consts::PI * turns).cos()).round() as i16
                })
                .collect();
            let mut features = vec![0; sound(bytes).output_bytes()];
            sound(bytes).run(&samples, &mut work, &mut features).unwrap();
            let peak = samples.iter().copied().max().map_or(1, i128::from).max(1);
            let first = oracle.frame(&samples[..oracle.window], peak);
            assert_eq!(features[..oracle.features], first, "bin {bin}");
        }
    }
}

#[test]
fn keywords_agree() {
    let words = keywords();
    let bytes = bytemuck::cast_slice(&words);
    let mut random = Random(2);
    let length = sound(bytes).samples();
    for samples in sounds(length, &mut random) {
        agree(bytes, &samples);
    }
    streams_agree(bytes, &sounds(length + 1000, &mut random)[8]);
}

#[test]
fn axes_agree() {
    let mut random = Random(3);
    let extremes = [i32::MIN, -1, 0, 1, i32::MAX];
    for _ in 0..200 {
        let largest = (1i64 << 62) - 1;
        let mut axis = |extreme: u64| Axis {
            multiplier: match extreme {
                0 => i32::MIN,
                1 => i32::MAX,
                _ => random.next() as i32 >> random.between(0, 31),
            },
            shift: random.between(0, 62) as u8,
            offset: match extreme {
                0 => largest,
                1 => -largest,
                _ => (random.next() as i64 >> random.between(1, 62)).clamp(-largest, largest),
            },
        };
        let axes: Vec<Axis> = (0..7).map(&mut axis).collect();
        let parts = SensorParts { rows: 5, axes: &axes };
        let mut words = vec![0; 64];
        let length = write_sensor(&parts, bytemuck::cast_slice_mut(&mut words)).unwrap();
        let bytes = &bytemuck::cast_slice(&words)[..length];
        let (core, oracle) = (FrontEnd::new_checked(bytes), oracle::FrontEnd::parse(bytes));
        let (Ok(FrontEnd::Sensor(core)), Ok(oracle::FrontEnd::Sensor(5, axes))) = (core, oracle)
        else {
            panic!("not a sensor of 5 rows");
        };
        let samples: Vec<i32> = extremes
            .into_iter()
            .flat_map(|extreme| [extreme; 6].into_iter().chain([random.next() as i32]))
            .collect();
        let mut found = vec![0; 35];
        core.run(&samples, &mut found).unwrap();
        let expected: Vec<u8> = samples
            .iter()
            .zip(axes.iter().cycle())
            .map(|(&sample, &axis)| scaled(axis, sample.into()))
            .collect();
        assert_eq!(found, expected);
    }
}

/// The recordings of MLPerf Tiny's keywords, if they are there.
#[test]
fn recordings_agree() {
    let shared = std::env::var_os("SUPERNANO_SHARED")
        .map_or_else(|| root().join("../shared"), PathBuf::from)
        .join("data/keywords/pcm");
    let Ok(directory) = fs::read_dir(&shared) else {
        assert!(std::env::var_os("SUPERNANO_REQUIRE_SHARED").is_none(), "{}", shared.display());
        eprintln!("SKIPPED: {} does not exist (SUPERNANO_SHARED)", shared.display());
        return;
    };
    let words = keywords();
    let bytes = bytemuck::cast_slice(&words);
    let mut different = std::collections::BTreeSet::new();
    for entry in directory {
        let pcm = fs::read(entry.unwrap().path()).unwrap();
        let samples: Vec<i16> = pcm.as_chunks().0.iter().map(|&s| i16::from_le_bytes(s)).collect();
        different.insert(agree(bytes, &samples));
    }
    assert_eq!(different.len(), 71);
}
