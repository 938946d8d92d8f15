//! Global average pooling, and the largest values of windows. The averages of windows are a
//! depthwise convolution.

use crate::LANES;
use crate::blocks::{fill_chunks, reserve};
use crate::conv::ConvGeometry;
use crate::map::MapShape;
use crate::simd::{Isa, Kernel, Lanes};

/// The mean of every channel of every image, `[images][channels]`, of maps `x`.
///
/// # Panics
/// Where `x` does not hold maps of the shape, or the maps have no pixels.
pub fn pool(shape: MapShape, x: &[f32]) -> Vec<f32> {
    shape.check("feature maps", x.len());
    let (channels, pixels) = (shape.channels(), shape.pixels());
    assert!(pixels > 0, "pooling of maps without pixels");
    let mut y = vec![0f32; shape.images() * channels];
    for (i, plane) in x.chunks_exact(shape.plane().max(1)).enumerate() {
        let (block, c) = (i / channels, i % channels);
        let mut sums = [0f32; LANES];
        for pixel in plane.chunks_exact(LANES) {
            sums.iter_mut().zip(pixel).for_each(|(s, v)| *s += v);
        }
        for lane in 0..shape.lanes(block) {
            y[(block * LANES + lane) * channels + c] = sums[lane] / pixels as f32;
        }
    }
    y
}

/// The gradient of the input of [`pool`] from that of its output, `dy` `[images][channels]`. It is
/// 0 in lanes without an image.
///
/// # Panics
/// Where `dy` has another length.
pub fn pool_gradient(shape: MapShape, dy: &[f32]) -> Vec<f32> {
    let (channels, pixels) = (shape.channels(), shape.pixels());
    assert!(dy.len() == shape.images() * channels, "gradient of pooling: {} values", dy.len());
    if shape.block() == 0 {
        return Vec::new();
    }
    let mut dx = reserve(shape.len());
    for (block, c) in (0..shape.blocks()).flat_map(|b| (0..channels).map(move |c| (b, c))) {
        let start = dx.len();
        dx.resize(start + shape.plane(), 0.0);
        let (first, others) = dx[start..].split_at_mut(LANES);
        for lane in 0..shape.lanes(block) {
            first[lane] = dy[(block * LANES + lane) * channels + c] / pixels as f32;
        }
        others.chunks_exact_mut(LANES).for_each(|pixel| pixel.copy_from_slice(first));
    }
    dx
}

struct Maximum<'a> {
    shape: &'a ConvGeometry,
    x: &'a [f32],
    y: &'a mut [f32],
}

impl Kernel for Maximum<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let (map, output, window) = (self.shape.input(), self.shape.output(), self.shape.window());
        let x = self.x.as_chunks::<LANES>().0;
        for (i, y) in self.y.as_chunks_mut::<LANES>().0.iter_mut().enumerate() {
            let rows = window.covered(0, i / output.columns(), map.rows());
            let columns = window.covered(1, i % output.columns(), map.columns());
            *y = [f32::NEG_INFINITY; LANES];
            for row in rows {
                for x in &x[row * map.columns()..][columns.clone()] {
                    for (y, &x) in y.iter_mut().zip(x) {
                        *y = if x > *y { x } else { *y };
                    }
                }
            }
        }
    }
}

/// The largest value of each window over maps `x`; pixels outside of a map do not count.
///
/// # Panics
/// Where `x` does not hold maps of the shape, or the shape is not depthwise.
pub fn maximum(isa: Isa, shape: &ConvGeometry, x: &[f32]) -> Vec<f32> {
    assert!(shape.is_depthwise(), "a pool of {shape:?}");
    let (map, output) = (shape.input(), shape.output());
    map.check("feature maps", x.len());
    let size = map.plane();
    fill_chunks(output, output.plane(), |i, y| {
        isa.run(Maximum { shape, x: &x[i * size..(i + 1) * size], y });
    })
    .0
}

struct MaximumGradient<'a> {
    shape: &'a ConvGeometry,
    x: &'a [f32],
    dy: &'a [f32],
    dx: &'a mut [f32],
}

impl Kernel for MaximumGradient<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, _: S) {
        let (map, output, window) = (self.shape.input(), self.shape.output(), self.shape.window());
        let x = self.x.as_chunks::<LANES>().0;
        let dx = self.dx.as_chunks_mut::<LANES>().0;
        for (i, dy) in self.dy.as_chunks::<LANES>().0.iter().enumerate() {
            let rows = window.covered(0, i / output.columns(), map.rows());
            let columns = window.covered(1, i % output.columns(), map.columns());
            // the first of the largest values of each image
            let (mut most, mut place) = ([f32::NEG_INFINITY; LANES], [0u32; LANES]);
            for row in rows {
                for at in columns.clone().map(|column| row * map.columns() + column) {
                    for ((most, place), &x) in most.iter_mut().zip(&mut place).zip(&x[at]) {
                        let more = x > *most;
                        *most = if more { x } else { *most };
                        *place = if more { at as u32 } else { *place };
                    }
                }
            }
            for lane in 0..LANES {
                dx[place[lane] as usize][lane] += dy[lane];
            }
        }
    }
}

/// The gradient of the input of [`maximum`] from that of its output, `dy`. Where several values of
/// a window are the largest, the first of them has the gradient.
///
/// # Panics
/// As [`maximum`], or where `dy` does not have the shape of the output.
pub fn maximum_gradient(isa: Isa, shape: &ConvGeometry, x: &[f32], dy: &[f32]) -> Vec<f32> {
    assert!(shape.is_depthwise(), "a pool of {shape:?}");
    let (map, output) = (shape.input(), shape.output());
    map.check("feature maps", x.len());
    output.check("gradient of a pool", dy.len());
    let (from, to) = (map.plane(), output.plane());
    fill_chunks(map, from, |i, dx| {
        let (x, dy) = (&x[i * from..(i + 1) * from], &dy[i * to..(i + 1) * to]);
        isa.run(MaximumGradient { shape, x, dy, dx });
    })
    .0
}
