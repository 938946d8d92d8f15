//! Who is told what an executor does.

/// Told which operation works, and what it writes.
pub trait Observer {
    /// Operation `op` is at work from now on. Within a block operations take turns, row by row.
    fn enter(&mut self, op: usize) {
        let _ = op;
    }

    /// Operation `op` has written row `y` of its output: NHWC i8 with channels padded to a
    /// multiple of 4 (padding holds anything), four a word.
    fn row(&mut self, op: usize, y: usize, row: &[u32]) {
        let _ = (op, y, row);
    }
}

impl Observer for () {}
