use std::fs;

use hound::{SampleFormat, WavSpec, WavWriter};
use supernano_base::config::DataSource;
use supernano_base::testing::shared;
use supernano_core::frontend::FrontEnd;

use super::*;

const SHAPE: Shape = Shape { height: 16, width: 16, channels: 1 };

/// Writes a tone of `milliseconds` at `rate`.
fn tone(path: &Path, rate: u32, frequency: f64, milliseconds: u32) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let spec = WavSpec {
        channels: 1,
        sample_rate: rate,
        bits_per_sample: 16,
        sample_format: SampleFormat::Int,
    };
    let mut writer = WavWriter::create(path, spec).unwrap();
    for n in 0..rate * milliseconds / 1000 {
        let angle = 2.0 * std::f64::consts::PI * frequency * f64::from(n) / f64::from(rate);
        writer.write_sample((8000.0 * angle.sin()) as i16).unwrap();
    }
    writer.finalize().unwrap();
}

/// 20 recordings of a low and of a high tone, of several rates and lengths.
fn tones(root: &Path) {
    for i in 0..20u32 {
        let (class, frequency) = [("low", 300.0), ("high", 1500.0)][i as usize % 2];
        let path = root.join(class).join(format!("{class}_s{}_{i}.wav", i / 4));
        tone(&path, [8000, 11_025, 16_000][i as usize % 3], frequency + f64::from(i), 200 + 20 * i);
    }
}

fn spec(path: &Path) -> DataSpec {
    DataSpec {
        path: Some(path.into()),
        sound: Some(SoundConfig::new(8000, 0.4)),
        ..DataSpec::new(DataSource::Sound)
    }
}

fn read(spec: &DataSpec) -> Result<Dataset> {
    super::super::load(spec, SHAPE)
}

#[test]
fn recordings_become_the_features_of_the_device() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path());
    let data = read(&spec(folder.path())).unwrap();
    assert_eq!(data.classes, ["high", "low"]);
    assert_eq!(data.train.len() + data.validation.len() + data.test.len(), 20);
    // The front end of the set makes the same bytes of the samples.
    let description = data.front_end.unwrap();
    let FrontEnd::Sound(sound) = description.front_end() else { panic!("a sensor") };
    assert_eq!((sound.frames(), sound.features(), sound.rate()), (16, 16, 8000));
    let path = folder.path().join("low/low_s0_0.wav");
    let samples = samples(&path, &fs::read(&path).unwrap(), 8000).unwrap();
    let window = window::cut(&samples, -((3200 - 1600) / 2), 3200);
    let mut bytes = vec![0; sound.output_bytes()];
    sound.run(&window, &mut vec![0; sound.work_words()], &mut bytes).unwrap();
    let all = [&data.train, &data.validation, &data.test];
    assert!(all.iter().any(|s| (0..s.len()).any(|i| s.image(i) == bytes)));
}

#[test]
fn a_pattern_and_a_rule_make_groups_and_the_test_split() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path());
    let mut spec = spec(folder.path());
    spec.pattern = Some("{}/{class}_{group}_{}.wav".into());
    let data = read(&spec).unwrap();
    // Five speakers with four recordings each.
    assert_eq!([data.train.len(), data.validation.len(), data.test.len()], [12, 4, 4]);
    spec.pattern = None;
    spec.test_files = Some(r"_1[0-4]\.wav$".into());
    assert_eq!(read(&spec).unwrap().test.len(), 5);
    spec.test_files = Some("nothing".into());
    let error = read(&spec).unwrap_err().to_string();
    assert!(error.contains("matches at least one path"), "{error}");
}

#[test]
fn copies_silence_and_unknown_classes_are_made() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path());
    for i in 0..30 {
        let name = format!("other{}/{i}.wav", i % 2);
        tone(&folder.path().join(name), 8000, 3000.0 - 10.0 * f64::from(i), 300);
    }
    tone(&folder.path().join("hum/hum.wav"), 8000, 50.0, 2000);
    let mut spec = spec(folder.path());
    let sound = spec.sound.as_mut().unwrap();
    sound.known = Some(vec!["low".into(), "high".into()]);
    sound.silence = 10;
    sound.noise = Some("hum".into());
    let plain = read(&spec).unwrap();
    assert_eq!(plain.classes, ["high", "low", "silence", "unknown"]);
    let count = |data: &Dataset, class: u16| {
        [&data.train, &data.validation, &data.test]
            .map(|s| s.labels.iter().filter(|&&l| l == class).count())
    };
    assert_eq!(count(&plain, 3).iter().sum::<usize>(), 10);
    assert_eq!(count(&plain, 2), [7, 2, 1]);
    let sound = spec.sound.as_mut().unwrap();
    (sound.copies, sound.noise_ratio) = (3, Some(10.0));
    let copied = read(&spec).unwrap();
    let own = plain.train.len() - 7;
    assert_eq!(copied.train.len(), 3 * own + 7);
    // Validation and test stay, and the copies are repeatable.
    assert_eq!((&copied.validation, &copied.test), (&plain.validation, &plain.test));
    assert_eq!(read(&spec).unwrap(), copied);
}

#[test]
fn long_recordings_give_windows_of_one_group() {
    let folder = tempfile::tempdir().unwrap();
    for i in 0..12u32 {
        let class = ["a", "b"][i as usize % 2];
        let path = folder.path().join(format!("{class}/{i}.wav"));
        tone(&path, 8000, 300.0 + f64::from(i), 1000);
    }
    let mut spec = spec(folder.path());
    spec.sound.as_mut().unwrap().stride = Some(0.2);
    let data = read(&spec).unwrap();
    let sizes = [&data.train, &data.validation, &data.test].map(|s| s.len());
    assert_eq!(sizes.iter().sum::<usize>(), 12 * 4);
    assert!(sizes.iter().all(|size| size % 4 == 0), "{sizes:?}");
}

#[test]
fn a_bad_file_is_named_or_left_out() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path());
    fs::write(folder.path().join("low/bad.wav"), b"RIFF").unwrap();
    let mut spec = spec(folder.path());
    let error = read(&spec).unwrap_err().to_string();
    assert!(error.contains("bad.wav: recording: expected a whole WAV"), "{error}");
    spec.skip_bad = true;
    let data = read(&spec).unwrap();
    assert!(data.notes.iter().any(|n| n.starts_with("left out: ") && n.contains("bad.wav")));
}

#[test]
fn windows_that_do_not_suit_the_space_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    tones(folder.path());
    let refused = |shape: Shape, expected: &str| {
        let error =
            super::super::load(&spec(folder.path()), shape).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    };
    refused(Shape { channels: 3, ..SHAPE }, "input.channels: expected 1 for sound");
    refused(Shape { height: 2, ..SHAPE }, "expected 3 to 3199 frames");
    refused(Shape { width: 200, ..SHAPE }, "bands: expected 1 to 128");
    let none = DataSpec { sound: None, ..spec(folder.path()) };
    let error = read(&none).unwrap_err().to_string();
    assert!(error.contains("`rate` and `seconds` of a window"), "{error}");
}

#[test]
fn spoken_digits_are_read() {
    let Some(root) = shared("data/spoken-digits/recordings") else { return };
    let mut spec = spec(&root);
    spec.pattern = Some("{class}_{}_{}.wav".into());
    spec.test_files = Some(r"_[0-4]\.wav$".into());
    spec.sound = Some(SoundConfig::new(8000, 1.0));
    let data = read(&spec).unwrap();
    assert_eq!(data.classes.len(), 10);
    assert_eq!(data.test.len(), 300);
    assert_eq!(data.train.len() + data.validation.len(), 2700);
}
