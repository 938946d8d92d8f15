use supernano_base::rng::Key;
use supernano_base::space::SharedSpace;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::graph::Form;
use supernano_core::plan::{BranchScheme, Enhancement, branches, cost, resolve};
use supernano_core::space::{CONV1D, DS_CNN, MOBILENET_V2_TINY, RESNET8, RESNET20, Site, Space};

use super::*;

const SCHEMES: [BranchScheme; 4] = [
    BranchScheme::Halves,
    BranchScheme::Exclusive,
    BranchScheme::Reference4,
    BranchScheme::ReferenceFine,
];

fn weights(space: &Space<'_>) -> Weights {
    let layout = Layout::new(SharedSpace::of(space), Enhancement::PRELU_OE, BranchScheme::Shared);
    Weights::initial(layout, Key::new(5))
}

fn archs(space: &Space<'_>, n: u128) -> Vec<Arch> {
    let step = space.size() / n + 1;
    (0..n).map(|i| Arch::from_code(space, ArchCode(i * step)).unwrap()).collect()
}

/// The sub-network of `arch` under the branch scheme of the weights.
fn subnet(weights: &Weights, arch: &Arch) -> SubNet {
    let layout = &weights.layout;
    weights.subnet(&resolve(&layout.space(), arch, layout.enhancement, layout.scheme))
}

fn images(space: &Space<'_>, n: usize) -> Vec<f32> {
    (0..n * space.input.len()).map(|i| ((i * 7919 % 1013) as f32 / 506.5) - 1.0).collect()
}

#[test]
fn a_duplicated_supernet_holds_the_same_subnetworks() {
    for (space, n) in [(&RESNET8, 300), (&RESNET20, 200)] {
        let before = weights(space);
        for scheme in SCHEMES {
            let after = before.duplicated(scheme).unwrap();
            assert_eq!(after.layout.scheme, scheme);
            for arch in archs(space, n) {
                assert_eq!(subnet(&before, &arch), subnet(&after, &arch));
            }
        }
    }
}

#[test]
fn duplication_keeps_branches_apart_that_were_apart() {
    for (coarse, fine) in [
        (BranchScheme::Halves, BranchScheme::Exclusive),
        (BranchScheme::Reference4, BranchScheme::ReferenceFine),
    ] {
        let mut before = weights(&RESNET20).duplicated(coarse).unwrap();
        for (i, value) in before.values.iter_mut().enumerate() {
            *value += i as f32 / 1000.0;
        }
        let after = before.duplicated(fine).unwrap();
        for arch in archs(&RESNET20, 200) {
            assert_eq!(subnet(&before, &arch), subnet(&after, &arch));
        }
    }
    let exclusive = weights(&RESNET20).duplicated(BranchScheme::Exclusive).unwrap();
    assert!(exclusive.duplicated(BranchScheme::Halves).is_none());
    let halves = weights(&RESNET20).duplicated(BranchScheme::Halves).unwrap();
    assert!(halves.duplicated(BranchScheme::Shared).is_none());
}

#[test]
fn duplication_keeps_logits() {
    let before = weights(&RESNET8);
    let images = images(&RESNET8, 8);
    let logits = |weights: &Weights, arch: &Arch| {
        let subnet = subnet(weights, arch);
        let stats = recalibrate(&subnet, 8, [images.clone()]);
        subnet.fold(&stats).forward(&images, 8)
    };
    for scheme in SCHEMES {
        let after = before.duplicated(scheme).unwrap();
        for arch in archs(&RESNET8, 5) {
            assert_eq!(logits(&before, &arch), logits(&after, &arch));
        }
    }
}

/// After a duplication every sub-network computes the same logits, bit for bit. This holds for all
/// sub-networks of a small space and for 200 random ones of ResNet20, in both progressions.
#[test]
fn duplication_keeps_the_logits_of_a_whole_space_and_of_200_codes() {
    use rayon::prelude::*;
    use supernano_core::space::{Block, Layer, Shape, Shortcut};
    const NARROW: &[u16] = &[4, 8, 12, 16];
    const LAYERS: &[Layer<'static>] = &[
        Layer::conv(NARROW, 3, 1),
        Layer::conv(NARROW, 3, 2),
        Layer::conv(&[4, 8, 12, 16, 20, 24, 28, 32], 3, 1),
    ];
    static SMALL: Space<'static> = Space {
        name: "small",
        input: Shape { height: 8, width: 8, channels: 3 },
        classes: 5,
        layers: LAYERS,
        blocks: &[Block::Conv, Block::Residual(Shortcut::Projection)],
        ..Space::EMPTY
    };
    SMALL.validate().unwrap();
    let all = (0..SMALL.size()).map(|i| Arch::from_code(&SMALL, ArchCode(i)).unwrap());
    let random =
        supernano_base::codes::random_codes(&RESNET20, 200, 11).into_iter().map(|c| c.arch);
    let sets: [(&'static Space<'static>, Vec<Arch>, usize); 2] =
        [(&SMALL, all.collect(), 8), (&RESNET20, random.collect(), 2)];
    assert_eq!((sets[0].1.len(), sets[1].1.len()), (128, 200));
    for (space, archs, n) in sets {
        let images = images(space, n);
        let logits = |weights: &Weights| -> Vec<Vec<f32>> {
            let one = |arch: &Arch| {
                let subnet = subnet(weights, arch);
                let stats = recalibrate(&subnet, n, [images.clone()]);
                subnet.fold(&stats).forward(&images, n)
            };
            archs.par_iter().map(one).collect()
        };
        let before = weights(space);
        let expected = logits(&before);
        assert_ne!(expected[0], expected[1]);
        for progression in [
            [BranchScheme::Halves, BranchScheme::Exclusive],
            [BranchScheme::Reference4, BranchScheme::ReferenceFine],
        ] {
            let mut weights = before.clone();
            for scheme in progression {
                weights = weights.duplicated(scheme).unwrap();
                assert!(logits(&weights) == expected, "{} {scheme:?}", space.name);
            }
        }
    }
}

