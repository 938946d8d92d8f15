//! Features of a continuous sound: a hop of samples costs one frame.

use super::error::{FrontEndError, Memory};
use super::features::Work;
use super::rows::Rows;
use super::sound::Sound;
use super::spectrum::Scale;

/// The features of the last frames of a continuous sound.
///
/// The samples that count as 1 are fixed ([`Peak::fixed`](super::Peak::fixed)), since the largest
/// sample of what follows is unknown.
#[derive(Debug)]
pub struct SoundStream<'a, 'm> {
    sound: Sound<'a>,
    samples: &'m mut [i16],
    /// Samples that wait.
    filled: usize,
    rows: Rows<'m>,
    scale: Scale,
}

impl<'a, 'm> SoundStream<'a, 'm> {
    /// An empty stream. It needs memory for [`Sound::window`] samples and
    /// [`Sound::output_bytes`] bytes.
    ///
    /// # Errors
    /// [`FrontEndError::TooSmall`].
    pub fn new(
        sound: Sound<'a>,
        samples: &'m mut [i16],
        rows: &'m mut [u8],
    ) -> Result<Self, FrontEndError> {
        let (needed, found) = (sound.window(), samples.len());
        let too_small = FrontEndError::TooSmall { memory: Memory::Samples, needed, found };
        let samples = samples.get_mut(..needed).ok_or(too_small)?;
        let rows = Rows::new(rows, sound.frames(), sound.features())?;
        let scale = Scale::new(&sound, sound.peak().fixed());
        Ok(Self { sound, samples, filled: 0, rows, scale })
    }

    /// Takes the next samples, any number of them, and computes every frame that they complete.
    /// Returns the number of these frames. `work` has [`Sound::work_words`] words or more.
    ///
    /// # Errors
    /// [`FrontEndError::TooSmall`]. No sample is taken in this case.
    pub fn push(&mut self, samples: &[i16], work: &mut [u32]) -> Result<usize, FrontEndError> {
        let mut work = self.sound.split(work)?;
        let (mut frames, mut left) = (0, samples);
        while !left.is_empty() {
            let free = self.samples.get_mut(self.filled..).unwrap_or(&mut []);
            let count = left.len().min(free.len());
            let (now, later) = left.split_at_checked(count).unwrap_or((left, &[]));
            for (to, from) in free.iter_mut().zip(now) {
                *to = *from;
            }
            left = later;
            self.filled += count;
            if self.filled == self.samples.len() {
                self.complete(&mut work);
                frames += 1;
            }
        }
        Ok(frames)
    }

    /// Computes the frame of the samples that wait, and drops those before the next frame.
    fn complete(&mut self, work: &mut Work<'_>) {
        let Self { sound, samples, rows, scale, .. } = self;
        rows.push(|row| sound.frame(samples, *scale, work, row));
        // The hop is at most the window.
        samples.copy_within(sound.hop().min(samples.len()).., 0);
        self.filled = samples.len().saturating_sub(sound.hop());
    }

    /// True if there are as many frames as the network's input has.
    pub fn ready(&self) -> bool {
        self.rows.full()
    }

    /// Copies the network's input, u8 `[frames][features]`, the oldest frame first.
    ///
    /// # Errors
    /// [`FrontEndError::NotReady`] and [`FrontEndError::TooSmall`].
    pub fn features(&self, out: &mut [u8]) -> Result<(), FrontEndError> {
        self.rows.copy(out)
    }

    /// Forgets all samples and frames.
    pub fn clear(&mut self) {
        self.filled = 0;
        self.rows.clear();
    }
}
