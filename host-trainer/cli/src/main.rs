//! The `supernano` binary.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: supernano::allocator::MiMalloc = supernano::allocator::MiMalloc;

fn main() -> ExitCode {
    supernano::allocator::keep_pages();
    supernano::main()
}
