//! A whole epoch on the first Vulkan device, which may be a software driver, against the CPU.

mod common;

use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use supernano_base::config::{Precision, RunConfig};
use supernano_base::progress::Silent;
use supernano_data::load;
use supernano_gpu::device::Device;
use supernano_train::run::Run;
use supernano_train::shard::ShardNumber;
use supernano_train::training::{
    Accelerator, Begin, FollowRequest, Meeting, SlicedAccelerator, TrainRequest, follow, lead,
    train, train_for,
};

use common::largest_difference;

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
    let worst = largest_difference(&sliced, &other);
    assert!(worst > 0.0 && worst < 2e-3, "{worst}");
    assert!((a.loss_students - b.loss_students).abs() < 1e-3, "{a:?} {b:?}");
    assert!(!a.panel.is_empty());
    assert_eq!(a.panel.len(), b.panel.len());
    for (a, b) in a.panel.iter().zip(&b.panel) {
        assert_eq!(a.code, b.code);
        assert!((a.ce - b.ce).abs() < 2e-2 && (a.top1 - b.top1).abs() < 0.07, "{a:?} {b:?}");
    }
}

/// A space of two convolutions. What two devices exchange does not depend on the layers, but each number of
/// paths has its own kernels.
const PAIR: &str = r#"
seed = 7
enhancement = "prelu+oe"
recalibration = { images = 16, batch = 8 }

[space]
name = "pair"
input = { height = 12, width = 12, channels = 3 }
classes = 5

[[space.block]]
conv = { kernel = 3, stride = 2, widths = [4, 8, 12], padding = "same" }

[[space.block]]
conv = { kernel = 3, widths = [4, 8], padding = "same" }

[data]
name = "glyphs"
train = 200
validation = 100
test = 10
"#;

/// Three steps: the largest network alone, a shared space with a live teacher, and halves with an
/// untrained one.
const STEPS: &str = r#"
[[step]]
kind = "largest"
epochs = 1
lr = 0.02
batch = 8
updates = 1

[[step]]
kind = "supernet"
epochs = 1
lr = 0.02
batch = 8
k = 3
clip = 1.0
updates = 2

[[step]]
kind = "supernet"
scheme = "halves"
teacher = "untrained"
epochs = 1
lr = 0.02
batch = 8
k = 3
updates = 1
"#;

fn meeting(address: &str, index: usize) -> Meeting<'_> {
    let [patience, silence] = [600, 120].map(Duration::from_secs);
    Meeting { peer: ShardNumber { index, of: 2 }, address, patience, silence }
}

#[test]
fn two_devices_train_what_one_does() {
    let folder = tempfile::tempdir().unwrap();
    let config = RunConfig::parse(&format!("{PAIR}{STEPS}"), "pair").unwrap();
    let device = Device::Vulkan.accelerator(0).unwrap();
    let request = |run| {
        let (accelerator, begin) = (&*device, Begin::New);
        TrainRequest { config: &config, run, begin, accelerator, minutes: None, deadline: None }
    };
    let weights = |run: &Path| Run::open(run).unwrap().weights.values;
    let [one, two] = ["one", "two"].map(|name| folder.path().join(name));
    let alone = train_for(&request(&one), &Silent).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    drop(listener);
    let (report, other) = std::thread::scope(|scope| {
        let follows = scope.spawn(|| {
            let accelerator = &*device;
            let request =
                FollowRequest { config: &config, meeting: meeting(&address, 2), accelerator };
            follow(&request, &Silent).unwrap()
        });
        let report = lead(&request(&two), &meeting(&address, 1), &Silent).unwrap();
        (report, follows.join().unwrap())
    });
    assert!(report.finished && other.updates == 4 && other.sent > 0, "{other:?}");
    let (a, b) = (weights(&one), weights(&two));
    let worst = largest_difference(&a, &b);
    // Sums in another order.
    assert!(a.len() == b.len() && worst > 0.0 && worst < 5e-5, "{worst}");
    assert_eq!(alone.epochs.len(), report.epochs.len());
    for (a, b) in alone.epochs.iter().zip(&report.epochs) {
        assert!((a.loss_largest - b.loss_largest).abs() < 1e-3, "{a:?} {b:?}");
        assert!((a.loss_students - b.loss_students).abs() < 1e-3, "{a:?} {b:?}");
    }
}

#[test]
fn a_precision_without_kernels_is_refused() {
    let device = Device::Vulkan.accelerator(0).unwrap();
    device.computes(Precision::Float32).unwrap();
    let refused = |found: supernano_base::error::Result<()>, what: &str| {
        let error = found.unwrap_err();
        let said = error.to_string();
        assert!(
            error.exit_code() == 2 && said.contains("precision") && said.contains(what),
            "{said}"
        );
    };
    refused(device.computes(Precision::Float16), "float16");
    // Some drivers have bfloat16.
    if let found @ Err(_) = device.computes(Precision::Bfloat16) {
        refused(found, "does not store bfloat16");
    }
    refused(SlicedAccelerator.computes(Precision::Bfloat16), "bfloat16");
}

#[test]
fn a_tiling_that_does_not_exist_is_refused() {
    assert!(Device::Vulkan.accelerator(9).is_err());
    assert!(Device::Cpu.accelerator(0).is_ok());
}
