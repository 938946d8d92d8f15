//! Support for the end-to-end suites: the built binary and firmware, run directories, emulated devices
//! at the end of bad lines, and the independent integer [`oracle`].

pub mod command;
pub mod gdb;
pub mod line;
pub mod oracle;
pub mod pictures;
pub mod random;
pub mod small;
