//! A network that runs: a blob with kernels.

use core::ops::Range;

use heapless::Vec;

use crate::arena::{Unit, UnitKind, tensor_words};
use crate::blob::{BlobView, Residual};
use crate::error::{Error, GraphProblem};
use crate::graph::{Graph, KernelSet, MAX_ROLLED, NO_CONV, Observer, Op};
use crate::kernel::{BlockTask, ClassifierTask, ConvShape, ConvTask, Kernels};

/// A checked blob with kernels.
///
/// [`Network::run`] checks the lengths of its arguments and then cannot fail. [`Network::step`]
/// does the same for one unit: a layer, a residual block, a rolled unit, or the classifier.
#[derive(Clone, Debug)]
pub struct Network<'a, K> {
    view: BlobView<'a>,
    kernels: K,
}

/// A unit to execute. It is small, since it stays on the stack during the execution.
struct UnitTask {
    kind: UnitKind,
    ops: usize,
    scratch: Range<usize>,
}

impl<'a, K: Kernels> Network<'a, K> {
    /// Combines a checked blob with kernels, which must include those of the blob
    /// ([`BlobView::kernels`]).
    pub fn new(view: &BlobView<'a>, kernels: K) -> Self {
        Self::of_view(view.clone(), kernels)
    }

    /// Constant version of [`Self::new`].
    pub const fn of_view(view: BlobView<'a>, kernels: K) -> Self {
        Self { view, kernels }
    }

    /// Checks a blob, and that the kernels include those of the blob.
    ///
    /// # Errors
    /// Those of [`BlobView::new_checked`]; [`Error::BlobOp`] for a kernel that is missing.
    pub fn from_bytes(blob: &'a [u8], kernels: K) -> Result<Self, Error> {
        let view = if K::KERNELS.beyond_residual() {
            BlobView::new_checked(blob)?
        } else {
            BlobView::new_residual(blob)?
        };
        // The checks have refused every kernel outside of these two sets.
        if K::KERNELS != KernelSet::ALL && K::KERNELS != KernelSet::RESIDUAL {
            let unknown = |&op: &usize| {
                view.conv(op).is_some_and(|conv| !K::KERNELS.contains(KernelSet::of(&conv)))
            };
            if let Some(op) = (0..view.ops()).find(unknown) {
                return Err(Error::BlobOp { op, problem: GraphProblem::Kind });
            }
        }
        Ok(Self { view, kernels })
    }

