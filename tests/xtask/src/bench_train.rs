//! `cargo xtask bench-train`: times the supernet step and evaluation, and compares them with a matrix
//! product.

use serde_json::{Value, json};

use crate::process::{self, Failure, Result, program};

/// Arguments of `cargo xtask bench-train`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print one JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Number of timed steps; the fastest counts.
    #[arg(long, default_value_t = 5)]
    repeats: u32,
}

/// Builds the benchmark and runs it with one and with two threads, in separate processes: the peak
/// memory is then that of one run.
pub fn run(args: &Args) -> Result<()> {
    let path = process::own_program_with("bench_train", &["supernano-experiments/peers"])?;
    let measure = |threads: u32| {
        process::json(&mut program(&path, [threads.to_string(), args.repeats.to_string()]))
    };
    let (one, two) = (measure(1)?, measure(2)?);
    // Both gains compare wall-clock times. Processor times hide the cost of waiting.
    let gain = |key: &str| Ok::<f64, Failure>(number(&two, key)? / number(&one, key)?);
    let step_gain = number(&one, "step_wall_s")? / number(&two, "step_wall_s")?;
    let gemm_gain = gain("gemm_wall_gflops")?;
    let result = json!({
        "runs": [one, two],
        "two_threads": {
            "step_gain": step_gain,
            "gemm_gain": gemm_gain,
            "step_of_gemm": step_gain / gemm_gain,
        },
    });
    if args.json {
        say!("{result}");
    } else {
        say!("{}", render(&result)?.trim_end());
    }
    Ok(())
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().ok_or_else(|| Failure::tool(format!("bench_train: missing number `{key}`")))
}

fn render(result: &Value) -> Result<String> {
    let mut text =
        "threads  gemm GFLOP/s  step s  step GFLOP/s  of gemm  images/s  peak MiB\n".to_owned();
    for run in result["runs"].as_array().into_iter().flatten() {
        text += &format!(
            "{:>7} {:>13.1} {:>7.2} {:>13.1} {:>7.0}% {:>9.0} {:>9.0}\n",
            number(run, "threads")?,
            number(run, "gemm_gflops")?,
            number(run, "step_s")?,
            number(run, "step_gflops")?,
            100.0 * number(run, "step_of_gemm")?,
            number(run, "eval_images_per_s")?,
            number(run, "peak_mib")?,
        );
    }
    let two = &result["two_threads"];
    text += &format!(
        "two threads: step {:.2} times as fast, gemm {:.2} times\n",
        number(two, "step_gain")?,
        number(two, "gemm_gain")?
    );
    Ok(text)
}
