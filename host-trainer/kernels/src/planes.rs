//! Feature maps of one block of 16 images with zeros kept around every plane, on one thread: what
//! evaluation is made of. A convolution reads its input in place, and nothing is allocated here.

use super::conv::{Epilogue, Grid, Tap, grid};
use super::simd::{Isa, Kernel, Lanes};
use crate::LANES;

/// Size of the planes of a feature map: `[channels][h + 2 margin][w + 2 margin][16]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Planes {
    /// Rows.
    pub h: usize,
    /// Columns.
    pub w: usize,
    /// Zeros on every side.
    pub margin: usize,
}

impl Planes {
    fn row(self) -> usize {
        (self.w + 2 * self.margin) * LANES
    }

    /// Values of a plane with its margins.
    pub fn len(self) -> usize {
        (self.h + 2 * self.margin) * self.row()
    }

    /// True without pixels.
    pub fn is_empty(self) -> bool {
        self.h * self.w == 0
    }

    /// Offset of the pixel that lies `inset` outside of the first on both axes.
    fn before(self, inset: usize) -> usize {
        (self.margin - inset) * (self.row() + LANES)
    }

    /// The planes that a convolution of this stride makes.
    pub fn strided(self, stride: usize) -> Self {
        Self { h: self.h.div_ceil(stride), w: self.w.div_ceil(stride), ..self }
    }
}

/// One cache line, the alignment of every buffer.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([f32; LANES]);

/// Values that start on a cache line.
pub struct Buffer(Vec<Line>);

impl Buffer {
    /// `n` zeros, `n` a multiple of 16.
    pub fn zeros(n: usize) -> Self {
        Self(vec![Line([0.0; LANES]); n / LANES])
    }

    /// The values.
    pub fn values(&self) -> &[f32] {
        // SAFETY: a line is 16 f32 without padding
        unsafe { std::slice::from_raw_parts(self.0.as_ptr().cast(), self.0.len() * LANES) }
    }

    /// The values, to be changed.
    pub fn values_mut(&mut self) -> &mut [f32] {
        let (start, n) = (self.0.as_mut_ptr().cast::<f32>(), self.0.len() * LANES);
        // SAFETY: a line is 16 f32 without padding
        unsafe { std::slice::from_raw_parts_mut(start, n) }
    }
}

/// Writes images `[n][c][h][w]`, 16 at most, into the first lanes of a block.
pub fn fill(block: &mut [f32], images: &[f32], c: usize, p: Planes) {
    for (lane, image) in images.chunks_exact(c * p.h * p.w).enumerate() {
        for (row, pixels) in image.chunks_exact(p.w).enumerate() {
            let start = row / p.h * p.len() + p.before(0) + row % p.h * p.row() + lane;
            for (slot, &v) in block[start..].iter_mut().step_by(LANES).zip(pixels) {
                *slot = v;
            }
        }
    }
}

/// The first `n` images of a block, `[n][c][h][w]`.
pub fn to_images(block: &[f32], n: usize, c: usize, p: Planes) -> Vec<f32> {
    let mut images = Vec::with_capacity(n * c * p.h * p.w);
    for lane in 0..n {
        for row in 0..c * p.h {
            let start = row / p.h * p.len() + p.before(0) + row % p.h * p.row() + lane;
            images.extend(block[start..].iter().step_by(LANES).take(p.w));
        }
    }
    images
}

/// A convolution with "same" padding, `k / 2` (at most the margin of its input).
#[derive(Clone, Copy, Debug)]
pub struct Convolution<'a> {
    /// `[co][ci][k][k]`.
    pub weight: &'a [f32],
    /// Input channels.
    pub ci: usize,
    /// Output channels.
    pub co: usize,
    /// Side of the kernel.
    pub k: usize,
    /// 1 or 2.
    pub stride: usize,
}

