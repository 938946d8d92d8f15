use super::*;
use crate::conv::Window;
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
        let window = shape.window();
        for tap in 0..window.taps() {
            let row = y * window.stride[0] + tap / window.kernel[1];
            let column = x * window.stride[1] + tap % window.kernel[1];
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
    let squares = [(1, 1), (1, 2), (3, 1), (3, 2), (5, 2)].map(|(k, s)| Window::same(k, s));
    let others = [
        Window { kernel: [1, 4], stride: [1, 2], padding: [0, 0, 2, 3] },
        Window { kernel: [4, 2], stride: [3, 1], padding: [3, 0, 1, 0] },
    ];
    for window in squares.into_iter().chain(others) {
        for [rows, columns] in [[0, 2], [1, 1], [2, 3], sizes] {
            for [inputs, outputs] in [[0, 1], [1, 0], [1, 1], [3, 5]] {
                if cfg!(miri) && inputs * rows * window.taps() > 9 {
                    continue;
                }
                let input = MapShape::new(1, inputs, rows, columns);
                let shape = ConvGeometry::windowed(input, outputs, window);
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
