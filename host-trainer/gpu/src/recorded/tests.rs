use supernano_gpu_kernels::cubecl::Runtime as _;
use supernano_gpu_kernels::cubecl::wgpu::{WgpuDevice, WgpuRuntime};

use crate::agreement::recorded_updates;

#[test]
fn recorded_and_sliced_are_the_same_update() {
    let client = WgpuRuntime::client(&WgpuDevice::default());
    let comparisons = recorded_updates(&client).unwrap();
    assert!(comparisons.len() > 12, "{comparisons:?}");
    for comparison in comparisons {
        assert!(comparison.agrees(), "{comparison:?}");
    }
}
