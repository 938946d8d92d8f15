//! Cuts recordings into windows of a fixed length.

/// Places of the windows in a recording of `count` samples: the middle for a recording that is not
/// longer than a window of `length` samples, where the place may be negative; else every `step`, or
/// the loudest window without a step.
pub fn places(samples: &[i16], length: usize, step: Option<usize>) -> Vec<i64> {
    let count = samples.len();
    if count <= length {
        return vec![-(((length - count) / 2) as i64)];
    }
    match step {
        Some(step) => (0..=count - length).step_by(step).map(|at| at as i64).collect(),
        None => vec![loudest(samples, length) as i64],
    }
}

/// The start of the window with the largest sum of squares; the first of equal ones.
fn loudest(samples: &[i16], length: usize) -> usize {
    let square = |i: usize| i64::from(samples[i]).pow(2) as u64;
    let mut sum: u64 = (0..length).map(square).sum();
    let (mut best, mut most) = (0, sum);
    for start in 1..=samples.len() - length {
        sum = sum + square(start + length - 1) - square(start - 1);
        if sum > most {
            (best, most) = (start, sum);
        }
    }
    best
}

/// The window of `length` samples at a place, with zeros outside the recording.
pub fn cut(samples: &[i16], at: i64, length: usize) -> Vec<i16> {
    let mut window = vec![0; length];
    let skipped = usize::try_from(-at).unwrap_or(0).min(length);
    let start = usize::try_from(at).unwrap_or(0);
    let part = samples.get(start..).unwrap_or_default();
    for (to, from) in window[skipped..].iter_mut().zip(part) {
        *to = *from;
    }
    window
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_recording_lies_in_the_middle() {
        let samples = [1, 2, 3];
        assert_eq!(places(&samples, 6, Some(1)), [-1]);
        assert_eq!(cut(&samples, -1, 6), [0, 1, 2, 3, 0, 0]);
        assert_eq!(places(&samples, 3, None), [0]);
        assert_eq!(cut(&samples, 0, 3), samples);
    }

    #[test]
    fn a_long_recording_gives_its_loudest_window_or_all() {
        let samples = [0, 0, 5, -6, 1, 0, 0];
        assert_eq!(places(&samples, 2, None), [2]);
        assert_eq!(places(&samples, 3, Some(2)), [0, 2, 4]);
        assert_eq!(cut(&samples, 2, 2), [5, -6]);
        // Beyond either end there are zeros.
        assert_eq!(cut(&samples, 6, 3), [0, 0, 0]);
        assert_eq!(cut(&samples, 9, 2), [0, 0]);
        assert_eq!(cut(&samples, -4, 2), [0, 0]);
    }
}
