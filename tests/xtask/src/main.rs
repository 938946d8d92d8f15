//! `cargo xtask`: set-up, firmware, demo, tests and benchmarks of the workspace.
//!
//! Start reading at [`verify`], the list of all checks, or at [`demo`], the whole path from images to
//! measured networks. [`firmware`] builds the packages that `supernano_facts` lists, and [`setup`]
//! installs missing programs.

#[macro_use]
mod lines;

mod agents;
mod bench;
mod bench_frontend;
mod bench_table;
mod bench_train;
mod boards;
mod c_library;
mod code;
mod demo;
mod demo_table;
mod exactness;
mod firmware;
mod footprint;
mod gpu;
mod image;
mod kills;
mod method_study;
mod package;
mod paper_tables;
mod peers;
mod plain;
mod process;
mod rank_study;
mod reproducible;
mod search;
mod setup;
mod verify;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Set-up, firmware, demo and tests of the supernano workspace.
#[derive(Parser, Debug)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
#[command(
    after_help = "A task that needs a missing program asks before it calls a package manager. \
    Without a terminal it prints the commands to type and fails. CI=true has the effect of --yes.\n\n\
    Exit codes: 0 success; 1 a test or a check failed; 2 wrong use; 3 a tool is missing or failed."
)]
struct Cli {
    /// Install missing programs without asking.
    #[arg(long, global = true)]
    yes: bool,
    #[command(subcommand)]
    command: Task,
}

#[derive(Subcommand, Debug)]
enum Task {
    /// Install everything that any task needs: Cortex-M targets, rustfmt, clippy, QEMU, the C
    /// compiler, a Vulkan driver.
    Setup,
    /// Build the firmware of all boards and emulated machines into target/firmware/, and QEMU's plugin
    /// for cycles.
    Firmware,
    /// Build the agents and archive them for the program and its package.
    Agents,
    /// Package every crate that may be published, with the agents inside.
    Package(package::Args),
    /// Install the program, with the agents inside, as `cargo install` does.
    Install,
    /// Build every firmware, check its ELF file, and run it if its machine is emulated.
    Boards(boards::Args),
    /// Compare the C header with its source, and run the C example on an emulated Cortex-M4.
    CLibrary(c_library::Args),
    /// Train, rank, search, export, check and measure on the built-in data set.
    Demo(demo::Args),
    /// Count the instructions of networks on every emulated core, estimate their cycles, and measure
    /// their memory.
    BenchDevice(bench::Args),
    /// Count the instructions of the sound features on every emulated core, and measure their memory.
    BenchFrontend(bench_frontend::Args),
    /// Count CMSIS-NN, whose sources are given, and this project on the same emulated cores.
    Peers(peers::Args),
    /// Time the supernet step and evaluation on the CPU, and compare them with a matrix product.
    BenchTrain(bench_train::Args),
    /// Check, time and train on a GPU, or pack the trainer for another machine (docs/cuda.md).
    Gpu(gpu::Args),
    /// Run a study of the method at a small scale, or from the reference's weights.
    MethodStudy(method_study::Args),
    /// Measure how well scores, surrogate and truths predict true accuracies.
    RankStudy(rank_study::Args),
    /// Train and score the supernets of the paper's tables. This takes days on a GPU.
    PaperTables(paper_tables::Args),
    /// Search three budgets on the paper's supernet and check the results on the device
    /// (docs/search.md).
    Search(search::Args),
    /// Measure the code size of the smallest firmware on every core, and check that it cannot panic.
    Code,
    /// Build the firmware that classifies, and compare its flash and static RAM with what `search` and
    /// `export` promise.
    Footprint(footprint::Args),
    /// Compare the kernels of every core with the reference, value by value.
    Exactness(exactness::Args),
    /// Check that two clean builds of a firmware, and two trainings and exports, give the same bytes.
    Reproducible,
    /// Kill commands at random moments and at system calls, and compare their results with those of
    /// undisturbed runs (docs/reliability.md).
    Kills(kills::Args),
    /// Run every check and test, on the host and on the emulated device.
    Test(verify::Args),
}

fn main() -> ExitCode {
    let Cli { yes, command } = Cli::parse();
    let consent = setup::consent(yes);
    let outcome = match command {
        Task::Setup => setup::ensure(&setup::everything(), consent),
        Task::Firmware => setup::ensure(&setup::targets(), consent)
            .and_then(|()| firmware::build(&firmware::every()))
            .and_then(|()| process::build_plugin()),
        Task::Package(args) => package::run(&args, consent),
        Task::Install => package::install(consent),
        Task::Agents => agents::write(consent),
        Task::Boards(args) => boards::run(&args, consent),
        Task::CLibrary(args) => c_library::check(&args, consent),
        Task::Demo(args) => demo::run(&args, consent),
        Task::BenchDevice(args) => bench::run(&args, consent),
        Task::BenchFrontend(args) => bench_frontend::run(&args, consent),
        Task::Peers(args) => peers::compare(&args, consent),
        Task::BenchTrain(args) => bench_train::run(&args),
        Task::Gpu(args) => gpu::run(&args, consent),
        Task::MethodStudy(args) => method_study::run(&args),
        Task::RankStudy(args) => rank_study::run(&args),
        Task::PaperTables(args) => paper_tables::run(&args),
        Task::Search(args) => search::run(&args, consent),
        Task::Code => code::check(consent),
        Task::Footprint(args) => footprint::run_task(&args, consent),
        Task::Exactness(args) => exactness::run(&args, consent),
        Task::Reproducible => reproducible::run(consent),
        Task::Kills(args) => kills::run(&args, consent),
        Task::Test(args) => verify::run(&args, consent),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            note!("error: {failure}");
            ExitCode::from(failure.code)
        }
    }
}
