//! The `supernano` binary.

use std::process::ExitCode;

/// Training allocates and frees feature maps of megabytes all the time; this allocator keeps
/// their pages.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    supernano::cli::main()
}
