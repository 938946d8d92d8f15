use super::*;
use crate::tests::noise;

/// Every operation once, for sixteen values each of `a`, `b` and `c`.
struct Each<'a>([&'a [f32; LANES]; 3]);

impl Kernel for Each<'_> {
    type Out = (Vec<[f32; LANES]>, [f32; 4]);

    #[inline(always)]
    fn run<S: Lanes>(self, s: S) -> Self::Out {
        let [a, b, c] = self.0.map(|v| s.load(v));
        let out = |v| {
            let mut to = [0.0; LANES];
            s.store(v, &mut to);
            to
        };
        let vectors = vec![
            out(a),
            out(s.splat(self.0[0][3])),
            out(s.add(a, b)),
            out(s.fma(a, b, c)),
            out(s.leaky(a, b)),
        ];
        (vectors, s.sums([a, b, c, s.splat(0.5)]))
    }
}

#[test]
fn every_instruction_set_computes_the_same_lanes() {
    let values = noise(1, 3 * LANES);
    let (values, _) = values.as_chunks::<LANES>();
    let [a, b, c] = [0, 1, 2].map(|i| &values[i]);
    for isa in Isa::available() {
        let (found, sums) = isa.run(Each([a, b, c]));
        assert_eq!(found[0], *a, "{isa:?}");
        assert_eq!(found[1], [a[3]; LANES], "{isa:?}");
        for i in 0..LANES {
            assert_eq!(found[2][i], a[i] + b[i], "{isa:?}");
            assert!((found[3][i] - (a[i] + b[i] * c[i])).abs() < 1e-6, "{isa:?}");
            let leaky = if a[i] < 0.0 { a[i] * b[i] } else { a[i] };
            assert_eq!(found[4][i], leaky, "{isa:?}");
        }
        for (found, of) in sums.iter().zip([a, b, c, &[0.5; LANES]]) {
            assert!((found - of.iter().sum::<f32>()).abs() < 1e-5, "{isa:?}");
        }
    }
}

#[test]
fn the_best_is_the_first_and_plain_loops_are_the_last() {
    let all = Isa::available();
    assert_eq!(all[0], Isa::detect());
    assert_eq!(all[all.len() - 1], Isa::portable());
}
