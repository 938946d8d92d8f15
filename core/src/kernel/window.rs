//! The widened input rows under a row of outputs, as a tile reads them.

/// Pixels of a tile.
pub const TILE_PIXELS: usize = 4;
/// Output channels of a tile: an output pair.
pub const TILE_OUTPUTS: usize = 2;

/// Sums of a tile, `[output][pixel]`.
pub type Sums = [[i32; TILE_PIXELS]; TILE_OUTPUTS];

/// The widened rows under one row of outputs.
///
/// A row consists of planes, one per pair of input channels. A plane consists of `stride` phases of
/// `phase` words. A word holds the pair's two channels of one pixel as i16, the first in the low
/// half. Pixel `p` of a row, padding included, is word `p / stride` of phase `p % stride`.
///
/// The rows follow each other without a gap, but the ring buffer cuts them into two runs: the
/// planes of the first run and then those of the second are the planes of kernel row 0, 1, ... in
/// order.
///
/// The fields are private and checked, so that an implementation with raw pointers may rely on
/// [`Window::holds`].
#[derive(Clone, Copy, Debug)]
pub struct Window<'a> {
    runs: [&'a [u32]; 2],
    planes: [usize; 2],
    phase: usize,
    kernel: usize,
    stride: usize,
}

impl<'a> Window<'a> {
    /// `None` if a run does not consist of whole planes, a phase is too short for a tile, the
    /// kernel size is not 1, 3, 5 or 7, or the stride is neither 1 nor 2.
    pub fn new(runs: [&'a [u32]; 2], phase: usize, kernel: usize, stride: usize) -> Option<Self> {
        let fits = matches!(stride, 1 | 2)
            && matches!(kernel, 1 | 3 | 5 | 7)
            && phase >= TILE_PIXELS + (kernel - 1) / stride;
        let step = phase.checked_mul(stride).filter(|&step| fits && step > 0)?;
        let whole = runs.iter().all(|r| r.len().is_multiple_of(step));
        let planes = [runs[0].len() / step, runs[1].len() / step];
        whole.then_some(Self { runs, planes, phase, kernel, stride })
    }

    /// The two runs.
    #[inline(always)]
    pub fn runs(&self) -> [&'a [u32]; 2] {
        self.runs
    }

    /// Number of planes in each run. A plane has [`Self::plane_words`] words and `kernel` weights.
    #[inline(always)]
    pub fn planes(&self) -> [usize; 2] {
        self.planes
    }

    /// Words of a plane.
    #[inline(always)]
    pub fn plane_words(&self) -> usize {
        self.phase * self.stride
    }

    /// Words of a phase.
    #[inline(always)]
    pub fn phase(&self) -> usize {
        self.phase
    }

    /// Kernel size.
    #[inline(always)]
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// Stride, 1 or 2.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Words of weights of an output pair.
    #[inline(always)]
    pub fn weight_words(&self) -> usize {
        (self.planes[0] + self.planes[1]) * self.kernel
    }

    /// True if a tile of outputs `x .. x + 4` with this many words of weights reads inside the
    /// runs. Kernel column `kx` of a plane reads words `x .. x + 4` from `(kx % stride) phase + kx
    /// / stride` on.
    #[inline(always)]
    pub fn holds(&self, x: usize, weights: usize) -> bool {
        weights == self.weight_words()
            && x <= self.phase - TILE_PIXELS - ((self.kernel - 1) >> (self.stride - 1))
    }
}

/// Index of the first word of kernel column `kx` in a plane. `stride` is 1 or 2.
#[inline(always)]
pub(crate) const fn column_start(kx: usize, stride: usize, phase: usize) -> usize {
    (kx & (stride - 1)) * phase + (kx >> (stride - 1))
}