#[test]
fn the_largest_network_has_the_references_parameters() {
    let shared = weights(&RESNET20);
    let plan =
        resolve(&RESNET20, &Arch::largest(&RESNET20), Enhancement::PRELU_OE, BranchScheme::Shared);
    let slopes = RESNET20.layers.len() as u64;
    assert_eq!(shared.values.len() as u64, cost(&RESNET20, &plan).params + slopes);
    assert_eq!(shared.values.len() as u64 - slopes, 289_812);
}

#[test]
fn a_layout_has_a_copy_for_every_branch() {
    for scheme in SCHEMES {
        let layout = Layout::new(SharedSpace::of(&RESNET20), Enhancement::OE, scheme);
        for i in 0..RESNET20.layers.len() {
            let copies = layout
                .entries
                .iter()
                .filter(|e| e.role == Role::Weight && e.layer == i && !e.shortcut)
                .count();
            assert_eq!(copies, usize::from(branches(&RESNET20, i, Enhancement::OE, scheme)));
        }
    }
}

#[test]
fn slices_are_the_leading_block() {
    let weights = weights(&RESNET8);
    let arch = Arch::parse(&RESNET8, "4-8-12-16-20-24").unwrap();
    let net = subnet(&weights, &arch);
    let first = &net.layers.items()[1];
    assert_eq!((first.input, first.output), (5, 9));
    let full = weights.tensor(weights.layout.find(Role::Weight, 1, false, 0));
    for o in 0..9 {
        for i in 0..5 {
            let kernel = |values: &[f32], inputs: usize| {
                values[(o * inputs + i) * 9..(o * inputs + i + 1) * 9].to_vec()
            };
            assert_eq!(kernel(&first.weight, 5), kernel(full, 16));
        }
    }
}

/// On the batch that the statistics come from, the folded network differs from batch norm in
/// training mode only by the factor n / (n - 1) of the variance.
#[test]
fn folding_agrees_with_a_direct_computation() {
    let weights = weights(&RESNET8);
    let net = subnet(&weights, &Arch::smallest(&RESNET8));
    let images = images(&RESNET8, 4);
    let folded = net.fold(&recalibrate(&net, 4, [images.clone()]));
    let mut worst = 0.0f32;
    let mut maps: Vec<(Step, Vec<f32>)> = Vec::new();
    let logits = folded.observe(&images, 4, &mut |step, map| maps.push((*step, map.to_vec())));
    let stem = &folded.layers.items()[0];
    let (h, w, ci, co) = (32usize, 32usize, 3, stem.output);
    for n in 0..4 {
        for o in 0..co {
            for y in 0..h {
                for x in 0..w {
                    let mut sum = stem.bias[o];
                    for i in 0..ci {
                        for (ky, kx) in (0..9).map(|k| (k / 3, k % 3)) {
                            let (sy, sx) = ((y + ky).wrapping_sub(1), (x + kx).wrapping_sub(1));
                            if sy < h && sx < w {
                                sum += stem.weight[(o * ci + i) * 9 + ky * 3 + kx]
                                    * images[((n * ci + i) * h + sy) * w + sx];
                            }
                        }
                    }
                    let got = maps[0].1[((n * co + o) * h + y) * w + x];
                    worst = worst.max((stem.act.apply(sum) - got).abs());
                }
            }
        }
    }
    assert!(worst < 1e-4, "{worst}");
    let sites: Vec<Site> = maps.iter().map(|(step, _)| step.site).collect();
    assert_eq!(
        sites,
        [
            Site::Layer(0),
            Site::Layer(1),
            Site::Layer(2),
            Site::Layer(3),
            Site::Shortcut(4),
            Site::Layer(4),
            Site::Layer(5),
            Site::Shortcut(6),
            Site::Layer(6),
        ]
    );
    assert_eq!(logits.len(), 4 * 10);
}

/// Feature maps in f64, `[n][c][h][w]`.
#[derive(Clone)]
struct Plain {
    c: usize,
    h: usize,
    w: usize,
    values: Vec<f64>,
}

const N: usize = 19;

