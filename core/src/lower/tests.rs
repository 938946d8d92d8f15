use std::string::ToString as _;
use std::vec;
use std::vec::Vec;

use super::{WeightOrigin, lower};
use crate::arch::{Arch, ArchCode};
use crate::arena::{ArenaPlan, roll};
use crate::blob::{self, BlobView, Sections};
use crate::exec::{Digest, Network};
use crate::graph::{Form, Header, KernelKind, Op};
use crate::kernel::pack::WeightShape;
use crate::kernel::{Host, Kernels, Packed, Reference};
use crate::plan::{ActivationScope, BranchScheme, Enhancement, WidthRule, resolve};
use crate::space::{BUILTIN, DS_CNN, MOBILENET_V1_025, MOBILENET_V2_TINY, RESNET8, Space};
use crate::testnet::Random;

const ALL_PRELU: Enhancement =
    Enhancement { widths: WidthRule::None, activation: ActivationScope::All };

/// Writes a blob of random weights, section by section, in the documented order.
fn random_blob(header: &Header<'_>, labels: &[&str], data: &mut [u8], out: &mut [u8]) -> usize {
    let mut sections = Sections::new(data);
    let mut numbers = Random(5);
    let mut random =
        |count: usize| -> Vec<i8> { (0..count).map(|_| numbers.range(-127, 127) as i8).collect() };
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let table = vec![0; usize::from(header.input().channels) * 256];
    assert_eq!(sections.table(&table).unwrap(), header.table);
    for op in &header.ops {
        match op {
            Op::Conv(c) => {
                let (input, output) = (channels(c.input), channels(c.output));
                let shape = WeightShape { output, kernel: c.geometry.kernel, input };
                let read = header.tensors[usize::from(c.input)].shape;
                let at = match c.form {
                    Form::Full => sections.conv_weights(c.kind, shape, &random(shape.len())),
                    Form::Depthwise => sections.depthwise_weights(
                        c.geometry.kernel,
                        &random(usize::from(output) * c.geometry.taps()),
                    ),
                    Form::Dense => {
                        let count = usize::from(output) * read.len();
                        sections.dense_weights(read, c.input == 0, &random(count))
                    }
                    _ => Ok(0),
                };
                assert_eq!(at.unwrap(), c.weights);
                // Bias, factor of the added tensor or the average, then multipliers.
                let factors = usize::from(c.residual.is_some()) + usize::from(c.form.scaled());
                let row = |value: i32| vec![value; usize::from(output)];
                let rows = [row(1_000), row(300), row(1 << 22), row(1 << 21)];
                let rows: Vec<&[i32]> = (0..c.param_rows())
                    .map(|i| match i {
                        0 => rows[0].as_slice(),
                        _ if i <= factors => &rows[1],
                        _ if i == factors + 1 => &rows[2],
                        _ => &rows[3],
                    })
                    .collect();
                let at = if rows.is_empty() { 0 } else { sections.conv_params(&rows).unwrap() };
                assert_eq!(at, c.params);
            }
            Op::Classifier(c) => {
                let (classes, inputs) = (usize::from(header.classes), channels(c.input));
                let weights = random(classes * usize::from(inputs));
                assert_eq!(sections.classifier_weights(inputs, &weights).unwrap(), c.weights);
                let row = vec![0; classes];
                assert_eq!(sections.classifier_params(&row, &row).unwrap(), c.params);
            }
        }
    }
    blob::write(header, labels, sections.data(), out).unwrap()
}

fn codes(space: &Space<'_>) -> Vec<Arch> {
    let size = space.size();
    (0..12u128)
        .map(|i| {
            let code = (i * 0x9e37_79b9_7f4a_7c15).wrapping_mul(i << 60 | 1) % size;
            Arch::from_code(space, ArchCode(code)).unwrap()
        })
        .chain([Arch::smallest(space), Arch::largest(space)])
        .collect()
}

#[test]
fn lengths_and_arena_are_those_of_the_written_blob() {
    let mut data = vec![0u8; 1 << 21];
    let mut out = vec![0u32; 1 << 19];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    for &space in BUILTIN {
        let names: Vec<_> =
            (0..space.classes).map(|i| std::format!("class {i}")).collect::<Vec<_>>();
        let labels: Vec<&str> = names.iter().map(|n| n.as_str()).collect();
        let label_bytes = labels.iter().map(|l| l.len() + 1).sum();
        for enhancement in [Enhancement::NONE, Enhancement::PRELU_OE, ALL_PRELU] {
            for arch in codes(&space) {
                let plan = resolve(&space, &arch, enhancement, BranchScheme::Shared);
                let code = arch.display(&space).to_string();
                let lowered = lower(&space, &plan, &code);
                for (labels, bytes) in [(labels.as_slice(), label_bytes), (&[][..], 0)] {
                    let len = random_blob(&lowered.header, labels, &mut data, out);
                    assert_eq!(blob::encoded_len(&lowered.header, bytes, lowered.data_len), len);
                    let view = BlobView::new_checked(&out[..len]).unwrap();
                    let plan = ArenaPlan::of_header(&lowered.header);
                    assert_eq!(plan.bytes(), view.arena_bytes());
                }
            }
        }
    }
}

