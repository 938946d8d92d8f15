//! Look-up tables of a problem: the contribution of every block, for each option of its input and
//! its layers and each choice of its kernels.
//!
//! The score and the costs of a sub-network are sums over its blocks (RAM is a maximum), so the
//! search never evaluates a model twice. [`Tables::new`] builds the tables; [`Tables::within`],
//! [`Tables::priced`] and [`Tables::cheapest`] reduce them.

mod build;
mod reduce;

use supernano_core::arch::Arch;
use supernano_core::space::{MAX_LAYERS, PlacedBlock};

use crate::cost::Costs;

/// The option of every layer, tied layers included. Entries beyond the last layer are 0.
pub type Genes = [u8; MAX_LAYERS];

/// The contribution of a block, or its sum over several blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Terms of the score on the linear scale.
    pub score: f64,
    /// Flash, bytes.
    pub flash: u64,
    /// Peak RAM, bytes.
    pub ram: u64,
    /// Instructions.
    pub instructions: u64,
    /// Nominal multiply-accumulates.
    pub macs: u64,
    /// Nominal parameters.
    pub params: u64,
}

impl Sums {
    /// Adds the contribution of a block.
    #[inline(always)]
    pub fn plus(&self, block: &Self) -> Self {
        Self {
            score: self.score + block.score,
            flash: self.flash + block.flash,
            ram: self.ram.max(block.ram),
            instructions: self.instructions + block.instructions,
            macs: self.macs + block.macs,
            params: self.params + block.params,
        }
    }
}

impl From<&Sums> for Costs {
    fn from(sums: &Sums) -> Self {
        Self { flash_bytes: sums.flash, ram_bytes: sums.ram, instructions: sums.instructions }
    }
}

/// A block with given options and a given choice of kernels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Variant {
    /// Contribution of the block.
    pub sums: Sums,
    /// Options of the first and the last layer of the block; equal for a block of one layer.
    pub options: [u8; 2],
    /// Kernel kinds, encoded by the cost model.
    pub kinds: u8,
}

/// The variants of a block. An entry holds the variants with the same options.
#[derive(Clone, Debug)]
pub struct BlockTable {
    /// The block.
    pub block: PlacedBlock,
    /// Number of options of the first layer (1 for a block of one layer) and of the last.
    radix: [usize; 2],
    /// Offset of each entry `[input][first][last]` in `variants`, followed by their number.
    starts: Vec<u32>,
    /// The variants, entry by entry.
    pub variants: Vec<Variant>,
}

impl BlockTable {
    /// The variants with the options of these genes.
    #[inline(always)]
    pub fn entry(&self, genes: &Genes) -> &[Variant] {
        let (first, last) = (self.block.first, self.block.last());
        let input = if first == 0 { 0 } else { usize::from(genes[first - 1]) };
        let middle = if first == last { 0 } else { usize::from(genes[first]) };
        let entry = (input * self.radix[0] + middle) * self.radix[1] + usize::from(genes[last]);
        &self.variants[self.starts[entry] as usize..self.starts[entry + 1] as usize]
    }

    /// Number of options that the input of the block has.
    pub fn inputs(&self) -> usize {
        (self.starts.len() - 1) / (self.radix[0] * self.radix[1])
    }

    /// All variants that read option `input`.
    pub fn reading(&self, input: usize) -> &[Variant] {
        let entries = self.radix[0] * self.radix[1];
        let start = self.starts[input * entries] as usize;
        let end = self.starts[(input + 1) * entries] as usize;
        &self.variants[start..end]
    }

    /// The variants of each entry, in order.
    fn entries(&self) -> impl Iterator<Item = &[Variant]> {
        self.starts.windows(2).map(|ends| &self.variants[ends[0] as usize..ends[1] as usize])
    }
}

/// The tables of a problem.
#[derive(Clone, Debug)]
pub struct Tables {
    /// One table for each block, in order.
    pub blocks: Vec<BlockTable>,
    /// Costs in addition to the blocks. Flash and RAM are lower bounds.
    pub base: Sums,
}

impl Tables {
    /// Sums of a sub-network over the first variant of each entry. Returns `None` if an entry has
    /// no variant.
    #[inline]
    pub fn sums(&self, genes: &Genes) -> Option<Sums> {
        let mut sums = Sums { ram: 0, ..self.base };
        for table in &self.blocks {
            sums = sums.plus(&table.entry(genes).first()?.sums);
        }
        sums.ram += self.base.ram;
        Some(sums)
    }
}

/// Genes of a sub-network.
pub fn genes(arch: &Arch) -> Genes {
    let mut genes = [0; MAX_LAYERS];
    for (gene, &option) in genes.iter_mut().zip(arch.options()) {
        *gene = option;
    }
    genes
}
