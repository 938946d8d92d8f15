//! A whole epoch on the first Vulkan device, which may be a software driver, against the CPU.

use supernano_base::config::RunConfig;
use supernano_base::progress::Silent;
use supernano_data::load;
use supernano_gpu::device::Device;
use supernano_train::run::Run;
use supernano_train::training::{Accelerator, Begin, SlicedAccelerator, train};

#[test]
fn an_epoch_on_the_device_equals_an_epoch_path_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig::parse(include_str!("../agreement.toml"), "agreement.toml").unwrap();
    let dataset = load(&config.data).unwrap();
    let epoch = |name: &str, accelerator: &dyn Accelerator| {
        let run = folder.path().join(name);
        let epochs = train(&config, &dataset, &run, Begin::New, accelerator, &Silent).unwrap();
        let run = Run::open(&run).unwrap();
        (run.weights.values, epochs[0].clone())
    };
    let (sliced, a) = epoch("sliced", &SlicedAccelerator);
    let (other, b) = epoch("device", &*Device::Vulkan.accelerator(0).unwrap());
    let worst = sliced.iter().zip(&other).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    assert!(worst > 0.0 && worst < 2e-3, "{worst}");
    assert!((a.loss_students - b.loss_students).abs() < 1e-3, "{a:?} {b:?}");
    assert!(!a.panel.is_empty());
    assert_eq!(a.panel.len(), b.panel.len());
    for (a, b) in a.panel.iter().zip(&b.panel) {
        assert_eq!(a.code, b.code);
        assert!((a.ce - b.ce).abs() < 2e-2 && (a.top1 - b.top1).abs() < 0.07, "{a:?} {b:?}");
    }
}

#[test]
fn a_tiling_that_does_not_exist_is_refused() {
    assert!(Device::Vulkan.accelerator(9).is_err());
    assert!(Device::Cpu.accelerator(0).is_ok());
}
