use supernano_gpu_kernels::cubecl::Runtime as _;
use supernano_gpu_kernels::cubecl::client::ComputeClient;
use supernano_gpu_kernels::cubecl::wgpu::{WgpuDevice, WgpuRuntime};

use super::engine::RecordedAccelerator;
use crate::agreement::recorded_updates;
use crate::engine::tests::assert_epoch_agrees;

fn client() -> ComputeClient<WgpuRuntime> {
    WgpuRuntime::client(&WgpuDevice::default())
}

#[test]
fn recorded_and_sliced_are_the_same_update() {
    let comparisons = recorded_updates(&client()).unwrap();
    assert!(comparisons.len() > 12, "{comparisons:?}");
    for comparison in comparisons {
        assert!(comparison.agrees(), "{comparison:?}");
    }
}

#[test]
fn an_epoch_of_recorded_updates_equals_an_epoch_path_by_path() {
    assert_epoch_agrees(&RecordedAccelerator::new(client));
}
