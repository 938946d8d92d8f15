//! Search spaces that own their layers.
//!
//! [`supernano_core::space::Space`] borrows its data. [`SharedSpace`] owns such data, shared by
//! reference count, and lends it as a `Space`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use supernano_core::arch::Arch;
use supernano_core::space::{Block, Head, Layer, Shape, Space, Stage};

/// A search space, owned.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedSpace(Arc<Owned>);

#[derive(Clone, Debug, PartialEq)]
struct Owned {
    name: String,
    input: Shape,
    resolutions: Vec<u16>,
    classes: u16,
    head: Head,
    layers: Vec<Layer<'static>>,
    blocks: Vec<Block>,
    stages: Vec<Stage<'static>>,
    enhanced: Vec<[u16; 2]>,
    ignored_digits: u8,
}

impl SharedSpace {
    /// A copy of a space.
    pub fn of(space: &Space<'_>) -> Self {
        let layer = |l: &Layer<'_>| narrowed(l, l.widths, l.kernels, l.same_as);
        let stage = |s: &Stage<'_>| Stage { first: s.first, depths: DEPTHS.interned(s.depths) };
        Self(Arc::new(Owned {
            name: space.name.to_owned(),
            input: space.input,
            resolutions: space.resolutions.to_vec(),
            classes: space.classes,
            head: space.head,
            layers: space.layers.iter().map(layer).collect(),
            blocks: space.blocks.to_vec(),
            stages: space.stages.iter().map(stage).collect(),
            enhanced: space.enhanced.to_vec(),
            ignored_digits: space.ignored_digits,
        }))
    }

    /// The space.
    pub fn get(&self) -> Space<'_> {
        let owned = &*self.0;
        Space {
            name: &owned.name,
            input: owned.input,
            resolutions: &owned.resolutions,
            classes: owned.classes,
            head: owned.head,
            layers: &owned.layers,
            blocks: &owned.blocks,
            stages: &owned.stages,
            enhanced: &owned.enhanced,
            ignored_digits: owned.ignored_digits,
        }
    }

    /// The space with the options of one sub-network alone, without the blocks that it leaves out. Its
    /// codes have the widths of the sub-network; options that are fixed now are not written.
    pub fn single(space: &Space<'_>, arch: &Arch) -> Self {
        let (mut layers, mut blocks) = (Vec::new(), Vec::new());
        // Index in the new space of each layer.
        let mut places = vec![None; space.layers.len()];
        for placed in space.placed_blocks().filter(|b| arch.keeps(space, b.index)) {
            blocks.push(placed.block);
            for i in placed.first..=placed.last() {
                let layer = &space.layers[i];
                let width = match arch.expansion(space, i) {
                    Some(factor) => vec![factor],
                    None if layer.widths.is_empty() => Vec::new(),
                    None => vec![arch.nominal(space, i).0],
                };
                places[i] = Some(layers.len() as u8);
                let tie = layer.same_as.and_then(|tie| places[usize::from(tie)]);
                layers.push(narrowed(layer, &width, &[arch.kernel(space, i)], tie));
            }
        }
        Self::of(&Space {
            input: arch.image(space),
            resolutions: &[],
            layers: &layers,
            blocks: &blocks,
            stages: &[],
            ignored_digits: 0,
            ..*space
        })
    }
}

/// A layer with other options.
fn narrowed(
    layer: &Layer<'_>,
    widths: &[u16],
    kernels: &[[u8; 2]],
    same_as: Option<u8>,
) -> Layer<'static> {
    let Layer { form, expands, stride, padding, activation, .. } = *layer;
    Layer {
        form,
        widths: WIDTHS.interned(widths),
        expands,
        same_as,
        kernels: KERNELS.interned(kernels),
        stride,
        padding,
        activation,
    }
}

/// Lists of options live as long as the process, each distinct one once. Spaces have few of them: a
/// list for each kind of layer, and one width per layer of a sub-network that is trained alone.
struct Lists<T: 'static>(Mutex<BTreeSet<&'static [T]>>);

static WIDTHS: Lists<u16> = Lists(Mutex::new(BTreeSet::new()));
static KERNELS: Lists<[u8; 2]> = Lists(Mutex::new(BTreeSet::new()));
static DEPTHS: Lists<u8> = Lists(Mutex::new(BTreeSet::new()));

impl<T: Ord + Clone> Lists<T> {
    fn interned(&self, options: &[T]) -> &'static [T] {
        let mut lists = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = lists.get(options) {
            return list;
        }
        let list: &'static [T] = options.to_vec().leak();
        lists.insert(list);
        list
    }
}

#[cfg(test)]
mod tests {
    use supernano_core::plan::{BranchScheme, Enhancement, cost, resolve};
    use supernano_core::space::{BUILTIN, RESNET8};

    use super::*;

    #[test]
    fn a_copy_is_the_space_and_width_lists_are_kept_once() {
        for &space in BUILTIN {
            let (a, b) = (SharedSpace::of(&space), SharedSpace::of(&space));
            assert_eq!(a.get(), space);
            assert!(std::ptr::eq(a.get().layers[0].widths, b.get().layers[0].widths));
        }
    }

    #[test]
    fn a_single_sub_network_is_the_largest_of_its_space() {
        let arch = Arch::parse(&RESNET8, "4-8-12-16-20-24").unwrap();
        let single = SharedSpace::single(&RESNET8, &arch);
        assert_eq!(single.get().size(), 1);
        let largest = Arch::largest(&single.get());
        assert_eq!(largest.display(&single.get()).to_string(), "4-8-12-16-20-24");
    }

    #[test]
    fn a_single_sub_network_is_the_same_network_in_every_space() {
        let plain = |space: &Space<'_>, arch: &Arch| {
            let plan = resolve(space, arch, Enhancement::PRELU_OE, BranchScheme::Shared);
            let nodes: Vec<_> = plan
                .nodes(space)
                .map(|n| (n.form, n.geometry, n.residual, n.read, n.written, n.activation))
                .collect();
            (nodes, cost(space, &plan))
        };
        for space in BUILTIN {
            for code in crate::codes::random_codes(space, 20, 3) {
                let single = SharedSpace::single(space, &code.arch);
                let (single, arch) = (single.get(), Arch::smallest(&single.get()));
                assert_eq!(single.validate(), Ok(()), "{} {}", space.name, code.written);
                assert_eq!((single.size(), arch == Arch::largest(&single)), (1, true));
                assert_eq!(plain(&single, &arch), plain(space, &code.arch));
            }
        }
    }
}
