//! Direct convolution over batch-blocked maps: forward (also with bias, residual and activation),
//! input gradient and weight gradient.
//!
//! Forward and input gradient are both correlations of a zero-padded band of rows with a list of
//! taps; the input gradient of a stride-2 convolution is four of them, one per parity of the pixel.

use super::lanes::{Group, Isa, Lanes, variants};
use rayon::prelude::*;

/// Shape of a convolution with padding `kernel / 2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Conv {
    /// Input channels.
    pub ci: usize,
    /// Output channels.
    pub co: usize,
    /// Input rows.
    pub h: usize,
    /// Input columns.
    pub w: usize,
    /// Kernel edge, odd.
    pub k: usize,
    /// Stride, 1 or 2.
    pub stride: usize,
}

impl Conv {
    /// Output rows.
    pub fn ho(&self) -> usize {
        (self.h - 1) / self.stride + 1
    }
    /// Output columns.
    pub fn wo(&self) -> usize {
        (self.w - 1) / self.stride + 1
    }
    /// Floats of one block of sixteen input images.
    pub fn input_len(&self) -> usize {
        self.ci * self.h * self.w * 16
    }
    /// Floats of one block of sixteen outputs.
    pub fn output_len(&self) -> usize {
        self.co * self.ho() * self.wo() * 16
    }
    /// Floats of the weights `[co, ci, k, k]`.
    pub fn weight_len(&self) -> usize {
        self.co * self.ci * self.k * self.k
    }
    fn check(&self, w: &[f32]) {
        assert!(matches!(self.stride, 1 | 2) && self.k % 2 == 1, "stride 1 or 2, odd kernel");
        assert_eq!(w.len(), self.weight_len(), "weights [co, ci, k, k]");
    }
}

/// What follows the sums in evaluation: `y = act(sum + bias[c] + residual)`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Epilogue<'a> {
    /// `[co]`.
    pub bias: Option<&'a [f32]>,
    /// A map of the output's shape.
    pub residual: Option<&'a [f32]>,
    /// Slope for negative values: 0 is ReLU, a PReLU's its slope; `None` leaves the sum alone.
    pub slope: Option<f32>,
}

/// A correlation: `dst[o][y][x] = sum over c, tap of w * src[c][y * step + dy][x * step + dx]`.
struct Plan {
    c: usize,
    o: usize,
    /// Source rows and columns.
    src: [usize; 2],
    step: usize,
    taps: Vec<[isize; 2]>,
    /// Rows and columns computed.
    size: [usize; 2],
    /// Destination rows and columns, and where and how densely the results go.
    dst: [usize; 2],
    origin: [usize; 2],
    spread: usize,
}

impl Plan {
    fn range(&self, axis: usize) -> (isize, isize) {
        let of = self.taps.iter().map(|t| t[axis]);
        (of.clone().min().unwrap_or(0), of.max().unwrap_or(0))
    }
}

/// Copies channels of `src` `[c][h][w]` into a zero-padded buffer `[c][rows][cols]` whose first
/// element is source pixel `(y0, x0)`.
#[inline(always)]
fn fill_band(
    band: &mut Vec<Group>,
    src: &[Group],
    c: usize,
    [h, w]: [usize; 2],
    [y0, x0]: [isize; 2],
    [rows, cols]: [usize; 2],
) {
    band.clear();
    let left = (-x0).clamp(0, cols as isize) as usize;
    let first = x0.max(0) as usize;
    let n = w.saturating_sub(first).min(cols - left);
    for ch in 0..c {
        for r in 0..rows {
            let y = y0 + r as isize;
            if y < 0 || y >= h as isize {
                band.resize(band.len() + cols, [0.0; 16]);
                continue;
            }
            band.resize(band.len() + left, [0.0; 16]);
            let at = (ch * h + y as usize) * w + first;
            band.extend_from_slice(&src[at..at + n]);
            band.resize(band.len() + cols - left - n, [0.0; 16]);
        }
    }
}

/// Rows of a band: about 128 pixels, at most 2^17 / (channels * columns).
fn band_rows(c: usize, cols: usize, rows: usize, step: usize) -> usize {
    (4096 / (c * cols * step).max(1)).clamp(2, 16).min(rows)
}

