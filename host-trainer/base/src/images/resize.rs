//! Images of another size: every output pixel is the average of the area that it covers.

use supernano_core::space::Shape;

/// The first pixel under each of `to` output pixels of an axis of `from` pixels, and the shares of
/// it and of those behind it, in units of which `from` are the whole.
fn shares(from: usize, to: usize) -> Vec<(usize, Vec<u32>)> {
    let one = |i: usize| {
        let (start, end) = (i * from, (i + 1) * from);
        let share = |j: usize| (end.min((j + 1) * to) - start.max(j * to)) as u32;
        (start / to, (start / to..end.div_ceil(to)).map(share).collect())
    };
    (0..to).map(one).collect()
}

/// Resizes an image `[height, width, channels]` of shape `from` to the rows and columns of `to`. The
/// averages are rounded to the nearest byte, halves upwards.
pub(super) fn bytes(image: &[u8], from: Shape, to: Shape, out: &mut Vec<u8>) {
    let [width, channels] = [from.width, from.channels].map(usize::from);
    let rows = shares(from.height.into(), to.height.into());
    let columns = shares(width, to.width.into());
    let whole = u64::from(from.height) * u64::from(from.width);
    for (top, down) in &rows {
        for (left, across) in &columns {
            for c in 0..channels {
                let mut sum = 0;
                for (y, &v) in down.iter().enumerate() {
                    for (x, &h) in across.iter().enumerate() {
                        let at = ((top + y) * width + left + x) * channels + c;
                        sum += u64::from(v) * u64::from(h) * u64::from(image[at]);
                    }
                }
                out.push(((2 * sum + whole) / (2 * whole)) as u8);
            }
        }
    }
}

/// Resizes planes `[..][rows][columns]` of `from` rows and columns to those of `to`.
pub fn planes(values: &[f32], from: [usize; 2], to: [usize; 2]) -> Vec<f32> {
    let (rows, columns) = (shares(from[0], to[0]), shares(from[1], to[1]));
    let size = from[0] * from[1];
    let mut out = Vec::with_capacity(values.len() / size.max(1) * to[0] * to[1]);
    for plane in values.chunks_exact(size.max(1)) {
        for (top, down) in &rows {
            for (left, across) in &columns {
                let mut sum = 0.0;
                for (y, &v) in down.iter().enumerate() {
                    let row = &plane[(top + y) * from[1] + left..];
                    for (x, &h) in row.iter().zip(across) {
                        sum += x * (v * h) as f32;
                    }
                }
                out.push(sum / size as f32);
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const FROM: Shape = Shape { height: 3, width: 4, channels: 2 };

    #[test]
    fn averages_are_those_of_the_areas() {
        let image: Vec<u8> = (0..24).map(|i| i * 7).collect();
        let to = Shape { height: 2, width: 3, channels: 2 };
        let mut found = Vec::new();
        bytes(&image, FROM, to, &mut found);
        // each output covers 3/2 rows and 4/3 columns
        let pixel = |y: usize, x: usize, c: usize| f64::from(image[(y * 4 + x) * 2 + c]);
        let rows = [[1.0, 0.5, 0.0], [0.0, 0.5, 1.0]];
        let (third, rest) = (1.0 / 3.0, 2.0 / 3.0);
        let columns = [[1.0, third, 0.0, 0.0], [0.0, rest, rest, 0.0], [0.0, 0.0, third, 1.0]];
        let mut expected = Vec::new();
        for (row, column) in rows.iter().flat_map(|row| columns.map(|column| (row, column))) {
            for c in 0..2 {
                let mut sum = 0.0;
                for (y, v) in row.iter().enumerate() {
                    for (x, h) in column.iter().enumerate() {
                        sum += v * h * pixel(y, x, c);
                    }
                }
                expected.push((sum / 2.0 + 1e-9).round() as u8);
            }
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn planes_agree_with_bytes_and_the_same_size_changes_nothing() {
        let image: Vec<u8> = (0..24).map(|i| (i * 37 % 251) as u8).collect();
        let to = Shape { height: 2, width: 2, channels: 2 };
        let (mut small, mut same) = (Vec::new(), Vec::new());
        bytes(&image, FROM, to, &mut small);
        bytes(&image, FROM, FROM, &mut same);
        assert_eq!(same, image);
        for c in 0..2 {
            let plane: Vec<f32> = image.iter().skip(c).step_by(2).map(|&b| f32::from(b)).collect();
            assert_eq!(planes(&plane, [3, 4], [3, 4]), plane);
            let found = planes(&plane, [3, 4], [2, 2]);
            for (found, &byte) in found.iter().zip(small.iter().skip(c).step_by(2)) {
                assert!((found - f32::from(byte)).abs() <= 0.5001);
            }
        }
    }
}
