use supernano_core::graph::Conv;
use supernano_core::kernel::Reference;
use supernano_core::lower::lower;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{BUILTIN, RESNET8, RESNET20};
use supernano_search::cost::limits::DEFAULT_CORE;

use super::*;
use crate::export::ImageSet;
use crate::export::simulate::integer_input;

/// The blob of a random network has the operations and the sizes that the search reads off the graph,
/// and both sets of kernels give the same logits for it.
#[test]
fn blobs_have_the_sizes_of_the_graph_and_run() {
    for space in BUILTIN {
        let enhancement =
            if space.name == "resnet8" { Enhancement::NONE } else { Enhancement::PRELU_OE };
        let mut archs = codes(space, 2, 3);
        archs.push(Arch::smallest(space));
        for arch in &archs {
            let plan = resolve(space, arch, enhancement, BranchScheme::Shared);
            let code = arch.display(space).to_string();
            let made = blob(space, &plan, &code, Prefer::Ram, 5).unwrap();
            assert_eq!(made, blob(space, &plan, &code, Prefer::Ram, 5).unwrap());
            assert_ne!(made, blob(space, &plan, &code, Prefer::Ram, 6).unwrap());
            let expected = lower(space, &plan, &code).header;
            let found = made.view().unwrap().header();
            let shapes = |h: &supernano_core::graph::Header<'_>| -> Vec<_> {
                h.tensors.iter().map(|t| t.shape).collect()
            };
            assert_eq!(shapes(&found), shapes(&expected), "{code}");
            assert_eq!(found.ops.len(), expected.ops.len());
            for ((_, found), (_, expected)) in found.convs().zip(expected.convs()) {
                // sections and rolling aside
                let Conv { rolls, weights, params, .. } = *found;
                assert_eq!(*found, Conv { rolls, weights, params, ..*expected }, "{code}");
            }
            let test = images(plan.image, 1).unwrap().test;
            let logits = made.logits(&test).unwrap();
            assert_eq!(logits, made.logits_with(&test, || Reference).unwrap(), "{code}");
            let fast = blob(space, &plan, &code, Prefer::Speed, 5).unwrap();
            let fast = Prefer::Speed.apply(fast, DEFAULT_CORE).unwrap();
            assert_eq!(logits, fast.logits(&test).unwrap(), "{code}");
        }
    }
}

/// The integers of the simulation, which tunes and measures, equal those of the executor.
#[test]
fn the_simulation_equals_the_executor() {
    for space in BUILTIN {
        for arch in codes(space, 3, 8) {
            let plan = resolve(space, &arch, Enhancement::OE, BranchScheme::Shared);
            let dataset = images(plan.image, 2).unwrap();
            let set = CalibrationSet::new(&dataset, IMAGES).unwrap();
            let net = network(space, &plan, 7);
            let params = observe(&net, &set.images).params(RangeRule::default());
            let net = QuantisedNet::with(&net, &params, &set.normalisation);
            let code = arch.display(space).to_string();
            let (name, residual) = (space.name, space.is_residual());
            let info =
                BlobInfo { space: name, code: &code, residual, classes: &[], front_end: None };
            let made = build(&net, &info, Prefer::Ram).unwrap();
            let test = ImageSet::first(&dataset, &dataset.test, 8);
            let x = integer_input(&net, &test.part(0..8));
            let simulated = net.forward(x, &mut |_, _| {});
            assert_eq!(simulated, made.logits(&dataset.test).unwrap(), "{name} {code}");
        }
    }
}

#[test]
fn codes_repeat_and_differ() {
    let (some, more) = (codes(&RESNET20, 20, 1), codes(&RESNET20, 30, 1));
    assert_eq!(some[..], more[..20]);
    assert_ne!(codes(&RESNET20, 20, 2), some);
    assert_eq!(codes(&RESNET8, 40, 1).len(), 40);
}