/// Output channels and pixels of a register tile.
const fn tile(wide: bool) -> (usize, usize) {
    if wide { (4, 4) } else { (2, 2) }
}

/// Weights in the order in which the kernel reads them: `[o / CO][c][tap][CO]`, zeros beyond `o`.
fn pack(
    wide: bool,
    o: usize,
    c: usize,
    taps: usize,
    w: impl Fn(usize, usize, usize) -> f32,
) -> Vec<f32> {
    let t = tile(wide).0;
    let mut out = vec![0.0; o.div_ceil(t) * c * taps * t];
    for (i, v) in out.iter_mut().enumerate() {
        let oc = i / (c * taps * t) * t + i % t;
        if oc < o {
            *v = w(oc, i / t / taps % c, i / t % taps);
        }
    }
    out
}

#[inline(always)]
fn correlate<L: Lanes>(
    src: &[Group],
    p: &Plan,
    w: &[f32],
    e: Epilogue<'_>,
    dst: &mut [Group],
    band: &mut Vec<Group>,
) {
    match (L::WIDE, p.step) {
        (true, 1) => correlate_tiled::<L, 4, 4, 1>(src, p, w, e, dst, band),
        (true, _) => correlate_tiled::<L, 4, 4, 2>(src, p, w, e, dst, band),
        (false, 1) => correlate_tiled::<L, 2, 2, 1>(src, p, w, e, dst, band),
        (false, _) => correlate_tiled::<L, 2, 2, 2>(src, p, w, e, dst, band),
    }
}
variants!(correlate_on = correlate(src: &[Group], p: &Plan, w: &[f32], e: Epilogue<'_>, dst: &mut [Group], band: &mut Vec<Group>));

#[inline(always)]
fn correlate_tiled<L: Lanes, const CO: usize, const PX: usize, const S: usize>(
    src: &[Group],
    p: &Plan,
    w: &[f32],
    e: Epilogue<'_>,
    dst: &mut [Group],
    band: &mut Vec<Group>,
) {
    let ((ya, yb), (xa, xb)) = (p.range(0), p.range(1));
    let [ho, wo] = p.size;
    let cols = (wo.next_multiple_of(PX) - 1) * S + (xb - xa) as usize + 1;
    let height = band_rows(p.c, cols, ho, S);
    let residual = e.residual.map(|r| r.as_chunks::<16>().0);
    let (zero, slope) = (L::splat(0.0), L::splat(e.slope.unwrap_or(1.0)));
    let mut y0 = 0;
    while y0 < ho {
        let n = height.min(ho - y0);
        let rows = (n - 1) * S + (yb - ya) as usize + 1;
        fill_band(band, src, p.c, p.src, [(y0 * S) as isize + ya, xa], [rows, cols]);
        let chan = rows * cols;
        let mut at = [0usize; 25];
        let at = &mut at[..p.taps.len()];
        for (a, t) in at.iter_mut().zip(&p.taps) {
            *a = (t[0] - ya) as usize * cols + (t[1] - xa) as usize;
        }
        for y in 0..n {
            for x in (0..wo).step_by(PX) {
                for (o, wt) in (0..p.o).step_by(CO).zip(w.chunks_exact(p.c * at.len() * CO)) {
                    let mut acc = [[zero; PX]; CO];
                    if let Some(b) = e.bias {
                        for (i, a) in acc.iter_mut().enumerate() {
                            *a = [L::splat(b[(o + i).min(p.o - 1)]); PX];
                        }
                    }
                    let mut wt = wt.as_chunks::<CO>().0.iter();
                    for c in 0..p.c {
                        let base = &band[c * chan + y * S * cols + x * S..];
                        for &a in at.iter() {
                            let Some(wv) = wt.next() else { break };
                            let xs = &base[a..][..(PX - 1) * S + 1];
                            let mut xv = [zero; PX];
                            for j in 0..PX {
                                xv[j] = L::load(&xs[j * S]);
                            }
                            for i in 0..CO {
                                let wi = L::splat(wv[i]);
                                for j in 0..PX {
                                    acc[i][j] = acc[i][j].fma(wi, xv[j]);
                                }
                            }
                        }
                    }
                    for (i, row) in acc.iter().enumerate().take(p.o - o) {
                        let line = ((o + i) * p.dst[0] + (y0 + y) * p.spread + p.origin[0])
                            * p.dst[1]
                            + p.origin[1];
                        for (j, v) in row.iter().enumerate().take(wo - x) {
                            let to = line + (x + j) * p.spread;
                            let mut v = *v;
                            if let Some(r) = residual {
                                v = v.add(L::load(&r[to]));
                            }
                            if e.slope.is_some() {
                                v = v.max(zero).fma(v.min(zero), slope);
                            }
                            v.store(&mut dst[to]);
                        }
                    }
                }
            }
        }
        y0 += n;
    }
}

/// `y = epilogue(conv(x, w))` for every block of sixteen images in `x` `[blocks][ci][h][w][16]`.
pub fn forward(isa: Isa, g: Conv, x: &[f32], w: &[f32], e: Epilogue<'_>) -> Vec<f32> {
    g.check(w);
    let (k, kk, pad) = (g.k, g.k * g.k, (g.k / 2) as isize);
    let plan = Plan {
        c: g.ci,
        o: g.co,
        src: [g.h, g.w],
        step: g.stride,
        taps: (0..kk).map(|t| [(t / k) as isize - pad, (t % k) as isize - pad]).collect(),
        size: [g.ho(), g.wo()],
        dst: [g.ho(), g.wo()],
        origin: [0, 0],
        spread: 1,
    };
    let packed = pack(isa.wide(), g.co, g.ci, kk, |o, c, t| w[(o * g.ci + c) * kk + t]);
    let blocks = x.len() / g.input_len();
    let mut out = vec![0.0; blocks * g.output_len()];
    if let Some(r) = e.residual {
        assert_eq!(r.len(), out.len(), "residual has the output's shape");
    }
    out.par_chunks_mut(g.output_len()).zip(x.par_chunks(g.input_len())).enumerate().for_each_init(
        Vec::new,
        |band, (b, (y, x))| {
            let n = g.output_len();
            let e = Epilogue { residual: e.residual.map(|r| &r[b * n..][..n]), ..e };
            correlate_on(isa, x.as_chunks().0, &plan, &packed, e, y.as_chunks_mut().0, band);
        },
    );
    out
}

/// Gradient of the input, `[blocks][ci][h][w][16]`, from that of the output.
pub fn input_gradient(isa: Isa, g: Conv, dy: &[f32], w: &[f32]) -> Vec<f32> {
    g.check(w);
    let (k, kk, s, pad) = (g.k, g.k * g.k, g.stride, g.k / 2);
    let mut phases = Vec::new();
    for (py, px) in (0..s.min(g.h)).flat_map(|a| (0..s.min(g.w)).map(move |b| (a, b))) {
        // dx[s a + py] = sum over ky with (py + pad - ky) divisible by s of w[ky] dy[a + that / s]
        let of = |phase: usize| -> Vec<(usize, isize)> {
            let d = |t: usize| (phase + pad) as isize - t as isize;
            (0..k).filter(|&t| d(t) % s as isize == 0).map(|t| (t, d(t) / s as isize)).collect()
        };
        let (rows, cols) = (of(py), of(px));
        let taps: Vec<_> = rows
            .iter()
            .flat_map(|r| cols.iter().map(move |c| (r.0 * k + c.0, [r.1, c.1])))
            .collect();
        if taps.is_empty() {
            continue;
        }
        let packed =
            pack(isa.wide(), g.ci, g.co, taps.len(), |i, o, t| w[(o * g.ci + i) * kk + taps[t].0]);
        let plan = Plan {
            c: g.co,
            o: g.ci,
            src: [g.ho(), g.wo()],
            step: 1,
            taps: taps.iter().map(|t| t.1).collect(),
            size: [(g.h - py).div_ceil(s), (g.w - px).div_ceil(s)],
            dst: [g.h, g.w],
            origin: [py, px],
            spread: s,
        };
        phases.push((plan, packed));
    }
    let mut out = vec![0.0; dy.len() / g.output_len() * g.input_len()];
    out.par_chunks_mut(g.input_len()).zip(dy.par_chunks(g.output_len())).for_each_init(
        Vec::new,
        |band, (dx, dy)| {
            for (plan, packed) in &phases {
                let e = Epilogue::default();
                correlate_on(isa, dy.as_chunks().0, plan, packed, e, dx.as_chunks_mut().0, band);
            }
        },
    );
    out
}

#[inline(always)]
fn weight_block<L: Lanes>(
    g: Conv,
    x: &[Group],
    dy: &[Group],
    dw: &mut [f32],
    band: &mut Vec<Group>,
) {
    match (L::WIDE, g.stride) {
        (true, 1) => weight_tiled::<L, 4, 6, 1>(g, x, dy, dw, band),
        (true, _) => weight_tiled::<L, 4, 6, 2>(g, x, dy, dw, band),
        (false, 1) => weight_tiled::<L, 2, 3, 1>(g, x, dy, dw, band),
        (false, _) => weight_tiled::<L, 2, 3, 2>(g, x, dy, dw, band),
    }
}
variants!(weight_on = weight_block(g: Conv, x: &[Group], dy: &[Group], dw: &mut [f32], band: &mut Vec<Group>));

#[inline(always)]
fn weight_tiled<L: Lanes, const CO: usize, const J: usize, const S: usize>(
    g: Conv,
    x: &[Group],
    dy: &[Group],
    dw: &mut [f32],
    band: &mut Vec<Group>,
) {
    let (ho, wo, k) = (g.ho(), g.wo(), g.k);
    let pad = (k / 2) as isize;
    let cols = (wo - 1) * S + k;
    let columns = g.ci * k * k;
    let height = (256usize.div_ceil(wo)).clamp(1, 8).min(ho);
    let mut y0 = 0;
    while y0 < ho {
        let n = height.min(ho - y0);
        let rows = (n - 1) * S + k;
        fill_band(band, x, g.ci, [g.h, g.w], [(y0 * S) as isize - pad, -pad], [rows, cols]);
        for j0 in (0..columns).step_by(J) {
            let mut at = [0; J];
            for (j, a) in at.iter_mut().enumerate() {
                let t = (j0 + j).min(columns - 1);
                *a = (t / (k * k) * rows + t / k % k) * cols + t % k;
            }
            for o in (0..g.co).step_by(CO) {
                let mut acc = [[L::splat(0.0); J]; CO];
                for y in 0..n {
                    let mut xs: [&[Group]; J] = [&[]; J];
                    for j in 0..J {
                        xs[j] = &band[at[j] + y * S * cols..][..(wo - 1) * S + 1];
                    }
                    let mut ds: [&[Group]; CO] = [&[]; CO];
                    for i in 0..CO {
                        ds[i] = &dy[((o + i).min(g.co - 1) * ho + y0 + y) * wo..][..wo];
                    }
                    for c in 0..wo {
                        let mut d = [L::splat(0.0); CO];
                        for i in 0..CO {
                            d[i] = L::load(&ds[i][c]);
                        }
                        for j in 0..J {
                            let v = L::load(&xs[j][c * S]);
                            for i in 0..CO {
                                acc[i][j] = acc[i][j].fma(d[i], v);
                            }
                        }
                    }
                }
                for (i, row) in acc.iter().enumerate().take(g.co - o) {
                    for (j, v) in row.iter().enumerate().take(columns - j0) {
                        dw[(o + i) * columns + j0 + j] += v.sum();
                    }
                }
            }
        }
        y0 += n;
    }
}

/// Gradient of the weights `[co, ci, k, k]`. Lanes of `dy` beyond the batch must be zero. Blocks
/// are added in order, so the result does not depend on the number of threads.
pub fn weight_gradient(isa: Isa, g: Conv, x: &[f32], dy: &[f32]) -> Vec<f32> {
    let parts: Vec<Vec<f32>> = x
        .par_chunks(g.input_len())
        .zip(dy.par_chunks(g.output_len()))
        .map_init(Vec::new, |band, (x, dy)| {
            let mut dw = vec![0.0; g.weight_len()];
            weight_on(isa, g, x.as_chunks().0, dy.as_chunks().0, &mut dw, band);
            dw
        })
        .collect();
    let mut total = vec![0.0; g.weight_len()];
    for part in parts {
        for (t, p) in total.iter_mut().zip(part) {
            *t += p;
        }
    }
    total
}
