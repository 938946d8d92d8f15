//! Units: operations that are executed together, their scratch, and how far their output may
//! overlap their input.

use crate::graph::{Conv, Geometry, Graph, KernelKind, NO_CONV, Op, padded};
use crate::kernel::ConvShape;
use crate::shape::Shape;

/// Operations that are executed together. It is small, since units are passed by value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Unit {
    pub(crate) kind: UnitKind,
    /// Index of the first operation.
    start: u8,
    /// Number of operations.
    len: u8,
    /// The tensor that the unit reads from top to bottom.
    input: u8,
    /// The tensor that the unit writes.
    output: Option<u8>,
    /// The tensor in the arena that the unit adds.
    residual: Option<u8>,
}

/// The kind of a unit. The outputs of all operations but the last live for a few rows only and need
/// no place in the arena.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum UnitKind {
    /// A layer of whole tensors.
    Layer,
    /// Layers of which each but the last rolls into the next.
    Rolled,
    /// Two convolutions, the second of which adds the input of the first.
    Block,
    /// A convolution, a 1x1 projection of the same input, and a convolution that adds its output.
    Projected,
    /// Pooling and classifier.
    Classifier,
}

impl Unit {
    /// The unit that starts with operation `index`.
    #[inline(never)]
    pub(crate) fn at<G: Graph>(graph: &G, index: usize) -> Option<Self> {
        // By reference: a moved layer would link `memcpy`, which takes 700 bytes of flash.
        let op = graph.op(index);
        match op.as_ref()? {
            Op::Classifier(classifier) => Some(Self {
                kind: UnitKind::Classifier,
                start: index as u8,
                len: 1,
                input: classifier.input,
                output: None,
                residual: None,
            }),
            Op::Conv(first) => Self::of_layers(graph, index, first),
        }
    }

    fn of_layers<G: Graph>(graph: &G, index: usize, first: &Conv) -> Option<Self> {
        if G::OTHER && first.rolls {
            return rolled(graph, index, first);
        }
        let block = block(graph, index, first);
        Some(block.unwrap_or_else(|| Self::of(UnitKind::Layer, index, 1, first, first)))
    }

    /// The unit of a single layer.
    pub(crate) fn layer(index: usize, conv: &Conv) -> Self {
        Self::of(UnitKind::Layer, index, 1, conv, conv)
    }

    fn of(kind: UnitKind, start: usize, len: usize, first: &Conv, last: &Conv) -> Self {
        let residual = if kind == UnitKind::Projected { None } else { last.residual };
        let (start, len) = (start as u8, len as u8);
        Self { kind, start, len, input: first.input, output: Some(last.output), residual }
    }

    /// Visits the units of a graph in the order of execution, each with the index of its first
    /// operation. Ends early at an operation that cannot be decoded.
    pub(crate) fn each(graph: &impl Graph, mut visit: impl FnMut(usize, &Self)) {
        let mut start = 0;
        while let Some(unit) = Self::at(graph, start) {
            visit(start, &unit);
            start += unit.len();
        }
    }

    /// Number of operations.
    pub(crate) const fn len(&self) -> usize {
        self.len as usize
    }

    /// The tensor that the unit reads from top to bottom.
    pub(crate) const fn input(&self) -> u8 {
        self.input
    }

    /// The tensor that the unit writes; none for the classifier.
    pub(crate) const fn output(&self) -> Option<u8> {
        self.output
    }

    /// The tensor in the arena that the unit adds.
    pub(crate) const fn residual(&self) -> Option<u8> {
        self.residual
    }

    /// The shape of the unit's layer `index`, from 0.
    fn shape(&self, graph: &impl Graph, index: usize) -> ConvShape {
        let conv = graph.conv(usize::from(self.start) + index).unwrap_or(NO_CONV);
        ConvShape::of(graph, &conv)
    }

    /// The shape of the unit's last layer.
    fn last<G: Graph>(&self, graph: &G) -> ConvShape {
        let shape = self.shape(graph, self.len().saturating_sub(1));
        if G::OTHER && self.kind == UnitKind::Layer { shape.folded() } else { shape }
    }

    /// Words of scratch.
    #[inline(never)]
    pub(crate) fn scratch_words<G: Graph>(&self, graph: &G) -> usize {
        match self.kind {
            UnitKind::Layer => {
                let shape = self.last(graph);
                ring_words::<G>(&shape) + shape.work_words()
            }
            UnitKind::Rolled if !G::OTHER => 0,
            UnitKind::Rolled => {
                let (mut rings, mut row) = (0, 0);
                for index in 0..self.len() {
                    let shape = self.shape(graph, index);
                    rings += shape.ring_words();
                    if index + 1 < self.len() {
                        row = row.max(shape.out_row());
                    }
                }
                rings + row
            }
            UnitKind::Block | UnitKind::Projected => {
                let (first, second) = (self.shape(graph, 0), self.last(graph));
                ring_words::<G>(&first)
                    + first.first_pixel()
                    + first.step() * first.out_row()
                    + ring_words::<G>(&second)
                    + first.work_words().max(second.work_words())
            }
            UnitKind::Classifier => padded(graph.tensor(self.input).shape.channels) / 2,
        }
    }

