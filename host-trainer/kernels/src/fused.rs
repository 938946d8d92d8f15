//! The operations of training on whole batches.
//!
//! A convolution reads maps whose batch norm and activation are still to be applied
//! ([`PendingMap`]). It applies them while it copies a block into its padded scratch, and takes the
//! statistics of its own output while that is in the cache. An addition ends a residual block and
//! applies two batch norms at once. So a normalised map is stored only where several operations
//! read it.

mod add;
mod convolve;
mod depthwise;
mod gradients;

pub use add::{AddGradients, add, add_gradients};
pub use convolve::convolve;
pub use gradients::{ConvGradients, convolve_gradients};

use crate::activation::Activation;
use crate::conv::Padding;
use crate::map::MapShape;
use crate::moments::{Moments, Statistics};
use crate::norm::NormFactors;
use crate::parallel;
use crate::simd::{Isa, Kernel, Lanes};

/// Feature maps whose batch norm and activation are applied by the operation that reads them.
#[derive(Clone, Copy, Debug)]
pub struct PendingMap<'a> {
    /// Values before the norm, `[blocks][channels][rows][columns][16]`.
    pub x: &'a [f32],
    /// Is applied first.
    pub norm: Option<&'a NormFactors>,
    /// Is applied second.
    pub act: Activation,
}

impl<'a> PendingMap<'a> {
    /// Values that are read as they are.
    pub fn plain(x: &'a [f32]) -> Self {
        Self { x, norm: None, act: Activation::NONE }
    }

    fn is_plain(&self) -> bool {
        self.norm.is_none() && self.act.is_none()
    }

    /// Block `b` of maps of a shape.
    fn block(&self, b: usize, shape: &MapShape) -> Self {
        let size = shape.block();
        Self { x: &self.x[b * size..(b + 1) * size], ..*self }
    }

    /// Plane `i` of maps of a shape, block after block.
    fn plane(&self, i: usize, shape: &MapShape) -> Self {
        let size = shape.plane();
        Self { x: &self.x[i * size..(i + 1) * size], ..*self }
    }

    /// Checks values and factors against a shape.
    #[track_caller]
    fn check(&self, shape: &MapShape) {
        shape.check("feature maps", self.x.len());
        if let Some(norm) = self.norm {
            norm.check(shape.channels());
        }
    }

    /// The values of a block of a shape behind norm and activation, with zeros around them; in
    /// `scratch` where they differ from those stored. The block's first channel is channel `first`
    /// of the norm.
    #[inline(always)]
    fn padded(
        &self,
        padding: Padding,
        shape: &MapShape,
        first: usize,
        scratch: &'a mut Vec<f32>,
    ) -> &'a [f32] {
        if padding.is_none() && self.is_plain() {
            return self.x;
        }
        let out = crate::blocks::sized(scratch, padding.block(shape));
        padding.copy(self.x, shape, out, |c, from, to| self.settle(first + c, from, to));
        out
    }

    /// Writes the values `from` of a channel of the norm behind norm and activation.
    #[inline(always)]
    fn settle(&self, channel: usize, from: &[f32], to: &mut [f32]) {
        if self.is_plain() {
            return to.copy_from_slice(from);
        }
        let (scale, offset) = NormFactors::of(self.norm, channel);
        for (to, &x) in to.iter_mut().zip(from) {
            *to = self.act.of(x * scale + offset);
        }
    }
}

struct Measure<'a> {
    x: &'a [f32],
    plane: usize,
    lanes: usize,
}

impl Kernel for Measure<'_> {
    type Out = Vec<Moments>;

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) -> Vec<Moments> {
        let mut moments = Vec::new();
        for plane in self.x.chunks(self.plane) {
            moments.push(Moments::of(plane, self.lanes));
        }
        moments
    }
}

/// Mean and variance of every channel of maps `x`.
///
/// # Panics
/// Where `x` does not hold maps of the shape.
pub fn statistics(isa: Isa, shape: MapShape, x: &[f32]) -> Statistics {
    shape.check("feature maps", x.len());
    let (block, plane) = (shape.block(), shape.plane().max(1));
    let moments = parallel::indices(x.len() / block.max(1), |b| {
        isa.run(Measure { x: &x[b * block..(b + 1) * block], plane, lanes: shape.lanes(b) })
    });
    Moments::total(&moments, shape.channels())
}
