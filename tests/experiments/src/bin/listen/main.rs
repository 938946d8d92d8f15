//! Makes the network and the recording of the firmware `listen`: trains a network on the integer
//! features of made sounds, and writes `tests/golden/tones.snb` and `tests/golden/tones.pcm`.
//!
//! `cargo run --release -p supernano-experiments --bin listen`

use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use rand::Rng as _;
use supernano_base::config::RunConfig;
use supernano_base::frontend::{FrontEndSpec, SoundSpec};
use supernano_base::images::Images;
use supernano_base::objective::Objective;
use supernano_base::progress::Silent;
use supernano_base::rng::{ChaCha8Rng, Key, Purpose};
use supernano_core::arch::Arch;
use supernano_core::frontend::{FrontEnd, Sound, SoundStream};
use supernano_core::space::Shape;
use supernano_data::Dataset;
use supernano_train::export::{ExportOptions, Material, accuracies, ship};
use supernano_train::run::Run;
use supernano_train::training::{Begin, SlicedAccelerator, train};

use sounds::{CLASSES, Tone, count, integers, noise};

mod sounds;

#[global_allocator]
static ALLOCATOR: supernano::allocator::MiMalloc = supernano::allocator::MiMalloc;

/// Directory of the run, below the workspace.
const RUN: &str = "target/listen";
/// Largest sample of the noise.
const NOISE: f64 = 150.0;

fn main() -> Result<()> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let spec = FrontEndSpec::Sound(SoundSpec::keywords());
    let description = spec.build("keywords")?;
    let FrontEnd::Sound(sound) = description.front_end() else { bail!("not a sound") };
    let dataset = dataset(&sound)?;
    let file = root.join("tests/experiments/configs/listen/tones.toml");
    let config = RunConfig::read(&file)?;
    let run = root.join(RUN);
    train(&config, &dataset, &run, Begin::Overwrite, &SlicedAccelerator, &Silent)?;
    let run = Run::open(&run)?;
    let arch = Arch::largest(&run.space());
    let options = ExportOptions::default();
    let test = (&dataset.test, usize::MAX);
    let material = Material::new(&config, &dataset, options.calibration, test)?;
    let shipment = ship(&run, &arch, &material, &options, None)?;
    let found = accuracies(&shipment.float, &shipment.blob, &material.judged)?;
    let line = format!(
        "top-1 of {} test windows: {} float, {} int8",
        material.judged.len(),
        found.float,
        found.int8
    );
    let _ = supernano::output::print(&line)?;
    let golden = root.join("tests/golden");
    fs::write(golden.join("tones.snb"), shipment.blob.bytes()).context("tones.snb")?;
    let bytes: Vec<u8> = recording().iter().flat_map(|s| s.to_le_bytes()).collect();
    fs::write(golden.join("tones.pcm"), bytes).context("tones.pcm")
}

fn random(seed: u64) -> ChaCha8Rng {
    Key::new(seed).rng(Purpose::Sample, 0)
}

/// Windows of all classes.
fn dataset(sound: &Sound<'_>) -> Result<Dataset> {
    let shape = Shape { height: 49, width: 10, channels: 1 };
    let train = windows(sound, shape, 2048, 1)?;
    let mean = train.pixels.iter().map(|&p| f64::from(p)).sum::<f64>() / train.pixels.len() as f64;
    let square = |p: &u8| (f64::from(*p) - mean).powi(2);
    let variance = train.pixels.iter().map(square).sum::<f64>() / train.pixels.len() as f64;
    Ok(Dataset {
        objective: Objective::Classes,
        name: "tones".into(),
        shape,
        classes: CLASSES.map(str::to_owned).to_vec(),
        train,
        validation: windows(sound, shape, 256, 2)?,
        test: windows(sound, shape, 512, 3)?,
        mean: vec![(mean / 255.0) as f32],
        std: vec![(variance.sqrt() / 255.0) as f32],
        front_end: None,
        window: None,
        notes: Vec::new(),
    })
}

/// `number` windows, with the features that a stream has. A tone may begin up to 0.3 s before the
/// window or after its start.
fn windows(sound: &Sound<'_>, shape: Shape, number: usize, seed: u64) -> Result<Images> {
    let mut random = random(seed);
    let (length, margin) = (sound.samples(), count(0.3));
    let (mut pixels, mut labels) = (Vec::new(), Vec::with_capacity(number));
    let mut work = vec![0; sound.work_words()];
    for i in 0..number {
        let class = i % CLASSES.len();
        let mut samples = noise(length + 2 * margin, NOISE, &mut random);
        if let Some(tone) = Tone::random(class, &mut random) {
            let start = random.random_range(0..=2 * margin);
            let end = (start + count(random.random_range(0.8..1.0))).min(samples.len());
            tone.add(&mut samples[start..end]);
        }
        let samples = integers(&samples[margin..margin + length]);
        let (mut waiting, mut rows) = (vec![0; sound.window()], vec![0; sound.output_bytes()]);
        let mut stream = SoundStream::new(*sound, &mut waiting, &mut rows)?;
        stream.push(&samples, &mut work)?;
        let mut features = vec![0; sound.output_bytes()];
        stream.features(&mut features)?;
        pixels.extend(features);
        labels.push(class as u16);
    }
    Ok(Images::new(shape, pixels, labels))
}

/// Noise with a rising, a falling and a steady tone.
fn recording() -> Vec<i16> {
    let mut random = random(4);
    let mut samples = noise(count(4.0), NOISE, &mut random);
    for (class, start) in [(1, 0.4), (2, 1.6), (3, 2.8)] {
        if let Some(tone) = Tone::random(class, &mut random) {
            tone.add(&mut samples[count(start)..count(start + 0.9)]);
        }
    }
    integers(&samples)
}
