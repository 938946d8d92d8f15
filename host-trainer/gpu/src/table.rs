//! A space, its plans and its images as the kernels take them.

use supernano_core::graph::Form;
use supernano_core::plan::{Activation, Extents, Plan};
use supernano_core::space::{self, Head, Shape, Skip, Space};
use supernano_gpu_kernels::head::Outputs;
use supernano_gpu_kernels::network::{
    self, Block, Layer, NONE, Network, PRELU, Place, RELU, RELU6, Row, Shortcut,
};
use supernano_gpu_kernels::shape::packed_kernel;
use supernano_train::supernet::{Layout, Role};

use crate::layers;
use crate::precision::Element;

/// The network of a layout for a number of images and paths, and a shape of images.
pub(crate) fn network(layout: &Layout, [images, paths]: [u32; 2], image: Shape) -> Network {
    let space = &layout.space();
    let extents = Extents::of(space, layout.enhancement, layout.scheme);
    let channels = layers::channels(space, &extents);
    let mut map = image;
    let (mut layers, mut blocks) = (Vec::new(), Vec::new());
    for placed in space.placed_blocks() {
        let entry = map;
        let own = space.layers.iter().zip(&channels).skip(placed.first);
        for (described, [_, written]) in own.take(placed.block.layers()) {
            let geometry = described.geometry(described.kernel(), map);
            let form = match described.form {
                Form::Full | Form::Dense | Form::Add => network::Form::Full,
                Form::Depthwise => network::Form::Depthwise,
                Form::Maximum => network::Form::Maximum,
                Form::Average => network::Form::Average,
            };
            let kernel = match described.form {
                Form::Dense => [map.height, map.width].map(u32::from),
                _ => geometry.kernel.map(u32::from),
            };
            layers.push(Layer {
                form,
                channels: *written,
                kernel,
                stride: geometry.stride.map(u32::from),
                padding: geometry.padding.map(u32::from),
                elastic: described.kernels.len() > 1,
            });
            map = described.form.output(&geometry, map, map.channels).unwrap_or(map);
        }
        let keeps = placed.index > 0 && [entry.height, entry.width] == [map.height, map.width];
        let mut block = Block {
            first: placed.first as u32,
            layers: placed.block.layers() as u32,
            shortcut: match placed.block {
                space::Block::Residual(space::Shortcut::Identity) => Shortcut::Identity,
                space::Block::Residual(space::Shortcut::Projection) => Shortcut::Projection,
                space::Block::Inverted(Skip::WhereItFits | Skip::Identity) if keeps => {
                    Shortcut::WhereItFits
                }
                _ => Shortcut::None,
            },
            optional: space.is_optional(placed.index),
        };
        // An expansion by 1 has no layer.
        if space.layers[placed.first].expands && space.layers[placed.first].widths == [1] {
            (block.first, block.layers) = (block.first + 1, block.layers - 1);
        }
        blocks.push(block);
    }
    Network {
        paths,
        images,
        input: [image.height, image.width, image.channels].map(u32::from),
        classes: space.classes.into(),
        outputs: match space.head {
            Head::Classes => Outputs::Classes,
            Head::Labels => Outputs::Labels,
            Head::Values => Outputs::Values,
        },
        layers,
        blocks,
        clips: space.layers.iter().any(|layer| layer.activation == Activation::Relu6),
    }
}

/// The kernel of a plan's layer in the table, and the values between the start of the weights and the
/// place at which the largest kernel around it would start.
fn kernel(space: &Space<'_>, plan: &Plan, layer: usize) -> (u32, i64) {
    let (planned, described) = (&plan.layers[layer], &space.layers[layer]);
    let [height, width] = planned.read;
    let read = Shape { height, width, channels: planned.input.0 };
    let largest = described.geometry(described.kernel(), read);
    let before = |padding: [u8; 4]| [padding[0], padding[2]].map(i64::from);
    let [own, most] = [planned.geometry, largest].map(|g| before(g.padding));
    let first = [0, 1].map(|i| most[i] - own[i]);
    let free = [0, 1].map(|i| i64::from(largest.kernel[i]) - i64::from(planned.geometry.kernel[i]));
    // The weights of a smaller kernel are the centre of the largest.
    let moved = [0, 1].map(|i| free[i] / 2 - first[i]);
    let packed = packed_kernel(planned.geometry.kernel.map(u32::from), first.map(|f| f as u32));
    (packed, moved[0] * i64::from(largest.kernel[1]) + moved[1])
}

