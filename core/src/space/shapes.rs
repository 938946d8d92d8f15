//! The maps between the layers of a space.
//!
//! A layer that some sub-network leaves out keeps the resolution, and a layer with several kernels
//! has the same output size with each of them. The sizes of maps therefore depend on the image
//! alone.

use super::{Shape, Site, Space};
use crate::graph::Geometry;

impl Space<'_> {
    /// Shape of an image of a resolution's option. A fixed resolution has the option 0.
    pub fn image(&self, option: u8) -> Shape {
        match self.resolutions.get(usize::from(option)) {
            Some(&side) => Shape { height: side, width: side, ..self.input },
            None => self.input,
        }
    }

    /// Shape that layer `i` reads of the largest images, with 0 channels: these depend on the
    /// sub-network.
    pub fn input_of(&self, i: usize) -> Shape {
        self.input_at(i, self.input)
    }

    /// Shape that layer `i` reads if the network reads `image`, with 0 channels.
    pub fn input_at(&self, i: usize, image: Shape) -> Shape {
        let start = Shape { channels: 0, ..image };
        self.layers[..i].iter().fold(start, |s, l| l.output(l.kernel(), s, 0).unwrap_or(s))
    }

    /// Shape that layer `i` writes, as [`Self::input_of`].
    pub fn output_of(&self, i: usize) -> Shape {
        self.input_of(i + 1)
    }

    /// The window of an operation with its largest kernel, over the largest images.
    pub fn geometry(&self, site: Site) -> Geometry {
        match site {
            Site::Layer(i) => self.layers[i].geometry(self.layers[i].kernel(), self.input_of(i)),
            // A residual block has two layers; the first has the block's stride.
            Site::Shortcut(last) => {
                Geometry { stride: self.layers[last - 1].stride, ..Geometry::POINT }
            }
        }
    }
}
