//! Sums over the units of a cube.

use cubecl::prelude::*;

/// The sum of a value over the units of a channel, for each of them. Adjacent units of the cube have
/// adjacent channels. Every unit calls it; `scratch` holds a value for each.
#[cube]
pub(crate) fn sum_channel(
    value: f32,
    scratch: &mut SharedMemory<f32>,
    #[comptime] channels: u32,
    #[comptime] units: u32,
) -> f32 {
    let channel = UNIT_POS % channels;
    sync_cube();
    scratch[UNIT_POS as usize] = value;
    sync_cube();
    let mut sum = 0.0f32;
    for i in range_stepped(channel, units, channels) {
        sum += scratch[i as usize];
    }
    sum
}

/// Sums `values`, one for each of `outputs`, over all units, and leaves the sums in `totals`. Every
/// unit of the cube calls it. `scratch` holds `(outputs + 1) units` values.
#[cube]
pub(crate) fn sum_units(
    values: &Array<f32>,
    scratch: &mut SharedMemory<f32>,
    totals: &mut SharedMemory<f32>,
    #[comptime] outputs: u32,
    #[comptime] units: u32,
) {
    let unit = UNIT_POS;
    let groups = comptime!((units / outputs).clamp(1, 16));
    // What earlier readers of the totals still need stays until here.
    sync_cube();
    #[unroll]
    for o in 0..outputs {
        scratch[(o * units + unit) as usize] = values[o as usize];
    }
    sync_cube();
    let first = comptime!(outputs * units);
    for at in range_stepped(unit, groups * outputs, units) {
        let o = at % outputs;
        let group = at / outputs;
        let mut sum = 0.0f32;
        for i in range_stepped(group, units, groups) {
            sum += scratch[(o * units + i) as usize];
        }
        scratch[(first + at) as usize] = sum;
    }
    sync_cube();
    for o in range_stepped(unit, outputs, units) {
        let mut sum = 0.0f32;
        for group in 0..groups {
            sum += scratch[(first + group * outputs + o) as usize];
        }
        totals[o as usize] = sum;
    }
    sync_cube();
}
