//! Construction of the tables from the models of a problem.

use rayon::prelude::*;
use supernano_base::error::{Error, Result};
use supernano_core::space::{PlacedBlock, Space};

use super::super::{Problem, score};
use super::{BlockTable, Sums, Tables, Variant};

/// Largest number of entries. More need a space with over 100 options a layer.
const MAX_ENTRIES: usize = 1 << 22;

impl Tables {
    /// Builds the tables on all cores.
    ///
    /// # Errors
    /// [`Error::Invalid`] for a space with so many options that the tables would not fit in memory.
    pub fn new(problem: &Problem<'_>) -> Result<Self> {
        let space = problem.space;
        let mut entries = 0;
        for block in space.placed_blocks() {
            let (inputs, radix) = dimensions(space, &block);
            entries += inputs * radix[0] * radix[1];
        }
        if entries > MAX_ENTRIES {
            let expected = format!("at most {MAX_ENTRIES} combinations of widths within blocks");
            return Err(Error::invalid("space", "widths", expected, entries));
        }
        let base = problem.costs.base();
        let base = Sums {
            flash: base.flash_bytes,
            ram: base.ram_bytes,
            instructions: base.instructions,
            ..Sums::default()
        };
        Ok(Self { blocks: space.placed_blocks().map(|b| block_table(problem, b)).collect(), base })
    }
}

/// Number of options of a block's input, and the radix of its layers ([`BlockTable`]).
fn dimensions(space: &Space<'_>, block: &PlacedBlock) -> (usize, [usize; 2]) {
    let options = |layer: usize| space.layers[layer].widths.len();
    let inputs = block.first.checked_sub(1).map_or(1, options);
    let middle = if block.first == block.last() { 1 } else { options(block.first) };
    (inputs, [middle, options(block.last())])
}

fn block_table(problem: &Problem<'_>, block: PlacedBlock) -> BlockTable {
    let (inputs, radix) = dimensions(problem.space, &block);
    let entries: Vec<Vec<Variant>> = (0..inputs * radix[0] * radix[1])
        .into_par_iter()
        .map(|entry| variants(problem, block, radix, entry))
        .collect();
    let mut starts = vec![0];
    let mut all = Vec::new();
    for entry in entries {
        all.extend(entry);
        starts.push(all.len() as u32);
    }
    BlockTable { block, radix, starts, variants: all }
}

/// The variants of one entry. An entry whose tied layers have different options has none.
fn variants(
    problem: &Problem<'_>,
    block: PlacedBlock,
    radix: [usize; 2],
    entry: usize,
) -> Vec<Variant> {
    let single = block.first == block.last();
    let last = (entry % radix[1]) as u8;
    let first = if single { last } else { (entry / radix[1] % radix[0]) as u8 };
    let input = (block.first > 0).then_some((entry / radix[1] / radix[0]) as u8);
    let options = if single { &[last][..] } else { &[first, last][..] };
    if !consistent(problem.space, block, input, options) {
        return Vec::new();
    }
    let size = score::block_size(problem.space, block, input, options);
    let score = problem.score.term(problem.space, block, input, options);
    let mut variants = Vec::new();
    for cost in problem.costs.block_costs(block, input, options) {
        let sums = Sums {
            score,
            flash: cost.flash_bytes,
            ram: cost.ram_bytes,
            instructions: cost.instructions,
            macs: size.macs,
            params: size.params,
        };
        variants.push(Variant { sums, options: [first, last], kinds: cost.kinds });
    }
    variants
}

/// True if tied layers among the block's layers and its input have equal options.
fn consistent(space: &Space<'_>, block: PlacedBlock, input: Option<u8>, options: &[u8]) -> bool {
    let mut sources: Vec<(usize, u8)> = Vec::with_capacity(3);
    if let Some(option) = input {
        sources.push((space.source(block.first - 1), option));
    }
    for (layer, &option) in (block.first..).zip(options) {
        sources.push((space.source(layer), option));
    }
    sources.iter().all(|a| sources.iter().all(|b| a.0 != b.0 || a.1 == b.1))
}
