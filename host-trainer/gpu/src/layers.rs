//! The layers that a GPU trains. A space with another layer is refused here, and only here; the
//! tables of the kernels take every layer that passes.

use supernano_base::error::{Error, Result};
use supernano_core::space::{Block, Layer, Shortcut, Space};

/// Sizes of a kernel that the convolutions compute.
const KERNELS: [u8; 4] = [1, 3, 5, 7];
/// Strides that the convolutions compute.
const STRIDES: [u8; 2] = [1, 2];

/// Refuses a space with a layer that the kernels do not compute. The patterns name every field and
/// every kind of block, so a new one does not compile before it has an answer here.
///
/// # Errors
/// [`Error::Invalid`] with the layer and its property.
pub fn check(space: &Space<'_>) -> Result<()> {
    let refused = |layer: usize, property: &str, expected: String, found: u8| {
        let field = format!("layer {layer}: {property}");
        let expected = format!("one that a GPU trains ({expected})");
        Error::invalid(format!("space {}", space.name), field, expected, found)
    };
    for (i, layer) in space.layers.iter().enumerate() {
        let Layer { widths: _, kernel, stride, same_as: _ } = *layer;
        if !KERNELS.contains(&kernel) {
            return Err(refused(i, "kernel", format!("{KERNELS:?}"), kernel));
        }
        if !STRIDES.contains(&stride) {
            return Err(refused(i, "stride", format!("{STRIDES:?}"), stride));
        }
    }
    for placed in space.placed_blocks() {
        match placed.block {
            Block::Conv | Block::Residual(Shortcut::Identity | Shortcut::Projection) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_layer_without_kernels_is_refused_with_its_place() {
        let known = Layer { widths: &[4, 8], kernel: 3, stride: 1, same_as: None };
        let space = |layers: &[Layer<'_>]| {
            let input = supernano_core::space::Shape { height: 8, width: 8, channels: 3 };
            let blocks = vec![Block::Conv; layers.len()];
            let (name, classes, blocks) = ("odd", 2, blocks.as_slice());
            check(&Space { name, input, classes, layers, blocks, ignored_digits: 0 })
        };
        space(&[known, known]).unwrap();
        for (layer, found) in [
            (
                Layer { kernel: 9, ..known },
                "space odd: layer 1: kernel: expected one that a GPU trains ([1, 3, 5, 7]), found 9",
            ),
            (
                Layer { stride: 3, ..known },
                "space odd: layer 1: stride: expected one that a GPU trains ([1, 2]), found 3",
            ),
        ] {
            assert_eq!(space(&[known, layer]).unwrap_err().to_string(), found);
        }
    }
}
