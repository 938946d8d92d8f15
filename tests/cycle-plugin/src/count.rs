//! Sums over the instructions between two reads of the timer.
//!
//! QEMU executes *blocks* of instructions that end at a branch at the latest. The cost of a block is
//! computed once, when QEMU translates it. Executing it adds that cost, the cost of its first
//! instruction, which depends on the block before, and the refill of the pipeline between them.

use std::fmt::Write as _;

use crate::decode::{Class, Instruction};
use crate::flash::Flash;
use crate::settings::Settings;
use crate::timing::{Core, Cycles, cycles, refill};

#[cfg(test)]
mod tests;

/// A translated block.
#[derive(Clone, Debug)]
struct Block {
    instructions: Vec<Instruction>,
    /// Cycles of all instructions but the first, for each core.
    rest: Vec<Cycles>,
    unknown: u64,
    vector: u64,
}

/// The sums since the last read of the timer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Sums {
    instructions: u64,
    unknown: u64,
    vector: u64,
    constant_words: u64,
    cycles: Vec<Cycles>,
}

/// Counts the instructions that QEMU executes.
#[derive(Clone, Debug)]
pub struct Counter {
    timer: u32,
    cores: Vec<Core>,
    flash: Vec<Flash>,
    constants: Vec<(u32, u32)>,
    blocks: Vec<Block>,
    sums: Sums,
    /// The block that executes, if any.
    current: Option<usize>,
    /// The instruction that executed last, apart from those of the current block.
    last: Option<Instruction>,
}

impl Counter {
    /// A counter that has counted nothing.
    pub fn new(settings: &Settings) -> Self {
        Self {
            timer: settings.timer,
            cores: settings.cores.clone(),
            flash: settings.flash.iter().copied().map(Flash::new).collect(),
            constants: settings.constants.clone(),
            blocks: Vec::new(),
            sums: Sums { cycles: vec![Cycles::default(); settings.cores.len()], ..Sums::default() },
            current: None,
            last: None,
        }
    }

    /// Registers a translated block. Returns its index.
    pub fn translated(&mut self, instructions: Vec<Instruction>) -> usize {
        let rest = self.cores.iter().map(|&core| within(core, &instructions)).collect();
        let unknown = of_class(&instructions, Class::Unknown);
        let vector = of_class(&instructions, Class::Vector);
        self.blocks.push(Block { instructions, rest, unknown, vector });
        self.blocks.len() - 1
    }

    /// Executes a block.
    pub fn executed(&mut self, index: usize) {
        let Some(block) = self.blocks.get(index) else { return };
        let Some(first) = block.instructions.first() else { return };
        let last = match self.current.and_then(|current| self.blocks.get(current)) {
            Some(before) => before.instructions.last().copied(),
            None => self.last,
        };
        let adjacent = last.filter(|last| last.end() == first.address);
        for ((&core, sum), rest) in self.cores.iter().zip(&mut self.sums.cycles).zip(&block.rest) {
            if let Some(branch) = &last
                && (branch.jumps || adjacent.is_none())
                && branch.branches()
            {
                *sum += refill(core, branch, first);
            }
            *sum += cycles(core, adjacent.as_ref().filter(|last| !last.jumps), first);
            *sum += *rest;
        }
        self.sums.instructions += block.instructions.len() as u64;
        self.sums.unknown += block.unknown;
        self.sums.vector += block.vector;
        let end = block.instructions.last().map_or(first.address, Instruction::end);
        self.flash.iter_mut().for_each(|flash| flash.execute(first.address, end));
        (self.current, self.last) = (Some(index), None);
    }

    /// Reads memory at `address` by the instruction at `at`. A read of the timer returns the line of
    /// sums since the read before, that instruction included. A timer of 64 bits has its high word behind
    /// the low one, whose read counts.
    pub fn read(&mut self, at: u32, address: u32) -> Option<String> {
        if address == self.timer.wrapping_add(4) {
            self.cut(at);
            return None;
        }
        if address != self.timer {
            let constant = |&(start, end): &(u32, u32)| (start..end).contains(&address);
            if self.constants.iter().any(constant) {
                self.sums.constant_words += 1;
                self.flash.iter_mut().for_each(|flash| flash.read(address));
            }
            return None;
        }
        self.cut(at);
        let line = self.line();
        self.sums = Sums { cycles: vec![Cycles::default(); self.cores.len()], ..Sums::default() };
        self.flash.iter_mut().for_each(Flash::reset);
        Some(line)
    }

    /// Takes off the instructions of the current block after the one at `at`. QEMU ends a block after
    /// an access to a device, and executes the rest as another block.
    fn cut(&mut self, at: u32) {
        let Some(block) = self.current.and_then(|current| self.blocks.get(current)) else { return };
        let Some(index) = block.instructions.iter().position(|i| i.address == at) else { return };
        let tail = &block.instructions[index..];
        for (&core, sum) in self.cores.iter().zip(&mut self.sums.cycles) {
            *sum -= within(core, tail);
        }
        self.sums.instructions -= tail.len() as u64 - 1;
        self.sums.unknown -= of_class(&tail[1..], Class::Unknown);
        self.sums.vector -= of_class(&tail[1..], Class::Vector);
        (self.current, self.last) = (None, Some(block.instructions[index]));
    }

    /// Instructions, those of them that are unknown, those of them that are vector instructions, low,
    /// mid and high of each core, words of constants, and lines of code and of constants of each flash,
    /// separated by spaces.
    fn line(&self) -> String {
        let Sums { instructions, unknown, vector, .. } = self.sums;
        let mut line = format!("{instructions} {unknown} {vector}");
        for Cycles { low, mid, high } in &self.sums.cycles {
            let _ = write!(line, " {low} {mid} {high}");
        }
        let _ = write!(line, " {}", self.sums.constant_words);
        for flash in &self.flash {
            let _ = write!(line, " {} {}", flash.code_lines, flash.constant_lines);
        }
        line.push('\n');
        line
    }
}

/// Cycles of all instructions but the first, executed one after the other.
fn within(core: Core, instructions: &[Instruction]) -> Cycles {
    let mut sum = Cycles::default();
    for pair in instructions.windows(2) {
        sum += cycles(core, Some(&pair[0]), &pair[1]);
    }
    sum
}

fn of_class(instructions: &[Instruction], class: Class) -> u64 {
    instructions.iter().filter(|i| i.class == class).count() as u64
}