/// Channels of its input that a plan's block adds; all of them if the plan leaves out the block.
fn added(space: &Space<'_>, plan: &Plan, block: usize) -> u32 {
    let Some(placed) = space.placed_blocks().nth(block) else { return 0 };
    let last = &plan.layers[placed.last()];
    let adds = match placed.block {
        _ if !last.kept => return last.output.0.into(),
        space::Block::Inverted(_) => {
            plan.parts(space).any(|part| part.placed.index == block && part.adds)
        }
        space::Block::Residual(shortcut) => shortcut == space::Shortcut::Identity,
        _ => false,
    };
    if adds { plan.block_input(placed.first).0.into() } else { 0 }
}

/// The table of plans, `[rows, paths]`, and 1 for every tensor that a plan uses. A path without a plan has
/// no channels.
pub(crate) fn of_plans(
    layout: &Layout,
    rows: &[Row],
    plans: &[Option<&Plan>],
) -> (Vec<u32>, Vec<u32>) {
    let space = &layout.space();
    let mut used = vec![0; layout.entries.len()];
    let mut table = Vec::with_capacity(rows.len() * plans.len());
    let last = space.layers.len() - 1;
    for &row in rows {
        for plan in plans {
            let Some(plan) = *plan else {
                table.push(0);
                continue;
            };
            let mut offset = |role, layer: usize, projection: bool, branch: u8| {
                let i = layout.find(role, layer, projection, branch);
                used[i] = 1;
                layout.entries[i].offset as u32
            };
            let mut of_place = |role, place: Place| match &plan.layers[place.layer as usize] {
                planned if planned.kept => {
                    offset(role, place.layer as usize, place.projection, planned.branch)
                }
                _ => 0,
            };
            table.push(match row {
                Row::Input => space.input.channels.into(),
                Row::Width(layer) => match &plan.layers[layer as usize] {
                    planned if planned.kept => planned.output.0.into(),
                    _ => 0,
                },
                Row::Activation(layer) => match plan.layers[layer as usize].activation {
                    Activation::Relu => RELU,
                    Activation::Prelu => PRELU,
                    Activation::None => NONE,
                    Activation::Relu6 => RELU6,
                },
                Row::Slope(layer) => match plan.layers[layer as usize].activation {
                    Activation::Prelu => offset(Role::Slope, layer as usize, false, 0),
                    _ => 0,
                },
                Row::Weights(place) => {
                    let start = of_place(Role::Weight, place);
                    let layer = place.layer as usize;
                    let elastic = !place.projection && space.layers[layer].kernels.len() > 1;
                    let moves = elastic && plan.layers[layer].kept;
                    // Every value that the path reads lies behind the start, if not this one.
                    if moves {
                        (i64::from(start) + kernel(space, plan, layer).1) as u32
                    } else {
                        start
                    }
                }
                Row::Gamma(place) => of_place(Role::Gamma, place),
                Row::Beta(place) => of_place(Role::Beta, place),
                Row::Kernel(layer) if !plan.layers[layer as usize].kept => 0,
                Row::Kernel(layer) => kernel(space, plan, layer as usize).0,
                Row::Output(block) => {
                    let placed = space.placed_blocks().nth(block as usize);
                    placed.map_or(0, |placed| plan.layers[placed.last()].output.0.into())
                }
                Row::Added(block) => added(space, plan, block as usize),
                Row::Classifier => offset(Role::Classifier, last, false, plan.classifier_branch()),
                Row::Bias => offset(Role::Bias, last, false, plan.classifier_branch()),
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