    /// The blob.
    pub const fn view(&self) -> &BlobView<'a> {
        &self.view
    }

    /// Number of operations, the classifier included.
    pub fn ops(&self) -> usize {
        self.view.ops()
    }

    /// Bytes of the arena.
    pub fn arena_bytes(&self) -> usize {
        self.arena_words() * 4
    }

    /// 32-bit words of the arena.
    pub fn arena_words(&self) -> usize {
        if K::ROLLED { self.view.arena_bytes() / 4 } else { self.tensor_at(u8::MAX) }
    }

    /// The place of the image in the arena, u8 `[height][width][channels]`, for example for a
    /// camera to write to. The execution of the network overwrites it.
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`].
    pub fn image_mut<'m>(&self, arena: &'m mut [u32]) -> Result<&'m mut [u8], Error> {
        let (needed, found) = (self.arena_bytes(), arena.len() * 4);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(arena);
        let image = bytes.get_mut(self.tensor_at(0) * 4..needed);
        image
            .and_then(|image| image.get_mut(..self.view.image_len()))
            .ok_or(Error::ArenaTooSmall { needed, found })
    }

    /// Executes the network on an image, u8 `[height][width][channels]`, and writes one logit per
    /// class. The real value of a logit is `logit_scale` x the integer.
    ///
    /// # Errors
    /// [`Error::ImageLength`], [`Error::ArenaTooSmall`], or [`Error::SliceLength`] for the logits.
    /// Nothing is written in these cases.
    pub fn run<O: Observer + ?Sized>(
        &self,
        image: &[u8],
        arena: &mut [u32],
        logits: &mut [i32],
        observer: &mut O,
    ) -> Result<(), Error> {
        let (expected, found) = (self.view.image_len(), image.len());
        if expected != found {
            return Err(Error::ImageLength { expected, found });
        }
        self.check(arena, logits)?;
        let at = self.tensor_at(0);
        place(image, arena.get_mut(at..).unwrap_or_default());
        self.run_placed(arena, logits, observer)
    }

    /// Executes the network on the image at its place in the arena ([`Self::image_mut`]).
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`], or [`Error::SliceLength`] for the logits.
    pub fn run_placed<O: Observer + ?Sized>(
        &self,
        arena: &mut [u32],
        logits: &mut [i32],
        observer: &mut O,
    ) -> Result<(), Error> {
        self.check(arena, logits)?;
        let mut op = 0;
        while op < self.ops() {
            op = self.step(op, arena, logits, observer)?;
        }
        Ok(())
    }

    /// Executes the unit that starts with operation `op`, and returns the first operation of the
    /// next unit; after the last, [`Self::ops`]. The first call has `op` 0 and the image at its
    /// place; all calls have the same arena. The last call writes the logits.
    ///
    /// # Errors
    /// [`Error::ArenaTooSmall`], or [`Error::SliceLength`] for the logits.
    pub fn step<O: Observer + ?Sized>(
        &self,
        op: usize,
        arena: &mut [u32],
        logits: &mut [i32],
        observer: &mut O,
    ) -> Result<usize, Error> {
        self.check(arena, logits)?;
        observer.enter(op);
        let Some(UnitTask { kind, ops, scratch }) = self.unit(op) else { return Ok(self.ops()) };
        match kind {
            UnitKind::Layer => self.conv(op, scratch, arena, observer),
            UnitKind::Rolled if K::KERNELS.rolled() => {
                let _ = self.rolled((op, ops), scratch, arena, observer);
            }
            UnitKind::Rolled => {}
            UnitKind::Block | UnitKind::Projected => {
                self.block((op, ops), scratch, arena, observer)
            }
            UnitKind::Classifier => {
                let _ = self.classifier(op, scratch, arena, logits);
            }
        }
        Ok(op + ops)
    }

    fn check(&self, arena: &[u32], logits: &[i32]) -> Result<(), Error> {
        let (needed, found) = (self.arena_bytes(), arena.len() * 4);
        if found < needed {
            return Err(Error::ArenaTooSmall { needed, found });
        }
        let (expected, found) = (self.view.classes(), logits.len());
        if expected == found { Ok(()) } else { Err(Error::SliceLength { expected, found }) }
    }

    // The following functions are out of line, so that their stack frames do not add up.

    #[inline(never)]
    fn unit(&self, op: usize) -> Option<UnitTask> {
        let unit = match self.view.op(op)? {
            Op::Conv(conv) if !K::ROLLED => Unit::layer(op, &conv),
            _ if K::KERNELS.beyond_residual() => Unit::at(&self.view, op)?,
            _ => Unit::at(&Residual(&self.view), op)?,
        };
        let at = if K::ROLLED { self.view.scratch_at(op) as usize } else { 0 };
        let words = if !K::ROLLED {
            0
        } else if K::KERNELS.beyond_residual() {
            unit.scratch_words(&self.view)
        } else {
            unit.scratch_words(&Residual(&self.view))
        };
        Some(UnitTask { kind: unit.kind, ops: unit.len(), scratch: at..at + words })
    }

    #[inline(never)]
    fn conv<O: Observer + ?Sized>(
        &self,
        op: usize,
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        let mut task = self.conv_task(op);
        if K::ROLLED && K::KERNELS.pointwise() {
            task.shape = task.shape.folded();
        }
        self.kernels.conv(&task, scratch, arena, observer);
    }

    /// Executes a rolled unit of `ops` operations.
    #[inline(never)]
    fn rolled<O: Observer + ?Sized>(
        &self,
        (op, ops): (usize, usize),
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) -> Option<()> {
        let mut tasks: Vec<ConvTask<'_>, MAX_ROLLED> = Vec::new();
        for op in op..op + ops {
            observer.enter(op);
            tasks.push(self.conv_task(op)).ok()?;
        }
        self.kernels.rolled(&tasks, scratch, arena, observer);
        Some(())
    }

    /// Executes a residual block of `ops` operations.
    #[inline(never)]
    fn block<O: Observer + ?Sized>(
        &self,
        (op, ops): (usize, usize),
        scratch: Range<usize>,
        arena: &mut [u32],
        observer: &mut O,
    ) {
        // Without a projection, the middle task is that of the second convolution.
        let (first, middle) = (&self.conv_task(op), &self.conv_task(op + 1));
        let second = &self.conv_task(op + ops - 1);
        let block = BlockTask { first, projection: (ops == 3).then_some(middle), second };
        self.kernels.block(&block, scratch, arena, observer);
    }

    #[inline(never)]
    fn classifier(
        &self,
        op: usize,
        scratch: Range<usize>,
        arena: &mut [u32],
        logits: &mut [i32],
    ) -> Option<()> {
        let Some(Op::Classifier(classifier)) = self.view.op(op) else { return None };
        let params = self.view.classifier_params(&classifier)?;
        let (bias, multiplier) = params.split_at_checked(self.view.classes())?;
        let task = ClassifierTask {
            op,
            input: self.view.tensor(classifier.input).shape,
            weights: self.view.classifier_weights(&classifier)?,
            bias,
            multiplier,
            input_at: self.tensor_at(classifier.input),
            scratch,
        };
        self.kernels.classifier(&task, arena, logits);
        Some(())
    }

    /// First word of a tensor. Without rolled blocks, all tensors follow each other, so that the
    /// index after the last tensor gives the size of the arena.
    fn tensor_at(&self, tensor: u8) -> usize {
        if K::ROLLED {
            return self.view.tensor_at(tensor) as usize;
        }
        (0..tensor).map(|id| tensor_words(&self.view, id)).sum()
    }

    /// The task of a layer. In a checked blob nothing is missing; in any other, defaults keep
    /// the kernels inside their slices.
    #[inline(never)]
    fn conv_task(&self, op: usize) -> ConvTask<'a> {
        let conv = &self.view.conv(op).unwrap_or(NO_CONV);
        let (input, output) = (self.view.tensor(conv.input), self.view.tensor(conv.output));
        let (shape, weights, params) = if K::KERNELS.beyond_residual() {
            let shape = ConvShape::of(&self.view, conv);
            (shape, self.view.conv_weights(conv), self.view.conv_params(conv))
        } else {
            let (view, shape) = (&self.view, ConvShape::of(&Residual(&self.view), conv));
            (shape, view.weights_of::<false>(conv), view.params_of::<false>(conv))
        };
        ConvTask {
            op,
            shape,
            input_zero: input.zero,
            output_zero: output.zero,
            activation: conv.activation,
            weights: weights.unwrap_or_default(),
            params: params.unwrap_or_default(),
            table: if conv.input == 0 { self.view.table() } else { &[] },
            input_at: self.tensor_at(conv.input),
            output_at: self.tensor_at(conv.output),
            residual_at: conv.residual.map(|r| self.tensor_at(r)),
        }
    }
}

/// Copies bytes into words. `black_box` hides the copy from the compiler, which would link
/// `memcpy`: 700 bytes of flash.
fn place(bytes: &[u8], words: &mut [u32]) {
    let (whole, rest) = bytes.as_chunks();
    let mut last = [0; 4];
    for (to, from) in last.iter_mut().zip(rest) {
        *to = *from;
    }
    let mut words = words.iter_mut();
    for (bytes, word) in whole.iter().zip(words.by_ref()) {
        *word = core::hint::black_box(u32::from_le_bytes(*bytes));
    }
    if let Some(word) = words.next().filter(|_| !rest.is_empty()) {
        *word = u32::from_le_bytes(last);
    }
}
