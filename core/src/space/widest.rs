//! The largest widths of a space.

use heapless::Vec;

use super::{MAX_LAYERS, Space};

impl Space<'_> {
    /// The largest numbers of channels that each layer reads and writes, over all sub-networks.
    /// `effective` is the width that is computed in place of a nominal one.
    pub(crate) fn widest(&self, effective: impl Fn(u16) -> u16) -> Vec<[u16; 2], MAX_LAYERS> {
        let mut widths: Vec<[u16; 2], MAX_LAYERS> = Vec::new();
        let mut written: Vec<u16, MAX_LAYERS> = Vec::new();
        for placed in self.placed_blocks() {
            let before = self.predecessors(placed.index).map(|block| written[block]);
            let entry = before.max().unwrap_or(self.input.channels);
            let mut read = entry;
            for layer in &self.layers[placed.first..=placed.last()] {
                let options = layer.widths.iter();
                let output = match layer.expands {
                    true => options.map(|&e| e.saturating_mul(entry)).max(),
                    false => options.map(|&w| effective(w)).max(),
                };
                let output = output.unwrap_or(read);
                widths.extend([[read, output]]);
                read = output;
            }
            written.extend([read]);
        }
        widths
    }
}
