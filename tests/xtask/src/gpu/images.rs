//! Images of CIFAR-100 in a compact lossless form.
//!
//! Format: the numbers of training and of test records, u32 little-endian; the two label bytes of every
//! record; then the residuals of every image: its luma plane and its two chroma planes, a byte a pixel.
//! Colours are turned by YCoCg-R in arithmetic modulo 256, and a pixel is predicted by the median-edge
//! predictor. The form is compressed with xz afterwards.

use crate::process::{Failure, Result};

/// Bytes of a record in the official layout.
pub const RECORD: usize = 2 + 3 * PLANE;
const SIDE: usize = 32;
const PLANE: usize = SIDE * SIDE;

/// Packs records of the official layout.
pub fn pack(train: &[u8], test: &[u8]) -> Vec<u8> {
    let count = |records: &[u8]| ((records.len() / RECORD) as u32).to_le_bytes();
    let mut packed = [count(train), count(test)].concat();
    let records = || train.chunks_exact(RECORD).chain(test.chunks_exact(RECORD));
    records().for_each(|record| packed.extend(&record[..2]));
    for record in records() {
        let [mut y, mut green, mut orange] = [[0u8; PLANE]; 3];
        for i in 0..PLANE {
            let [r, g, b] = [0, 1, 2].map(|c| record[2 + c * PLANE + i]);
            let co = r.wrapping_sub(b);
            let t = b.wrapping_add(half(co));
            let cg = g.wrapping_sub(t);
            y[i] = t.wrapping_add(half(cg));
            // Differences around 0 become values around 128.
            (green[i], orange[i]) = (cg.wrapping_add(128), co.wrapping_add(128));
        }
        for plane in [y, green, orange] {
            packed.extend((0..PLANE).map(|i| plane[i].wrapping_sub(predicted(&plane, i))));
        }
    }
    packed
}

/// The training and the test records of packed images.
pub fn unpack(packed: &[u8]) -> Result<[Vec<u8>; 2]> {
    let short = || Failure::tool("packed images: too short");
    let count = |at: usize| {
        let bytes = packed.get(at..at + 4).ok_or_else(short)?;
        Ok(u32::from_le_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize)
    };
    let counts: [usize; 2] = [count(0)?, count(4)?];
    let records = counts[0] + counts[1];
    if packed.len() != 8 + records * RECORD {
        return Err(short());
    }
    let (labels, residuals) = packed[8..].split_at(2 * records);
    let mut unpacked = Vec::with_capacity(records * RECORD);
    for (labels, residuals) in labels.chunks_exact(2).zip(residuals.chunks_exact(3 * PLANE)) {
        let mut planes = [[0u8; PLANE]; 3];
        for (plane, residuals) in planes.iter_mut().zip(residuals.chunks_exact(PLANE)) {
            for (i, residual) in residuals.iter().enumerate() {
                plane[i] = residual.wrapping_add(predicted(plane, i));
            }
        }
        let mut colours = [[0u8; PLANE]; 3];
        for i in 0..PLANE {
            let [y, cg, co] =
                [planes[0][i], planes[1][i].wrapping_sub(128), planes[2][i].wrapping_sub(128)];
            let t = y.wrapping_sub(half(cg));
            let b = t.wrapping_sub(half(co));
            for (plane, value) in
                colours.iter_mut().zip([b.wrapping_add(co), cg.wrapping_add(t), b])
            {
                plane[i] = value;
            }
        }
        unpacked.extend(labels);
        colours.iter().for_each(|plane| unpacked.extend(plane));
    }
    let test = unpacked.split_off(counts[0] * RECORD);
    Ok([unpacked, test])
}

/// Half of a difference modulo 256.
fn half(difference: u8) -> u8 {
    ((difference as i8) >> 1) as u8
}

/// The median-edge predictor of pixel `i` from the pixels before it.
fn predicted(plane: &[u8; PLANE], i: usize) -> u8 {
    let (row, column) = (i / SIDE, i % SIDE);
    match (row, column) {
        (0, 0) => 128,
        (0, _) => plane[i - 1],
        (_, 0) => plane[i - SIDE],
        _ => {
            let (left, up, corner) = (plane[i - 1], plane[i - SIDE], plane[i - SIDE - 1]);
            let (least, most) = (left.min(up), left.max(up));
            if corner >= most {
                least
            } else if corner <= least {
                most
            } else {
                left.wrapping_add(up).wrapping_sub(corner)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_come_back_bit_by_bit() {
        let mut state = 1u32;
        let mut noise = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        let mut train: Vec<u8> = (0..3 * RECORD).map(|_| noise()).collect();
        // One smooth image, and one of extremes.
        for i in 0..3 * PLANE {
            train[2 + i] = (i / 16) as u8;
            train[RECORD + 2 + i] = if i % 3 == 0 { 0 } else { 255 };
        }
        let test: Vec<u8> = (0..2 * RECORD).map(|_| noise()).collect();
        let packed = pack(&train, &test);
        assert_eq!(packed.len(), 8 + 5 * RECORD);
        assert_eq!(unpack(&packed).unwrap(), [train, test]);
        assert!(unpack(&packed[..packed.len() - 1]).is_err() && unpack(&[]).is_err());
    }
}
