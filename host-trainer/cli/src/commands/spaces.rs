//! `supernano spaces`: the built-in search spaces, or one space block by block.

use std::path::Path;

use serde::Serialize;
use supernano_base::config::{RunConfig, SpaceSpec};
use supernano_base::error::{Error, Result};
use supernano_core::arch::Arch;
use supernano_core::graph::Form;
use supernano_core::plan::{BranchScheme, Cost, Enhancement, cost, resolve};
use supernano_core::space::{Block, GLOBAL, PlacedBlock, Shape, Space};

use crate::output::{Output, table};

/// List the built-in search spaces, or describe one.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Examples:\n  supernano spaces --json\n  supernano spaces mobilenet-v2-tiny"
)]
pub struct Args {
    /// Name of a built-in space, or a configuration; all built-in spaces if it is missing
    space: Option<String>,
}

#[derive(Serialize)]
struct Row {
    name: &'static str,
    input: String,
    outputs: u16,
    /// Layers with a choice of widths.
    free_layers: usize,
    /// Choices of every kind.
    choices: usize,
    sub_networks: u128,
}

/// A space, block by block.
#[derive(Serialize)]
struct Description {
    name: String,
    input: String,
    resolutions: Vec<u16>,
    outputs: u16,
    sub_networks: u128,
    blocks: Vec<BlockRow>,
    smallest: Example,
    largest: Example,
}

#[derive(Serialize)]
struct BlockRow {
    block: String,
    /// Layers, counted from 1.
    layers: String,
    /// Size of the output at the largest resolution, rows x columns.
    size: String,
    /// True if some sub-network leaves it out.
    optional: bool,
    widths: Vec<u16>,
    expansions: Vec<u16>,
    kernels: Vec<String>,
}

#[derive(Serialize)]
struct Example {
    code: String,
    macs: u64,
    params: u64,
}

/// Lists the name, the image, the choices and the number of sub-networks of each space, or the blocks
/// of one.
///
/// # Errors
/// [`Error::Invalid`] for a name that is neither a built-in space nor a file; as [`RunConfig::read`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let Some(name) = &args.space else { return list(out) };
    if let Some(spec) = SpaceSpec::builtin(name) {
        return out.emit(&described(&spec.space(None)), text);
    }
    if !Path::new(name).is_file() {
        let names: Vec<&str> = supernano_core::space::BUILTIN.iter().map(|s| s.name).collect();
        let expected = format!("{}, or a configuration", names.join(", "));
        return Err(Error::invalid("argument SPACE", "space", expected, name));
    }
    let config = RunConfig::read(Path::new(name))?;
    out.emit(&described(&config.space()), text)
}

fn list(out: &Output) -> Result<()> {
    let row = |s: &Space<'static>| Row {
        name: s.name,
        input: size(s.input),
        outputs: s.classes,
        free_layers: s.free_layers().count(),
        choices: s.choices().filter(|&choice| s.options(choice) > 1).count(),
        sub_networks: s.networks(),
    };
    let rows: Vec<Row> = supernano_core::space::BUILTIN.iter().map(row).collect();
    out.emit(&rows, |rows| {
        let lines: Vec<Vec<String>> = rows
            .iter()
            .map(|r| {
                let numbers = [r.outputs.to_string(), r.choices.to_string()];
                let [outputs, choices] = numbers;
                let networks = match r.sub_networks {
                    n if n < 1 << 60 => n.to_string(),
                    n => format!("{:.1e}", n as f64),
                };
                vec![r.name.into(), r.input.clone(), outputs, choices, networks]
            })
            .collect();
        table(&["space", "image", "outputs", "choices", "sub-networks"], &lines)
    })
}

fn size(shape: Shape) -> String {
    format!("{}x{}x{}", shape.height, shape.width, shape.channels)
}

/// Rows and columns of a kernel, as a code has them.
fn kernel(sides: [u8; 2]) -> String {
    match sides {
        GLOBAL => "global".to_owned(),
        [rows, columns] if rows == columns => rows.to_string(),
        [rows, columns] => format!("{rows}x{columns}"),
    }
}

fn described(space: &Space<'_>) -> Description {
    let example = |arch: Arch| {
        let plan = resolve(space, &arch, Enhancement::NONE, BranchScheme::Shared);
        let Cost { macs, params } = cost(space, &plan);
        Example { code: arch.display(space).to_string(), macs, params }
    };
    Description {
        name: space.name.to_owned(),
        input: size(space.input),
        resolutions: space.resolutions.to_vec(),
        outputs: space.classes,
        sub_networks: space.networks(),
        blocks: space.placed_blocks().map(|block| block_row(space, block)).collect(),
        smallest: example(Arch::smallest(space)),
        largest: example(Arch::largest(space)),
    }
}

fn block_row(space: &Space<'_>, placed: PlacedBlock) -> BlockRow {
    let (first, last) = (placed.first, placed.last());
    let layers = &space.layers[first..=last];
    let written = space.output_of(last);
    let widths = layers.iter().rev().find(|layer| !layer.widths.is_empty() && !layer.expands);
    // The kernels are those of the layer that has a choice, or that is not pointwise.
    let window = layers.iter().find(|l| l.kernels != [[1, 1]]).unwrap_or(&layers[0]);
    BlockRow {
        block: match placed.block {
            Block::Conv => "convolution".to_owned(),
            Block::Residual(shortcut) => format!("residual, {shortcut:?}").to_lowercase(),
            Block::Separable => "separable".to_owned(),
            Block::Inverted(_) => "inverted".to_owned(),
            Block::Pool if layers[0].form == Form::Average => "average pool".to_owned(),
            Block::Pool => "maximum pool".to_owned(),
            Block::Dense => "dense".to_owned(),
        },
        layers: match first == last {
            true => (first + 1).to_string(),
            false => format!("{}-{}", first + 1, last + 1),
        },
        size: format!("{}x{}", written.height, written.width),
        optional: space.is_optional(placed.index),
        widths: widths.map_or_else(Vec::new, |layer| layer.widths.to_vec()),
        expansions: layers[0].widths.iter().copied().filter(|_| layers[0].expands).collect(),
        kernels: match placed.block {
            Block::Dense => Vec::new(),
            _ => window.kernels.iter().map(|&sides| kernel(sides)).collect(),
        },
    }
}

fn text(d: &Description) -> String {
    let joined =
        |options: &[u16]| options.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    let rows: Vec<Vec<String>> = d
        .blocks
        .iter()
        .map(|b| {
            vec![
                format!("{}{}", b.block, if b.optional { " (optional)" } else { "" }),
                b.layers.clone(),
                b.size.clone(),
                joined(&b.widths),
                joined(&b.expansions),
                b.kernels.join(" "),
            ]
        })
        .collect();
    let blocks = table(&["block", "layers", "output", "widths", "expansions", "kernels"], &rows);
    let resolutions = match d.resolutions.len() {
        0 | 1 => String::new(),
        _ => format!(", resolutions {}", joined(&d.resolutions)),
    };
    let example = |name: &str, e: &Example| {
        format!("{name} {}: {} MACs, {} parameters\n", e.code, e.macs, e.params)
    };
    format!(
        "{}: {}{resolutions}, {} outputs, {} sub-networks\n\n{blocks}\n\n{}{}",
        d.name,
        d.input,
        d.outputs,
        d.sub_networks,
        example("smallest", &d.smallest),
        example("largest", &d.largest),
    )
}
