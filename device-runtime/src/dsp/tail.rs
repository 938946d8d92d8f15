//! What the requantisation in assembly reads (`finish.s`).

use supernano_core::kernel::{Finish, FinishKind, PairRow};

unsafe extern "C" {
    fn supernano_finish_plain();
    fn supernano_finish_residual();
    fn supernano_finish_prelu();
    fn supernano_finish_residual_prelu();
}

/// A routine that is only called from assembly: it has a convention of its own.
pub(super) type Routine = unsafe extern "C" fn();

/// Where to write, and the numbers. The assembly knows the places of the fields.
#[repr(C)]
#[derive(Clone, Copy)]
pub(super) struct Tail {
    pub out: *mut i8,
    pub pitch: usize,
    /// M and N - M of the first output, then of the second.
    factors: [[i32; 2]; 2],
    zero: i32,
    residual: [i32; 2],
    bias: [i32; 2],
    routine: Routine,
}

impl Tail {
    #[inline(always)]
    pub fn new(finish: &Finish, out: *mut i8, pitch: usize) -> Self {
        let factor =
            |i: usize| [finish.positive[i], finish.negative[i].wrapping_sub(finish.positive[i])];
        Self {
            out,
            pitch,
            factors: [factor(0), factor(1)],
            zero: finish.zero,
            residual: finish.residual,
            bias: finish.bias,
            routine: match finish.kind {
                FinishKind::Plain => supernano_finish_plain,
                FinishKind::Residual => supernano_finish_residual,
                FinishKind::Prelu => supernano_finish_prelu,
                FinishKind::ResidualPrelu => supernano_finish_residual_prelu,
            },
        }
    }
}

/// Most pixels of an [`Edge`].
const EDGE: usize = 8;

/// Pixels at an edge, gathered where a whole tile or block may be written.
pub(super) struct Edge([[i8; 2]; EDGE]);

impl Edge {
    /// Bytes from a pixel to the next.
    pub const PITCH: usize = 2;

    /// Pixels from `x` on, as many as there are.
    #[inline(never)]
    pub fn gather(row: &mut PairRow<'_>, x: usize) -> Self {
        let mut edge = Self([[0; 2]; EDGE]);
        for (to, from) in edge.0.iter_mut().zip(row.from(x)) {
            *to = *from;
        }
        edge
    }

    /// The same pixels back.
    #[inline(never)]
    pub fn scatter(&self, row: &mut PairRow<'_>, x: usize) {
        for (to, from) in row.from(x).zip(&self.0) {
            *to = *from;
        }
    }

    pub fn address(&mut self) -> *mut i8 {
        self.0.as_mut_ptr().cast()
    }
}
