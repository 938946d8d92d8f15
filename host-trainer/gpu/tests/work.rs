//! The expected work of updates, against the multiplications of the plans.

use supernano_base::config::{RunConfig, StepKind};
use supernano_base::rng::Key;
use supernano_core::arch::Arch;
use supernano_core::plan::resolve;
use supernano_gpu::expected::{Kind, work};
use supernano_train::training::sampling::draw;

/// Updates whose work is added up.
const UPDATES: u64 = 4;

#[test]
fn convolutions_compute_what_the_plans_count() {
    let text = include_str!("../../configs/demo.toml");
    let config = RunConfig::parse(text, "demo.toml").unwrap();
    let found = work(&config, UPDATES).unwrap();
    let space = config.space();
    let step = config.steps.iter().find(|step| step.kind == StepKind::Supernet).unwrap();
    let enhancement = step.enhancement(config.enhancement);
    let (mut macs, mut first) = (0, 0);
    for update in 0..UPDATES {
        let students = draw(&space, step, Key::new(config.seed), update).unwrap();
        for arch in students.iter().chain([&Arch::largest(&space)]) {
            let plan = resolve(&space, arch, enhancement, step.scheme);
            let nodes: Vec<u64> = plan.nodes(&space).map(|node| node.macs()).collect();
            macs += nodes.iter().sum::<u64>();
            first += nodes[0];
        }
    }
    let operations = |macs: u64| (2 * macs * step.batch as u64) as f64;
    assert_eq!(found[&Kind::Convolution].operations, operations(macs));
    assert_eq!(found[&Kind::Weights].operations, operations(macs));
    // The images have no gradient.
    assert_eq!(found[&Kind::Input].operations, operations(macs - first));
    let none = [Kind::Depthwise, Kind::DepthwiseInput, Kind::DepthwiseWeights, Kind::Pool];
    assert!(none.iter().all(|kind| !found.contains_key(kind)));
}
