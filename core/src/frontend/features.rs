//! The features of a frame and of a recording.

use super::error::{FrontEndError, Memory};
use super::fft::{self, Complex};
use super::sound::{MIN_SHIFT, Peak, Rounding, Sound, Transform};
use super::spectrum::{self, Scale};

/// The parts of the working memory.
pub(super) struct Work<'w> {
    values: &'w mut [Complex],
    logarithms: &'w mut [i32],
}

impl Sound<'_> {
    /// The features of a recording, u8 `[frames][features]`, from its first [`Self::samples`]
    /// samples. If the scale is the largest sample ([`Peak::OfRecording`]), all `samples` count for
    /// it, those behind the last frame included; a recording without a positive sample has 1.
    ///
    /// # Errors
    /// [`FrontEndError::Samples`] and [`FrontEndError::TooSmall`]. Nothing is written in these
    /// cases.
    pub fn run(
        &self,
        samples: &[i16],
        work: &mut [u32],
        out: &mut [u8],
    ) -> Result<(), FrontEndError> {
        let (needed, found) = (self.samples(), samples.len());
        if found < needed {
            return Err(FrontEndError::Samples { needed, found });
        }
        let (needed, found) = (self.output_bytes(), out.len());
        let too_small = FrontEndError::TooSmall { memory: Memory::Output, needed, found };
        let out = out.get_mut(..needed).ok_or(too_small)?;
        let mut work = self.split(work)?;
        let peak = match self.peak() {
            Peak::Fixed(peak) => peak,
            Peak::OfRecording(_) => largest(samples),
        };
        let scale = Scale::new(self, peak);
        // None of these sizes is 0; the compiler does not know.
        let frames = samples.windows(self.window().max(1)).step_by(self.hop().max(1));
        for (frame, row) in frames.zip(out.chunks_exact_mut(self.features().max(1))) {
            self.frame(frame, scale, &mut work, row);
        }
        Ok(())
    }

    /// Divides the working memory.
    pub(super) fn split<'w>(&self, work: &'w mut [u32]) -> Result<Work<'w>, FrontEndError> {
        let (needed, found) = (self.work_words(), work.len());
        let parts = work.split_at_mut_checked(self.fft()).and_then(|(values, rest)| {
            let logarithms = rest.get_mut(..self.bands())?;
            let values = bytemuck::try_cast_slice_mut(values).ok()?;
            Some(Work { values, logarithms: bytemuck::try_cast_slice_mut(logarithms).ok()? })
        });
        parts.ok_or(FrontEndError::TooSmall { memory: Memory::Work, needed, found })
    }

    /// The features `[features]` of a frame of samples `[window]`.
    pub(super) fn frame(&self, samples: &[i16], scale: Scale, work: &mut Work<'_>, row: &mut [u8]) {
        spectrum::load(self, samples, work.values);
        fft::transform(work.values);
        spectrum::bands(self, scale, work.values, work.logarithms);
        let logarithms = &*work.logarithms;
        match self.transform() {
            Transform::Scaled(factors) => {
                let sums = factors.iter().zip(logarithms);
                let sums = sums.map(|(&factor, &log)| i64::from(factor) * i64::from(log));
                self.quantise(sums, row);
            }
            Transform::Matrix(matrix) => {
                let rows = matrix.chunks_exact(logarithms.len().max(1));
                let dot = |row: &[i16]| {
                    row.iter().zip(logarithms).map(|(&m, &log)| i64::from(m) * i64::from(log)).sum()
                };
                self.quantise(rows.map(dot), row);
            }
        }
    }

    /// Writes features as bytes. A factor is at most 2^15, a logarithm is below 2^22, and there are
    /// at most 2^7 bands, so a sum is below 2^44; an offset of 32 bits is shifted by at most 24, so
    /// it is below 2^56.
    fn quantise(&self, sums: impl Iterator<Item = i64>, row: &mut [u8]) {
        let shift = self.shift();
        for ((sum, &offset), byte) in sums.zip(self.offsets()).zip(row) {
            let sum = sum + (i64::from(offset) << (shift - u32::from(MIN_SHIFT)));
            let value = match self.rounding() {
                Rounding::Truncate if sum < 0 => -(-sum >> shift),
                _ => sum >> shift,
            };
            *byte = (value.clamp(-128, 127) + 128) as u8;
        }
    }
}

/// The largest sample, at least 1.
fn largest(samples: &[i16]) -> u16 {
    samples.iter().fold(1, |largest: i16, &sample| largest.max(sample)) as u16
}
