//! `cargo xtask`: set-up, firmware, demo and tests of the workspace.
//!
//! `setup` brings the Cortex-M targets and QEMU; `firmware` builds the device agents; `demo` goes
//! the whole way from images to measured networks; `test` verifies everything; `bench-train`,
//! `method-study` and `paper-tables` measure the trainer and the method.

mod bench;
mod bench_table;
mod bench_train;
mod boards;
mod c_library;
mod code;
mod demo;
mod demo_table;
mod exactness;
mod firmware;
mod gpu;
mod image;
mod method_study;
mod paper_tables;
mod plain;
mod process;
mod search;
mod setup;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, firmware, demo and tests of the supernano workspace.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
#[command(after_help = "Exit codes: 0 done; 1 the answer is no (a test failed, a mismatch); \
    2 wrong use; 3 a tool is missing or failed.")]
struct Cli {
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Install what is missing: Cortex-M targets, rustfmt and clippy, qemu-system-arm,
    /// arm-none-eabi-gcc.
    Setup,
    /// Build the device agents into target/firmware/.
    Firmware,
    /// Build every firmware, check its ELF file, run it where its machine is emulated.
    Boards(boards::Args),
    /// Compare the header for C with its source, and run the example in C on the emulated M4.
    CLibrary(c_library::Args),
    /// Train, rank, search, export, check and measure on the built-in data set.
    Demo(demo::Args),
    /// Count instructions of networks on every emulated core, with their memory.
    BenchDevice(bench::Args),
    /// Time the supernet step and evaluation on the processor, beside a matrix product.
    BenchTrain(bench_train::Args),
    /// Check, time and train on a GPU, here or packed for another machine (docs/cuda.md).
    Gpu(gpu::Args),
    /// Train and score in small, or from the reference's weights: does the method work?
    MethodStudy(method_study::Args),
    /// Train and score the supernets of the paper's tables; days on a GPU.
    PaperTables(paper_tables::Args),
    /// Search three budgets on the paper's supernet and ask the device (docs/search.md).
    Search(search::Args),
    /// Code size of the least firmware on every core, and that it cannot panic.
    Code,
    /// Compare every core's kernels with the reference, value by value.
    Exactness(exactness::Args),
    /// Run every check and test, on the host and on the emulated device.
    Test(verify::Args),
}

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Task::Setup => setup::run().and_then(|()| setup::c_compiler()),
        Task::Firmware => setup::targets().and_then(|()| firmware::build()),
        Task::Boards(args) => setup::targets().and_then(|()| boards::run(&args)),
        Task::CLibrary(args) => c_library::check(&args),
        Task::Demo(args) => demo::run(&args),
        Task::BenchDevice(args) => bench::run(&args),
        Task::BenchTrain(args) => bench_train::run(&args),
        Task::Gpu(args) => gpu::run(&args),
        Task::MethodStudy(args) => method_study::run(&args),
        Task::PaperTables(args) => paper_tables::run(&args),
        Task::Search(args) => search::run(&args),
        Task::Code => setup::targets().and_then(|()| code::check()),
        Task::Exactness(args) => exactness::run(&args),
        Task::Test(args) => verify::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