impl Convolution<'_> {
    /// Convolves a block of `from` planes; `y` and the residual of the epilogue have the planes
    /// [`Planes::strided`]. The margins of `y` are left alone.
    ///
    /// # Panics
    /// With slices that are too short, or a margin below `k / 2`.
    pub fn run(&self, isa: Isa, from: Planes, x: &[f32], y: &mut [f32], e: &Epilogue<'_>) {
        let Self { weight, ci, co, k, stride } = *self;
        let to = from.strided(stride);
        let taps: Vec<Tap> =
            (0..k * k).map(|t| Tap { x: t / k * from.row() + t % k * LANES, w: t }).collect();
        let grid = Grid {
            taps: &taps,
            inputs: ci,
            outputs: co,
            rows: to.h,
            columns: to.w,
            x_channel: from.len(),
            x_row: stride * from.row(),
            x_pixel: stride * LANES,
            w_input: k * k,
            w_output: ci * k * k,
            y_channel: to.len(),
            y_row: to.row(),
            y_pixel: LANES,
        };
        let start = to.before(0);
        let e = Epilogue { residual: e.residual.map(|r| &r[start..]), ..*e };
        let (x, y) = (&x[from.before(k / 2)..], &mut y[start..]);
        isa.run(Sums { grid: &grid, x, weight, y, e: &e });
    }
}

/// A convolution's sums.
struct Sums<'a> {
    grid: &'a Grid<'a>,
    x: &'a [f32],
    weight: &'a [f32],
    y: &'a mut [f32],
    e: &'a Epilogue<'a>,
}

impl Kernel for Sums<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Lanes>(self) {
        // SAFETY: the caller has `S`'s instructions
        unsafe { grid::<S>(self.grid, self.x, self.weight, self.y, self.e) }
    }
}

/// Something that is done to the pixels of a block, plane by plane.
enum Pass<'a> {
    /// Adds the sums of `x - origin` and of its square to `into`, over the first `lanes` images.
    Sums { x: &'a [f32], lanes: usize, origin: &'a [f32], into: &'a mut [(f64, f64)] },
    /// `y = act(y scale + offset + z z_scale)`, act by its slope for negative values.
    Scale {
        y: &'a mut [f32],
        scale: &'a [f32],
        offset: &'a [f32],
        add: Option<Add<'a>>,
        slope: f32,
    },
    /// The mean of every plane into `y`, `[c][16]`.
    Mean { x: &'a [f32], y: &'a mut [f32] },
}

/// What is added to a block, and times what, per channel; its planes are those of the block.
#[derive(Clone, Copy)]
pub struct Add<'a> {
    /// The values.
    pub values: &'a [f32],
    /// Factors.
    pub scale: &'a [f32],
}

/// Pixels whose lanes are summed in f32 before they go on in f64.
const CHUNK: usize = 32;

