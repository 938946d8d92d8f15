//! Which configuration a checkpoint was trained with.

use supernano_base::config::{Recalibration, RunConfig};
use supernano_base::error::Result;

const CRC: crc::Crc<u64> = crc::Crc::<u64>::new(&crc::CRC_64_XZ);

/// A number of everything in a configuration that decides the weights after `step`, from 1: CRC-64
/// of its TOML without later steps, and without what only reports or finds files (the data set's
/// path, truths, panel, number of checkpoints, recalibration, preset, budget).
///
/// # Errors
/// [`supernano_base::error::Error::Invalid`] for a value that TOML cannot hold.
pub fn of(config: &RunConfig, step: usize) -> Result<u64> {
    let mut decisive = config.clone();
    decisive.preset = None;
    decisive.data.path = None;
    decisive.truths = None;
    decisive.panel = 0;
    decisive.budget = None;
    decisive.keep = 1;
    decisive.recalibration = Recalibration::default();
    decisive.steps.truncate(step);
    Ok(CRC.checksum(decisive.to_toml()?.as_bytes()))
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
        assert!(!changed(&|c| c.steps[2].lr *= 2.0));
        assert!(!changed(&|c| c.data.path = Some("elsewhere".into())));
        assert!(!changed(&|c| c.panel += 1));
    }
}
