//! Depthwise convolutions of a plane, and their gradients, row by row: a row is normalised and padded
//! just before it is read, and its output is measured just after it is written, so that the rows in use
//! stay in the nearest cache.

use super::PendingMap;
use crate::LANES;
use crate::blocks::{Unwritten, sized};
use crate::conv::depthwise::{Ahead, Columns, InputRows, Pixel, Row, Rows, WeightSums};
use crate::conv::{ConvGeometry, Epilogue, Padding};
use crate::map::MapShape;
use crate::moments::{Moments, RunningMoments};
use crate::simd::Lanes;

/// Pixels of a map that are asked for before they are read or written.
const AHEAD: usize = 64;

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

    /// What is read after `rows` rows, where the rows before padded row `end` are made.
    #[inline(always)]
    fn ahead(&self, end: usize, rows: usize) -> Ahead {
        let next = end.saturating_sub(self.padding.before()[0]) * self.shape.columns();
        Ahead { at: self.map.x.as_ptr().wrapping_add((next + AHEAD) * LANES), rows }
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

/// What is written behind the next row of `columns` pixels.
#[inline(always)]
fn ahead_of(y: &Unwritten<'_>, columns: usize) -> Ahead {
    Ahead { at: y.ahead(columns.max(AHEAD) * LANES), rows: 1 }
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
                ahead: [x.ahead(end, down), ahead_of(self.y, columns)],
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
        let (input, output, window) = (shape.input(), shape.output(), shape.window());
        let ([rows, _], [down, _]) = (window.kernel, window.stride);
        let padding = (shape.padding(), rows);
        let mut x = PaddedRows::new(self.x, self.channel, padding, input, sx);
        let (map, padding) = (PendingMap::plain(self.dy), shape.gradient_padding());
        let mut padded = PaddedRows::new(map, 0, (padding, rows), output, sdy);
        let ([above, _], [left, _]) = (padding.before(), padding.columns());
        let (columns, width) = (output.columns(), input.columns());
        let inputs = InputRows::new(shape, self.w);
        let mut sums = WeightSums::<S, K>::new(s, rows);
        let (dy, mut dx) = (self.dy.as_chunks().0, self.dx);
        let all = if dx.is_none() { 0 } else { input.rows() };
        let mut next = 0;
        // The last step has the rows of the input that no window ends at.
        for row in 0..=output.rows() {
            let mut end = all;
            if row < output.rows() {
                let (last, made) = (row * down + rows, row + above + 1);
                let ahead = [x.ahead(last, down), padded.ahead(made, 1)];
                let x = (x.until(s, last), row * down);
                let dy = match all {
                    0 => &dy[row * columns..][..columns],
                    _ => &padded.until(s, made).from(row + above)[left..][..columns],
                };
                sums.add::<STRIDE>(s, x, dy, ahead);
                end = end.min((row + 1) * down);
            }
            while let Some(dx) = dx.as_deref_mut().filter(|_| next < end) {
                let dy = padded.until(s, inputs.needs(next));
                let ahead = ahead_of(dx, width);
                let dx = dx.next(width * LANES).as_chunks_mut().0;
                inputs.run::<S, STRIDE>(s, next, dy, dx, ahead);
                next += 1;
            }
        }
        sums.write(s, self.dw);
    }
}
