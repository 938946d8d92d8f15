//! Global average pooling.

use crate::LANES;
use crate::blocks::reserve;
use crate::map::MapShape;

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