/// # Safety
/// `S`'s instructions; planes of `p` in every slice, [`run`] checks them.
#[inline(always)]
unsafe fn pass<S: Lanes>(p: Planes, job: &mut Pass<'_>) {
    let (plane, first, row) = (p.len(), p.before(0), p.row());
    // SAFETY: the caller's slices hold the planes
    unsafe {
        let one = S::splat(1.0);
        match job {
            Pass::Sums { x, lanes, origin, into } => {
                let rows = (CHUNK / p.w.max(1)).max(1);
                for (c, into) in into.iter_mut().enumerate() {
                    let minus = S::splat(-origin[c]);
                    let start = x.as_ptr().add(c * plane + first);
                    let mut y = 0;
                    while y < p.h {
                        let (mut sum, mut squares) = (S::splat(0.0), S::splat(0.0));
                        let end = (y + rows).min(p.h);
                        while y < end {
                            for column in 0..p.w {
                                let v = S::load(start.add(y * row + column * LANES));
                                let v = minus.fma(v, one);
                                sum = sum.fma(v, one);
                                squares = squares.fma(v, v);
                            }
                            y += 1;
                        }
                        let (mut s, mut q) = ([0f32; LANES], [0f32; LANES]);
                        sum.store(s.as_mut_ptr());
                        squares.store(q.as_mut_ptr());
                        into.0 += s[..*lanes].iter().map(|&v| f64::from(v)).sum::<f64>();
                        into.1 += q[..*lanes].iter().map(|&v| f64::from(v)).sum::<f64>();
                    }
                }
            }
            Pass::Scale { y, scale, offset, add, slope } => {
                for c in 0..scale.len() {
                    let (s, o) = (S::splat(scale[c]), S::splat(offset[c]));
                    let negative = S::splat(*slope);
                    for r in 0..p.h {
                        let at = c * plane + first + r * row;
                        let start = y.as_mut_ptr().add(at);
                        let z = add.map(|a| (a.values.as_ptr().add(at), S::splat(a.scale[c])));
                        for column in 0..p.w {
                            let pixel = start.add(column * LANES);
                            let mut v = o.fma(S::load(pixel), s);
                            if let Some((z, scale)) = z {
                                v = v.fma(S::load(z.add(column * LANES)), scale);
                            }
                            v.leaky(negative).store(pixel);
                        }
                    }
                }
            }
            Pass::Mean { x, y } => {
                let share = S::splat(1.0 / (p.h * p.w) as f32);
                for (c, mean) in y.chunks_exact_mut(LANES).enumerate() {
                    let mut sum = S::splat(0.0);
                    for r in 0..p.h {
                        let start = x.as_ptr().add(c * plane + first + r * row);
                        for column in 0..p.w {
                            sum = sum.fma(S::load(start.add(column * LANES)), one);
                        }
                    }
                    S::splat(0.0).fma(sum, share).store(mean.as_mut_ptr());
                }
            }
        }
    }
}

fn run(isa: Isa, p: Planes, job: Pass<'_>) {
    let holds = |values: usize, channels: usize| assert!(channels * p.len() <= values, "planes");
    match &job {
        Pass::Sums { x, lanes, origin, into } => {
            holds(x.len(), into.len());
            assert!(*lanes <= LANES && origin.len() == into.len());
        }
        Pass::Scale { y, scale, offset, add, .. } => {
            holds(y.len(), scale.len());
            assert!(offset.len() == scale.len());
            if let Some(add) = add {
                holds(add.values.len(), scale.len());
                assert!(add.scale.len() == scale.len());
            }
        }
        Pass::Mean { x, y } => holds(x.len(), y.len() / LANES),
    }
    isa.run(Checked { p, job });
}

/// A pass whose slices were found to hold its planes.
struct Checked<'a> {
    p: Planes,
    job: Pass<'a>,
}

impl Kernel for Checked<'_> {
    type Out = ();

    #[inline(always)]
    unsafe fn run<S: Lanes>(mut self) {
        // SAFETY: `run` checked the slices, and the caller has `S`'s instructions
        unsafe { pass::<S>(self.p, &mut self.job) }
    }
}

/// Adds to `into`, for every channel, the sums of `x - origin` and of its square over the first
/// `lanes` images.
pub fn sums(isa: Isa, p: Planes, x: &[f32], lanes: usize, origin: &[f32], into: &mut [(f64, f64)]) {
    run(isa, p, Pass::Sums { x, lanes, origin, into });
}

/// The first pixel of the first image of each of `c` planes.
pub fn firsts(p: Planes, x: &[f32], c: usize) -> Vec<f32> {
    (0..c).map(|c| x[c * p.len() + p.before(0)]).collect()
}

/// `y = act(y scale + offset + add)`, the activation by its slope for negative values.
pub fn scale(
    isa: Isa,
    p: Planes,
    y: &mut [f32],
    (scale, offset): (&[f32], &[f32]),
    add: Option<Add<'_>>,
    slope: f32,
) {
    run(isa, p, Pass::Scale { y, scale, offset, add, slope });
}

/// The mean of every plane, `[c][16]`.
pub fn mean(isa: Isa, p: Planes, x: &[f32], y: &mut [f32]) {
    run(isa, p, Pass::Mean { x, y });
}

#[cfg(test)]
mod tests;
