//! The layers that a GPU trains. A space with another layer is refused here, and only here; the
//! tables of the kernels take every layer that passes.

use std::fmt::Debug;

use supernano_base::config::{KernelTransformation, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_core::graph::Form;
use supernano_core::space::{Activation, Block, Head, Layer, Padding, Space};

/// Sizes of a square kernel that the convolutions compute.
const KERNELS: [u8; 4] = [1, 3, 5, 7];
/// Strides that the convolutions compute, the same for rows and columns.
const STRIDES: [u8; 2] = [1, 2];

/// Refuses a run with a loss, weights or a space that the kernels do not compute.
///
/// # Errors
/// [`Error::Invalid`] with the field, or the layer and its property.
pub fn check_run(config: &RunConfig) -> Result<()> {
    let given = [
        ("augmentation.mixup", config.augmentation.mixup > 0.0),
        ("loss.label_smoothing", config.loss.label_smoothing > 0.0),
        ("loss.class_weights", config.loss.class_weights.is_some()),
    ];
    if let Some((field, _)) = given.iter().find(|(_, given)| *given) {
        let expected = "nothing, for training on a GPU";
        return Err(Error::invalid("configuration", *field, expected, "a value"));
    }
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
        resolutions,
        head,
        layers,
        stages,
        input: _,
        classes: _,
        blocks: _,
        enhanced: _,
        ignored_digits: _,
    } = *space;
    let refused = |field: String, expected: &str, found: &dyn Debug| {
        let expected = format!("{expected}, for training on a GPU");
        Err(Error::invalid(format!("space {name}"), field, expected, format!("{found:?}")))
    };
    if resolutions.len() > 1 {
        return refused("resolutions".into(), "one", &resolutions);
    }
    if head != Head::Classes {
        return refused("head".into(), "classes", &head);
    }
    if let Some(stage) = stages.first() {
        return refused("stages".into(), "none", &stage.depths);
    }
    for placed in space.placed_blocks() {
        match placed.block {
            Block::Conv | Block::Residual(_) => {}
            Block::Separable | Block::Inverted(_) | Block::Pool | Block::Dense => {
                let expected = "a convolution or a residual block";
                return refused(format!("block {}", placed.index), expected, &placed.block);
            }
        }
    }
    for (i, layer) in layers.iter().enumerate() {
        let Layer { form, expands, kernels, stride, padding, activation, widths: _, same_as: _ } =
            *layer;
        let refused = |property: &str, expected: &str, found: &dyn Debug| {
            refused(format!("layer {i}: {property}"), expected, found)
        };
        if form != Form::Full || expands {
            return refused("form", "a convolution over all channels", &form);
        }
        if !matches!(*kernels, [[rows, columns]] if rows == columns && KERNELS.contains(&rows)) {
            return refused("kernels", &format!("one square kernel of {KERNELS:?}"), &kernels);
        }
        if stride[0] != stride[1] || !STRIDES.contains(&stride[0]) {
            return refused("stride", &format!("one of {STRIDES:?}"), &stride);
        }
        if padding != Padding::Half {
            return refused("padding", "half of the kernel", &padding);
        }
        if activation != Activation::Relu {
            return refused("activation", "ReLU", &activation);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use supernano_base::config::Preset;
    use supernano_core::space::{BUILTIN, Stage};

    use super::*;

    #[test]
    fn spaces_of_residual_networks_pass_and_others_are_named() {
        for space in BUILTIN {
            assert_eq!(check(space).is_ok(), space.is_residual(), "{}", space.name);
        }
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
        let space = Space { name: "odd", blocks: &[Block::Conv; 2], ..Space::EMPTY };
        check(&Space { layers: &[known, known], ..space }).unwrap();
        for (layer, part) in [
            (Layer { kernels: &[[3, 1]], ..known }, "layer 1: kernels: expected one square kernel"),
            (Layer { kernels: &[[3, 3], [5, 5]], ..known }, "found [[3, 3], [5, 5]]"),
            (Layer { stride: [3, 3], ..known }, "layer 1: stride: expected one of [1, 2]"),
            (Layer { stride: [1, 2], ..known }, "layer 1: stride"),
            (Layer { padding: Padding::Same, ..known }, "layer 1: padding"),
            (Layer { activation: Activation::Relu6, ..known }, "layer 1: activation"),
            (Layer { form: Form::Depthwise, ..known }, "layer 1: form"),
        ] {
            let message = check(&Space { layers: &[known, layer], ..space }).unwrap_err();
            let message = message.to_string();
            assert!(message.starts_with("space odd: ") && message.contains(part), "{message}");
        }
        let whole = Space { layers: &[known, known], ..space };
        let stages = [Stage { first: 0, depths: &[1, 2] }];
        for (space, part) in [
            (Space { blocks: &[Block::Conv, Block::Dense], ..whole }, "block 1: expected a conv"),
            (Space { head: Head::Values, ..whole }, "head: expected classes"),
            (Space { resolutions: &[8, 16], ..whole }, "resolutions: expected one"),
            (Space { stages: &stages, ..whole }, "stages: expected none"),
        ] {
            let message = check(&space).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
