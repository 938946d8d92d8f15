//! Prints the expected operations and memory traffic of an update on a GPU by kind of kernel, and the times
//! that an H100 would take for either, by arithmetic.
//!
//! The arguments are a configuration (TOML) and a number of updates, of which it prints the mean.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a report")]

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use supernano_base::config::RunConfig;
use supernano_base::error::Result;
use supernano_gpu::expected::{Kind, Work, work};

/// Operations of an H100 in a second: 45 % of its 67 TFLOP/s in float32.
const OPERATIONS: f64 = 0.45 * 67e12;
/// Bytes that it reads and writes in a second.
const BYTES: f64 = 3.0e12;

const fn name(kind: Kind) -> &'static str {
    match kind {
        Kind::Convolution => "convolution, with statistics",
        Kind::Depthwise => "depthwise convolution, with statistics",
        Kind::Factors => "factors of a norm",
        Kind::End => "end of a block",
        Kind::Pool => "pool",
        Kind::Head => "head: logits, gradients, weights, losses",
        Kind::EndGradient => "gradient of the end",
        Kind::NormGradient => "coefficients of a norm's gradient",
        Kind::PoolGradient => "gradient of a pool",
        Kind::Weights => "weight gradient, and its sum",
        Kind::DepthwiseWeights => "depthwise weight gradient, and its sum",
        Kind::Input => "input gradient",
        Kind::DepthwiseInput => "depthwise input gradient",
        Kind::Parameters => "slopes, sums of norms, descent",
    }
}

/// Prints the means of a sum over updates.
fn line(name: &str, sum: Work, updates: u64) {
    let each = |sum: f64| sum / updates as f64;
    let (launches, operations) = (each(sum.launches.into()), each(sum.operations));
    let (bytes, ms) =
        (each(sum.bytes), [each(sum.operations) / OPERATIONS, each(sum.bytes) / BYTES]);
    println!(
        "| {name} | {launches:.0} | {:.1} | {:.2} | {:.2} | {:.2} |",
        1e-9 * operations,
        1e-9 * bytes,
        1e3 * ms[0],
        1e3 * ms[1]
    );
}

fn table(file: &Path, updates: u64) -> Result<()> {
    let found = work(&RunConfig::read(file)?, updates)?;
    println!("| kernel | launches | GFLOP | GB | ms by arithmetic | ms by memory |");
    println!("|---|---|---|---|---|---|");
    let mut sum = Work::default();
    for (kind, work) in found {
        sum += work;
        line(name(kind), work, updates);
    }
    line("**sum**", sum, updates);
    Ok(())
}

fn main() -> ExitCode {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let updates = arguments.get(1).and_then(|n| n.to_str()?.parse().ok()).filter(|n| *n > 0);
    let ([file, _], Some(updates)) = (arguments.as_slice(), updates) else {
        eprintln!("usage: expected_work CONFIGURATION UPDATES");
        return ExitCode::from(2);
    };
    match table(file, updates) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}
