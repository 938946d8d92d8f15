//! `cargo xtask demo`: the whole path, from images to measured networks.

use std::fs;
use std::time::Instant;

use serde_json::{Value, json};

use crate::process::{self, Failure, Result, root, supernano};
use crate::setup::{self, Consent, Need, QEMU};
use crate::{demo_table, firmware};

const CONFIG: &str = "host-trainer/configs/demo.toml";
const TRUTH: &str = "host-trainer/truth/demo.csv";
const RUN: &str = "runs/demo";
const TARGET: &str = supernano_facts::QEMU_M4.name;
/// Number of random sub-networks from whose scores the search learns.
const RANKED: &str = "128";

/// Arguments of `cargo xtask demo`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print one JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Number of networks of the front to export, check and measure.
    #[arg(long, default_value_t = 6)]
    networks: usize,
    /// Number of test images that each network classifies on the device.
    #[arg(long, default_value_t = 500)]
    images: usize,
}

/// Runs the demo.
///
/// # Errors
/// A device answer that differs from the host's, and a result that is not meaningful.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let target = Need::Target(supernano_facts::QEMU_M4.package.target);
    setup::ensure(&[target, Need::Tool(&QEMU)], consent)?;
    let build = Instant::now();
    firmware::build(&firmware::agents(&[TARGET]))?;
    process::build_host_without_probes()?;
    let build_seconds = build.elapsed().as_secs_f64();

    let start = Instant::now();
    let measured = path(args)?;
    let mut results = json!({
        "seconds": round(start.elapsed().as_secs_f64(), 1),
        "build_seconds": round(build_seconds, 1),
        "images_checked": total(&measured.networks, "images")?,
        "mismatches": total(&measured.networks, "mismatches")?,
        "networks": measured.networks,
    });
    if let Some(correlation) = measured.correlation {
        results["correlation"] = correlation;
    }
    process::run(&mut supernano(["report", RUN]))?;
    results["seconds"] = json!(round(start.elapsed().as_secs_f64(), 1));

    if args.json {
        say!("{results}");
    } else {
        say!("{}", demo_table::render(&results));
        say!("report: {RUN}/report.html");
    }
    let complaints = complaints(&results, args);
    if complaints.is_empty() { Ok(()) } else { Err(Failure::no(complaints.join("; "))) }
}

/// Says what comes next, and how long it takes on two cores.
fn announce(stage: &str) {
    note!("{stage}");
}

struct Measured {
    networks: Vec<Value>,
    correlation: Option<Value>,
}

/// Trains, ranks, searches, exports, checks and measures.
fn path(args: &Args) -> Result<Measured> {
    let directory = root().join(RUN);
    match fs::remove_dir_all(&directory) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            return Err(Failure::tool(format!("{}: {e}", directory.display())));
        }
        _ => {}
    }
    announce("train: a supernet that holds 262,144 networks, on generated images (about 70 s)");
    process::json(&mut supernano(["train", CONFIG, "-o", RUN, "--json"]))?;
    announce("rank: 128 of its networks, with the weights that they inherit (about 8 s)");
    process::json(&mut supernano(["rank", RUN, "--random", RANKED, "--json"]))?;
    announce("correlate: scores against networks that were trained alone (about 3 s)");
    let correlation = correlate()?;
    announce("search: the networks that are best for their costs (about 6 s)");
    let wanted = args.networks.to_string();
    let found = process::json(&mut supernano(["search", RUN, "--spread", &wanted, "--json"]))?;
    let codes: Vec<&str> =
        array(&found, "networks")?.iter().map(|n| text(n, "code")).collect::<Result<_>>()?;
    let scores = format!("{RUN}/front-scores.json");
    let ranked = process::json(supernano(["rank", RUN, "-o", &scores, "--json"]).args(&codes))?;
    let scores = array(&ranked, "scores")?;
    announce(
        "export, check, latency: int8 files on an emulated Cortex-M4, every answer compared (about 20 s)",
    );
    // An emulator uses one core. Two threads measure every second network each.
    let half = |first: usize| -> Vec<Result<Value>> {
        scores.iter().skip(first).step_by(2).map(|score| measure(score, args)).collect()
    };
    let (even, odd) = std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        (half(0), other.join())
    });
    let odd = odd.map_err(|_| Failure::tool("a measuring thread panicked".to_owned()))?;
    let (mut even, mut odd) = (even.into_iter(), odd.into_iter());
    let networks = (0..scores.len())
        .filter_map(|i| if i % 2 == 0 { even.next() } else { odd.next() })
        .collect::<Result<_>>()?;
    Ok(Measured { networks, correlation })
}

