use supernano_base::blob::Blob;
use supernano_base::images::Images;
use supernano_core::arch::Arch;
use supernano_core::blob::BlobView;
use supernano_core::plan::{ActivationScope, BranchScheme, Enhancement, WidthRule, resolve};
use supernano_core::space::RESNET20;
use supernano_search::cost::kernels::rewritten;

use supernano_core::graph::Geometry;

use super::*;
use crate::export::Prefer;
use crate::synthetic;

const SMALL: &str = "4-4-4-4-4-4-4-8-8-8-8-8-8-16-16-16-16-16-16";

const NONE: Enhancement =
    Enhancement { widths: WidthRule::None, activation: ActivationScope::None };

fn small() -> Blob {
    let arch = Arch::parse(&RESNET20, SMALL).unwrap();
    let plan = resolve(&RESNET20, &arch, NONE, BranchScheme::Shared);
    synthetic::blob(&RESNET20, &plan, SMALL, Prefer::Ram, 1).unwrap()
}

/// The choice differs between cores with and without published timings, and the answers do not.
#[test]
fn a_preference_takes_the_cheaper_kernel_of_each_convolution() {
    let blob = small();
    assert_eq!(Prefer::Ram.apply(blob.clone(), "cortex-m4").unwrap(), blob);
    let pixels: Vec<u8> = (0..RESNET20.input.len()).map(|i| (i * 37 % 251) as u8).collect();
    let test = Images::new(RESNET20.input, pixels, vec![0]);
    let mut tall = 0;
    for core in ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m33", "cortex-m55"] {
        let table = InstructionTable::of_core(core).unwrap();
        let cycles = CycleTable::of_core(core).unwrap();
        for (prefer, kind) in [
            (Prefer::Speed, KernelKind::WinogradTall),
            (Prefer::Flash, KernelKind::WinogradTallOnline),
        ] {
            let made = prefer.apply(blob.clone(), core).unwrap();
            assert_eq!(made.logits(&test).unwrap(), blob.logits(&test).unwrap());
            let (before, after) = (blob.view().unwrap().header(), made.view().unwrap().header());
            for ((_, direct), (_, chosen)) in before.convs().zip(after.convs()) {
                let cost = |kind| {
                    let op = Op::Conv(Conv { kind, ..*direct });
                    let estimated = cycles.as_ref().map(|c| c.operation(&before, &op).mid);
                    estimated.unwrap_or_else(|| table.operation(&before, &op))
                };
                let usable = kind.suits(&direct.geometry);
                let cheaper = usable && cost(kind) < cost(KernelKind::Direct);
                tall += usize::from(cheaper);
                assert_eq!(chosen.kind, if cheaper { kind } else { KernelKind::Direct }, "{core}");
            }
            if prefer == Prefer::Flash {
                assert_eq!(made.bytes().len(), blob.bytes().len());
            }
        }
    }
    assert!(tall > 0);
}

#[test]
fn candidates_cost_what_the_rewritten_network_costs() {
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let blob = Prefer::Speed.apply(small(), "cortex-m4").unwrap();
    let header = blob.view().unwrap().header();
    let cycles = CycleTable::of_core("cortex-m4").unwrap();
    let list = kernel_choices(&header, &table, cycles.as_ref());
    for candidate in list.iter().flat_map(|choice| &choice.candidates) {
        assert!(candidate.cycles_estimated.unwrap().mid > candidate.instructions, "{candidate:?}");
    }
    // 19 convolutions of 3x3 and 9 shortcuts.
    assert_eq!(list.len(), 28);
    let direct = rewritten(&blob, &|_, _| KernelKind::Direct).unwrap();
    let mut several = 0;
    for choice in &list {
        let at = choice.operation - 1;
        let Op::Conv(conv) = header.ops[at] else { panic!("no convolution") };
        let chosen: Vec<&KernelCandidate> = choice.candidates.iter().filter(|c| c.chosen).collect();
        assert_eq!(chosen.len(), 1);
        assert_eq!(chosen[0].kernel, kernel_name(conv.kind));
        assert_eq!(chosen[0].arena_bytes, blob.view().unwrap().arena_bytes());
        let kinds = if conv.geometry == Geometry::same(3, 1) { KINDS.len() } else { 1 };
        assert_eq!(choice.candidates.len(), kinds);
        several += usize::from(kinds > 1);
        for (candidate, kind) in choice.candidates.iter().zip(KINDS) {
            let one = |op: usize, c: &Conv| if op == at { kind } else { c.kind };
            let other = rewritten(&blob, &one).unwrap();
            let view: BlobView<'_> = other.view().unwrap();
            assert_eq!(candidate.arena_bytes, view.arena_bytes());
            assert_eq!(
                candidate.instructions,
                table.operation(&view.header(), &view.header().ops[at])
            );
            let alone = |op: usize, _: &Conv| if op == at { kind } else { KernelKind::Direct };
            let alone = rewritten(&direct, &alone).unwrap();
            let extra = alone.bytes().len() - direct.bytes().len();
            assert_eq!(candidate.extra_flash_bytes, extra);
        }
    }
    assert_eq!(several, 17);
}
