use std::string::ToString as _;
use std::vec;
use std::vec::Vec;

use super::{WeightOrigin, lower};
use crate::arch::{Arch, ArchCode};
use crate::arena::ArenaPlan;
use crate::blob::{self, BlobView, Sections};
use crate::graph::{Header, Op};
use crate::kernel::pack::WeightShape;
use crate::plan::{ActivationScope, BranchScheme, Enhancement, WidthRule, resolve};
use crate::space::{RESNET8, RESNET20, Space};

const ALL_PRELU: Enhancement =
    Enhancement { widths: WidthRule::None, activation: ActivationScope::All };

/// Writes a blob of zeros, section by section, in the documented order.
fn zero_blob(header: &Header<'_>, labels: &[&str], data: &mut [u8], out: &mut [u8]) -> usize {
    let mut sections = Sections::new(data);
    let channels = |id: u8| header.tensors[usize::from(id)].shape.channels;
    let table = vec![0; usize::from(header.input().channels) * 256];
    assert_eq!(sections.table(&table).unwrap(), header.table);
    for op in &header.ops {
        match op {
            Op::Conv(c) => {
                let (input, output) = (channels(c.input), channels(c.output));
                let shape = WeightShape { output, kernel: c.geometry.kernel, input };
                let at = sections.conv_weights(c.kind, shape, &vec![0; shape.len()]).unwrap();
                assert_eq!(at, c.weights);
                let row = vec![0; usize::from(output)];
                let rows = vec![row.as_slice(); c.param_rows()];
                assert_eq!(sections.conv_params(&rows).unwrap(), c.params);
            }
            Op::Classifier(c) => {
                let (classes, inputs) = (usize::from(header.classes), channels(c.input));
                let weights = vec![0; classes * usize::from(inputs)];
                assert_eq!(sections.classifier_weights(inputs, &weights).unwrap(), c.weights);
                let row = vec![0; classes];
                assert_eq!(sections.classifier_params(&row, &row).unwrap(), c.params);
            }
        }
    }
    blob::write(header, labels, sections.data(), out).unwrap()
}

fn codes(space: &Space<'_>) -> Vec<Arch> {
    let size = u128::from(space.size());
    (0..12u128)
        .map(|i| {
            Arch::from_code(space, ArchCode((i * 0x9e37_79b9_7f4a_7c15 % size) as u64)).unwrap()
        })
        .chain([Arch::smallest(space), Arch::largest(space)])
        .collect()
}

#[test]
fn lengths_and_arena_are_those_of_the_written_blob() {
    let mut data = vec![0u8; 1 << 20];
    let mut out = vec![0u32; 1 << 18];
    let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
    for space in [RESNET8, RESNET20] {
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
                    let len = zero_blob(&lowered.header, labels, &mut data, out);
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
