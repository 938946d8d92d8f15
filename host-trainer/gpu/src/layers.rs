//! The layers that a GPU trains. A space with another layer is refused here, and only here; the
//! tables of the kernels take every layer that passes.

use std::fmt::Debug;

use supernano_base::config::{KernelTransformation, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_core::graph::Form;
use supernano_core::plan::{BranchScheme, Enhancement, Extents};
use supernano_core::space::{Block, Head, Layer, Shortcut, Space};

/// Most pixels of the map that a dense layer reads.
const DENSE_PIXELS: usize = 112;

/// Most classes, whose logits, targets and gradients lie in the shared memory of a cube.
const MOST_CLASSES: u16 = 2_000;

/// Channels of the maps in memory that each layer reads and writes. The last layer of an optional block
/// writes a map that has room for what passes by it.
pub fn channels(space: &Space<'_>, extents: &Extents) -> Vec<[u32; 2]> {
    let mut found: Vec<[u32; 2]> = Vec::with_capacity(space.layers.len());
    let mut read = u32::from(space.input.channels);
    for placed in space.placed_blocks() {
        let entry = read;
        for i in placed.first..=placed.last() {
            let own = match space.layers[i].form {
                Form::Maximum | Form::Average => read,
                _ => extents.layers[i].output.0.into(),
            };
            let passes = space.is_optional(placed.index) && i == placed.last();
            let written = if passes { own.max(entry) } else { own };
            found.push([read, written]);
            read = written;
        }
    }
    found
}

/// Refuses a run with weights or a space that the kernels do not compute.
///
/// # Errors
/// [`Error::Invalid`] with the field, or the layer and its property.
pub fn check_run(config: &RunConfig) -> Result<()> {
    if config.kernel_transformation == KernelTransformation::Learnt {
        let expected = "`centre` for training on a GPU, or training with `--device cpu`";
        let field = "kernel_transformation";
        return Err(Error::invalid("configuration", field, expected, "`learnt`"));
    }
    check(&config.space())
}

/// Refuses a space with a layer or a choice that the kernels do not compute. The patterns name every
/// field, so a new one does not compile before it has an answer here.
///
/// # Errors
/// [`Error::Invalid`] with the layer and its property.
pub fn check(space: &Space<'_>) -> Result<()> {
    let Space {
        name,
        classes,
        head,
        layers,
        stages: _,
        input: _,
        resolutions: _,
        blocks: _,
        enhanced: _,
        ignored_digits: _,
    } = *space;
    let refused = |field: String, expected: &str, found: &dyn Debug| {
        let expected = format!("{expected}, for training on a GPU");
        Err(Error::invalid(format!("space {name}"), field, expected, format!("{found:?}")))
    };
    if head == Head::Classes && classes > MOST_CLASSES {
        return refused("classes".into(), &format!("at most {MOST_CLASSES}"), &classes);
    }
    for placed in space.placed_blocks() {
        let whole = match placed.block {
            Block::Conv | Block::Separable | Block::Inverted(_) | Block::Dense => true,
            Block::Residual(shortcut) => shortcut != Shortcut::Projection,
            Block::Pool => false,
        };
        if space.is_optional(placed.index) && !whole {
            let expected = "no pool and no projection in a block that may be left out";
            return refused(format!("block {}", placed.index), expected, &placed.block);
        }
    }
    for (i, layer) in layers.iter().enumerate() {
        // Validated spaces have kernels, strides and paddings that the convolutions compute.
        let Layer {
            form,
            widths,
            expands,
            kernels: _,
            stride: _,
            padding: _,
            activation: _,
            same_as: _,
        } = *layer;
        if expands && widths.len() > 1 && widths.contains(&1) {
            let expected = "1 alone, or expansions above it";
            return refused(format!("layer {i}: widths"), expected, &widths);
        }
        let read = space.input_of(i);
        if form == Form::Dense && read.pixels() > DENSE_PIXELS {
            let expected = format!("a dense layer over at most {DENSE_PIXELS} pixels");
            return refused(format!("layer {i}: form"), &expected, &[read.height, read.width]);
        }
    }
    // A map that passes by a block has the channels for which the next layer has weights.
    for enhancement in [Enhancement::NONE, Enhancement::OE] {
        let extents = Extents::of(space, enhancement, BranchScheme::Shared);
        let maps = channels(space, &extents);
        let expected = "blocks that may be left out as narrow as what the next layer reads";
        for (i, (map, extent)) in maps.iter().zip(&extents.layers).enumerate() {
            if matches!(extent.form, Form::Full | Form::Dense)
                && map[0] != u32::from(extent.input.0)
            {
                return refused(format!("layer {i}: widths"), expected, &map[0]);
            }
        }
        let last = maps.last().map_or(0, |map| map[1]);
        if last != u32::from(extents.classifier(space).0.0) {
            return refused("stages".into(), expected, &last);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use supernano_base::config::Preset;
    use supernano_core::space::{BUILTIN, Padding, Skip, Stage};

    use super::*;

    #[test]
    fn every_built_in_space_passes() {
        BUILTIN.iter().for_each(|space| check(space).unwrap());
    }

    #[test]
    fn learnt_kernels_are_sent_to_the_cpu() {
        let mut config = RunConfig::preset(Preset::Paper).unwrap();
        check_run(&config).unwrap();
        config.kernel_transformation = KernelTransformation::Learnt;
        let error = check_run(&config).unwrap_err();
        let message = error.to_string();
        assert!(message.contains("kernel_transformation") && message.contains("--device cpu"));
        assert_eq!(error.exit_code(), 2);
    }

    #[test]
    fn a_layer_without_kernels_is_refused_with_its_place() {
        let known = Layer::conv(&[4, 8], 3, 1);
        let expand = |widths| Layer { expands: true, ..Layer::point(widths) };
        let depthwise = Layer::depthwise(&[[3, 3], [5, 5]], 1);
        let space = Space { name: "odd", blocks: &[Block::Conv; 2], ..Space::EMPTY };
        for layer in [
            Layer { kernels: &[[3, 1]], stride: [4, 2], ..known },
            Layer { kernels: &[[3, 3], [5, 5]], padding: Padding::Same, ..known },
        ] {
            check(&Space { layers: &[known, layer], ..space }).unwrap();
        }
        let inverted =
            Space { blocks: &[Block::Conv, Block::Inverted(Skip::WhereItFits)], ..space };
        check(&Space { layers: &[known, expand(&[3, 6]), depthwise, known], ..inverted }).unwrap();
        check(&Space { layers: &[known, expand(&[1]), depthwise, known], ..inverted }).unwrap();
        let mixed = Space { layers: &[known, expand(&[1, 6]), depthwise, known], ..inverted };
        let pool = Layer::pool(Form::Average, &[[1, 1]], [1, 1]);
        let stages = [Stage { first: 0, depths: &[1, 2] }];
        let whole = Space { layers: &[known, known], ..space };
        let narrow = Layer::conv(&[4], 3, 1);
        let wide = [Stage { first: 0, depths: &[1, 3] }];
        for (space, part) in [
            (mixed, "layer 1: widths: expected 1 alone"),
            (Space { classes: 2_001, ..whole }, "classes: expected at most 2000"),
            (
                Space {
                    stages: &stages,
                    blocks: &[Block::Conv, Block::Pool],
                    layers: &[known, pool],
                    ..whole
                },
                "block 1: expected no pool",
            ),
            (
                Space {
                    stages: &wide,
                    blocks: &[Block::Conv; 4],
                    layers: &[narrow, known, narrow, known],
                    ..whole
                },
                "layer 3: widths: expected blocks",
            ),
        ] {
            let message = check(&space).unwrap_err().to_string();
            assert!(message.starts_with("space odd: ") && message.contains(part), "{message}");
        }
        check(&Space { stages: &stages, ..whole }).unwrap();
        check(&Space { classes: 4_096, head: Head::Values, ..whole }).unwrap();
    }
}