#[test]
fn residual_blocks_are_ordered_as_documented() {
    let arch = Arch::largest(&RESNET8);
    let plan = resolve(&RESNET8, &arch, Enhancement::NONE, BranchScheme::Shared);
    let lowered = lower(&RESNET8, &plan, "x");
    let expected = [
        WeightOrigin::Layer(0),
        WeightOrigin::Layer(1),
        WeightOrigin::Layer(2),
        WeightOrigin::Layer(3),
        WeightOrigin::Projection(4),
        WeightOrigin::Layer(4),
        WeightOrigin::Layer(5),
        WeightOrigin::Projection(6),
        WeightOrigin::Layer(6),
        WeightOrigin::Classifier,
    ];
    assert_eq!(lowered.sources.as_slice(), expected);
    let residuals: Vec<_> = lowered.header.convs().filter_map(|(_, c)| c.residual).collect();
    // The identity shortcut adds the stem's output, the projections add their own.
    assert_eq!(residuals, [1, 5, 8]);
}

/// The digest of all maps and logits of a random network.
fn digest<K: Kernels>(view: &BlobView<'_>, kernels: K) -> u32 {
    let network = Network::new(view, kernels);
    let image: Vec<u8> = (0..view.header().input().len()).map(|i| (i * i / 7 + i) as u8).collect();
    let mut arena = vec![0; network.arena_words()];
    let mut logits = vec![0; view.classes()];
    let mut digest = Digest::new(view);
    network.run(&image, &mut arena, &mut logits, &mut digest).unwrap();
    digest.finish(&logits)
}

/// Lowered sub-networks of every built-in space are legal, and the packed kernels agree with the
/// reference, layer by layer and with layers that roll.
#[test]
fn sub_networks_of_all_spaces_run() {
    let mut data = vec![0u8; 1 << 21];
    let mut out = vec![0u32; 1 << 19];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    for &space in BUILTIN {
        let spread = codes(&space).into_iter().step_by(4);
        for (i, arch) in spread.enumerate() {
            let enhancement = [Enhancement::NONE, Enhancement::PRELU_OE, ALL_PRELU][i % 3];
            let plan = resolve(&space, &arch, enhancement, BranchScheme::Shared);
            let code = arch.display(&space).to_string();
            let mut header = lower(&space, &plan, &code).header;
            if i % 2 == 0 && !space.is_residual() {
                roll(&mut header, 0);
            }
            let len = random_blob(&header, &[], &mut data, out);
            let view = BlobView::new_checked(&out[..len]).unwrap();
            let expected = digest(&view, Reference);
            assert_eq!(digest(&view, Packed(Host::default())), expected, "{} {code}", space.name);
        }
    }
}

/// The networks of MLPerf Tiny have the arenas that their hand-written tables have, with the kernels
/// that the documents name.
#[test]
fn the_benchmarks_networks_have_their_kernels_and_arenas() {
    for (space, code, arena) in [
        (MOBILENET_V1_025, "8-16-32-32-64-64-d6-128-128-128-128-128-128-256-256", 31_104),
        (DS_CNN, "64-d4-64-64-64-64", 11_584),
    ] {
        let arch = Arch::parse(&space, code).unwrap();
        let plan = resolve(&space, &arch, Enhancement::NONE, BranchScheme::Shared);
        let mut header = lower(&space, &plan, code).header;
        for (i, conv) in header.convs() {
            let expected = match (i, conv.form) {
                (0, _) => KernelKind::Flat,
                (_, Form::Full) => KernelKind::Pointwise,
                _ => KernelKind::Direct,
            };
            assert_eq!(conv.kind, expected);
        }
        roll(&mut header, 0);
        assert_eq!(ArenaPlan::of_header(&header).bytes(), arena, "{}", space.name);
    }
    // The largest expanded map, 64 x 64 x 96, exists only as rings.
    let space = &MOBILENET_V2_TINY;
    let plan = resolve(space, &Arch::largest(space), Enhancement::NONE, BranchScheme::Shared);
    let mut header = lower(space, &plan, "x").header;
    let largest = header.tensors.iter().map(|t| t.words() * 4).max().unwrap();
    roll(&mut header, 0);
    assert_eq!(largest, 64 * 64 * 96);
    assert!(ArenaPlan::of_header(&header).bytes() < largest);
}
