use supernano_base::fixed;
use supernano_core::arch::{Arch, ArchCode};
use supernano_core::graph::KernelKind;
use supernano_core::lower::{Lowered, lower_with};
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{RESNET8, RESNET20, Space};

use super::{InstructionTable, LAYERS, LOOPS, Work, image_work, work};
use crate::cost::device::KINDS;

fn lowered<'a>(space: &Space<'a>, code: u128, kind: KernelKind) -> Lowered<'a> {
    let arch = Arch::from_code(space, ArchCode(code % space.size())).unwrap();
    let plan = resolve(space, &arch, Enhancement::PRELU_OE, BranchScheme::Shared);
    lower_with(space, &plan, "", &|_, _| kind)
}

fn works(space: &Space<'_>, code: u128, kind: KernelKind) -> Vec<Work> {
    let lowered = lowered(space, code, kind);
    lowered.header.ops.iter().map(|op| work(&lowered.header, op)).collect()
}

fn iterations(work: &Work, what: &str) -> f64 {
    work.iter().filter(|(term, _)| term.1 == what).map(|(_, n)| n).sum()
}

#[test]
fn work_is_that_of_the_padded_network() {
    let direct = works(&RESNET8, 0, KernelKind::Direct);
    // The first layer: 3 x 3, 3 input channels padded to 4, 5 output channels padded to 6, 32 x 32
    // pixels.
    let tiles = 32.0 * 8.0 * 3.0;
    assert_eq!(iterations(&direct[0], "tile"), tiles);
    assert_eq!(iterations(&direct[0], "tile-tap"), tiles * 9.0 * 2.0);
    assert_eq!(iterations(&direct[0], "pixel"), 32.0 * 32.0 * 3.0);
    assert_eq!(iterations(&direct[0], "image-word"), 32.0 * 32.0);
    // The second layer of the first block has a residual and a PReLU and pads 5 channels to 8.
    assert_eq!(iterations(&direct[2], "pixel-both"), 32.0 * 32.0 * 3.0);
    assert_eq!(iterations(&direct[2], "widen-word"), 32.0 * 32.0 * 2.0);
    // As a Winograd kernel it has 16 row pairs of 4 blocks.
    let winograd = works(&RESNET8, 0, KernelKind::WinogradOnline);
    assert_eq!(iterations(&winograd[2], "block-tap"), 16.0 * 4.0 * 3.0 * 4.0);
    assert_eq!(iterations(&winograd[2], "row-pair-weight"), 16.0 * 3.0 * 4.0);
    assert_eq!(iterations(&winograd[2], "edge-row"), 0.0);
    // With tall tiles it has 8 groups of four rows.
    let tall = works(&RESNET8, 0, KernelKind::WinogradTallOnline);
    assert_eq!(iterations(&tall[2], "block-tap"), 8.0 * 4.0 * 3.0 * 4.0);
    assert_eq!(iterations(&tall[2], "row-pair-weight"), 8.0 * 3.0 * 4.0);
    let classifier = direct.last().unwrap();
    assert_eq!(iterations(classifier, "class-channel"), 80.0);
}

#[test]
fn a_table_may_hold_every_loop_of_every_operation() {
    for kind in KINDS {
        for work in works(&RESNET20, 1 << 40, kind).iter().chain(&[image_work(3072)]) {
            for ((kernel, what), _) in work {
                let known = LOOPS.iter().any(|(k, loops)| k == kernel && loops.contains(what));
                assert!(known, "{kernel}.{what}");
            }
        }
    }
}

#[test]
fn a_table_may_hold_every_loop_of_every_layer() {
    let mut kernels = Vec::new();
    for index in 0..240 {
        let blob = fixed::blob(&fixed::random(2, index), index as usize % 2 * 100_000, 1).unwrap();
        let header = blob.view().unwrap().header();
        for op in &header.ops {
            let work = work(&header, op);
            assert_eq!(work[0].0.1, "call");
            for ((kernel, what), n) in &work {
                let known = |(k, loops): &&(&str, &[&str])| k == kernel && loops.contains(what);
                assert!(LOOPS.iter().chain(LAYERS).any(|each| known(&each)), "{kernel}.{what}");
                assert!(*n >= 0.0, "{kernel}.{what}: {n}");
            }
            kernels.push(work[0].0.0);
        }
    }
    // Exports of this program have no additions beside convolutions.
    for (kernel, _) in LAYERS.iter().filter(|(kernel, _)| *kernel != "add") {
        assert!(kernels.contains(kernel), "{kernel}");
    }
}

