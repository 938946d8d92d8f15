//! Learnt kernel transformations, from the supernet to a file.

use burn::tensor::{Tensor, TensorData};
use supernano_base::config::KernelTransformation;
use supernano_base::rng::Key;
use supernano_base::space::SharedSpace;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::graph;
use supernano_core::plan::{BranchScheme, Enhancement, Node, resolve};
use supernano_core::space::{Block, Layer, MOBILENET_V2_TINY, Padding, Shape, Space};

use super::*;
use crate::backend::CpuAutodiff;
use crate::export::{ExportOptions, Material, ship};
use crate::supernet::{Layout, Role, SubNet, recalibrate};
use crate::training::params::Params;

const WIDTHS: &[u16] = &[4, 6];

/// A convolution with rectangular kernels, and depthwise convolutions with two steps of size.
const KERNELS: Space<'static> = Space {
    name: "kernels",
    input: Shape { height: 9, width: 8, channels: 2 },
    classes: 3,
    layers: &[
        Layer {
            kernels: &[[1, 1], [3, 1], [5, 3]],
            padding: Padding::Same,
            ..Layer::conv(WIDTHS, 3, 1)
        },
        Layer::depthwise(&[[3, 3], [5, 5], [7, 7]], 1),
        Layer::point(WIDTHS),
    ],
    blocks: &[Block::Conv, Block::Separable],
    ..Space::EMPTY
};

fn layout(space: &Space<'_>, kernels: KernelTransformation) -> Layout {
    let shared = SharedSpace::of(space);
    Layout::with_kernels(shared, Enhancement::OE, BranchScheme::Shared, kernels)
}

/// Initial weights whose matrices are no identities.
fn moved(space: &Space<'_>) -> Weights {
    let mut weights = Weights::initial(layout(space, KernelTransformation::Learnt), Key::new(4));
    for entry in &weights.layout.entries {
        if matches!(entry.role, Role::Transformation(_)) {
            let values = &mut weights.values[entry.offset..entry.offset + entry.len()];
            values
                .iter_mut()
                .enumerate()
                .for_each(|(i, v)| *v += ((i * 37 % 23) as f32 - 11.0) / 50.0);
        }
    }
    weights
}

fn subnet(weights: &Weights, arch: &Arch) -> SubNet {
    let layout = &weights.layout;
    weights.subnet(&resolve(&layout.space(), arch, layout.enhancement, layout.scheme))
}

/// The weights of a node, one loop for each index, in f64.
fn naive(layout: &Layout, values: &[f64], node: &Node, channels: [usize; 2]) -> Vec<f64> {
    let layer = node.site.layer();
    let kernels = layout.space().layers[layer].kernels;
    let tensor = |role| {
        let entry = &layout.entries[layout.find(role, layer, false, node.branch)];
        (&entry.shape, &values[entry.offset..entry.offset + entry.len()])
    };
    let (shape, all) = tensor(Role::Weight);
    let mut found = Vec::new();
    for o in 0..channels[0] {
        for i in 0..channels[1] {
            let taps = shape[2] * shape[3];
            let mut kernel = all[(o * shape[1] + i) * taps..][..taps].to_vec();
            let mut size = [shape[2], shape[3]];
            for step in (0..kernels.len() - 1).rev() {
                if kernels[step + 1] == node.geometry.kernel {
                    break;
                }
                let to = kernels[step].map(usize::from);
                let (_, matrix) = tensor(Role::Transformation(step));
                let mut smaller = vec![0.0; to[0] * to[1]];
                for (t, value) in smaller.iter_mut().enumerate() {
                    for s in 0..to[0] * to[1] {
                        let row = s / to[1] + (size[0] - to[0]) / 2;
                        let column = s % to[1] + (size[1] - to[1]) / 2;
                        *value += matrix[t * to[0] * to[1] + s] * kernel[row * size[1] + column];
                    }
                }
                (kernel, size) = (smaller, to);
            }
            found.extend(kernel);
        }
    }
    found
}

