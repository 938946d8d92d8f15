//! `supernano`: one-shot neural architecture search over channel widths that ends on a
//! microcontroller. Library behind the binary of the same name.

#[cfg(feature = "train")]
pub mod backend;
pub mod cli;
pub mod error;
pub mod files;
