//! The widened rows that a tile of outputs reads.

/// Pixels of a tile.
pub const TILE_PIXELS: usize = 4;
/// Output channels of a tile.
pub const TILE_OUTPUTS: usize = 2;

/// Sums of a tile, `[output][pixel]`.
pub type Sums = [[i32; TILE_PIXELS]; TILE_OUTPUTS];

/// The widened rows under one row of outputs.
///
/// A row is a sequence of planes, one for each pair of input channels; a plane is `stride`
/// phases of `phase` words; a word is the pair's two channels (i16, the first in the low half)
/// of one pixel. Pixel `p` of the row, padding included, is word `p / stride` of phase
/// `p % stride`. Kernel rows follow each other without a gap, except that the ring cuts them in
/// two runs: all planes of the first run, then all planes of the second, are the planes of
/// kernel row 0, 1, ... in order.
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
    /// `None` where the runs are no whole planes, a phase is too short for one tile, or the
    /// kernel or stride is none that networks have (1, 3, 5, 7; 1, 2).
    pub fn new(runs: [&'a [u32]; 2], phase: usize, kernel: usize, stride: usize) -> Option<Self> {
        let fits = matches!(stride, 1 | 2)
            && matches!(kernel, 1 | 3 | 5 | 7)
            && phase >= TILE_PIXELS + (kernel - 1) / stride;
        let step = phase.checked_mul(stride).filter(|&step| fits && step > 0)?;
        let whole = runs.iter().all(|r| r.len().is_multiple_of(step));
        let planes = [runs[0].len() / step, runs[1].len() / step];
        whole.then_some(Self { runs, planes, phase, kernel, stride })
    }

    /// The planes of both runs, in words.
    #[inline(always)]
    pub fn runs(&self) -> [&'a [u32]; 2] {
        self.runs
    }

    /// Planes in each run; a plane is [`Self::step`] words and has `kernel` words of weights.
    #[inline(always)]
    pub fn planes(&self) -> [usize; 2] {
        self.planes
    }

    /// Words from a plane to the next.
    #[inline(always)]
    pub fn step(&self) -> usize {
        self.phase * self.stride
    }

    /// Words from a phase to the next.
    #[inline(always)]
    pub fn phase(&self) -> usize {
        self.phase
    }

    /// Kernel columns.
    #[inline(always)]
    pub fn kernel(&self) -> usize {
        self.kernel
    }

    /// 1 or 2.
    #[inline(always)]
    pub fn stride(&self) -> usize {
        self.stride
    }

    /// Words of weights of one output pair.
    #[inline(always)]
    pub fn weight_words(&self) -> usize {
        (self.planes[0] + self.planes[1]) * self.kernel
    }

    /// True where a tile of outputs `x .. x + 4` with this many words of weights reads inside
    /// the runs: column `kx` of a plane is words `x .. x + 4` from
    /// `(kx % stride) phase + kx / stride` on.
    #[inline(always)]
    pub fn holds(&self, x: usize, weights: usize) -> bool {
        weights == self.weight_words()
            && x <= self.phase - TILE_PIXELS - ((self.kernel - 1) >> (self.stride - 1))
    }
}

/// First word of kernel column `kx` in a plane; `stride` is 1 or 2.
#[inline(always)]
pub(crate) const fn column_start(kx: usize, stride: usize, phase: usize) -> usize {
    (kx & (stride - 1)) * phase + (kx >> (stride - 1))
}
