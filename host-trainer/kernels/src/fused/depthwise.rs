//! Depthwise convolutions of a plane, and their gradients, row by row: a row is normalised and padded
//! just before it is read, and its output is measured just after it is written, so that the rows in use
//! stay in the nearest cache.

use super::PendingMap;
use crate::LANES;
use crate::blocks::{Unwritten, sized};
use crate::conv::depthwise::{Ahead, Asked, Columns, InputRows, Pixel, Row, Rows, WeightSums};
use crate::conv::{ConvGeometry, Epilogue, Padding};
use crate::map::MapShape;
use crate::moments::{Moments, RunningMoments};
use crate::simd::Lanes;

/// Pixels of a map that are asked for before they are read or written, behind a row of a convolution.
const AHEAD: usize = 64;

/// As [`AHEAD`] from the row in use on, of the gradients: their rows take longer and fill the nearest cache.
const AHEAD_OF_GRADIENTS: usize = 48;

/// The latest rows of a plane behind norm and activation, with zeros around them. They are made in
/// order.
struct PaddedRows<'a> {
    map: PendingMap<'a>,
    /// Channel of the norm.
    channel: usize,
    padding: Padding,
    shape: MapShape,
    /// A ring of padded rows, where they differ from those stored.
    ring: Option<&'a mut [Pixel]>,
    /// Rows of the ring.
    rows: usize,
    /// The row at the first place of the ring when it was last full.
    base: usize,
    /// The place of the next row.
    place: usize,
    /// Rows that are made.
    made: usize,
    /// Pixels of a padded row.
    row: usize,
}

impl<'a> PaddedRows<'a> {
    /// A plane of which `window` rows are read at a time.
    fn new(
        map: PendingMap<'a>,
        channel: usize,
        (padding, window): (Padding, usize),
        shape: MapShape,
        scratch: &'a mut Vec<f32>,
    ) -> Self {
        let row = padding.dims(&shape).1;
        let (mut ring, mut rows) = (None, usize::MAX);
        if !(padding.is_none() && map.is_plain()) {
            rows = window;
            let pixels = sized(scratch, rows * row * LANES).as_chunks_mut().0;
            let [left, _] = padding.columns();
            for row in pixels.chunks_mut(row.max(1)) {
                row[..left].fill([0.0; LANES]);
                row[left + shape.columns()..].fill([0.0; LANES]);
            }
            ring = Some(pixels);
        }
        Self { map, channel, padding, shape, ring, rows, base: 0, place: 0, made: 0, row }
    }

    /// What is read `pixels` pixels behind the rows before padded row `end`.
    #[inline(always)]
    fn ahead(&self, end: usize, pixels: usize) -> Ahead {
        let next = end.saturating_sub(self.padding.before()[0]) * self.shape.columns();
        Ahead { at: self.map.x.as_ptr().wrapping_add((next + pixels) * LANES) }
    }

    /// The rows of the window that ends before padded row `end`.
    #[inline(always)]
    fn until<S: Lanes>(&mut self, s: S, end: usize) -> Rows<'_> {
        let (x, columns) = (self.map.x.as_chunks().0, self.shape.columns());
        let Some(ring) = &mut self.ring else {
            return Rows { pixels: x, row: self.row, base: 0, rows: self.rows };
        };
        let ([above, _], [left, _]) = (self.padding.before(), self.padding.columns());
        while self.made < end {
            let to = &mut ring[self.place * self.row + left..][..columns];
            match self.made.checked_sub(above).filter(|&row| row < self.shape.rows()) {
                None => to.fill([0.0; LANES]),
                Some(row) => {
                    let from = &x[row * columns..][..columns];
                    match self.map.is_plain() {
                        true => copy(s, from, to),
                        false => {
                            let (from, to) = (from.as_flattened(), to.as_flattened_mut());
                            self.map.settle(self.channel, from, to);
                        }
                    }
                }
            }
            self.made += 1;
            self.place += 1;
            if self.place == self.rows {
                (self.place, self.base) = (0, self.made - self.rows);
            }
        }
        Rows { pixels: ring, row: self.row, base: self.base, rows: self.rows }
    }
}

/// Copies a row without a call, so that it is read ahead while the row before is convolved.
#[inline(always)]
fn copy<S: Lanes>(s: S, from: &[Pixel], to: &mut [Pixel]) {
    let ((from, more), (to, rest)) = (from.as_chunks::<4>(), to.as_chunks_mut::<4>());
    for (from, to) in from.iter().zip(to) {
        let values = [s.load(&from[0]), s.load(&from[1]), s.load(&from[2]), s.load(&from[3])];
        for p in 0..4 {
            s.store(values[p], &mut to[p]);
        }
    }
    for (from, to) in more.iter().zip(rest) {
        s.store(s.load(from), to);
    }
}

/// What is written behind the next `pixels` pixels.
#[inline(always)]
fn ahead_of(y: &Unwritten<'_>, pixels: usize) -> Ahead {
    Ahead { at: y.ahead(pixels * LANES) }
}

