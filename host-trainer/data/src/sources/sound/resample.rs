//! Changes the sampling rate of a recording: windowed-sinc interpolation in double precision, with the
//! same samples on every machine.

use std::f64::consts::PI;

/// Zero crossings of the sinc function on each side.
const CROSSINGS: f64 = 16.0;
/// The edge of the passband, as a share of half the lower rate.
const PASSED: f64 = 0.94;
/// Largest table of coefficients; above it they are computed for each sample.
const TABLE: u64 = 1 << 20;

/// A filter from one rate to another one.
#[derive(Debug)]
pub struct Resampler {
    /// The rates over their greatest common divisor.
    from: u64,
    to: u64,
    /// Taps on each side.
    half: usize,
    /// Coefficients `[to][2 half]`, or none.
    table: Vec<f64>,
}

impl Resampler {
    /// The filter between two rates in Hz, both at least 1.
    pub fn new(from: u32, to: u32) -> Self {
        let divisor = gcd(from.max(1), to.max(1));
        let (from, to) = (u64::from(from.max(1) / divisor), u64::from(to.max(1) / divisor));
        let half = (CROSSINGS * (from as f64 / to as f64).max(1.0)).ceil() as usize;
        let mut filter = Self { from, to, half, table: Vec::new() };
        if to * 2 * half as u64 <= TABLE {
            filter.table = (0..to).flat_map(|phase| filter.coefficients(phase)).collect();
        }
        filter
    }

    /// Samples that `count` samples become.
    pub fn length(&self, count: usize) -> u64 {
        (count as u64 * self.to).div_ceil(self.from)
    }

    /// The samples at the new rate. Outside the recording there are zeros.
    pub fn run(&self, samples: &[i16]) -> Vec<i16> {
        if self.from == self.to {
            return samples.to_vec();
        }
        let taps = 2 * self.half;
        let one = |n: u64| {
            // The position in the old samples is `whole + phase / to`.
            let (whole, phase) = (n * self.from / self.to, n * self.from % self.to);
            let computed;
            let row = match self.table.get(phase as usize * taps..(phase as usize + 1) * taps) {
                Some(row) => row,
                None => {
                    computed = self.coefficients(phase);
                    &computed
                }
            };
            let first = whole as i64 - self.half as i64 + 1;
            let skipped = usize::try_from(-first).unwrap_or(0);
            let start = usize::try_from(first).unwrap_or(0);
            let part = samples.get(start..).unwrap_or_default();
            let pairs = row.iter().skip(skipped).zip(part);
            // The cast saturates.
            pairs.map(|(c, &s)| c * f64::from(s)).sum::<f64>().round() as i16
        };
        (0..self.length(samples.len())).map(one).collect()
    }

    /// The coefficients of the old samples around a position, `[2 half]`, with the sum 1.
    fn coefficients(&self, phase: u64) -> Vec<f64> {
        let lower = (self.to as f64 / self.from as f64).min(1.0);
        let cutoff = PASSED * lower;
        let fraction = phase as f64 / self.to as f64;
        let one = |k: usize| {
            let distance = k as f64 + 1.0 - self.half as f64 - fraction;
            let sinc = match cutoff * distance {
                0.0 => 1.0,
                x => (PI * x).sin() / (PI * x),
            };
            let position = distance / (self.half as f64 + 1.0);
            sinc * (0.5 + 0.5 * (PI * position).cos())
        };
        let mut row: Vec<f64> = (0..2 * self.half).map(one).collect();
        let sum: f64 = row.iter().sum();
        row.iter_mut().for_each(|c| *c /= sum);
        row
    }
}

const fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests;
