use supernano_core::arch::{Arch, ArchCode};
use supernano_core::lower::lower;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{RESNET8, RESNET20, Space};

use super::{Coefficients, InstructionTable, Kind, Work, work};

fn works(space: &Space<'_>, code: u64) -> Vec<Work> {
    let arch = Arch::from_code(space, ArchCode(code % space.size())).unwrap();
    let plan = resolve(space, &arch, Enhancement::PRELU_OE, BranchScheme::Shared);
    work(&lower(space, &plan, "").header).collect()
}

#[test]
fn work_is_that_of_the_padded_network() {
    let arch = Arch::smallest(&RESNET8);
    let plan = resolve(&RESNET8, &arch, Enhancement::PRELU_OE, BranchScheme::Shared);
    let work: Vec<Work> = work(&lower(&RESNET8, &plan, "").header).collect();
    // The stem: 3 channels read as 4, 5 written as 6, 32 x 32 pixels, 3 x 3.
    let outputs = 32.0 * 32.0 * 6.0;
    assert_eq!(work[0].amounts, [outputs * 36.0, outputs, 0.0, 0.0, 32.0 * 32.0 * 4.0, 1.0]);
    // Second layer of the first block: adds, PReLU, reads 5 channels as 8.
    let [macs, all, residual, prelu, widened, _] = work[2].amounts;
    assert_eq!([macs, all, residual, prelu], [outputs * 72.0, outputs, outputs, outputs]);
    assert_eq!(widened, 32.0 * 32.0 * 8.0);
    // The first projection: 1x1, stride 2, every second pixel of every second row.
    assert_eq!(work[4].kind, Kind::Pointwise);
    assert_eq!(work[4].amounts[4], 16.0 * 16.0 * 8.0);
    let classifier = work.last().unwrap();
    assert_eq!(classifier.amounts, [80.0, 10.0, 0.0, 0.0, 64.0 * 8.0, 1.0]);
}

#[test]
fn the_shipped_table_is_near_the_published_prototype() {
    let table = InstructionTable::cortex_m4().unwrap();
    let arch = Arch::largest(&RESNET20);
    let plan = resolve(&RESNET20, &arch, Enhancement::NONE, BranchScheme::Shared);
    let modelled = table.network(&lower(&RESNET20, &plan, "").header) as f64;
    assert!((modelled / 46.4e6 - 1.0).abs() < 0.1, "{modelled}");
}

#[test]
fn a_fit_recovers_the_coefficients_that_made_the_counts() {
    let shipped = InstructionTable::cortex_m4().unwrap();
    let made = InstructionTable {
        spatial: Coefficients {
            mac: 0.83,
            output: 14.5,
            residual: 2.5,
            prelu: 1.5,
            widened: 1.3,
            fixed: 900.0,
        },
        ..shipped.clone()
    };
    let counts: Vec<(Work, u64)> = (0..40u64)
        .flat_map(|i| works(&RESNET8, i * 0x9e37_79b9))
        .map(|w| (w, made.operation(&w).round() as u64))
        .collect();
    let fitted = shipped.fitted(&counts, "a test");
    assert_eq!((fitted.counted, fitted.provenance.as_str()), (counts.len(), "a test"));
    for (w, n) in &counts {
        assert!((fitted.operation(w) / *n as f64 - 1.0).abs() < 1e-3);
    }
    assert!((fitted.spatial.mac - 0.83).abs() < 0.01, "{fitted:?}");
    assert_eq!(fitted.classifier.residual, shipped.classifier.residual);
}

#[test]
fn broken_tables_are_refused() {
    let text = include_str!("../../../tables/cortex-m4.toml");
    for (from, to) in [
        ("unit = \"instructions\"", "unit = \"cycles\""),
        ("mac = 0.9520", "mac = -1.0"),
        ("counted = 50", "counted = 50\ncolour = 1"),
    ] {
        assert!(text.contains(from));
        let error = InstructionTable::parse(&text.replacen(from, to, 1), "t.toml").unwrap_err();
        assert!(error.to_string().starts_with("t.toml: "), "{error}");
    }
}