/// The naive weights of every layer of a sub-network, in the order of execution.
fn all_naive(layout: &Layout, values: &[f64], arch: &Arch) -> Vec<Vec<f64>> {
    let space = &layout.space();
    let plan = resolve(space, arch, layout.enhancement, layout.scheme);
    let of = |node: &Node| {
        let depthwise = node.form == graph::Form::Depthwise;
        let inputs = if depthwise { 1 } else { node.read.channels.into() };
        naive(layout, values, node, [node.written.channels.into(), inputs])
    };
    plan.nodes(space).map(|node| of(&node)).collect()
}

#[test]
fn identities_take_the_centre() {
    for space in [&KERNELS, &MOBILENET_V2_TINY] {
        let [centre, learnt] = [KernelTransformation::Centre, KernelTransformation::Learnt]
            .map(|kernels| Weights::initial(layout(space, kernels), Key::new(4)));
        assert_eq!(learnt.values[..centre.values.len()], centre.values);
        let steps: usize = space.layers.iter().map(|l| l.kernels.len() - 1).sum();
        assert_eq!(learnt.layout.entries.len(), centre.layout.entries.len() + steps);
        for code in supernano_base::codes::random_codes(space, 40, 3) {
            assert_eq!(
                subnet(&learnt, &code.arch),
                subnet(&centre, &code.arch),
                "{}",
                code.written
            );
        }
    }
}

#[test]
fn matrices_lead_from_each_kernel_to_the_next_smaller_one() {
    let weights = moved(&KERNELS);
    let values: Vec<f64> = weights.values.iter().map(|&v| v.into()).collect();
    let params = Params::<CpuAutodiff>::new(
        weights.layout.clone(),
        &Checkpoint::start(1, weights.values.clone()),
    );
    for code in 0..KERNELS.size() {
        let arch = Arch::from_code(&KERNELS, ArchCode(code)).unwrap();
        let expected = all_naive(&weights.layout, &values, &arch);
        let plan = resolve(&KERNELS, &arch, Enhancement::OE, BranchScheme::Shared);
        let host = weights.subnet(&plan);
        let (cpu, _) = params.path(&plan);
        for ((host, cpu), expected) in host.convs().zip(cpu.convs()).zip(&expected) {
            let cpu: Vec<f32> = cpu.weight.to_data().iter::<f32>().collect();
            assert_eq!(host.weight.len(), expected.len());
            for ((&h, &c), &e) in host.weight.iter().zip(&cpu).zip(expected) {
                let close = |v: f32| (f64::from(v) - e).abs() < 1e-5 * (1.0 + e.abs());
                assert!(close(h) && close(c), "{code}: {h} {c} {e}");
            }
        }
    }
}

/// The gradient of a sum of products with constants, against central differences of the naive sums in
/// f64. The sum is linear in each value by itself, so the differences have no error of their own.
#[test]
fn gradients_reach_the_matrices_and_the_larger_kernel() {
    let weights = moved(&KERNELS);
    let layout = &weights.layout;
    let constant = |layer: usize, i: usize| (((layer * 17 + i) * 29 % 31) as f32 - 15.0) / 15.0;
    for (text, used) in [("6k1-4k3", 4), ("6k3x1-6k5", 2), ("4k1-6k7", 2), ("6k5x3-4k7", 0)] {
        let arch = Arch::parse(&KERNELS, text).unwrap();
        let state = Checkpoint::start(1, weights.values.clone());
        let mut params = Params::<CpuAutodiff>::new(layout.clone(), &state);
        let plan = resolve(&KERNELS, &arch, Enhancement::OE, BranchScheme::Shared);
        let (net, leaves) = params.path(&plan);
        let parts = net.convs().enumerate().map(|(layer, conv)| {
            let shape = conv.weight.dims();
            let factors: Vec<f32> =
                (0..shape.iter().product()).map(|i| constant(layer, i)).collect();
            let factors = TensorData::new(factors, shape);
            (conv.weight.clone() * Tensor::from_data(factors, &Default::default())).sum()
        });
        let gradients = parts.reduce(|a, b| a + b).unwrap().backward();
        params.add(&leaves, &gradients);
        let found = params.take().unwrap();
        let loss = |values: &[f64]| -> f64 {
            let layers = all_naive(layout, values, &arch).into_iter().enumerate();
            let of = |(layer, weights): (usize, Vec<f64>)| -> f64 {
                let weights = weights.iter().enumerate();
                weights.map(|(i, w)| w * f64::from(constant(layer, i))).sum()
            };
            layers.map(of).sum()
        };
        let mut values: Vec<f64> = weights.values.iter().map(|&v| v.into()).collect();
        let mut matrices = 0;
        for (entry, found) in layout.entries.iter().zip(&found) {
            let matrix = matches!(entry.role, Role::Transformation(_));
            matrices += usize::from(matrix && found.is_some());
            if !matrix && entry.role != Role::Weight {
                continue;
            }
            for i in 0..entry.len() {
                let at = entry.offset + i;
                let before = values[at];
                let mut side = |h: f64| {
                    values[at] = before + h;
                    loss(&values)
                };
                let expected = side(0.5) - side(-0.5);
                values[at] = before;
                let found = found.as_ref().map_or(0.0, |g| f64::from(g[i]));
                let close = (found - expected).abs() < 2e-5 * (1.0 + expected.abs());
                assert!(close, "{text}: {entry:?} {i}: {found} {expected}");
            }
        }
        assert_eq!(matrices, used, "{text}");
    }
}

