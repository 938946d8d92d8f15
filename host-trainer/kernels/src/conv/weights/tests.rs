use super::*;
use crate::map::MapShape;
use crate::simd::{Isa, Kernel};

struct Run<'a>(WeightGradient<'a>, &'a mut [f32]);

impl Kernel for Run<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        self.0.run(s, self.1);
    }
}

/// The ends of what is read from the padded input and from the gradient of the output.
fn ends(shape: &ConvGeometry) -> [usize; 2] {
    let (input, output) = (shape.input(), shape.output());
    let (ph, pw) = shape.padding().dims(&input);
    let mut ends = [0; 2];
    for pixel in 0..output.pixels() {
        let (y, x) = (pixel / output.columns(), pixel % output.columns());
        for tap in 0..shape.kernel().pow(2) {
            let row = y * shape.stride() + tap / shape.kernel();
            let column = x * shape.stride() + tap % shape.kernel();
            for c in 0..input.channels() {
                ends[0] = ends[0].max((((c * ph + row) * pw + column) + 1) * LANES);
            }
        }
        for c in 0..output.channels() {
            ends[1] = ends[1].max((c * output.pixels() + pixel + 1) * LANES);
        }
    }
    ends
}

/// The smallest slices are accepted and computed on; a value less is refused.
#[test]
fn offsets_are_proved_exactly() {
    let sizes = if cfg!(miri) { [1, 2] } else { [4, 5] };
    for (k, stride) in [(1, 1), (1, 2), (3, 1), (3, 2), (5, 2)] {
        for [rows, columns] in [[0, 2], [1, 1], [2, 3], sizes] {
            for [inputs, outputs] in [[0, 1], [1, 0], [1, 1], [3, 5]] {
                if cfg!(miri) && inputs * rows * k > 3 {
                    continue;
                }
                let input = MapShape::new(1, inputs, rows, columns);
                let shape = ConvGeometry::new(input, outputs, k, stride);
                let [x, dy] = ends(&shape).map(|end| vec![1.0; end]);
                let mut dw = vec![f32::NAN; shape.weights()];
                for isa in Isa::with_wide_tiles() {
                    isa.run(Run(WeightGradient::new(&shape, &x, &dy).unwrap(), &mut dw));
                }
                assert!(dw.iter().all(|v| v.is_finite()));
                if let Some(short) = x.len().checked_sub(1) {
                    assert!(WeightGradient::new(&shape, &x[..short], &dy).is_err());
                }
                if let Some(short) = dy.len().checked_sub(1) {
                    assert!(WeightGradient::new(&shape, &x, &dy[..short]).is_err());
                }
            }
        }
    }
}
