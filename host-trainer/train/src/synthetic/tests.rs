use supernano_core::kernel::Reference;
use supernano_core::lower::lower;
use supernano_core::plan::{BranchScheme, Enhancement, resolve};
use supernano_core::space::{RESNET8, RESNET20};

use super::*;

/// The blob of a random network has the sizes that the search reads off the graph, and both sets
/// of kernels give the same logits for it.
#[test]
fn blobs_have_the_sizes_of_the_graph_and_run() {
    for (space, enhancement) in [(RESNET20, Enhancement::PRELU_OE), (RESNET8, Enhancement::NONE)] {
        let arch = &codes(&space, 1, 3)[0];
        let plan = resolve(&space, arch, enhancement, BranchScheme::Shared);
        let code = arch.display(&space).to_string();
        let made = blob(&space, &plan, &code, Prefer::Ram, 5).unwrap();
        assert_eq!(made, blob(&space, &plan, &code, Prefer::Ram, 5).unwrap());
        assert_ne!(made, blob(&space, &plan, &code, Prefer::Ram, 6).unwrap());
        let lowered = lower(&space, &plan, &code);
        let (view, expected) = (made.view().unwrap(), &lowered.header);
        assert_eq!(view.header().ops.len(), expected.ops.len());
        let shapes = |h: &supernano_core::graph::Header<'_>| -> Vec<_> {
            h.tensors.iter().map(|t| t.shape).collect()
        };
        assert_eq!(shapes(&view.header()), shapes(expected));
        let test = images(&space, 1).unwrap().test;
        assert_eq!(made.logits(&test).unwrap(), made.logits_with(&test, || Reference).unwrap());
    }
}

#[test]
fn codes_repeat_and_differ() {
    let (some, more) = (codes(&RESNET20, 20, 1), codes(&RESNET20, 30, 1));
    assert_eq!(some[..], more[..20]);
    assert_ne!(codes(&RESNET20, 20, 2), some);
    assert_eq!(codes(&RESNET8, 40, 1).len(), 40);
}
