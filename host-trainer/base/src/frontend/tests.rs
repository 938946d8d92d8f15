//! Descriptions and their features, against floating point and against the official features.

use std::path::Path;

use supernano_core::frontend::{FrontEnd, Sensor, Sound};

use super::*;

mod keywords;
mod reference;
mod validation;

fn built(spec: &FrontEndSpec) -> Description {
    spec.build("x.toml").unwrap()
}

fn sound(description: &Description) -> Sound<'_> {
    match description.front_end() {
        FrontEnd::Sound(sound) => sound,
        FrontEnd::Sensor(_) => panic!("a sensor"),
    }
}

fn sensor(description: &Description) -> Sensor<'_> {
    match description.front_end() {
        FrontEnd::Sensor(sensor) => sensor,
        FrontEnd::Sound(_) => panic!("a sound"),
    }
}

/// A sound of several tones with changing loudness, and noise.
fn melody(length: usize) -> Vec<i16> {
    let mut state = 1u32;
    let next = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let noise = f64::from(state >> 16) / 65536.0 - 0.5;
        let time = n as f64 / 16_000.0;
        let loudness = 3000.0 * (1.1 + (3.0 * time).sin());
        let tones = (2500.0 * time).sin() + (700.0 * time * (1.0 + 4.0 * time)).sin();
        (loudness * tones + 60.0 * noise) as i16
    };
    (0..length).map(next).collect()
}

/// Largest difference of a byte from the rounded reference, and the share of different bytes.
fn differences(spec: &SoundSpec, samples: &[i16]) -> (u8, f64) {
    let description = built(&FrontEndSpec::Sound(spec.clone()));
    let sound = sound(&description);
    let mut work = vec![0; sound.work_words()];
    let mut bytes = vec![0; sound.output_bytes()];
    sound.run(samples, &mut work, &mut bytes).unwrap();
    let largest = f64::from(samples.iter().copied().max().unwrap_or(1).max(1));
    let peak = if spec.peak_of_recording { largest } else { f64::from(spec.peak) };
    let values = reference::values(spec, samples, peak);
    let exact = values.iter().map(|&value| reference::byte(spec, value));
    let differences: Vec<u8> = bytes.iter().zip(exact).map(|(&b, e)| b.abs_diff(e)).collect();
    let different = differences.iter().filter(|&&d| d > 0).count();
    (differences.iter().copied().max().unwrap_or(0), different as f64 / bytes.len() as f64)
}

/// Log-mel features at three rates and sizes, with a step of 0.05: a twelfth of that of the
/// keywords.
#[test]
fn log_mel_features_are_those_of_floating_point() {
    let base = SoundSpec { coefficients: 0, scale: 0.05, offset: 0.0, ..SoundSpec::keywords() };
    let small = SoundSpec {
        rate: 8000,
        window: 200,
        hop: 80,
        fft: 256,
        bands: 20,
        low: 60.0,
        high: 3800.0,
        frames: 30,
        shape: WindowShape::Hamming,
        rounding: Rounding::Nearest,
        peak_of_recording: false,
        peak: 9000,
        ..base.clone()
    };
    let large = SoundSpec {
        window: 1024,
        hop: 512,
        fft: 1024,
        bands: 64,
        frames: 12,
        high: 8000.0,
        shape: WindowShape::Rectangular,
        rounding: Rounding::Floor,
        ..base.clone()
    };
    for spec in [base, small, large] {
        let (largest, share) = differences(&spec, &melody(16_000));
        assert!(largest <= 1 && share < 0.05, "{spec:?}: {largest}, {share}");
    }
}

/// An axis has the ends of its range, and halves between.
#[test]
fn an_axis_maps_its_range_to_bytes() {
    let ranges = [(-100.0, 100.0), (0.0, 255.0), (-2_147_483_648.0, 2_147_483_647.0), (9.5, 9.75)];
    let axes = ranges.map(|(low, high)| AxisSpec { low, high }).to_vec();
    let description = built(&FrontEndSpec::Sensor(SensorSpec { rows: 1, axes }));
    let bytes = |samples: [i32; 4]| {
        let mut out = [0; 4];
        sensor(&description).run(&samples, &mut out).unwrap();
        out
    };
    assert_eq!(bytes([-100, 0, i32::MIN, 9]), [0; 4]);
    assert_eq!(bytes([100, 255, i32::MAX, 10]), [255; 4]);
    assert_eq!(bytes([0, 77, 0, 9])[..3], [128, 77, 128]);
    assert_eq!(bytes([-101, -5, i32::MIN, i32::MIN]), [0; 4]);
    assert_eq!(bytes([1000, 256, i32::MAX, i32::MAX]), [255; 4]);
}

fn golden(name: &str) -> Vec<u8> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden");
    std::fs::read(root.join(name)).unwrap()
}
