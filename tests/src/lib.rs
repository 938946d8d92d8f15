//! What the end-to-end suites share: the built binary and firmware, run directories, and the
//! independent integer [`oracle`].

pub mod command;
pub mod gdb;
pub mod line;
pub mod oracle;
pub mod small;
