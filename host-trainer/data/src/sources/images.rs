//! Images that a file holds as an array of bytes, with numbers as labels.

use rayon::prelude::*;
use supernano_base::config::Resize;
use supernano_base::error::{Error, Result};
use supernano_core::space::Shape;

use super::assemble::check_size;
use super::fit;
use super::item::Split;
use super::items::{Items, Loaded};
use super::splits::{Key, hash};

/// An array of images.
pub struct ImageArray<'a> {
    /// The file, for messages.
    pub place: &'a str,
    /// `[n, height, width, channels]`; every size is at least 1.
    pub sizes: [usize; 4],
    /// The file of the labels, for messages.
    pub labels_place: &'a str,
    /// The label of each image.
    pub labels: Vec<u16>,
    /// Numbers or labels that a network shall give, `[n, outputs]`; none for classes.
    pub targets: &'a [f32],
    /// The split that the file gives all images.
    pub split: Option<Split>,
}

impl ImageArray<'_> {
    /// Appends the images as inputs of `shape`. `read` hands the bytes of some whole images at a time,
    /// `[images, height, width, channels]`, to the function that it gets.
    ///
    /// # Errors
    /// Those of `read`; [`Error::Invalid`] for another number of labels, for more images than a set may
    /// have, and for images that have neither 1 nor 3 channels.
    pub fn append(
        self,
        items: &mut Items,
        shape: Shape,
        resize: Resize,
        read: impl FnOnce(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()>,
    ) -> Result<()> {
        let [n, height, width, channels] = self.sizes;
        if self.labels.len() != n {
            let expected = format!("{n}, as many as images");
            let found = self.labels.len();
            return Err(Error::invalid(self.labels_place, "labels", expected, found));
        }
        check_size(self.place, items.len() + n, shape)?;
        let outputs = self.targets.len() / n.max(1);
        let sides = [height, width, channels].map(|size| size as u32);
        let mut first = 0;
        read(&mut |block| {
            let one = |(k, bytes): (usize, &[u8])| {
                let i = first + k;
                let place = format!("{}, image {i}", self.place);
                let [height, width, channels] = sides;
                let picture = fit::raw(&place, bytes.to_vec(), height, width, channels)?;
                let (label, split) = (self.labels[i], self.split);
                Ok(Loaded {
                    place,
                    key: Key { label, split, content: hash(bytes), group: None },
                    pixels: fit::fit(picture, shape, resize),
                    targets: self.targets[i * outputs..(i + 1) * outputs].to_vec(),
                })
            };
            let images = block.par_chunks_exact(height * width * channels).enumerate();
            let images: Vec<Loaded> = images.map(one).collect::<Result<_>>()?;
            first += images.len();
            images.into_iter().try_for_each(|image| items.push(image))
        })
    }
}
