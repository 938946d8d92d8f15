//! Units: operations that are executed together, their scratch, and how far their output may
//! overlap their input.

use crate::graph::{Conv, Graph, KernelKind, Op, padded};
use crate::kernel::ConvShape;
use crate::space::Shape;

/// Operations that are executed together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Unit {
    /// A convolution of whole tensors.
    Conv(Conv),
    /// A residual block. The outputs of the first convolution and of the projection live for a few
    /// rows only and need no place in the arena.
    Block {
        /// First convolution.
        first: Conv,
        /// 1x1 projection of the block's input; its output is added.
        projection: Option<Conv>,
        /// Second convolution. Without a projection it adds the block's input.
        second: Conv,
    },
    /// Pooling and classifier of this tensor.
    Classifier(u8),
}

impl Unit {
    /// The unit that starts with operation `index`.
    #[inline(never)]
    pub(crate) fn at(graph: &impl Graph, index: usize) -> Option<Self> {
        match graph.op(index)? {
            Op::Classifier(classifier) => Some(Self::Classifier(classifier.input)),
            Op::Conv(first) => Some(block(graph, index, first).unwrap_or(Self::Conv(first))),
        }
    }

    /// Visits the units of a graph in the order of execution, each with the index of its first
    /// operation. Ends early at an operation that cannot be decoded.
    // A visitor, since an iterator would move units with `memcpy`, which takes 700 bytes of flash.
    pub(crate) fn each(graph: &impl Graph, mut visit: impl FnMut(usize, &Self)) {
        let mut start = 0;
        while let Some(unit) = Self::at(graph, start) {
            visit(start, &unit);
            start += unit.len();
        }
    }

    /// Number of operations.
    pub(crate) const fn len(&self) -> usize {
        match self {
            Self::Conv(_) | Self::Classifier(_) => 1,
            Self::Block { projection: None, .. } => 2,
            Self::Block { projection: Some(_), .. } => 3,
        }
    }

    /// The tensor that the unit reads from top to bottom.
    pub(crate) const fn input(&self) -> u8 {
        match self {
            Self::Conv(conv) | Self::Block { first: conv, .. } => conv.input,
            Self::Classifier(input) => *input,
        }
    }

    /// The convolution that writes the unit's output.
    pub(crate) const fn last(&self) -> Option<&Conv> {
        match self {
            Self::Conv(conv) | Self::Block { second: conv, .. } => Some(conv),
            Self::Classifier(_) => None,
        }
    }

    /// The tensor in the arena that the unit adds.
    pub(crate) const fn residual(&self) -> Option<u8> {
        match self {
            Self::Conv(conv) | Self::Block { second: conv, projection: None, .. } => conv.residual,
            _ => None,
        }
    }

    /// Words of scratch.
    #[inline(never)]
    pub(crate) fn scratch_words(&self, graph: &impl Graph) -> usize {
        match self {
            Self::Conv(conv) => {
                let shape = ConvShape::of(graph, conv);
                shape.ring_words() + shape.work_words()
            }
            Self::Block { first, second, .. } => {
                let (first, second) = (ConvShape::of(graph, first), ConvShape::of(graph, second));
                first.ring_words()
                    + first.first_pixel()
                    + first.step() * first.out_row()
                    + second.ring_words()
                    + first.work_words().max(second.work_words())
            }
            Self::Classifier(input) => padded(graph.tensor(*input).shape.channels) / 2,
        }
    }

    /// Slack of the output over the input: the maximum offset of the output from the start of the
    /// input, in words, at which no row of the output overwrites a row of the input that is still
    /// to be read. It may be negative.
    pub(crate) fn slack(&self, graph: &impl Graph) -> i32 {
        let Some(last) = self.last() else { return 0 };
        let input = graph.tensor(self.input()).shape;
        let row = row_bytes(input, self.input() == 0);
        let output = ConvShape::of(graph, last);
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
        match self {
            Self::Block { first, projection, .. } => {
                let first = ConvShape::of(graph, first);
                let mut y = 0;
                while y < height {
                    if projection.is_some() && y % first.step() == 0 {
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
            _ => {
                let mut y = 0;
                while y < height {
                    write(y + output.step(), output.widened(y));
                    y += output.step();
                }
            }
        }
        // A row of a residual is read when its output row is written: no output row may precede it.
        let most = if self.residual() == Some(self.input()) { 0 } else { i64::from(i32::MAX) };
        // Converts bytes to words, rounded down.
        (slack.min(4 * most) >> 2).min(most) as i32
    }
}

fn block(graph: &impl Graph, index: usize, first: Conv) -> Option<Unit> {
    let next = graph.conv(index + 1)?;
    if first.residual.is_some() {
        return None;
    }
    let joins = |second: &Conv, residual: u8, end: usize| {
        second.input == first.output
            && second.residual == Some(residual)
            && second.stride == 1
            && !read_from(graph, end, first.output)
    };
    if joins(&next, first.input, index + 2) {
        return Some(Unit::Block { first, projection: None, second: next });
    }
    let second = graph.conv(index + 2)?;
    let projects = next.input == first.input
        && next.residual.is_none()
        && next.kernel == 1
        && next.stride == first.stride
        && next.kind == KernelKind::Direct
        && joins(&second, next.output, index + 3)
        && !read_from(graph, index + 3, next.output);
    projects.then_some(Unit::Block { first, projection: Some(next), second })
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
