//! Copies of training windows that are shifted, louder or quieter, and noisy. The front end computes
//! them as any other window.

use std::path::PathBuf;

use rand::Rng as _;
use rayon::prelude::*;
use supernano_base::config::SoundConfig;
use supernano_base::error::Result;
use supernano_base::files;
use supernano_base::progress::Progress;
use supernano_base::rng::{ChaCha8Rng, Key as Stream, Purpose};

use super::super::items::{Items, Kept, Loaded};
use super::super::splits::{Key, hash};
use super::features::Features;
use super::made::Noise;
use super::{samples, training, window};

/// Range of the signal-to-noise ratios above the smallest one, dB.
const RATIOS: f64 = 30.0;
/// Recordings that each thread copies before the copies are kept.
const AT_A_TIME: usize = 16;

/// What copies are made with.
pub struct Copies<'a> {
    /// The settings.
    pub sound: &'a SoundConfig,
    /// The front end.
    pub features: &'a Features,
    /// The noise that is added.
    pub noise: &'a Noise,
    /// Seed of the data.
    pub seed: u64,
}

impl Copies<'_> {
    /// Appends the copies of all training items, in the order of the items. `origins` has the file and
    /// the place of each item. The files are read again.
    ///
    /// # Errors
    /// As [`samples`] and [`Features::of`].
    pub fn of_training(
        &self,
        items: &mut Items,
        origins: &[(PathBuf, i64)],
        progress: &dyn Progress,
    ) -> Result<()> {
        let indices: Vec<usize> = training(&items.list).collect();
        let task = progress.task(indices.len() as u64, "copy");
        for part in indices.chunks(AT_A_TIME * rayon::current_num_threads()) {
            let of = |&i: &usize| {
                let (path, at) = &origins[i];
                let whole = samples(path, &files::read(path)?, self.sound.rate)?;
                let copy = |n| self.copy(&items.list[i], &whole, *at, n);
                let copies = (1..self.sound.copies).map(copy).collect::<Result<Vec<Loaded>>>();
                task.advance(1);
                copies
            };
            let made: Vec<Vec<Loaded>> = part.par_iter().map(of).collect::<Result<_>>()?;
            made.into_iter().flatten().try_for_each(|copy| items.push(copy))?;
        }
        task.finish();
        Ok(())
    }

    fn copy(&self, item: &Kept, whole: &[i16], at: i64, n: usize) -> Result<Loaded> {
        // The stream depends on the content, not on the order of the files.
        let [a, b, c, d, ..] = item.key.content;
        let index = u64::from(u32::from_le_bytes([a, b, c, d])) << 8 | n as u64;
        let mut rng = Stream::new(self.seed).rng(Purpose::Generate, index);
        let samples = self.changed(whole, at, &mut rng);
        let Key { label, split, .. } = item.key;
        let content = hash(bytemuck::cast_slice(&samples));
        Ok(Loaded {
            place: format!("{}, copy {n}", item.place),
            key: Key { label, split, content, group: item.key.group.clone() },
            pixels: self.features.of(&samples)?,
            targets: item.targets.clone(),
        })
    }

    /// A window of the recording near `at`, with another loudness and noise.
    fn changed(&self, whole: &[i16], at: i64, rng: &mut ChaCha8Rng) -> Vec<i16> {
        let mut unit = || 2.0 * rng.random::<f64>() - 1.0;
        let shift = (unit() * self.sound.shift * f64::from(self.sound.rate)).round() as i64;
        let factor = 10f64.powf(unit() * self.sound.gain / 20.0);
        let ratio = self.sound.noise_ratio.map(|least| least + RATIOS * (0.5 + 0.5 * unit()));
        let window = window::cut(whole, at + shift, self.sound.samples());
        let mut values: Vec<f64> = window.iter().map(|&s| f64::from(s) * factor).collect();
        if let Some(ratio) = ratio {
            let noise = self.noise.draw(values.len(), rng);
            let power = |values: &[f64]| values.iter().map(|v| v * v).sum::<f64>();
            let wanted = power(&values) / 10f64.powf(ratio / 10.0);
            let scale = (wanted / power(&noise).max(f64::MIN_POSITIVE)).sqrt();
            values.iter_mut().zip(&noise).for_each(|(v, n)| *v += scale * n);
        }
        // The cast saturates.
        values.into_iter().map(|v| v.round() as i16).collect()
    }
}