    /// Slack of the output over the input: the maximum offset of the output from the start of the
    /// input, in words, at which no row of the output overwrites a row of the input that is still
    /// to be read. It may be negative.
    pub(crate) fn slack<G: Graph>(&self, graph: &G) -> i32 {
        if self.output.is_none() {
            return 0;
        }
        let output = self.last(graph);
        let mut input = graph.tensor(self.input).shape;
        if G::OTHER && output.fold > 1 {
            input = output.input;
        }
        let row = row_bytes(input, self.input == 0);
        let mut slack = i64::MAX;
        // Records that output rows up to `end` are written when `widened` rows of the input have
        // been read.
        let mut write = |end: usize, widened: usize| {
            if widened < usize::from(input.height) {
                let end = end.min(usize::from(output.output.height)) * output.out_row() * 4;
                slack = slack.min((widened * row) as i64 - end as i64);
            }
        };
        let height = usize::from(output.output.height);
        let mut y = 0;
        match self.kind {
            UnitKind::Rolled if !G::OTHER => {}
            UnitKind::Rolled => {
                while y < height {
                    let mut rows = y + 1;
                    for index in (0..self.len()).rev() {
                        let shape = self.shape(graph, index);
                        rows = shape.widened(rows - 1).min(usize::from(shape.input.height)).max(1);
                    }
                    y += 1;
                    write(y, rows);
                }
            }
            UnitKind::Block | UnitKind::Projected => {
                let first = self.shape(graph, 0);
                while y < height {
                    if self.kind == UnitKind::Projected && y % first.step() == 0 {
                        write(y + first.step(), first.widened(y));
                    }
                    if y % output.step() == 0 {
                        let needed = (output.widened(y)).min(height);
                        let made = needed.saturating_sub(1) / first.step() * first.step();
                        write(y + output.step(), first.widened(made));
                    }
                    y += 1;
                }
            }
            UnitKind::Layer | UnitKind::Classifier => {
                while y < height {
                    write(y + output.step(), output.widened(y));
                    y += output.step();
                }
            }
        }
        // A row of a residual is read when its output row is written: no output row may precede it.
        let most = if self.residual == Some(self.input) { 0 } else { i64::from(i32::MAX) };
        // Converts bytes to words, rounded down.
        (slack.min(4 * most) >> 2).min(most) as i32
    }
}

fn rolled(graph: &impl Graph, start: usize, first: &Conv) -> Option<Unit> {
    let (mut last, mut len) = (*first, 1);
    while last.rolls {
        last = graph.conv(start + len)?;
        len += 1;
    }
    Some(Unit::of(UnitKind::Rolled, start, len, first, &last))
}

/// Words of a layer's ring buffer.
fn ring_words<G: Graph>(shape: &ConvShape) -> usize {
    if G::OTHER {
        return shape.ring_words();
    }
    let ring = shape.ring();
    ring.row * ring.rows
}

/// Kernel size and stride of a layer that may belong to a residual block.
fn blocky<G: Graph>(conv: &Conv) -> Option<(u8, u8)> {
    let Geometry { kernel: [kernel, _], stride: [stride, _], .. } = conv.geometry;
    (!G::OTHER || conv.is_residual()).then_some((kernel, stride))
}

fn block<G: Graph>(graph: &G, index: usize, first: &Conv) -> Option<Unit> {
    let next = graph.conv(index + 1);
    let next = next.as_ref()?;
    let (_, stride) = blocky::<G>(first)?;
    if first.residual.is_some() {
        return None;
    }
    let joins = |second: &Conv, residual: u8, end: usize| {
        second.input == first.output
            && second.residual == Some(residual)
            && blocky::<G>(second).is_some_and(|(_, stride)| stride == 1)
            && !read_from(graph, end, first.output)
    };
    if joins(next, first.input, index + 2) {
        return Some(Unit::of(UnitKind::Block, index, 2, first, next));
    }
    let second = graph.conv(index + 2);
    let second = second.as_ref()?;
    let projects = next.input == first.input
        && next.residual.is_none()
        && blocky::<G>(next) == Some((1, stride))
        && next.kind == KernelKind::Direct
        && joins(second, next.output, index + 3)
        && !read_from(graph, index + 3, next.output);
    projects.then(|| Unit::of(UnitKind::Projected, index, 3, first, second))
}

/// True if an operation from `index` on reads the tensor.
pub(super) fn read_from(graph: &impl Graph, index: usize, tensor: u8) -> bool {
    (index..graph.ops()).any(|i| graph.op(i).is_some_and(|op| op.reads(tensor)))
}

/// Words of a tensor in the arena.
pub(crate) fn tensor_words(graph: &impl Graph, id: u8) -> usize {
    let tensor = graph.tensor(id);
    if id == 0 { tensor.image_words() } else { tensor.words() }
}

/// Bytes of a row of a tensor in the arena. A row of the image is not padded.
pub(crate) fn row_bytes(shape: Shape, image: bool) -> usize {
    let channels = if image { usize::from(shape.channels) } else { padded(shape.channels) };
    usize::from(shape.width) * channels
}
