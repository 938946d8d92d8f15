//! `cargo xtask search`: searches three budgets on the paper's supernet, from its published checkpoint
//! to the answers of the device.

use std::path::PathBuf;

use serde_json::{Value, json};

use crate::firmware;
use crate::process::{self, Failure, Result, root, supernano};
use crate::setup::{self, Consent, Need, QEMU};

const RUN: &str = "runs/reference";
const TARGET: &str = supernano_facts::QEMU_M4.name;
/// Limits of flash, RAM and instructions.
const BUDGETS: [[&str; 3]; 3] =
    [["64KiB", "16KiB", "3M"], ["128KiB", "24KiB", "8M"], ["320KiB", "36KiB", "30M"]];

/// Arguments of `cargo xtask search`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Checkpoint of step 2 of the paper.
    #[arg(long)]
    checkpoint: PathBuf,
    /// Directory or archive of CIFAR-100.
    #[arg(long)]
    data: PathBuf,
    /// Number of random sub-networks from whose scores the search predicts.
    #[arg(long, default_value_t = 300)]
    ranked: u32,
    /// Number of test images that each network classifies on the device.
    #[arg(long, default_value_t = 500)]
    images: u32,
    /// Print one JSON object on stdout instead of a table.
    #[arg(long)]
    json: bool,
}

/// Imports, ranks, searches and checks.
///
/// # Errors
/// A device answer that differs from the host's.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let target = Need::Target(supernano_facts::QEMU_M4.package.target);
    setup::ensure(&[target, Need::Tool(&QEMU)], consent)?;
    firmware::build(&firmware::agents(&[TARGET]))?;
    process::build_host()?;
    let (checkpoint, data) = (shown(&args.checkpoint)?, shown(&args.data)?);
    if !root().join(RUN).join("config.toml").is_file() {
        let import = ["import-pytorch", &checkpoint, "--space", "resnet20", "-o", RUN];
        process::run(supernano(import).args(["--data", &data]))?;
    }
    let ranked = args.ranked.to_string();
    process::json(&mut supernano(["rank", RUN, "--random", &ranked, "--json"]))?;
    let rows: Vec<Value> = BUDGETS
        .iter()
        .map(|budget| searched(budget, args))
        .collect::<Result<Vec<_>>>()?
        .into_iter()
        .flatten()
        .collect();
    if args.json {
        say!("{}", json!({ "networks": rows }));
    } else {
        say!("{}", markdown(&rows));
    }
    Ok(())
}

fn shown(path: &std::path::Path) -> Result<String> {
    let path = path
        .canonicalize()
        .map_err(|e| Failure { code: 2, message: format!("{}: {e}", path.display()) })?;
    Ok(path.display().to_string())
}

/// The best network of a budget, and the best one of uniform width.
fn searched(budget: &[&str; 3], args: &Args) -> Result<Vec<Value>> {
    let [flash, ram, instructions] = budget;
    let front = format!("{RUN}/front-{flash}.json");
    let limits = ["--flash", flash, "--ram", ram, "--instructions", instructions];
    let mut search = supernano(["search", RUN, "--top", "20", "--verify", "-o", &front, "--json"]);
    let found = match process::answer(search.arg("--overwrite").args(limits))? {
        Ok(found) => found,
        Err(message) => {
            let row = json!({ "budget": budget.join(" / "), "how": "search", "no": message });
            return Ok(vec![row]);
        }
    };
    let winner = found["networks"]
        .as_array()
        .and_then(|all| all.iter().find(|n| n["code"] == found["winner"]))
        .ok_or_else(|| Failure::tool(format!("{front}: no winner")))?;
    let mut rows = vec![measured("search", budget, winner, args)?];
    if !found["uniform"].is_null() {
        rows.push(measured("uniform width", budget, &found["uniform"], args)?);
    }
    Ok(rows)
}

/// Checks a network that the search has written, and counts its instructions.
fn measured(how: &str, budget: &[&str; 3], network: &Value, args: &Args) -> Result<Value> {
    let code = network["code"].as_str().unwrap_or_default();
    let file = format!("{RUN}/networks/{code}.snb");
    let images = args.images.to_string();
    let check = ["check", &file, "--target", TARGET, "--images", &images, "--json"];
    let checked = process::json(&mut supernano(check))?;
    let latency = process::json(&mut supernano(["latency", &file, "--target", TARGET, "--json"]))?;
    Ok(json!({
        "budget": budget.join(" / "),
        "how": how,
        "code": code,
        "flash_bytes": network["flash_bytes"],
        "ram_bytes": network["ram_bytes"],
        "modelled": network["instructions"],
        "counted": latency["instructions"],
        "predicted": network["score"],
        "inherited": network["verified"]["inherited"],
        "int8": network["verified"]["int8"],
        "device": checked["top1_device"],
    }))
}

fn markdown(rows: &[Value]) -> String {
    let mut text = "| budget | network | flash B | RAM B | instructions: modelled | counted | \
                    predicted % | inherited % | int8 % | device % |\n|---|---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for row in rows {
        if let Some(message) = row["no"].as_str() {
            let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
            let budget = row["budget"].as_str().unwrap_or_default();
            text += &format!("| {budget} | {message} | | | | | | | | |\n");
            continue;
        }
        let percent = |key: &str| format!("{:.2}", 100.0 * row[key].as_f64().unwrap_or(f64::NAN));
        let plain = |key: &str| row[key].to_string();
        let name = format!(
            "{}: {}",
            row["how"].as_str().unwrap_or_default(),
            row["code"].as_str().unwrap_or_default()
        );
        let cells = [
            row["budget"].as_str().unwrap_or_default().to_owned(),
            name,
            plain("flash_bytes"),
            plain("ram_bytes"),
            plain("modelled"),
            plain("counted"),
            percent("predicted"),
            percent("inherited"),
            percent("int8"),
            percent("device"),
        ];
        text += &format!("| {} |\n", cells.join(" | "));
    }
    text
}
