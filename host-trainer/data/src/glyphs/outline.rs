//! Outlines of the shapes.

use std::f32::consts::{PI, TAU};

/// An upright shape around the origin, inside the unit circle. All have a similar area.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outline {
    /// A filled circle.
    Disc,
    /// A disc with a concentric hole.
    Ring,
    /// A regular polygon with this many sides.
    Polygon(u8),
    /// A star with this many points.
    Star(u8),
    /// Two bars at right angles.
    Cross,
    /// Three round lobes.
    Clover,
    /// A disc without its overlap with another disc.
    Crescent,
}

impl Outline {
    /// Whether the shape covers (x, y). `variant`, 0 to 1, sets the size of the hole, the notch or
    /// the bar.
    pub fn covers(self, x: f32, y: f32, variant: f32) -> bool {
        let radius = x.hypot(y);
        if radius > 1.0 {
            return false;
        }
        let angle = || y.atan2(x);
        match self {
            Self::Disc => radius < 0.84,
            Self::Ring => radius < 0.88 && radius > 0.3 + 0.25 * variant,
            Self::Polygon(sides) => {
                // The circumscribed circle shrinks with the number of sides, for similar areas.
                let circumference = (0.8 + 0.6 / f32::from(sides)).min(1.0);
                let half = PI / f32::from(sides);
                let within = (angle() + TAU).rem_euclid(2.0 * half) - half;
                radius * within.cos() < circumference * half.cos()
            }
            Self::Star(points) => {
                let half = PI / f32::from(points);
                let within = ((angle() + TAU).rem_euclid(2.0 * half) - half).abs() / half;
                // The edge is straight from the notch (within = 0) to the point (within = 1).
                let notch = 0.45 + 0.15 * variant;
                edge(radius, within * half, notch, half)
            }
            Self::Cross => {
                let arm = 0.25 + 0.08 * variant;
                x.abs().max(y.abs()) < 0.92 && x.abs().min(y.abs()) < arm
            }
            Self::Clover => radius < 0.72 + (0.16 + 0.1 * variant) * (3.0 * angle()).cos(),
            Self::Crescent => {
                radius < 0.94 && (x - 0.45 - 0.2 * variant).hypot(y) > 0.62 + 0.1 * variant
            }
        }
    }
}

/// Whether a point lies inside the line from (notch, angle 0) to (1, angle `half`), polar.
fn edge(radius: f32, angle: f32, notch: f32, half: f32) -> bool {
    let (px, py) = (half.cos() - notch, half.sin());
    let (qx, qy) = (radius * angle.cos() - notch, radius * angle.sin());
    px * qy - py * qx > 0.0
}