/// The sums, averages or maxima of a layer.
fn plain_layer(x: &Plain, conv: &BnConv) -> Plain {
    let (window, form, co) = (conv.op.window(), conv.op.form, conv.output);
    let [h, w] = conv.op.output(x.h, x.w);
    let ([kh, kw], [above, _, left, _]) = (window.kernel, window.padding);
    let [_, inputs, ..] = conv.op.weight_shape(co, x.c);
    let mut values = Vec::with_capacity(N * co * h * w);
    for (n, o) in (0..N).flat_map(|n| (0..co).map(move |o| (n, o))) {
        for (y, z) in (0..h).flat_map(|y| (0..w).map(move |z| (y, z))) {
            let mut sum = if form == Form::Maximum { f64::NEG_INFINITY } else { 0.0 };
            for (ky, kx) in (0..kh).flat_map(|a| (0..kw).map(move |b| (a, b))) {
                let sy = (y * window.stride[0] + ky).wrapping_sub(above);
                let sx = (z * window.stride[1] + kx).wrapping_sub(left);
                if sy >= x.h || sx >= x.w {
                    continue;
                }
                for i in 0..inputs {
                    let from = if conv.op.by_channel() { o } else { i };
                    let v = x.values[((n * x.c + from) * x.h + sy) * x.w + sx];
                    match form {
                        Form::Maximum => sum = sum.max(v),
                        Form::Average => sum += v / (kh * kw) as f64,
                        _ => {
                            let at = ((o * inputs + i) * kh + ky) * kw + kx;
                            sum += f64::from(conv.weight[at]) * v;
                        }
                    }
                }
            }
            values.push(sum);
        }
    }
    Plain { c: co, h, w, values }
}

/// Batch norm in training mode, with mean and unbiased variance.
fn plain_norm(y: &mut Plain, conv: &BnConv) -> (Vec<f64>, Vec<f64>) {
    let area = y.h * y.w;
    let (mut means, mut variances) = (Vec::new(), Vec::new());
    for c in 0..y.c {
        let of = |i: &usize| i / area % y.c == c;
        let at: Vec<usize> = (0..y.values.len()).filter(of).collect();
        let count = at.len() as f64;
        let mean = at.iter().map(|&i| y.values[i]).sum::<f64>() / count;
        let var = at.iter().map(|&i| (y.values[i] - mean).powi(2)).sum::<f64>() / count;
        for i in at {
            y.values[i] = (y.values[i] - mean) / (var + 1e-5).sqrt() * f64::from(conv.gamma[c])
                + f64::from(conv.beta[c]);
        }
        means.push(mean);
        variances.push(var * count / (count - 1.0));
    }
    (means, variances)
}

fn plain_act(y: &mut Plain, act: ActivationFn) {
    let f = |x: f64| match act {
        ActivationFn::None => x,
        ActivationFn::Relu => x.max(0.0),
        ActivationFn::Prelu(slope) if x < 0.0 => x * f64::from(slope),
        ActivationFn::Prelu(_) => x,
        ActivationFn::Clipped(bound) => x.clamp(0.0, f64::from(bound)),
    };
    y.values.iter_mut().for_each(|x| *x = f(*x));
}

/// The statistics of one batch of 19 images agree with plain loops in f64, in every layer.
#[test]
fn statistics_agree_with_plain_loops() {
    for (space, seed) in
        [(&RESNET8, 7), (&RESNET20, 8), (&DS_CNN, 5), (&CONV1D, 6), (&MOBILENET_V2_TINY, 2)]
    {
        let mut weights = weights(space);
        for (i, v) in weights.values.iter_mut().enumerate() {
            *v += (i % 5) as f32 * 0.03;
        }
        let net = subnet(&weights, &archs(space, 9)[seed]);
        let s = net.input;
        let images: Vec<f32> =
            (0..N * s.len()).map(|i| ((i * 7919 % 1013) as f32 / 506.5) - 1.0).collect();
        let found = recalibrate(&net, N, [images.clone()]);
        let (c, h, w) = (usize::from(s.channels), usize::from(s.height), usize::from(s.width));
        let values = images.iter().map(|&v| f64::from(v)).collect();
        let mut maps = vec![Plain { c, h, w, values }];
        for (step, conv) in net.layers.executed() {
            let mut y = plain_layer(&maps[step.input], conv);
            if conv.op.weighted() {
                let (means, variances) = plain_norm(&mut y, conv);
                let (found_means, found_variances) = &found.layers[step.index];
                for c in 0..means.len() {
                    let (m, v) = (f64::from(found_means[c]), f64::from(found_variances[c]));
                    let (em, ev) = (means[c], variances[c]);
                    let name = (space.name, &conv.name);
                    let close = (m - em).abs() < 1e-4 * (ev.sqrt() + em.abs());
                    assert!(close, "{name:?}: {m}, {em}");
                    assert!((v - ev).abs() < 1e-4 * ev, "{name:?}: variance {v}, {ev}");
                }
            }
            if let Some(added) = step.residual {
                let added = maps[added].values.clone();
                y.values.iter_mut().zip(added).for_each(|(y, x)| *y += x);
            }
            plain_act(&mut y, conv.act);
            maps.push(y);
        }
    }
}