/// A plane that is convolved.
pub(super) struct Forward<'a, 'y> {
    /// A shape of one channel.
    pub shape: &'a ConvGeometry,
    pub x: PendingMap<'a>,
    /// Channel of the norm.
    pub channel: usize,
    /// `[rows][columns]`.
    pub w: &'a [f32],
    pub y: &'a mut Unwritten<'y>,
    pub epilogue: Epilogue<'a>,
    /// The number of lanes that are measured, if any are.
    pub measured: Option<usize>,
    pub scratch: &'a mut Vec<f32>,
}

impl Columns for Forward<'_, '_> {
    /// The moments of the output, where they are measured.
    type Out = Option<Moments>;

    #[inline(always)]
    fn run<S: Lanes, const K: usize, const STRIDE: usize>(self, s: S) -> Option<Moments> {
        let (shape, e) = (self.shape, &self.epilogue);
        let (output, window) = (shape.output(), shape.window());
        let ([rows, _], [down, _]) = (window.kernel, window.stride);
        let (padding, scratch) = ((shape.padding(), rows), self.scratch);
        let mut x = PaddedRows::new(self.x, self.channel, padding, shape.input(), scratch);
        let mut moments = RunningMoments::new();
        let columns = output.columns();
        for row in 0..output.rows() {
            let end = row * down + rows;
            let outputs = Row {
                ahead: [x.ahead(end, AHEAD), ahead_of(self.y, columns.max(AHEAD))],
                x: x.until(s, end),
                first: row * down,
                w: self.w,
                residual: e.residual.map(|r| &r.as_chunks().0[row * columns..][..columns]),
                bias: e.bias.map_or(0.0, |b| b[0]),
                act: e.act,
            };
            let y = self.y.next(columns * LANES).as_chunks_mut().0;
            outputs.run::<S, K, STRIDE>(s, y);
            if self.measured.is_some() {
                moments.add(y);
            }
        }
        self.measured.map(|lanes| moments.finish(lanes))
    }
}

/// A plane whose gradients are computed.
pub(super) struct Backward<'a, 'y> {
    /// A shape of one channel.
    pub shape: &'a ConvGeometry,
    pub x: PendingMap<'a>,
    /// Channel of the norm.
    pub channel: usize,
    /// `[rows][columns]`.
    pub w: &'a [f32],
    pub dy: &'a [f32],
    /// `None` where the input wants no gradient.
    pub dx: Option<&'a mut Unwritten<'y>>,
    pub dw: &'a mut [f32],
    pub scratch: &'a mut [Vec<f32>; 2],
}

impl Columns for Backward<'_, '_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes, const K: usize, const STRIDE: usize>(self, s: S) {
        let (shape, [sx, sdy]) = (self.shape, self.scratch);
        let (input, output) = (shape.input(), shape.output());
        let (columns, width) = (output.columns(), input.columns());
        let inputs = InputRows::new(shape, self.w);
        let rows = shape.window().kernel[0];
        let mut sums = WeightSums::<S, K>::new(s, rows);
        // the gradient of the weights reads no padding of that of the output
        let (whole, mut dx) = (shape.gradient_padding(), self.dx);
        let padding = if dx.is_some() { whole } else { Padding::NONE };
        let mut dy = PaddedRows::new(PendingMap::plain(self.dy), 0, (padding, rows), output, sdy);
        let ([above, _], [left, _]) = (whole.before(), padding.columns());
        let skipped = above - padding.before()[0];
        // where the gradient is padded for each column of the input, the input needs no padding
        let turned = STRIDE == 1 && dx.is_some();
        let padding = if turned { Padding::NONE } else { shape.padding().of_columns() };
        let mut x = PaddedRows::new(self.x, self.channel, (padding, 1), input, sx);
        let more = AHEAD_OF_GRADIENTS.saturating_sub(width);
        for row in 0..input.rows() {
            let taps = inputs.taps(row);
            let end = (taps.last + 1).saturating_sub(skipped);
            let ahead = [x.ahead(row + 1, more), dy.ahead(end, more)];
            let mut ahead = Asked::new([(ahead[0], width), (ahead[1], columns)]);
            let (x, dy) = (x.until(s, row + 1).from(row), dy.until(s, end));
            let rows = |row: usize| match (turned, dy.from(row - skipped)) {
                (true, dy) => (dy, &x[..width]),
                (false, dy) => (x, &dy[left..][..columns]),
            };
            let read = taps.within(above, above + output.rows());
            sums.add::<STRIDE>(s, read, rows, &mut ahead);
            if let Some(dx) = dx.as_deref_mut() {
                let ahead = ahead_of(dx, width + more);
                let dx = dx.next(width * LANES).as_chunks_mut().0;
                inputs.run::<S, STRIDE>(s, taps, dy, dx, ahead);
            }
        }
        sums.write(s, turned, self.dw);
    }
}
