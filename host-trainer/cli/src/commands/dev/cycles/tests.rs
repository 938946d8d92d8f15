use supernano_base::cycles::FlashReads;
use supernano_device::{Count, DeviceInfo, Traffic};

use super::*;

fn report(counts: [Count; 2], cycles: Option<Cycles>) -> LatencyReport {
    let [total, layer] = counts;
    LatencyReport {
        target: "tcp:a:1".into(),
        device: DeviceInfo {
            chip: "STM32F446RETx".into(),
            core: "cortex-m4".into(),
            clock_hz: 180_000_000,
            ..DeviceInfo::default()
        },
        code: "4-8".into(),
        unit: "cycles",
        total,
        vector_instructions: None,
        spread: 2,
        repeats: 5,
        milliseconds: None,
        scaled: None,
        network: None,
        traffic: Traffic::default(),
        arena_bytes: 0,
        stack_bytes: 0,
        open_stack_bytes: 0,
        checksum: 7,
        estimate: cycles.map(|cycles| {
            let reads = FlashReads { code_lines: 40, constant_lines: 10, constant_words: 0 };
            Estimate::counted("cortex-m4", 600, cycles, reads).at(180_000_000, Some(5))
        }),
        layers: vec![LayerCount {
            name: "conv".into(),
            count: layer,
            spread: 0,
            macs: 1,
            vector_instructions: None,
            cycles_estimated: cycles,
            flash_reads: None,
        }],
    }
}

#[test]
fn the_file_has_the_ratio_of_every_layer() {
    let measured = report([Count::Cycles(1250), Count::Cycles(1100)], None);
    let cycles = Cycles { low: 990, mid: 1000, high: 1020 };
    let emulated = report([Count::Instructions(600), Count::Instructions(580)], Some(cycles));
    let found = compare(&measured, &emulated).unwrap();
    assert_eq!((found.total.ratio, found.layers[0].ratio), (1.25, 1.1));
    assert_eq!(found.layers[0].instructions, 580);
    assert_eq!(found.estimate.with_flash.unwrap().cycles_estimated, 1250);
    let says = text(&found);
    for part in ["1.250", "990 to 1020", "STM32F446RETx at 180.0 MHz", "ratio 1.000"] {
        assert!(says.contains(part), "{says}");
    }
    let without = report([Count::Instructions(600), Count::Instructions(580)], None);
    assert!(compare(&measured, &without).is_err());
}
