use super::*;
use crate::simd::Isa;

/// Numbers from a linear congruential generator.
struct Random(u64);

impl Random {
    fn below(&mut self, n: u64) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((self.0 >> 33) % n) as usize
    }

    /// Mostly a small step, at times one whose products wrap.
    fn step(&mut self) -> usize {
        match self.below(24) {
            0 => usize::MAX / 2 + self.below(3),
            1 => 1 << 32,
            2 => usize::MAX,
            _ => self.below(40),
        }
    }

    fn steps(&mut self) -> Steps {
        Steps { channel: self.step(), row: self.step(), pixel: self.step() }
    }
}

/// The ends of everything that a layout reads and writes: of x, of w and of y.
fn ends(l: &GridLayout<'_>) -> [u128; 3] {
    let mut ends = [0; 3];
    let product = |a: usize, b: usize| a as u128 * b as u128;
    let place = |s: Steps, channel: usize, row: usize, column: usize| {
        product(channel, s.channel) + product(row, s.row) + product(column, s.pixel)
    };
    for output in 0..l.outputs {
        for row in 0..l.rows {
            for column in 0..l.columns {
                ends[2] = ends[2].max(place(l.y, output, row, column) + LANES as u128);
                for input in 0..l.inputs {
                    for tap in l.taps {
                        let x = place(l.x, input, row, column) + tap.x as u128 + LANES as u128;
                        let w = product(input, l.w_input) + product(output, l.w_output);
                        ends[0] = ends[0].max(x);
                        ends[1] = ends[1].max(w + tap.w as u128 + 1);
                    }
                }
            }
        }
    }
    ends
}

/// A grid exists exactly where all offsets lie inside the slices; where it does, it runs.
#[test]
fn a_grid_exists_exactly_where_its_offsets_are_inside() {
    let mut r = Random(1);
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..if cfg!(miri) { 60 } else { 4000 } {
        let taps: Vec<Tap> =
            (0..r.below(3)).map(|_| Tap { x: r.step() / 2, w: r.step() / 2 }).collect();
        let count = |r: &mut Random| r.below(4).min(2 + r.below(2));
        let layout = GridLayout {
            taps: &taps,
            inputs: count(&mut r),
            outputs: count(&mut r),
            rows: count(&mut r),
            columns: r.below(6),
            x: r.steps(),
            y: r.steps(),
            w_input: r.step(),
            w_output: r.step(),
        };
        let ends = ends(&layout);
        // slices of the exact length, or one value short or empty
        let lengths = ends.map(|end| end.min(1000) as usize);
        let cut = r.below(8);
        let length = |i: usize| match (cut == i, r.0 % 2) {
            (true, 0) => lengths[i].saturating_sub(1),
            (true, _) => 0,
            _ => lengths[i],
        };
        let [x, w] = [0, 1].map(|i| vec![1.0; length(i)]);
        let (mut y, residual) = (vec![0.0; length(2)], vec![1.0; length(2)]);
        let bias = vec![0.5; layout.outputs];
        let expected = (0..3).all(|i| ends[i] <= length(i) as u128);
        let e = Epilogue { bias: Some(&bias), residual: Some(&residual), act: 0.5.into() };
        for isa in Isa::with_wide_tiles() {
            let found = Grid::new(layout, &x, &w, &mut y, e);
            assert_eq!(found.is_ok(), expected);
            if let Ok(grid) = found {
                isa.run(Run(grid));
            }
        }
        accepted += usize::from(expected);
        refused += usize::from(!expected);
    }
    assert!(accepted > 5 && refused > 5, "{accepted} accepted, {refused} refused");
}

struct Run<'a>(Grid<'a>);

impl crate::simd::Kernel for Run<'_> {
    type Out = ();

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) {
        self.0.run(s);
    }
}

#[test]
fn a_short_bias_or_residual_is_refused() {
    let (x, taps) = ([1.0; LANES], [Tap { x: 0, w: 0 }]);
    let one = Steps { channel: LANES, row: LANES, pixel: LANES };
    let counts = GridLayout {
        taps: &taps,
        inputs: 1,
        outputs: 2,
        rows: 1,
        columns: 1,
        x: one,
        y: one,
        w_input: 1,
        w_output: 1,
    };
    let new = |bias: &[f32], residual: &[f32]| {
        let mut y = [0.0; 2 * LANES];
        let e = Epilogue { bias: Some(bias), residual: Some(residual), act: 1.0.into() };
        Grid::new(counts, &x, &[1.0; 2], &mut y, e).is_ok()
    };
    assert!(new(&[0.0; 2], &[0.0; 2 * LANES]));
    assert!(!new(&[0.0; 1], &[0.0; 2 * LANES]));
    assert!(!new(&[], &[0.0; 2 * LANES]));
    assert!(!new(&[0.0; 2], &[0.0; 2 * LANES - 1]));
    assert!(!new(&[0.0; 2], &[]));
}
