//! A digest of all values that a network computes.

use crate::blob::{BlobView, checksum};
use crate::graph::{Graph as _, Observer, padded};

/// Digests every row of every operation's output, in any order. Two executions with equal digests
/// have computed equal values, but for a chance of 1 in 2^32.
#[derive(Clone, Debug)]
pub struct Digest<'v, 'a> {
    view: &'v BlobView<'a>,
    sum: u32,
}

impl<'v, 'a> Digest<'v, 'a> {
    /// The digest of no rows.
    pub fn new(view: &'v BlobView<'a>) -> Self {
        Self { view, sum: 0 }
    }

    /// The digest of the observed rows and of the logits.
    pub fn finish(&self, logits: &[i32]) -> u32 {
        self.sum.wrapping_add(mixed(usize::MAX, 0, checksum(bytemuck::cast_slice(logits))))
    }
}

fn mixed(op: usize, y: usize, checksum: u32) -> u32 {
    let place = (op as u32).wrapping_mul(0x9e37_79b9) ^ (y as u32).wrapping_mul(0x85eb_ca6b);
    (checksum ^ place).wrapping_mul(0xc2b2_ae35).rotate_left(place & 31)
}

impl Observer for Digest<'_, '_> {
    fn row(&mut self, op: usize, y: usize, row: &[u32]) {
        let Some(conv) = self.view.conv(op) else { return };
        let channels = self.view.tensor(conv.output).shape.channels;
        let bytes: &[u8] = bytemuck::cast_slice(row);
        let mut sum = 0;
        // The padding of a pixel has any value.
        for pixel in bytes.chunks_exact(padded(channels).max(1)) {
            let real = pixel.get(..usize::from(channels)).unwrap_or_default();
            sum = checksum(real) ^ u32::rotate_left(sum, 5);
        }
        self.sum = self.sum.wrapping_add(mixed(op, y, sum));
    }
}
