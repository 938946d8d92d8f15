use super::*;

const TINY: &[u8] = include_bytes!("../../../../../tests/golden/tiny.snb");

#[test]
fn specimens_take_turns_and_repeat() {
    for index in 0..8 {
        let one = specimen(7, index, true).unwrap();
        assert_eq!(one, specimen(7, index, true).unwrap());
        assert_eq!(one.space.name, RESIDUAL[index as usize % 2].name);
        assert_eq!(one.kinds.len(), one.space.blocks.len());
        if index % 4 >= 2 {
            for (i, &option) in one.space.free_layers().zip(one.arch.options()) {
                assert!(usize::from(option) < one.space.layers[i].widths.len().div_ceil(2));
            }
        }
    }
    assert_ne!(specimen(7, 0, true).unwrap().arch, specimen(8, 0, true).unwrap().arch);
}

#[test]
fn layered_networks_take_turns_and_repeat() {
    for index in [0, 5, 6] {
        let (named, blob) = layered(7, index, index == 0).unwrap();
        let (again, same) = layered(7, index, index == 0).unwrap();
        assert_eq!((&named, blob.bytes()), (&again, same.bytes()));
        let rolls = blob.view().unwrap().header().convs().any(|(_, conv)| conv.rolls);
        assert!(!rolls || index >= 6, "{named:?}");
        assert_eq!(named.fitted, index == 0);
    }
}

/// The golden network with counts by the shipped table and `read` instructions for each row.
fn counted(fitted: bool, read: u64) -> Counted {
    let table = InstructionTable::of_core("cortex-m4").unwrap();
    let blob = Blob::new(TINY, "tiny.snb").unwrap();
    let parts: Vec<(String, u32)> = works(&blob)
        .unwrap()
        .iter()
        .zip(reads(&blob).unwrap())
        .map(|(work, reads)| {
            let count = table.instructions(work).round() as u64 + read * reads as u64;
            (work[0].0.0.to_owned(), count as u32)
        })
        .collect();
    let total = table.network(&blob.view().unwrap().header()) as u32;
    let counts = RawCounts { total, parts, stack_bytes: 400 };
    Counted::new(specimen(1, 0, fitted).unwrap().named(), blob, &counts).unwrap()
}

#[test]
fn the_cost_of_reading_the_meter_is_taken_off() {
    let (with, without) = (counted(true, 11), counted(true, 0));
    for ((name, _, n), (_, _, exact)) in with.parts.iter().zip(&without.parts) {
        assert!(n.abs_diff(*exact) <= 1, "{name}: {n} {exact}");
    }
}

#[test]
fn a_table_models_the_counts_that_it_was_fitted_to() {
    let counted = [counted(true, 11), counted(false, 11)];
    let device = CountingDevice {
        target: "tcp:board:1".into(),
        core: "cortex-m4".into(),
        cycles_of: Some(("x".into(), 16_000_000)),
    };
    let options = CalibrationOptions { seed: 5, code: Some(9000), ..Default::default() };
    let (table, report) = calibrate(&counted, &device, options).unwrap();
    assert!(report.largest_error < 1e-3, "{report:?}");
    assert_eq!((table.judged, table.counted), (1, counted[0].parts.len()));
    assert_eq!((table.unit.as_str(), table.clock_hz), ("cycles", Some(16_000_000)));
    assert_eq!((table.overhead.code, table.overhead.stack), (9000, 400));
    let begin = "supernano dev calibrate --target tcp:board:1 --seed 5: fitted to";
    assert!(table.provenance.starts_with(begin), "{}", table.provenance);
}

#[test]
fn shaped_residual_networks_and_prelu_take_their_turns() {
    let (mut shapes, mut prelu) = (Vec::new(), 0);
    for index in (0..40).chain(JUDGES..JUDGES + 10) {
        match Sample::draw(7, index).unwrap() {
            Sample::Residual(one) if one.space.name.contains('x') => shapes.push(one.space.name),
            Sample::Layered(named, blob) if named.space.ends_with("(PReLU)") => {
                assert_eq!(named.fitted, index < JUDGES);
                let has = |(_, conv): (_, &supernano_core::graph::Conv)| {
                    conv.activation == Activation::Prelu
                };
                assert!(blob.view().unwrap().header().convs().any(has));
                prelu += 1;
            }
            _ => {}
        }
    }
    let names = SHAPED.map(|space| space.name);
    assert_eq!((&shapes[..4], shapes.len(), prelu), (&names[..], 5, 5));
}
