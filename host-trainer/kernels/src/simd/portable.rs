//! Plain loops over sixteen values.

use super::Lanes;
use crate::LANES;

/// What the compiler makes of plain loops, in register tiles of `C` outputs x `P` pixels, and of
/// `O` outputs x `I` inputs. Every processor has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Plain<const C: usize, const P: usize, const O: usize, const I: usize>;

/// Tiles that fit the sixteen 128-bit registers of the baseline.
pub(crate) type Portable = Plain<2, 1, 1, 1>;

impl<const C: usize, const P: usize, const O: usize, const I: usize> Lanes for Plain<C, P, O, I> {
    type Vector = [f32; LANES];
    const TILE: (usize, usize) = (C, P);
    const WEIGHT_TILE: (usize, usize) = (O, I);

    #[inline(always)]
    fn splat(self, v: f32) -> [f32; LANES] {
        [v; LANES]
    }
    #[inline(always)]
    fn load(self, from: &[f32; LANES]) -> [f32; LANES] {
        *from
    }
    #[inline(always)]
    fn store(self, v: [f32; LANES], to: &mut [f32; LANES]) {
        *to = v;
    }
    #[inline(always)]
    fn prefetch(self, _: *const f32) {}
    #[inline(always)]
    fn fma(self, sum: [f32; LANES], a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| sum[i] + a[i] * b[i])
    }
    #[inline(always)]
    fn add(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| a[i] + b[i])
    }
    #[inline(always)]
    fn leaky(self, v: [f32; LANES], slope: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| if v[i] < 0.0 { v[i] * slope[i] } else { v[i] })
    }
    #[inline(always)]
    fn min(self, a: [f32; LANES], b: [f32; LANES]) -> [f32; LANES] {
        std::array::from_fn(|i| if a[i] < b[i] { a[i] } else { b[i] })
    }
    #[inline(always)]
    fn sums(self, four: [[f32; LANES]; 4]) -> [f32; 4] {
        four.map(|v| v.iter().sum())
    }
}
