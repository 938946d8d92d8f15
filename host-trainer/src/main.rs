//! The `supernano` binary.

use std::process::ExitCode;

fn main() -> ExitCode {
    supernano::cli::main()
}