#[test]
fn work_of_a_depthwise_layer_is_that_of_its_channels() {
    let net = fixed::network("mobilenet-v1-025").unwrap();
    let blob = fixed::blob(&net, usize::MAX, 1).unwrap();
    let header = blob.view().unwrap().header();
    // 8 channels of 48 x 48 pixels with a pixel of padding on every side.
    let depthwise = work(&header, &header.ops[1]);
    assert_eq!(depthwise[0].0, ("depthwise", "call"));
    assert_eq!(iterations(&depthwise, "row-channel"), 48.0 * 8.0);
    assert_eq!(iterations(&depthwise, "pair"), 48.0 * 8.0 * 24.0);
    assert_eq!(iterations(&depthwise, "widen-call"), 48.0 * 2.0);
    assert_eq!(iterations(&depthwise, "outside-row"), 2.0);
    // 16 of 8 channels.
    let tiled = work(&header, &header.ops[2]);
    assert_eq!(tiled[0].0, ("tiled", "call"));
    assert_eq!(iterations(&tiled, "tile-tap"), 48.0 * 12.0 * 8.0 * 4.0);
    // The next depthwise layer has a stride of 2 and 16 channels.
    let strided = work(&header, &header.ops[3]);
    assert_eq!(strided[0].0, ("depthwise-2", "call"));
    assert_eq!(iterations(&strided, "pixel-tap"), 24.0 * 24.0 * 16.0 * 9.0);
}

#[test]
fn every_core_has_a_fitted_table_with_a_small_error() {
    for core in ["cortex-m0", "cortex-m3", "cortex-m4", "cortex-m7", "cortex-m33", "cortex-m55"] {
        let table = InstructionTable::of_core(core).unwrap();
        assert_eq!(table.core, core);
        assert!(table.counted > 0 && table.judged >= 50, "{core}");
        assert!(table.largest_error <= 0.01, "{core}");
        for kind in KINDS {
            assert!(table.knows(kind), "{core}: {kind:?}");
        }
        // The widest network costs a multiple of the narrowest; vectors are worth most in wide layers.
        let multiple = if core == "cortex-m55" { 2 } else { 5 };
        let [narrow, wide] = [0, RESNET20.size() - 1]
            .map(|code| table.network(&lowered(&RESNET20, code, KernelKind::Direct).header));
        assert!(wide > multiple * narrow, "{core}: {narrow} {wide}");
    }
}

#[test]
fn a_fit_recovers_the_coefficients_behind_the_counts() {
    let mut made = InstructionTable::of_core("cortex-m4").unwrap();
    let direct = made.terms.get_mut("direct").unwrap();
    direct.clear();
    for (what, each) in [("tile-tap", 13.0), ("tile", 21.0), ("pixel-both", 14.5), ("pixel", 11.0)]
    {
        direct.insert(what.to_owned(), each);
    }
    direct.insert("call".to_owned(), 310.0);
    direct.insert("widen-word".to_owned(), 6.0);
    let counts = |from: u64| -> Vec<(Work, u64, f64)> {
        (from..from + 40)
            .flat_map(|i| works(&RESNET8, u128::from(i * 0x9e37_79b9_u64), KernelKind::Direct))
            .map(|w| (w.clone(), made.instructions(&w).round() as u64, 1.0))
            .collect()
    };
    let blank = InstructionTable { terms: Default::default(), ..made.clone() };
    let fitted = blank.fitted(&counts(0));
    assert_eq!(fitted.counted, counts(0).len());
    for (work, count, _) in counts(1000) {
        assert!((fitted.instructions(&work) / count as f64 - 1.0).abs() < 1e-3, "{work:?}");
    }
    let untouched = InstructionTable::of_core("cortex-m4").unwrap();
    assert_eq!(untouched.fitted(&counts(0)).terms["winograd"], untouched.terms["winograd"]);
}

#[test]
fn broken_tables_are_refused() {
    let text = include_str!("../../../tables/cortex-m4.toml");
    for (from, to, field) in [
        ("unit = \"instructions\"", "unit = \"steps\"", "unit"),
        ("unit = \"instructions\"", "unit = \"cycles\"", "clock_hz"),
        ("[terms.strided]", "[terms.classifier2]", "strided"),
        ("[terms.direct]", "[terms.direct]\ncolour = 1.0", "colour"),
        ("[terms.direct]", "[terms.indirect]\ncall = 1.0\n[terms.direct]", "indirect"),
        ("[terms.direct]", "[terms.classifier]\ncall = nan\n[terms.direct]", ""),
    ] {
        assert!(text.contains(from));
        let error = InstructionTable::parse(&text.replacen(from, to, 1), "t.toml").unwrap_err();
        let says = error.to_string();
        assert!(says.starts_with("t.toml: ") && says.contains(field), "{error}");
    }
    let error = InstructionTable::of_core("cortex-m23").unwrap_err();
    assert!(error.to_string().contains("cortex-m55"), "{error}");
}
