//! Labelled images, in memory or in a mapped file.

mod pixels;
mod resize;

pub use pixels::{Collector, Pixels};
pub use resize::planes as resized_planes;
use supernano_core::space::Shape;

use crate::error::Result;

/// The images of one split, before normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Shape of one image.
    pub shape: Shape,
    /// Pixels `[len, height, width, channels]`.
    pub pixels: Pixels,
    /// Class of each image, `[len]`; 0 without classes. Of reconstructions: 0 for normal images, 1 for
    /// anomalous ones.
    pub labels: Vec<u16>,
    /// Numbers or labels (0 or 1) that a network shall give, `[len, outputs]`; none for classes and
    /// reconstructions.
    pub targets: Vec<f32>,
}

impl Images {
    /// An empty split of this shape.
    pub fn empty(shape: Shape) -> Self {
        Self::new(shape, Vec::<u8>::new(), Vec::new())
    }

    /// Images with classes.
    ///
    /// # Shapes
    /// `pixels` `[len, height, width, channels]`, `labels` `[len]`.
    pub fn new(shape: Shape, pixels: impl Into<Pixels>, labels: Vec<u16>) -> Self {
        Self { shape, pixels: pixels.into(), labels, targets: Vec::new() }
    }

    /// Number of images.
    pub fn len(&self) -> usize {
        self.labels.len()
    }

    /// True for an empty split.
    pub fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The pixels of image `i`, `[height, width, channels]`.
    pub fn image(&self, i: usize) -> &[u8] {
        let size = self.shape.len();
        &self.pixels[i * size..(i + 1) * size]
    }

    /// The targets of image `i`, `[outputs]`.
    pub fn target(&self, i: usize) -> &[f32] {
        let outputs = self.targets.len() / self.len().max(1);
        &self.targets[i * outputs..(i + 1) * outputs]
    }

    /// True if the pixels lie in a mapped file: there are more than memory should hold.
    pub fn is_mapped(&self) -> bool {
        self.pixels.folder().is_some()
    }

    /// The images with the rows and columns of `shape`: every pixel is the average of the area that it
    /// covers, rounded to a byte. Those of a mapped file lie in another one.
    ///
    /// # Errors
    /// [`Error::Io`](crate::error::Error::Io) if that file cannot be written.
    pub fn resized(&self, shape: Shape) -> Result<Self> {
        let (labels, targets) = (self.labels.clone(), self.targets.clone());
        let pixels = match self.pixels.folder() {
            Some(folder) => {
                let (mut made, mut one) = (Collector::new(folder)?, Vec::new());
                for i in 0..self.len() {
                    one.clear();
                    resize::bytes(self.image(i), self.shape, shape, &mut one);
                    made.push(&one)?;
                }
                made.finish()?
            }
            None => {
                let mut pixels = Vec::with_capacity(self.len() * shape.len());
                for i in 0..self.len() {
                    resize::bytes(self.image(i), self.shape, shape, &mut pixels);
                }
                pixels.into()
            }
        };
        Ok(Self { shape, pixels, labels, targets })
    }

    /// The first `n` images, or all if there are fewer. Those of a mapped file stay in it.
    pub fn first(&self, n: usize) -> Self {
        let n = n.min(self.len());
        let outputs = self.targets.len() / self.len().max(1);
        Self {
            shape: self.shape,
            pixels: self.pixels.part(0..n * self.shape.len()),
            labels: self.labels[..n].to_vec(),
            targets: self.targets[..n * outputs].to_vec(),
        }
    }

    /// Copies the images at `indices` to memory, in that order.
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut pixels = Vec::with_capacity(indices.len() * self.shape.len());
        let (mut labels, mut targets) = (Vec::with_capacity(indices.len()), Vec::new());
        for &i in indices {
            pixels.extend_from_slice(self.image(i as usize));
            labels.push(self.labels[i as usize]);
            targets.extend_from_slice(self.target(i as usize));
        }
        Self { shape: self.shape, pixels: pixels.into(), labels, targets }
    }
}
