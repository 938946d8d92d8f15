//! The executor: runs a network in the arena that its blob plans.
//!
//! [`Network`] combines a checked blob with kernels. It runs a whole image, or one unit at a time.
//! Errors come from its arguments only, before anything is written.
//!
//! ```
//! use supernano_core::{blob::BlobView, error::Error, exec::Network, kernel::{Packed, Scalar}};
//!
//! fn classify(blob: &[u8], image: &[u8], arena: &mut [u32]) -> Result<usize, Error> {
//!     let view = BlobView::new_checked(blob)?;
//!     let network = Network::new(&view, Packed(Scalar));
//!     let mut logits = [0; 100];
//!     let logits = &mut logits[..view.classes()];
//!     network.run(image, arena, logits, &mut ())?;
//!     Ok(supernano_core::exec::argmax(logits))
//! }
//! ```

mod digest;
mod network;

pub use digest::Digest;
pub use network::Network;

use crate::blob::BlobView;
use crate::graph::{Form, Graph as _, Op};

/// The class with the largest logit, the lowest such class on ties; 0 if there are no logits.
pub fn argmax(logits: &[i32]) -> usize {
    let mut best = (0, i32::MIN);
    for (i, &logit) in logits.iter().enumerate() {
        if logit > best.1 {
            best = (i, logit);
        }
    }
    best.0
}

/// Multiply-accumulates of an operation: products of weights. Pools and additions have none.
pub fn macs(view: &BlobView<'_>, op: &Op) -> u64 {
    let shape = |id: u8| view.tensor(id).shape;
    match op {
        Op::Conv(c) => {
            let (input, output) = (shape(c.input), shape(c.output));
            let taps = c.geometry.taps() as u64;
            let terms = match c.form {
                Form::Full => taps * u64::from(input.channels),
                Form::Depthwise => taps,
                Form::Dense => input.len() as u64,
                Form::Maximum | Form::Average | Form::Add => 0,
            };
            output.len() as u64 * terms
        }
        Op::Classifier(c) => view.classes() as u64 * u64::from(shape(c.input).channels),
    }
}

#[cfg(test)]
mod tests;
