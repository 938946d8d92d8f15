//! Passes over the pixels of a block: sums, batch norm with addition, means.

use super::Planes;
use crate::LANES;
use crate::activation::Activation;
use crate::simd::{Isa, Kernel, Lanes};

/// Pixels whose lanes are summed in f32 before the sums go on in f64.
const CHUNK: usize = 32;

/// What is added to a block; its planes are those of the block.
#[derive(Clone, Copy, Debug)]
pub struct Addend<'a> {
    /// Values, `[channels][h + 2 margin][w + 2 margin][16]`.
    pub values: &'a [f32],
    /// Factors, `[channels]`.
    pub scale: &'a [f32],
}

#[track_caller]
fn check(p: Planes, channels: usize, len: usize) {
    assert!(p.block(channels) <= len, "{channels} channels of {p:?} in {len} values");
}

struct Sum<'a> {
    p: Planes,
    x: &'a [f32],
    lanes: usize,
    origin: &'a [f32],
    into: &'a mut [(f64, f64)],
}

impl Kernel for Sum<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let Self { p, x, lanes, origin, into } = self;
        let one = s.splat(1.0);
        let rows = (CHUNK / p.w.max(1)).max(1);
        let planes = x.chunks_exact(p.len().max(1));
        for ((plane, &origin), into) in planes.zip(origin).zip(into) {
            let minus = s.splat(-origin);
            let mut pixels = p.rows(plane);
            let mut left = p.h;
            while left > 0 {
                let (mut sum, mut squares) = (s.splat(0.0), s.splat(0.0));
                for row in pixels.by_ref().take(rows) {
                    for v in row {
                        let v = s.fma(minus, s.load(v), one);
                        sum = s.fma(sum, v, one);
                        squares = s.fma(squares, v, v);
                    }
                }
                left = left.saturating_sub(rows);
                let mut values = [[0f32; LANES]; 2];
                s.store(sum, &mut values[0]);
                s.store(squares, &mut values[1]);
                let of = |v: &[f32; LANES]| v[..lanes].iter().map(|&v| f64::from(v)).sum::<f64>();
                into.0 += of(&values[0]);
                into.1 += of(&values[1]);
            }
        }
    }
}

/// Adds to `into`, for every channel, the sums of `x - origin` and of its square over the pixels
/// of the first `lanes` images.
///
/// # Panics
/// With more than 16 lanes, with other numbers of channels in `origin` and `into`, or where `x`
/// does not hold their planes.
pub fn sums(isa: Isa, p: Planes, x: &[f32], lanes: usize, origin: &[f32], into: &mut [(f64, f64)]) {
    check(p, into.len(), x.len());
    assert!(lanes <= LANES, "{lanes} lanes of 16");
    assert!(origin.len() == into.len(), "{} origins of {} channels", origin.len(), into.len());
    if !p.is_empty() {
        isa.run(Sum { p, x, lanes, origin, into });
    }
}

struct Scale<'a> {
    p: Planes,
    y: &'a mut [f32],
    scale: &'a [f32],
    offset: &'a [f32],
    add: Option<Addend<'a>>,
    act: Activation,
}

impl Kernel for Scale<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let Self { p, y, scale, offset, add, act } = self;
        let (slope, plane) = (s.splat(act.slope), p.len().max(1));
        let (bounded, bound) = (act.is_bounded(), s.splat(act.bound));
        let activated = |v| {
            let v = s.leaky(v, slope);
            if bounded { s.min(v, bound) } else { v }
        };
        for (c, y) in y.chunks_exact_mut(plane).take(scale.len()).enumerate() {
            let (scale, offset) = (s.splat(scale[c]), s.splat(offset[c]));
            match add {
                Some(add) => {
                    let z = &add.values[c * plane..][..plane];
                    let z_scale = s.splat(add.scale[c]);
                    for (y, z) in p.rows_mut(y).zip(p.rows(z)) {
                        for (y, z) in y.iter_mut().zip(z) {
                            let v = s.fma(offset, s.load(y), scale);
                            let v = s.fma(v, s.load(z), z_scale);
                            s.store(activated(v), y);
                        }
                    }
                }
                None => {
                    for y in p.rows_mut(y) {
                        for y in y {
                            let v = s.fma(offset, s.load(y), scale);
                            s.store(activated(v), y);
                        }
                    }
                }
            }
        }
    }
}

/// `y = act(y scale + offset + addend)`, scale and offset `[channels]`.
///
/// # Panics
/// With other numbers of channels in the factors, or where a slice does not hold their planes.
pub fn scale(
    isa: Isa,
    p: Planes,
    y: &mut [f32],
    (scale, offset): (&[f32], &[f32]),
    add: Option<Addend<'_>>,
    act: impl Into<Activation>,
) {
    let act = act.into();
    let channels = scale.len();
    check(p, channels, y.len());
    assert!(offset.len() == channels, "{} offsets of {channels} channels", offset.len());
    if let Some(add) = add {
        check(p, channels, add.values.len());
        assert!(add.scale.len() == channels, "{} factors, {channels} channels", add.scale.len());
    }
    if !p.is_empty() {
        isa.run(Scale { p, y, scale, offset, add, act });
    }
}

struct Mean<'a> {
    p: Planes,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Mean<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        let p = self.p;
        let (one, share) = (s.splat(1.0), s.splat(1.0 / (p.h * p.w) as f32));
        let planes = self.x.chunks_exact(p.len().max(1));
        for (plane, mean) in planes.zip(self.y.as_chunks_mut().0) {
            let mut sum = s.splat(0.0);
            for row in p.rows(plane) {
                for v in row {
                    sum = s.fma(sum, s.load(v), one);
                }
            }
            s.store(s.fma(s.splat(0.0), sum, share), mean);
        }
    }
}

/// The mean of every channel of every image, `y` `[channels][16]`.
///
/// # Panics
/// Where `y` does not hold whole channels, `x` does not hold their planes, or these have no pixels.
pub fn mean(isa: Isa, p: Planes, x: &[f32], y: &mut [f32]) {
    assert!(y.len().is_multiple_of(LANES), "means of {} values", y.len());
    assert!(!p.is_empty(), "means of {p:?}");
    check(p, y.len() / LANES, x.len());
    isa.run(Mean { p, x, y });
}