const BLOCKS: &str = r#"
kernel_transformation = "learnt"

[space]
name = "tiny"
input = { height = 12, width = 10, channels = 1 }
classes = 4

[[space.block]]
conv = { kernel = ["3x1", "5x3"], widths = [4, 8] }

[[space.block]]
depth = 2
separable = { kernel = [3, 5, 7], stride = 2, widths = [4, 8] }
"#;

/// The configuration of a run whose kernels have matrices.
fn learnt() -> RunConfig {
    let (option, space) = BLOCKS.split_at(BLOCKS.find("[space]").unwrap());
    let head = "seed = 3\nenhancement = \"prelu+oe\"\npanel = 1\n";
    let data = "[data]\nname = \"glyphs\"\ntrain = 64\nvalidation = 32\ntest = 32\n\
                [recalibration]\nimages = 32\nbatch = 16\n";
    RunConfig::parse(&format!("{head}{option}{data}{space}{STEPS}"), "test").unwrap()
}

/// Values of the matrices after a step.
fn matrices(run: &Path, step: usize) -> Vec<(usize, Vec<f32>)> {
    let weights = Run::open_step(run, step).unwrap().weights;
    let entries = weights.layout.entries.iter().enumerate();
    let entries = entries.filter(|(_, e)| matches!(e.role, Role::Transformation(_)));
    entries.map(|(i, e)| (e.shape[0], weights.tensor(i).to_vec())).collect()
}

#[test]
fn matrices_are_trained_and_a_resumed_run_ends_with_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let (whole, parts) = (folder.path().join("whole"), folder.path().join("parts"));
    let config = learnt();
    trained(&config, &whole, Begin::New);
    interrupted(&config, &parts);
    trained(&config, &parts, Begin::Resume);
    for step in 1..=3 {
        assert!(bytes(&whole, step) == bytes(&parts, step), "step {step} differs");
    }
    // A convolution with one step, two depthwise ones with two.
    let sizes = |step| matrices(&whole, step).iter().map(|m| m.0).collect::<Vec<_>>();
    assert_eq!(sizes(1), [3, 9, 25, 9, 25]);
    assert_eq!(sizes(3), sizes(1));
    for (taps, matrix) in matrices(&whole, 1) {
        assert!(matrix.iter().copied().eq(crate::supernet::identity(taps)), "no path reads it");
    }
    for ((taps, matrix), (_, later)) in matrices(&whole, 2).into_iter().zip(matrices(&whole, 3)) {
        assert!(!matrix.iter().copied().eq(crate::supernet::identity(taps)));
        assert!(matrix != later && later.iter().all(|v| v.is_finite()));
    }
    // The same file is no checkpoint of a run without matrices.
    let centre = RunConfig { kernel_transformation: KernelTransformation::Centre, ..config };
    let text = centre.to_toml().unwrap();
    assert!(!text.contains("kernel_transformation"));
    supernano_base::files::write(&whole.join("config.toml"), text.as_bytes()).unwrap();
    let error = Run::open(&whole).unwrap_err();
    assert!(error.exit_code() == 2 && error.to_string().contains("configuration"), "{error}");
}