/// Correlates the scores of the codes in the truth file with their stand-alone accuracies.
fn correlate() -> Result<Option<Value>> {
    if !root().join(TRUTH).is_file() {
        note!("SKIPPED: no {TRUTH}; no correlation");
        return Ok(None);
    }
    let file = format!("{RUN}/truth-scores.json");
    process::json(&mut supernano(["rank", RUN, TRUTH, "-o", &file, "--json"]))?;
    process::json(&mut supernano(["correlate", &file, TRUTH, "--pairs", "--json"])).map(Some)
}

/// Exports, checks and measures one network of the front.
fn measure(score: &Value, args: &Args) -> Result<Value> {
    let code = text(score, "arch")?;
    let blob = format!("{RUN}/networks/{code}.snb");
    let exported = process::json(&mut supernano(["export", RUN, code, "-o", &blob, "--json"]))?;
    let images = args.images.to_string();
    let checked = process::json(
        supernano(["check", &blob, "--target", TARGET, "--images", &images]).args(["--json"]),
    )?;
    let latency = process::json(&mut supernano(["latency", &blob, "--target", TARGET, "--json"]))?;
    Ok(json!({
        "code": code,
        "score": number(score, "acc")?,
        "score_se": number(score, "acc_se")?,
        "top1_float": number(&exported, "top1_float")?,
        "top1_int8": number(&exported, "top1_int8")?,
        "top1_device": number(&checked, "top1_device")?,
        "flash_bytes": count(&exported, "flash_bytes")?,
        "blob_bytes": count(&exported, "blob_bytes")?,
        "code_bytes": count(&exported, "code_bytes")?,
        "ram_bytes": count(&exported, "ram_bytes")?,
        "arena_bytes": count(&exported, "arena_bytes")?,
        "logits_bytes": count(&exported, "logits_bytes")?,
        "stack_bytes": count(&exported, "stack_bytes")?,
        "statics_bytes": count(&exported, "statics_bytes")?,
        "instructions": count(&latency, "instructions")?,
        "cycles_estimated": latency["estimate"]["cycles_estimated"],
        "images": count(&checked, "images")?,
        "mismatches": count(&checked, "mismatches")?,
        "layers": array(&latency, "layers")?,
    }))
}

/// The reasons why the demo fails.
fn complaints(results: &Value, args: &Args) -> Vec<String> {
    let mut list = Vec::new();
    let networks = results["networks"].as_array().map_or(&[][..], Vec::as_slice);
    let value = |n: &Value, key: &str| n[key].as_f64().unwrap_or(f64::NAN);
    if results["mismatches"] != json!(0) {
        list.push(format!(
            "{} answers of the device differ from the host's",
            results["mismatches"]
        ));
    }
    if networks.len() < args.networks {
        list.push(format!("{} networks on the front, expected {}", networks.len(), args.networks));
    }
    for n in networks {
        let loss = (value(n, "top1_float") - value(n, "top1_int8")).abs();
        if loss.is_nan() || loss > 0.02 {
            list.push(format!(
                "{}: int8 and float differ by {:.1} points",
                n["code"],
                100.0 * loss
            ));
        }
    }
    for n in networks {
        let layers = n["layers"].as_array().map_or(&[][..], Vec::as_slice);
        let sum: f64 = layers.iter().map(|l| value(l, "instructions")).sum();
        let all = value(n, "instructions");
        if (sum - all).abs() > 0.01 * all {
            list.push(format!(
                "{}: the layers take {sum} instructions, the network {all}",
                n["code"]
            ));
        }
    }
    let by_score = |a: &&Value, b: &&Value| value(a, "score").total_cmp(&value(b, "score"));
    if let (Some(worst), Some(best)) =
        (networks.iter().min_by(by_score), networks.iter().max_by(by_score))
    {
        let gap = value(best, "score") - value(worst, "score");
        let error = value(best, "score_se").hypot(value(worst, "score_se"));
        if gap.is_nan() || gap <= 3.0 * error {
            list.push(format!(
                "the scores of the front span {gap:.4}, less than 3 standard errors, {:.4}",
                3.0 * error
            ));
        }
    }
    list
}

fn array<'a>(value: &'a Value, key: &str) -> Result<&'a Vec<Value>> {
    value[key].as_array().ok_or_else(|| Failure::tool(format!("no list `{key}` in {value}")))
}

fn text<'a>(value: &'a Value, key: &str) -> Result<&'a str> {
    value[key].as_str().ok_or_else(|| Failure::tool(format!("no text `{key}` in {value}")))
}

fn number(value: &Value, key: &str) -> Result<f64> {
    value[key].as_f64().ok_or_else(|| Failure::tool(format!("no number `{key}` in {value}")))
}

fn count(value: &Value, key: &str) -> Result<u64> {
    value[key].as_u64().ok_or_else(|| Failure::tool(format!("no count `{key}` in {value}")))
}

fn total(networks: &[Value], key: &str) -> Result<u64> {
    networks.iter().map(|n| count(n, key)).sum()
}

fn round(value: f64, digits: i32) -> f64 {
    let unit = 10f64.powi(digits);
    (value * unit).round() / unit
}
