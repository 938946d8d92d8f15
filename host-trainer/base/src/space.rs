//! Search spaces that own their layers.
//!
//! [`supernano_core::space::Space`] borrows its data. [`SharedSpace`] owns such data, shared by
//! reference count, and lends it as a `Space`.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

use supernano_core::arch::Arch;
use supernano_core::space::{Block, Layer, Shape, Space};

/// A search space, owned.
#[derive(Clone, Debug, PartialEq)]
pub struct SharedSpace(Arc<Owned>);

#[derive(Clone, Debug, PartialEq)]
struct Owned {
    name: String,
    input: Shape,
    classes: u16,
    layers: Vec<Layer<'static>>,
    blocks: Vec<Block>,
    ignored_digits: u8,
}

impl SharedSpace {
    /// A copy of a space.
    pub fn of(space: &Space<'_>) -> Self {
        let layer = |l: &Layer<'_>| Layer { widths: interned(l.widths), ..narrowed(l) };
        Self(Arc::new(Owned {
            name: space.name.to_owned(),
            input: space.input,
            classes: space.classes,
            layers: space.layers.iter().map(layer).collect(),
            blocks: space.blocks.to_vec(),
            ignored_digits: space.ignored_digits,
        }))
    }

    /// The space.
    pub fn get(&self) -> Space<'_> {
        let Owned { name, input, classes, layers, blocks, ignored_digits } = &*self.0;
        Space {
            name,
            input: *input,
            classes: *classes,
            layers,
            blocks,
            ignored_digits: *ignored_digits,
        }
    }

    /// The space with the options of one sub-network alone.
    pub fn single(space: &Space<'_>, arch: &Arch) -> Self {
        let layer = |(i, l): (usize, &Layer<'_>)| Layer {
            widths: interned(&[arch.nominal(space, i).0]),
            ..narrowed(l)
        };
        let layers: Vec<Layer<'_>> = space.layers.iter().enumerate().map(layer).collect();
        Self::of(&Space { layers: &layers, ignored_digits: 0, ..*space })
    }
}

/// A layer without its widths.
fn narrowed(layer: &Layer<'_>) -> Layer<'static> {
    let Layer { kernel, stride, same_as, .. } = *layer;
    Layer { widths: &[], kernel, stride, same_as }
}

/// Width lists live as long as the process, each distinct one once. Spaces have few of them: a list
/// of options per kind of layer, and one width per layer of a sub-network that is trained alone.
fn interned(widths: &[u16]) -> &'static [u16] {
    static LISTS: Mutex<BTreeSet<&'static [u16]>> = Mutex::new(BTreeSet::new());
    let mut lists = LISTS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(list) = lists.get(widths) {
        return list;
    }
    let list: &'static [u16] = widths.to_vec().leak();
    lists.insert(list);
    list
}

#[cfg(test)]
mod tests {
    use supernano_core::space::{RESNET8, RESNET20};

    use super::*;

    #[test]
    fn a_copy_is_the_space_and_width_lists_are_kept_once() {
        for space in [RESNET8, RESNET20] {
            let (a, b) = (SharedSpace::of(&space), SharedSpace::of(&space));
            assert_eq!(a.get(), space);
            assert!(std::ptr::eq(a.get().layers[0].widths, b.get().layers[1].widths));
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
}