/// A shipped network has transformed kernels and no matrix: in a supernet without matrices, whose
/// centres hold the naive products, the same code is the same network.
#[test]
fn a_shipped_network_has_the_transformed_kernels() {
    let folder = tempfile::tempdir().unwrap();
    let config = learnt();
    trained(&config, folder.path(), Begin::New);
    let run = Run::open_step(folder.path(), 2).unwrap();
    let dataset = of_config(&config, None).unwrap();
    let test = (&dataset.test, usize::MAX);
    let material = Material::new(&config, &dataset, 32, test).unwrap();
    let space = config.space();
    let learnt = &run.weights.layout;
    let values: Vec<f64> = run.weights.values.iter().map(|&v| v.into()).collect();
    for text in ["8k3x1-8k3-4k5", "4k5x3-8k7-8k3", "8k3x1-8k5-4k7"] {
        let arch = Arch::parse(&space, text).unwrap();
        let shipped = ship(&run, &arch, &material, &ExportOptions::default(), None).unwrap();
        let mut centre = Weights::initial(
            Layout::new(config.shared_space(), learnt.enhancement, learnt.scheme),
            Key::new(1),
        );
        let count = centre.values.len();
        centre.values.copy_from_slice(&run.weights.values[..count]);
        let plan = run.plan(&arch);
        for (node, kernels) in plan.nodes(&space).zip(all_naive(learnt, &values, &arch)) {
            let layout = &centre.layout;
            let entry = &layout.entries[layout.find(Role::Weight, node.site.layer(), false, 0)];
            let [_, inputs, rows, columns] = entry.shape[..] else { panic!("{entry:?}") };
            let [high, wide] = node.geometry.kernel.map(usize::from);
            let read = if inputs == 1 { 1 } else { usize::from(node.read.channels) };
            for (at, &value) in kernels.iter().enumerate() {
                let (pair, tap) = (at / (high * wide), at % (high * wide));
                let kernel = pair / read * inputs + pair % read;
                let row = tap / wide + (rows - high) / 2;
                let column = tap % wide + (columns - wide) / 2;
                centre.values[entry.offset + (kernel * rows + row) * columns + column] =
                    value as f32;
            }
        }
        let subnet = centre.subnet(&plan);
        let (batch, batches) = (material.recalibration_batch, &material.recalibration);
        let expected = subnet.fold(&recalibrate(&subnet, batch, batches));
        let images = material.judged.part(0..16);
        let logits = |net: &crate::supernet::FoldedNet| net.forward(&images.values, 16);
        let pairs = logits(&shipped.float).into_iter().zip(logits(&expected));
        for (found, expected) in pairs {
            let close = (found - expected).abs() < 1e-4 * (1.0 + expected.abs());
            assert!(close, "{text}: {found} {expected}");
        }
        assert_eq!(shipped.float.convs().count(), plan.nodes(&space).count());
    }
}

#[test]
fn a_sub_network_alone_has_no_matrix() {
    let config = learnt();
    let centre =
        RunConfig { kernel_transformation: KernelTransformation::Centre, ..config.clone() };
    let dataset = of_config(&config, None).unwrap();
    let coded = &supernano_base::codes::random_codes(&config.space(), 1, 1)[0];
    let recipe = Recipe { form: Form::Effective, epochs: 1, lr: 0.05, seed: 9 };
    let truth = |config| standalone::train_alone(config, &dataset, coded, &recipe).unwrap();
    assert_eq!(truth(&config), truth(&centre));
}

#[test]
fn matrices_are_refused_where_every_layer_has_one_kernel() {
    let head = "seed = 3\nenhancement = \"none\"\nkernel_transformation = \"learnt\"\n";
    let text = format!("{head}[data]\nname = \"glyphs\"\n{SPACE}{STEPS}");
    let error = RunConfig::parse(&text, "c.toml").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("kernel_transformation"), "{error}");
}
