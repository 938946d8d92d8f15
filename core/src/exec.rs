//! The executor: arena plan, one operation at a time, an observer between them.
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

mod arena;

pub use arena::ArenaPlan;

use crate::blob::BlobView;
use crate::error::Error;
use crate::graph::{Classifier, Conv, Op, padded};
use crate::kernel::{ClassifierTask, ConvTask, Kernels};

/// Told before and after every operation, to time it or to look at what it wrote.
pub trait Observer {
    /// Operation `index` is about to run.
    fn before(&mut self, index: usize) {
        let _ = index;
    }

    /// Operation `index` has run. `output` is the tensor that it wrote, NHWC i8 with channels
    /// padded to a multiple of 4 (padding holds anything), four a word; empty for the classifier.
    fn after(&mut self, index: usize, output: &[u32]) {
        let _ = (index, output);
    }
}

impl Observer for () {}

/// A checked blob with kernels and an arena plan.
///
/// [`Network::run`] checks its slices, then cannot fail. [`Network::load`] and [`Network::step`]
/// do the same one operation at a time.
#[derive(Clone, Debug)]
pub struct Network<'v, 'a, K> {
    view: &'v BlobView<'a>,
    kernels: K,
    plan: ArenaPlan,
}

impl<'v, 'a, K: Kernels> Network<'v, 'a, K> {
    /// Plans the arena for these kernels.
    pub fn new(view: &'v BlobView<'a>, kernels: K) -> Self {
        let plan = if K::OVERLAP { ArenaPlan::new(view) } else { ArenaPlan::separate(view) };
        Self { view, kernels, plan }
    }

    /// The blob.
    pub fn view(&self) -> &'v BlobView<'a> {
        self.view
    }

    /// The arena plan.
    pub fn plan(&self) -> &ArenaPlan {
        &self.plan
    }

    /// Operations, the classifier included.
    pub fn ops(&self) -> usize {
        self.view.header().ops.len()
    }

    /// Executes the network on an image (u8, height x width x channels) and writes one logit a
    /// class; its real value is `logit_scale` x the integer.
    ///
    /// # Errors
    /// [`Error::ImageLength`], [`Error::ArenaTooSmall`], [`Error::SliceLength`] of the logits; all
    /// before anything is written.
    pub fn run(
        &self,
        image: &[u8],
        arena: &mut [u32],
        logits: &mut [i32],
        observer: &mut impl Observer,
    ) -> Result<(), Error> {
        self.check_logits(logits)?;
        self.load(image, arena)?;
        for index in 0..self.ops() {
            observer.before(index);
            self.step(index, arena, logits)?;
            observer.after(index, self.output(index, arena));
        }
        Ok(())
    }

    /// Puts an image into the arena, quantised.
    ///
    /// # Errors
    /// [`Error::ImageLength`], [`Error::ArenaTooSmall`].
    pub fn load(&self, image: &[u8], arena: &mut [u32]) -> Result<(), Error> {
        let (expected, found) = (self.view.image_len(), image.len());
        if expected != found {
            return Err(Error::ImageLength { expected, found });
        }
        self.check_arena(arena)?;
        let tensor = self.view.header().tensors[0];
        let channels = usize::from(tensor.shape.channels);
        let at = self.plan.tensor_at(0);
        let bytes: &mut [i8] = bytemuck::cast_slice_mut(&mut arena[at..at + tensor.words()]);
        let pixels = bytes.chunks_exact_mut(tensor.row_channels());
        let table = self.view.table();
        for (pixel, image) in pixels.zip(image.chunks_exact(channels)) {
            for ((q, &byte), table) in pixel.iter_mut().zip(image).zip(table.chunks_exact(256)) {
                *q = table[usize::from(byte)];
            }
        }
        Ok(())
    }

