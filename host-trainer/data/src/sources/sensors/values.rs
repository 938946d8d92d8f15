//! Numbers of recordings, in memory or in a file without a name.

use std::ops::Range;
use std::path::Path;

use supernano_base::error::Result;
use supernano_base::images::{Collector, Pixels};

use super::table::Table;

/// Most bytes of one file that are in memory while it is read.
pub const GROWING: u64 = 4 << 20;

/// Numbers in single precision.
#[derive(Debug)]
pub struct Values(Pixels);

impl Default for Values {
    fn default() -> Self {
        Self(Vec::new().into())
    }
}

impl Values {
    /// The numbers of these bytes, four each.
    pub fn of(bytes: Pixels) -> Self {
        Self(bytes)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len() / size_of::<f32>()
    }

    /// The number at a place.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn get(&self, at: usize) -> f32 {
        let bytes = self.bytes(at..at + 1);
        f32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]])
    }

    /// The bytes of some numbers.
    ///
    /// # Panics
    /// If there are fewer.
    pub fn bytes(&self, range: Range<usize>) -> &[u8] {
        &self.0[range.start * size_of::<f32>()..range.end * size_of::<f32>()]
    }
}

/// Collects tables; the values of all of them are in memory, or in one file.
pub struct Tables {
    tables: Vec<(Table, usize)>,
    values: Collector,
}

impl Tables {
    /// No tables. The file of their values will lie in `folder`.
    ///
    /// # Errors
    /// As [`Collector::new`].
    pub fn new(folder: &Path) -> Result<Self> {
        Ok(Self { tables: Vec::new(), values: Collector::new(folder)? })
    }

    /// Takes a table.
    ///
    /// # Errors
    /// As [`Collector::push`].
    pub fn push(&mut self, mut table: Table) -> Result<()> {
        let values = std::mem::take(&mut table.values);
        self.values.push(&values.0)?;
        self.tables.push((table, values.0.len()));
        Ok(())
    }

    /// All tables.
    ///
    /// # Errors
    /// As [`Collector::finish`].
    pub fn finish(self) -> Result<Vec<Table>> {
        let mut rest = self.values.finish()?;
        let mut tables = Vec::with_capacity(self.tables.len());
        for (mut table, length) in self.tables.into_iter().rev() {
            let before = rest.len() - length;
            // From the last one, so that bytes in memory are moved once.
            let [left, own] = rest.parts([before, length]);
            (rest, table.values) = (left, Values::of(own));
            tables.push(table);
        }
        tables.reverse();
        Ok(tables)
    }
}
