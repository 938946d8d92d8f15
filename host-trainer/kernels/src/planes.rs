//! Feature maps of one block of 16 images with zeros kept around every plane: what evaluation
//! consists of. A convolution reads its input in place. Everything runs on the calling thread, and
//! the only memory that is allocated is a convolution's list of taps.

mod convolution;
mod passes;

pub use convolution::{Convolution, maximum};
pub use passes::{Addend, mean, scale, sums};

use crate::LANES;
use crate::blocks::reserve;
use crate::conv::Window;
use crate::size::{product, with_margins};

/// The size of the planes of a feature map,
/// `[channels][h + 2 margin][w + 2 margin][16]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Planes {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Rows and columns of zeros on each side.
    pub margin: usize,
}

impl Planes {
    /// Values of a row with its margins.
    fn row(self) -> usize {
        product("row", [with_margins("row", self.w, self.margin), LANES])
    }

    /// Values of a plane with its margins.
    ///
    /// # Panics
    /// Where they do not fit memory.
    pub fn len(self) -> usize {
        let [h, w] = [self.h, self.w].map(|n| with_margins("plane", n, self.margin));
        product("plane", [h, w, LANES])
    }

    /// Values of `channels` planes.
    fn block(self, channels: usize) -> usize {
        product("block", [channels, self.len()])
    }

    /// True without pixels.
    pub fn is_empty(self) -> bool {
        self.h == 0 || self.w == 0
    }

    /// The offset of the pixel that lies `above` rows above and `left` columns left of the first.
    fn outside(self, [above, left]: [usize; 2]) -> usize {
        let inset = |distance: usize| {
            let inset = self.margin.checked_sub(distance);
            inset.unwrap_or_else(|| panic!("{distance} pixels outside of {self:?}"))
        };
        inset(above) * self.row() + inset(left) * LANES
    }

    /// The planes of the output of a window.
    ///
    /// # Panics
    /// As [`Window::output`].
    pub fn windowed(self, window: &Window) -> Self {
        let [h, w] = window.output(self.h, self.w);
        Self { h, w, ..self }
    }

    /// The pixels of a plane without its margins, `[w]` a row.
    #[inline(always)]
    fn rows(self, plane: &[f32]) -> impl Iterator<Item = &[[f32; LANES]]> {
        let width = self.row() / LANES;
        let pixels = &plane.as_chunks().0[self.margin * (width + 1)..];
        pixels.chunks(width).take(self.h).map(move |row| &row[..self.w])
    }

    /// As [`Planes::rows`], to be changed.
    #[inline(always)]
    fn rows_mut(self, plane: &mut [f32]) -> impl Iterator<Item = &mut [[f32; LANES]]> {
        let width = self.row() / LANES;
        let pixels = &mut plane.as_chunks_mut().0[self.margin * (width + 1)..];
        pixels.chunks_mut(width).take(self.h).map(move |row| &mut row[..self.w])
    }
}

/// Values that start on a cache line of 64 bytes.
pub struct Buffer {
    values: Vec<f32>,
    start: usize,
    len: usize,
}

impl Buffer {
    /// `n` zeros.
    ///
    /// # Panics
    /// Where the system does not have the memory.
    pub fn zeros(n: usize) -> Self {
        let spare = LANES - 1;
        let mut values = reserve(n.saturating_add(spare));
        values.resize(n + spare, 0.0);
        let start = values.as_ptr().align_offset(LANES * size_of::<f32>()).min(spare);
        Self { values, start, len: n }
    }

    /// The values.
    pub fn values(&self) -> &[f32] {
        &self.values[self.start..][..self.len]
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        &mut self.values[self.start..][..self.len]
    }
}

/// Writes images `[images][channels][h][w]`, 16 at most, to the first lanes of a block.
///
/// # Panics
/// With more images, or a block that does not hold the planes.
pub fn fill(block: &mut [f32], images: &[f32], channels: usize, p: Planes) {
    let image = product("image", [channels, p.h, p.w]);
    assert!(
        images.len().div_ceil(LANES) <= image,
        "{} values of 16 images of {image}",
        images.len()
    );
    assert!(p.block(channels) <= block.len(), "a block of {} values", block.len());
    if image == 0 {
        return;
    }
    let (plane, first, stride) = (p.len(), p.outside([0; 2]), p.row());
    for (lane, image) in images.chunks_exact(image).enumerate() {
        for (row, pixels) in image.chunks_exact(p.w).enumerate() {
            let start = row / p.h * plane + first + row % p.h * stride + lane;
            for (slot, &v) in block[start..].iter_mut().step_by(LANES).zip(pixels) {
                *slot = v;
            }
        }
    }
}

/// The first `n` images of a block, `[n][channels][h][w]`.
///
/// # Panics
/// With more than 16 images, or a block that does not hold the planes.
pub fn to_images(block: &[f32], n: usize, channels: usize, p: Planes) -> Vec<f32> {
    assert!(n <= LANES, "{n} images of 16");
    assert!(p.block(channels) <= block.len(), "a block of {} values", block.len());
    let mut images = Vec::with_capacity(n * channels * p.h * p.w);
    if p.is_empty() {
        return images;
    }
    let (plane, first, stride) = (p.len(), p.outside([0; 2]), p.row());
    for lane in 0..n {
        for row in 0..channels * p.h {
            let start = row / p.h * plane + first + row % p.h * stride + lane;
            images.extend(block[start..].iter().step_by(LANES).take(p.w));
        }
    }
    images
}

/// The first pixel of the first image of each channel.
///
/// # Panics
/// Where `x` does not hold the planes, or they have no pixels.
pub fn firsts(p: Planes, x: &[f32], channels: usize) -> Vec<f32> {
    assert!(!p.is_empty(), "the first pixel of {p:?}");
    assert!(p.block(channels) <= x.len(), "a block of {} values", x.len());
    (0..channels).map(|c| x[c * p.len() + p.outside([0; 2])]).collect()
}

#[cfg(test)]
mod tests;
