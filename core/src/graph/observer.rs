//! The observer of an execution.
//!
//! Kernels call an [`Observer`] while they work. Tests collect rows with it, and the agent counts
//! instructions per operation. `()` observes nothing and costs nothing.

/// Is told which operation is at work, and what it writes.
pub trait Observer {
    /// Operation `op` starts or continues: its work follows, from its set-up on. Within a residual
    /// block or a rolled unit, the operations alternate row by row.
    fn enter(&mut self, op: usize) {
        let _ = op;
    }

    /// Operation `op` has written row `y` of its output: i8 `[width][channels]`, four per word,
    /// with channels padded to a multiple of 4. The padding has any value.
    fn row(&mut self, op: usize, y: usize, row: &[u32]) {
        let _ = (op, y, row);
    }
}

impl Observer for () {}
