//! Augmentation of training images, as in the reference code of the paper.

use rand::Rng as _;
use supernano_base::config::Augmentation;
use supernano_base::rng::ChaCha8Rng;
use supernano_core::space::Shape;

/// ITU-R 601 weights of red, green and blue in the luminance.
pub const LUMA: [f32; 3] = [0.299, 0.587, 0.114];

/// The random parameters of one image.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Draw {
    /// Shift of the crop, columns and rows, pixels.
    pub shift: (i32, i32),
    /// Brightness factor.
    pub brightness: Option<f32>,
    /// Contrast factor.
    pub contrast: Option<f32>,
    /// Horizontal flip.
    pub flip: bool,
    /// Angle of the rotation, radians.
    pub angle: f32,
}

/// Augmentation of one image.
pub trait Augment {
    /// Draws the parameters of the image to which `rng` belongs.
    fn draw(&self, rng: &mut ChaCha8Rng) -> Draw;

    /// Augments an image of bytes `[height, width, channels]`. The result has the same layout and
    /// values from 0 to 1.
    fn apply(&self, image: &[u8], shape: Shape, rng: &mut ChaCha8Rng) -> Vec<f32>;
}

impl Augment for Augmentation {
    fn draw(&self, rng: &mut ChaCha8Rng) -> Draw {
        let mut unit = || rng.random::<f32>();
        let pad = i32::from(self.crop_padding);
        let mut shift = || {
            // 2 pad + 1 positions, equally likely.
            ((unit() * (2 * pad + 1) as f32) as i32).min(2 * pad) - pad
        };
        let shift = (shift(), shift());
        let mut factor = |range: f32| {
            let (happens, f) = (unit() < 0.5, 1.0 + range * (2.0 * unit() - 1.0));
            (happens && range > 0.0).then_some(f)
        };
        let (brightness, contrast) = (factor(self.brightness), factor(self.contrast));
        let flip = unit() < 0.5 && self.flip;
        let angle = (self.rotation * (2.0 * unit() - 1.0)).to_radians();
        Draw { shift, brightness, contrast, flip, angle }
    }

    fn apply(&self, image: &[u8], shape: Shape, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let draw = self.draw(rng);
        let mut pixels = cropped(image, shape, draw.shift);
        if let Some(f) = draw.brightness {
            pixels.iter_mut().for_each(|p| *p = (*p * f).min(1.0));
        }
        if let Some(f) = draw.contrast {
            let grey = mean_grey(&pixels, usize::from(shape.channels));
            pixels.iter_mut().for_each(|p| *p = (grey + f * (*p - grey)).clamp(0.0, 1.0));
        }
        if draw.flip || draw.angle != 0.0 {
            pixels = turned(&pixels, shape, draw.flip, draw.angle);
        }
        if self.masks() {
            masked(self, &mut pixels, shape, rng);
        }
        pixels
    }
}

/// The image moved by `shift`, with 0 outside the image. Bytes become values from 0 to 1.
fn cropped(image: &[u8], shape: Shape, (dx, dy): (i32, i32)) -> Vec<f32> {
    let (width, height) = (i32::from(shape.width), i32::from(shape.height));
    let channels = usize::from(shape.channels);
    let mut out = vec![0.0; shape.len()];
    for y in (0..height).filter(|y| (0..height).contains(&(y + dy))) {
        let (first, last) = ((-dx).max(0), (width - dx).min(width));
        if first >= last {
            continue;
        }
        let to = (y * width + first) as usize * channels;
        let from = ((y + dy) * width + first + dx) as usize * channels;
        let n = (last - first) as usize * channels;
        for (o, &p) in out[to..to + n].iter_mut().zip(&image[from..from + n]) {
            *o = f32::from(p) / 255.0;
        }
    }
    out
}

/// Mean luminance: ITU-R 601 weights for three channels, otherwise the mean.
fn mean_grey(pixels: &[f32], channels: usize) -> f32 {
    let grey = |p: &[f32]| match *p {
        [r, g, b] => LUMA[0] * r + LUMA[1] * g + LUMA[2] * b,
        _ => p.iter().sum::<f32>() / p.len() as f32,
    };
    let n = pixels.len() / channels;
    pixels.chunks_exact(channels).map(grey).sum::<f32>() / n as f32
}

/// The image flipped, then rotated about its centre. Each pixel takes the nearest source pixel.
fn turned(pixels: &[f32], shape: Shape, flip: bool, angle: f32) -> Vec<f32> {
    let (width, height) = (usize::from(shape.width), usize::from(shape.height));
    let channels = usize::from(shape.channels);
    let (sin, cos) = angle.sin_cos();
    let (cx, cy) = (width as f32 / 2.0, height as f32 / 2.0);
    let mut out = vec![0.0; shape.len()];
    for (i, o) in out.chunks_exact_mut(channels).enumerate() {
        let (x, y) = ((i % width) as f32 + 0.5 - cx, (i / width) as f32 + 0.5 - cy);
        let (sx, sy) = ((cos * x - sin * y + cx).floor(), (sin * x + cos * y + cy).floor());
        if sx < 0.0 || sy < 0.0 || sx >= width as f32 || sy >= height as f32 {
            continue;
        }
        let column = if flip { width - 1 - sx as usize } else { sx as usize };
        let from = (sy as usize * width + column) * channels;
        o.copy_from_slice(&pixels[from..from + channels]);
    }
    out
}

/// Sets a band of rows, a band of columns and a square to the mean of the image.
fn masked(how: &Augmentation, pixels: &mut [f32], shape: Shape, rng: &mut ChaCha8Rng) {
    let (height, width) = (usize::from(shape.height), usize::from(shape.width));
    let channels = usize::from(shape.channels);
    let mean = pixels.iter().sum::<f32>() / pixels.len().max(1) as f32;
    let mut place = |length: usize, most: usize| {
        let start = rng.random_range(0..=most - length.min(most));
        start..start + length.min(most)
    };
    let rows = place(usize::from(how.mask_rows), height);
    let columns = place(usize::from(how.mask_columns), width);
    let side = usize::from(how.cutout);
    let (across, down) = (place(side, width), place(side, height));
    let shown = [rows.len(), columns.len()].map(|most| rng.random_range(0..=most));
    let (rows, columns) =
        (rows.start..rows.start + shown[0], columns.start..columns.start + shown[1]);
    for (i, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
        let (x, y) = (i % width, i / width);
        if rows.contains(&y) || columns.contains(&x) || (across.contains(&x) && down.contains(&y)) {
            pixel.fill(mean);
        }
    }
}

/// Computes `(x - mean) / std`, from `[height, width, channels]` to `[channels, height, width]`.
pub fn normalise(image: &[f32], shape: Shape, mean: &[f32], std: &[f32], out: &mut [f32]) {
    let channels = usize::from(shape.channels);
    for (c, plane) in out.chunks_exact_mut(shape.pixels()).enumerate() {
        for (y, x) in plane.iter_mut().zip(image.iter().skip(c).step_by(channels)) {
            *y = (x - mean[c]) / std[c];
        }
    }
}

#[cfg(test)]
mod tests;
