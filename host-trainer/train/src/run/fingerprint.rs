//! Which configuration, weights, images and codes a result belongs to.

use supernano_base::codes::Coded;
use supernano_base::codes::truth::Recipe;
use supernano_base::config::{KernelTransformation, Recalibration, RunConfig};
use supernano_base::error::Result;
use supernano_data::Dataset;

use super::Run;

const CRC: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_XZ);

/// A number of everything in a configuration that decides the weights after `step`, from 1: CRC-64
/// of its TOML without later steps, and without what only reports or finds files (the data set's
/// path, truths, panel, number of checkpoints, recalibration, preset, budget).
///
/// # Errors
/// [`supernano_base::error::Error::Invalid`] for a value that TOML cannot hold.
pub fn of(config: &RunConfig, step: usize) -> Result<u64> {
    let decisive = RunConfig { recalibration: Recalibration::default(), ..decisive(config, step) };
    Ok(CRC.checksum(decisive.to_toml()?.as_bytes()))
}

/// A configuration up to `step`, from 1, without what only reports or finds files.
fn decisive(config: &RunConfig, step: usize) -> RunConfig {
    let mut decisive = config.clone();
    decisive.preset = None;
    decisive.data.path = None;
    decisive.truths = None;
    decisive.panel = 0;
    decisive.budget = None;
    decisive.keep = 1;
    decisive.steps.truncate(step);
    decisive
}

/// As [`of`], for a sub-network that is trained alone: its first step with the values of the recipe,
/// and the recalibration before its accuracy is measured.
///
/// # Errors
/// The errors of [`of`].
pub fn of_alone(config: &RunConfig, recipe: &Recipe) -> Result<String> {
    // A single sub-network has one kernel for each layer.
    let kernel_transformation = KernelTransformation::Centre;
    let mut decisive =
        RunConfig { seed: recipe.seed, kernel_transformation, ..decisive(config, 1) };
    for step in &mut decisive.steps {
        (step.epochs, step.lr) = (recipe.epochs, recipe.lr);
    }
    Ok(of_bytes([decisive.to_toml()?.as_bytes()]))
}

/// Of the weights of a run and of what they compute, 16 hexadecimal digits.
pub fn of_run(run: &Run) -> String {
    let layout = &run.weights.layout;
    let name = layout.space().name;
    let about = format!("{name} {} {:?} {:?}", run.step, run.enhancement(), layout.scheme);
    let stored = run.statistics.iter().flat_map(|s| &s.values);
    of_numbers(run.weights.values.iter().chain(stored).copied(), &about)
}

/// Of numbers and a text about them, 16 hexadecimal digits.
pub fn of_numbers(numbers: impl Iterator<Item = f32>, about: &str) -> String {
    let mut digest = CRC.digest();
    digest.update(about.as_bytes());
    numbers.for_each(|v| digest.update(&v.to_le_bytes()));
    format!("{:016x}", digest.finalize())
}

/// Of byte strings in a row, 16 hexadecimal digits.
pub fn of_bytes<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> String {
    let mut digest = CRC.digest();
    parts.into_iter().for_each(|part| digest.update(part));
    format!("{:016x}", digest.finalize())
}

/// Of the training and test images of a data set with their labels, 16 hexadecimal digits.
pub fn of_images(dataset: &Dataset) -> String {
    let splits = [&dataset.train, &dataset.test];
    let about = format!("{:?} {:?} {:?}", dataset.shape, dataset.mean, dataset.std);
    let labels: Vec<String> = splits.iter().map(|s| format!("{:?}", s.labels)).collect();
    let pixels = splits.iter().map(|s| &*s.pixels);
    of_bytes(
        [about.as_bytes()].into_iter().chain(labels.iter().map(|l| l.as_bytes())).chain(pixels),
    )
}

/// Of a list of codes with their ids, 16 hexadecimal digits.
pub fn of_codes(codes: &[Coded]) -> String {
    let lines: Vec<String> = codes.iter().map(|c| format!("{}\n{}\n", c.id, c.written)).collect();
    of_bytes(lines.iter().map(|line| line.as_bytes()))
}

#[cfg(test)]
mod tests {
    use supernano_base::config::Preset;

    use super::*;

    #[test]
    fn it_changes_with_what_decides_the_weights_alone() {
        let config = RunConfig::preset(Preset::Paper).unwrap();
        let base = of(&config, 2).unwrap();
        let changed = |change: &dyn Fn(&mut RunConfig)| {
            let mut other = config.clone();
            change(&mut other);
            of(&other, 2).unwrap() != base
        };
        assert!(changed(&|c| c.seed += 1));
        assert!(changed(&|c| c.steps[1].lr *= 2.0));
        assert!(changed(&|c| c.augmentation.flip = false));
        assert!(changed(&|c| c.optimizer.momentum = 0.5));
        assert!(changed(&|c| c.kernel_transformation = KernelTransformation::Learnt));
        assert!(!changed(&|c| c.steps[2].lr *= 2.0));
        assert!(!changed(&|c| c.data.path = Some("elsewhere".into())));
        assert!(!changed(&|c| c.panel += 1));
    }
}
