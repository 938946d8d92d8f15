//! Labelled images in memory.

mod resize;

pub use resize::planes as resized_planes;
use supernano_core::space::Shape;

/// The images of one split, before normalisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Images {
    /// Shape of one image.
    pub shape: Shape,
    /// Pixels `[len, height, width, channels]`.
    pub pixels: Vec<u8>,
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
        Self::new(shape, Vec::new(), Vec::new())
    }

    /// Images with classes.
    ///
    /// # Shapes
    /// `pixels` `[len, height, width, channels]`, `labels` `[len]`.
    pub fn new(shape: Shape, pixels: Vec<u8>, labels: Vec<u16>) -> Self {
        Self { shape, pixels, labels, targets: Vec::new() }
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

    /// The images with the rows and columns of `shape`: every pixel is the average of the area that it
    /// covers, rounded to a byte.
    pub fn resized(&self, shape: Shape) -> Self {
        let mut pixels = Vec::with_capacity(self.len() * shape.len());
        for i in 0..self.len() {
            resize::bytes(self.image(i), self.shape, shape, &mut pixels);
        }
        let (labels, targets) = (self.labels.clone(), self.targets.clone());
        Self { shape, pixels, labels, targets }
    }

    /// Copies the images at `indices`, in that order.
    pub fn select(&self, indices: &[u32]) -> Self {
        let mut chosen = Self::empty(self.shape);
        for &i in indices {
            chosen.pixels.extend_from_slice(self.image(i as usize));
            chosen.labels.push(self.labels[i as usize]);
            chosen.targets.extend_from_slice(self.target(i as usize));
        }
        chosen
    }
}
