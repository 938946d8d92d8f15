//! Images that a file holds as an array of bytes, with numbers as labels.

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
    /// The bytes of all images.
    pub pixels: &'a [u8],
    /// The file of the labels, for messages.
    pub labels_place: &'a str,
    /// The label of each image.
    pub labels: Vec<u16>,
    /// The split that the file gives all images.
    pub split: Option<Split>,
}

impl ImageArray<'_> {
    /// Appends the images as inputs of `shape`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for another number of labels, for more images than a set may have, and for
    /// images that have neither 1 nor 3 channels.
    pub fn append(self, items: &mut Items, shape: Shape, resize: Resize) -> Result<()> {
        let [n, height, width, channels] = self.sizes;
        if self.labels.len() != n {
            let expected = format!("{n}, as many as images");
            let found = self.labels.len();
            return Err(Error::invalid(self.labels_place, "labels", expected, found));
        }
        check_size(self.place, items.len() + n, shape)?;
        let images = self.pixels.chunks_exact(height * width * channels);
        for (i, (bytes, label)) in images.zip(self.labels).enumerate() {
            let place = format!("{}, image {i}", self.place);
            let [height, width, channels] = [height, width, channels].map(|size| size as u32);
            let picture = fit::raw(&place, bytes.to_vec(), height, width, channels)?;
            let key = Key { label, split: self.split, content: hash(bytes), group: None };
            items.push(Loaded {
                place,
                key,
                pixels: fit::fit(picture, shape, resize),
                targets: Vec::new(),
            })?;
        }
        Ok(())
    }
}
