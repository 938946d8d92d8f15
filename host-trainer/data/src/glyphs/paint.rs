//! Rendering of one image.

use rand::RngCore;
use supernano_core::space::Shape;

use super::{Outline, between};

/// Samples per side of a pixel: coverage has 9 levels above 0.
const SAMPLES: usize = 3;
/// Smallest and largest Euclidean distance of the two colours in the unit cube.
const CONTRAST: (f32, f32) = (0.22, 0.7);
/// Smallest and largest standard deviation of the noise of a pixel; 1 is full scale.
const NOISE: (f32, f32) = (0.01, 0.07);
/// Smallest and largest amplitude of a texture; 1 is full scale.
const TEXTURE: (f32, f32) = (0.01, 0.1);
/// Largest rotation of a figure in either direction, radians.
const TURN: f32 = 0.3;

/// A shape at its position in the image. Coordinates range from -1 to 1 over the smaller side.
struct Placed {
    outline: Outline,
    centre: (f32, f32),
    scale: f32,
    stretch: f32,
    turn: (f32, f32),
    variant: f32,
}

impl Placed {
    fn random(outline: Outline, scale: (f32, f32), off: f32, rng: &mut impl RngCore) -> Self {
        Self {
            outline,
            centre: (between(rng, -off, off), between(rng, -off, off)),
            scale: between(rng, scale.0, scale.1),
            stretch: between(rng, 0.9, 1.12),
            turn: between(rng, -TURN, TURN).sin_cos(),
            variant: between(rng, 0.0, 1.0),
        }
    }

    fn covers(&self, x: f32, y: f32) -> bool {
        let (x, y) = ((x - self.centre.0) / self.scale, (y - self.centre.1) / self.scale);
        let (sin, cos) = self.turn;
        let (x, y) = ((cos * x + sin * y) * self.stretch, (cos * y - sin * x) / self.stretch);
        self.outline.covers(x, y, self.variant)
    }
}

/// A sum of two gratings with random direction, wavelength and phase.
struct Texture {
    waves: [(f32, f32, f32); 2],
    amplitude: f32,
}

impl Texture {
    fn random(rng: &mut impl RngCore) -> Self {
        let mut wave = || {
            let (angle, frequency) =
                (between(rng, 0.0, std::f32::consts::TAU), between(rng, 3.0, 14.0));
            let (sin, cos) = angle.sin_cos();
            (sin * frequency, cos * frequency, between(rng, 0.0, std::f32::consts::TAU))
        };
        Self { waves: [wave(), wave()], amplitude: between(rng, TEXTURE.0, TEXTURE.1) }
    }

    fn at(&self, x: f32, y: f32) -> f32 {
        let sum: f32 = self.waves.iter().map(|&(a, b, phase)| (a * x + b * y + phase).sin()).sum();
        self.amplitude * 0.5 * sum
    }
}

/// Draws two colours, the darker first, whose distance is drawn from [`CONTRAST`]. Their channels
/// lie between 0.1 and 0.9. They differ mostly in brightness and a little in hue.
fn colours(channels: usize, rng: &mut impl RngCore) -> [[f32; 4]; 2] {
    let contrast = between(rng, CONTRAST.0, CONTRAST.1) * (channels as f32 / 3.0).sqrt();
    let mut direction = [0.0; 4];
    direction[..channels].iter_mut().for_each(|d| *d = between(rng, 0.1, 1.0));
    let norm = direction.iter().map(|d| d * d).sum::<f32>().sqrt().max(1e-3);
    let mut pair = [[0.5; 4]; 2];
    for c in 0..channels {
        let half = 0.5 * contrast * direction[c] / norm;
        let room = (0.4 - half.abs()).max(0.0);
        let middle = 0.5 + between(rng, -room, room);
        pair[0][c] = middle - half;
        pair[1][c] = middle + half;
    }
    pair
}

/// Renders `pixels`, `[height, width, channels]`.
pub(super) fn paint(outline: Outline, shape: Shape, rng: &mut impl RngCore, pixels: &mut [u8]) {
    let (width, channels) = (usize::from(shape.width), usize::from(shape.channels));
    let [ground, fill] = colours(channels, rng);
    let figure = Placed::random(outline, (0.6, 0.88), 0.18, rng);
    // Distractors: small discs and crosses in the colour of the figure, beside or over it.
    let distractors: Vec<Placed> = (0..rng.next_u32() % 3)
        .map(|i| {
            let kind = if i % 2 == 0 { Outline::Disc } else { Outline::Cross };
            Placed::random(kind, (0.06, 0.16), 0.95, rng)
        })
        .collect();
    let (behind, within) = (Texture::random(rng), Texture::random(rng));
    let (lean_x, lean_y) = (between(rng, -0.12, 0.12), between(rng, -0.12, 0.12));
    let noise = between(rng, NOISE.0, NOISE.1);

    let unit = 2.0 / f32::from(shape.width.min(shape.height));
    let (cx, cy) = (f32::from(shape.width) / 2.0, f32::from(shape.height) / 2.0);
    for (i, pixel) in pixels.chunks_exact_mut(channels).enumerate() {
        let (column, row) = ((i % width) as f32, (i / width) as f32);
        let mut covered = 0;
        for s in 0..SAMPLES * SAMPLES {
            let step = |k: usize| (k as f32 + 0.5) / SAMPLES as f32;
            let x = (column + step(s % SAMPLES) - cx) * unit;
            let y = (row + step(s / SAMPLES) - cy) * unit;
            let any = figure.covers(x, y) || distractors.iter().any(|d| d.covers(x, y));
            covered += usize::from(any);
        }
        let share = covered as f32 / (SAMPLES * SAMPLES) as f32;
        let (x, y) = ((column + 0.5 - cx) * unit, (row + 0.5 - cy) * unit);
        let texture = behind.at(x, y) * (1.0 - share) + within.at(x, y) * share;
        let light = texture + lean_x * x + lean_y * y;
        for (c, p) in pixel.iter_mut().enumerate() {
            let colour = ground[c] + (fill[c] - ground[c]) * share;
            // A sum of four uniform numbers has variance 1/3 and is nearly normal.
            let bell: f32 = (0..4).map(|_| between(rng, -0.5, 0.5)).sum::<f32>() * 3f32.sqrt();
            *p = ((colour + light + noise * bell) * 255.0).round().clamp(0.0, 255.0) as u8;
        }
    }
}