    /// Executes operation `index`; all before it must have run on this arena since
    /// [`Self::load`], and only the last touches the logits. An index beyond the last does nothing.
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`], [`Error::SliceLength`] of the logits.
    pub fn step(&self, index: usize, arena: &mut [u32], logits: &mut [i32]) -> Result<(), Error> {
        self.check_arena(arena)?;
        match self.view.header().ops.get(index) {
            Some(Op::Conv(conv)) => {
                if let Some(task) = self.conv_task(index, conv) {
                    self.kernels.conv(&task, arena);
                }
            }
            Some(Op::Classifier(classifier)) => {
                self.check_logits(logits)?;
                if let Some(task) = self.classifier_task(index, classifier) {
                    self.kernels.classifier(&task, arena, logits);
                }
            }
            None => {}
        }
        Ok(())
    }

    /// The tensor that operation `index` wrote, as [`Observer::after`] gets it.
    pub fn output<'m>(&self, index: usize, arena: &'m [u32]) -> &'m [u32] {
        let header = self.view.header();
        let Some(Op::Conv(conv)) = header.ops.get(index) else { return &[] };
        let at = self.plan.tensor_at(conv.output);
        let words = header.tensors[usize::from(conv.output)].words();
        arena.get(at..at + words).unwrap_or(&[])
    }

    fn check_arena(&self, arena: &[u32]) -> Result<(), Error> {
        let (needed, found) = (self.plan.bytes(), arena.len() * 4);
        if found < needed { Err(Error::ArenaTooSmall { needed, found }) } else { Ok(()) }
    }

    fn check_logits(&self, logits: &[i32]) -> Result<(), Error> {
        let (expected, found) = (self.view.classes(), logits.len());
        if expected == found { Ok(()) } else { Err(Error::SliceLength { expected, found }) }
    }

    fn conv_task(&self, index: usize, conv: &Conv) -> Option<ConvTask<'a>> {
        let tensors = &self.view.header().tensors;
        let (input, output) =
            (tensors.get(usize::from(conv.input))?, tensors.get(usize::from(conv.output))?);
        let params = self.view.conv_params(conv)?;
        let row = usize::from(output.shape.channels).next_multiple_of(2);
        let mut rows = params.chunks_exact(row);
        let bias = rows.next()?;
        let residual_multiplier = if conv.residual.is_some() { rows.next()? } else { &[] };
        let positive = rows.next()?;
        Some(ConvTask {
            input: input.shape,
            input_zero: input.zero,
            output: output.shape,
            output_zero: output.zero,
            kernel: usize::from(conv.kernel),
            stride: usize::from(conv.stride),
            activation: conv.activation,
            weights: self.view.conv_weights(conv)?,
            bias,
            residual_multiplier,
            positive,
            negative: rows.next().unwrap_or(positive),
            input_at: self.plan.tensor_at(conv.input),
            output_at: self.plan.tensor_at(conv.output),
            residual_at: conv.residual.map(|r| self.plan.tensor_at(r)),
            scratch: self.plan.scratch(index),
        })
    }

    fn classifier_task(&self, index: usize, classifier: &Classifier) -> Option<ClassifierTask<'a>> {
        let input = self.view.header().tensors.get(usize::from(classifier.input))?;
        let (bias, multiplier) =
            self.view.classifier_params(classifier)?.split_at_checked(self.view.classes())?;
        Some(ClassifierTask {
            input: input.shape,
            weights: self.view.classifier_weights(classifier)?,
            bias,
            multiplier,
            input_at: self.plan.tensor_at(classifier.input),
            scratch: self.plan.scratch(index),
        })
    }
}

/// [`Network::new`] and [`Network::run`] in one.
///
/// # Errors
/// As [`Network::run`].
pub fn run<K: Kernels>(
    view: &BlobView<'_>,
    kernels: K,
    image: &[u8],
    arena: &mut [u32],
    logits: &mut [i32],
    observer: &mut impl Observer,
) -> Result<(), Error> {
    Network::new(view, kernels).run(image, arena, logits, observer)
}

/// The class with the largest logit, the lowest index on ties; 0 without logits.
pub fn argmax(logits: &[i32]) -> usize {
    let mut best = 0;
    for (i, &logit) in logits.iter().enumerate() {
        if logit > logits[best] {
            best = i;
        }
    }
    best
}

/// Multiply-accumulates of an operation, for reports.
pub fn macs(view: &BlobView<'_>, op: &Op) -> u64 {
    let shape = |id: u8| view.header().tensors[usize::from(id)].shape;
    match op {
        Op::Conv(c) => {
            let (input, output) = (shape(c.input), shape(c.output));
            output.len() as u64 * u64::from(c.kernel).pow(2) * u64::from(input.channels)
        }
        Op::Classifier(c) => view.classes() as u64 * u64::from(shape(c.input).channels),
    }
}

/// Scratch words of an operation.
fn scratch_words(view: &BlobView<'_>, op: &Op) -> usize {
    let shape = |id: u8| view.header().tensors[usize::from(id)].shape;
    match op {
        Op::Conv(c) => {
            let (kernel, stride) = (usize::from(c.kernel), usize::from(c.stride));
            kernel * crate::kernel::row_words(shape(c.input), shape(c.output), kernel, stride)
        }
        Op::Classifier(c) => padded(shape(c.input).channels) / 2,
    }
}

#[cfg(test)]
mod tests;
