//! A space, its plans and its images as the kernels take them.

use supernano_core::plan::{Activation, Plan};
use supernano_core::space::{self, Shape};
use supernano_gpu_kernels::network::{Block, Layer, Network, Place, Row, Shortcut};
use supernano_train::supernet::{Layout, Role};

use crate::precision::Element;

/// The network of a layout for a number of images and paths.
pub(crate) fn network(layout: &Layout, [images, paths]: [u32; 2]) -> Network {
    let space = layout.space();
    let layers = space.layers.iter().enumerate();
    let layers = layers.map(|(i, layer)| {
        let weight = &layout.entries[layout.find(Role::Weight, i, false, 0)];
        Layer {
            channels: weight.shape[0] as u32,
            kernel: layer.kernel()[0].into(),
            stride: layer.stride[0].into(),
        }
    });
    let blocks = space.placed_blocks().map(|placed| Block {
        first: placed.first as u32,
        shortcut: match placed.block {
            space::Block::Residual(space::Shortcut::Identity) => Shortcut::Identity,
            space::Block::Residual(space::Shortcut::Projection) => Shortcut::Projection,
            // Other blocks than a convolution do not pass `layers::check`.
            _ => Shortcut::None,
        },
    });
    Network {
        paths,
        images,
        input: [space.input.height, space.input.width, space.input.channels].map(u32::from),
        classes: space.classes.into(),
        layers: layers.collect(),
        blocks: blocks.collect(),
    }
}

/// The table of plans, `[rows, paths]`, and 1 for every tensor that a plan uses.
pub(crate) fn of_plans(layout: &Layout, rows: &[Row], plans: &[Plan]) -> (Vec<u32>, Vec<u32>) {
    let mut used = vec![0; layout.entries.len()];
    let mut table = Vec::with_capacity(rows.len() * plans.len());
    let last = layout.space().layers.len() - 1;
    for &row in rows {
        for plan in plans {
            let mut offset = |role, layer: usize, projection: bool, branch: u8| {
                let i = layout.find(role, layer, projection, branch);
                used[i] = 1;
                layout.entries[i].offset as u32
            };
            let mut of_place = |role, place: Place| {
                let layer = place.layer as usize;
                offset(role, layer, place.projection, plan.layers[layer].branch)
            };
            let has_prelu =
                |layer: u32| plan.layers[layer as usize].activation == Activation::Prelu;
            table.push(match row {
                Row::Input => layout.space().input.channels.into(),
                Row::Width(layer) => plan.layers[layer as usize].output.0.into(),
                Row::Prelu(layer) => has_prelu(layer).into(),
                Row::Slope(layer) if has_prelu(layer) => {
                    offset(Role::Slope, layer as usize, false, 0)
                }
                Row::Slope(_) => 0,
                Row::Weights(place) => of_place(Role::Weight, place),
                Row::Gamma(place) => of_place(Role::Gamma, place),
                Row::Beta(place) => of_place(Role::Beta, place),
                Row::Classifier => offset(Role::Classifier, last, false, plan.layers[last].branch),
                Row::Bias => offset(Role::Bias, last, false, plan.layers[last].branch),
            });
        }
    }
    (table, used)
}

/// Images `[n, channels, height, width]` as `[n, height, width, channels]` of another element.
pub(crate) fn channels_last<M: Element>(pixels: &[f32], shape: Shape) -> Vec<M> {
    let (channels, size) = (usize::from(shape.channels), shape.pixels());
    let mut images = vec![M::new(0.0); pixels.len()];
    let planes = pixels.chunks_exact(shape.len());
    for (image, planes) in images.chunks_exact_mut(shape.len()).zip(planes) {
        for (c, plane) in planes.chunks_exact(size).enumerate() {
            for (at, &value) in plane.iter().enumerate() {
                image[at * channels + c] = M::new(value);
            }
        }
    }
    images
}
