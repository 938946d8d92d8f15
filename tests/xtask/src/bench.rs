//! `cargo xtask bench-device`: instructions, estimated cycles and memory of networks on every emulated
//! core.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use crate::process::{self, Failure, Result, root, supernano};
use crate::setup::{self, Consent, Need, QEMU};
use crate::{bench_table, code, firmware, plain};

/// Arguments of `cargo xtask bench-device`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Print JSON rows on stdout instead of a table.
    #[arg(long)]
    json: bool,
    /// Also write the table to docs/performance.md.
    #[arg(long)]
    write: bool,
    /// Measure only these cores: m0, m3, m4, m7, m33, m55.
    #[arg(long, value_delimiter = ',')]
    cores: Vec<String>,
    /// Measure only these networks: resnet8, large, mid, small, mobilenet-v1-025, ds-cnn.
    #[arg(long, value_delimiter = ',')]
    networks: Vec<String>,
    /// Number of random sub-networks of ResNet20 to measure in addition.
    #[arg(long, default_value_t = 20)]
    random: usize,
    /// Number of emulators that run at the same time.
    #[arg(long, default_value_t = 2)]
    jobs: usize,
}

/// Names of the cores in targets and rows.
pub const CORES: [&str; 6] = ["m0", "m3", "m4", "m7", "m33", "m55"];

/// Name, space and code of each named network.
const NETWORKS: [(&str, &str, &str); 4] = [
    ("resnet8", "resnet8", "16-16-32-32-64-64"),
    ("large", "resnet20", "16-16-16-16-16-16-16-32-32-32-32-32-32-64-64-64-64-64-64"),
    ("mid", "resnet20", "8-8-8-8-8-8-8-16-16-16-16-16-16-32-32-32-32-32-32"),
    ("small", "resnet20", "4-4-4-4-4-4-4-8-8-8-8-8-8-16-16-16-16-16-16"),
];

/// Networks of MLPerf Tiny that have no choices. Their activation is ReLU6, their arena as small as
/// rolled layers make it.
const FIXED: [&str; 2] = ["mobilenet-v1-025", "ds-cnn"];

/// Name of each preference of the exporter, and its arguments.
const PREFERENCES: [(&str, &[&str]); 3] = [
    ("speed", &["--prefer", "speed"]),
    ("flash", &["--prefer", "flash"]),
    ("ram", &["--prefer", "ram"]),
];

/// Name of each activation after the additions, and its arguments. Trained networks have PReLU. Other
/// engines are measured with ReLU.
const ACTIVATIONS: [(&str, &[&str]); 2] = [("prelu", &["--prelu"]), ("relu", &[])];

/// Seed of the weights and of the random codes.
const SEED: &str = "1";
const DIRECTORY: &str = "target/bench-device";

/// A blob to measure, and the fields that all its rows share.
struct Network {
    file: String,
    row: Value,
}

/// Builds the networks, runs each of them on each core, and prints the rows.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let mut needs = setup::targets();
    needs.push(Need::Tool(&QEMU));
    setup::ensure(&needs, consent)?;
    let cores: Vec<&str> = CORES
        .into_iter()
        .filter(|c| args.cores.is_empty() || args.cores.iter().any(|a| a == c))
        .collect();
    let machines: Vec<String> = cores.iter().map(|core| format!("qemu-{core}")).collect();
    let machines: Vec<&str> = machines.iter().map(String::as_str).collect();
    firmware::build(&firmware::agents(&machines))?;
    process::build_host()?;
    process::build_plugin()?;
    let mut jobs = Vec::new();
    for core in &cores {
        jobs.extend(networks(args, core)?.into_iter().map(|network| (network, *core)));
    }
    let mut rows = all(&jobs, args.jobs.max(1))?;
    if cores.contains(&"m0") {
        let plain = plain(&rows)?;
        rows.extend(plain);
    }
    for core in cores {
        let code = code::bytes(core)?.total;
        let engine = |r: &&mut Value| r["core"] == core && r["prefer"] != "plain";
        for row in rows.iter_mut().filter(engine) {
            row["code_bytes"] = json!(code);
        }
    }
    if args.write {
        bench_table::write(&root().join("docs/performance.md"), &rows)?;
    }
    if args.json {
        say!("{}", json!(rows));
    } else {
        say!("{}", bench_table::render(&rows));
    }
    Ok(())
}

/// The networks with the kernels that a core prefers.
fn networks(args: &Args, core: &str) -> Result<Vec<Network>> {
    let wanted = |name: &str| args.networks.is_empty() || args.networks.iter().any(|n| n == name);
    let mut list = Vec::new();
    for name in FIXED.into_iter().filter(|name| wanted(name)) {
        let made = synthetic(name, &[], &[], &format!("{DIRECTORY}/fixed"))?;
        list.extend(made.iter().map(|m| network(m, name, "ram", "relu6")));
    }
    for (prefer, flags) in PREFERENCES {
        for (activation, more) in ACTIVATIONS {
            for (name, space, code) in NETWORKS.into_iter().filter(|n| wanted(n.0)) {
                let directory = format!("{DIRECTORY}/{core}/{prefer}-{activation}");
                let flags = [flags, more, &["--core", core]].concat();
                let made = synthetic(space, &[code], &flags, &directory)?;
                list.extend(made.iter().map(|m| network(m, name, prefer, activation)));
            }
        }
        if args.random > 0 {
            let count = args.random.to_string();
            let more = ["--random", &count, "--prelu", "--oe", "--core", core];
            let directory = format!("{DIRECTORY}/{core}/{prefer}-random");
            let made = synthetic("resnet20", &[], &[flags, &more].concat(), &directory)?;
            let named = made.iter().enumerate();
            list.extend(named.map(|(i, m)| network(m, &format!("random {i}"), prefer, "prelu")));
        }
    }
    Ok(list)
}

fn synthetic(space: &str, codes: &[&str], flags: &[&str], directory: &str) -> Result<Vec<Value>> {
    let mut command = supernano(["dev", "synthetic", space]);
    command.args(codes).args(flags);
    command.args(["--seed", SEED, "-o", directory, "--json"]);
    match process::json(&mut command)? {
        Value::Array(list) => Ok(list),
        other => Err(Failure::tool(format!("expected a list of networks, found {other}"))),
    }
}

/// The rows of the plain loops. They implement neither PReLU nor the blob format, so the bytes of the
/// blob are those of the raw weights and biases.
fn plain(rows: &[Value]) -> Result<Vec<Value>> {
    let counted = plain::count()?;
    let row = |plain: plain::Plain| {
        let same = |r: &&Value| r["network"] == plain.network && r["core"] == "m0";
        let of = rows.iter().find(same)?;
        let mut row = json!({
            "network": plain.network, "core": "m0", "prefer": "plain", "activation": "relu",
            "instructions": plain.instructions, "arena_bytes": plain.arena_bytes,
            "blob_bytes": of["raw_bytes"],
        });
        for key in ["code", "raw_bytes", "macs"] {
            row[key] = of[key].clone();
        }
        Some(row)
    };
    Ok(counted.into_iter().filter_map(row).collect())
}

/// The network `small` with the kernels of each preference on a core: name of the preference, and file.
pub fn small(core: &str, directory: &Path) -> Result<Vec<(&'static str, PathBuf)>> {
    let mut list = Vec::new();
    for (prefer, flags) in PREFERENCES {
        for (_, space, code) in NETWORKS.into_iter().filter(|n| n.0 == "small") {
            let directory = directory.join(prefer);
            let flags = [flags, &["--prelu", "--core", core]].concat();
            for made in synthetic(space, &[code], &flags, &directory.display().to_string())? {
                let file = made["file"].as_str().unwrap_or_default();
                list.push((prefer, root().join(file)));
            }
        }
    }
    Ok(list)
}

/// Rows of the named networks with ReLU on a core, for a comparison with other engines.
pub fn with_relu(core: &str) -> Result<Vec<Value>> {
    let machine = format!("qemu-{core}");
    firmware::build(&firmware::agents(&[&machine]))?;
    process::build_host()?;
    let mut rows = Vec::new();
    for (prefer, flags) in PREFERENCES {
        for (name, space, code) in NETWORKS {
            let directory = format!("{DIRECTORY}/{core}/{prefer}-relu");
            for made in synthetic(space, &[code], &[flags, &["--core", core]].concat(), &directory)?
            {
                let mut row = measure(&network(&made, name, prefer, "relu"), core)?;
                row["engine"] = json!(format!("supernano, {prefer}"));
                rows.push(row);
            }
        }
    }
    Ok(rows)
}

fn network(made: &Value, name: &str, prefer: &str, activation: &str) -> Network {
    let mut row = json!({ "network": name, "prefer": prefer, "activation": activation });
    for key in ["code", "blob_bytes", "raw_bytes", "macs"] {
        row[key] = made[key].clone();
    }
    Network { file: made["file"].as_str().unwrap_or_default().to_owned(), row }
}

/// Measures `at_once` jobs at a time. The rows are in the order of the jobs.
fn all(jobs: &[(Network, &str)], at_once: usize) -> Result<Vec<Value>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(vec![Value::Null; jobs.len()]);
    let work = || -> Result<()> {
        while let Some((i, (network, core))) = {
            let i = next.fetch_add(1, Ordering::Relaxed);
            jobs.get(i).map(|(network, core)| (i, (network, *core)))
        } {
            let row = measure(network, core)?;
            if let Ok(mut done) = done.lock() {
                done[i] = row;
            }
        }
        Ok(())
    };
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..at_once).map(|_| scope.spawn(work)).collect();
        threads.into_iter().try_for_each(|t| {
            t.join().unwrap_or_else(|_| Err(Failure::tool("a measuring thread panicked")))
        })
    })?;
    done.into_inner().map_err(|_| Failure::tool("a measuring thread panicked"))
}

fn measure(network: &Network, core: &str) -> Result<Value> {
    let target = format!("qemu-{core}");
    // An emulator counts the same at every repeat.
    let counted =
        process::json(supernano(["latency", &network.file, "--target", &target]).args([
            "--repeats",
            "1",
            "--json",
        ]))?;
    let mut row = network.row.clone();
    row["core"] = json!(core);
    // Cores without published timings have no estimate.
    let estimate = &counted["estimate"];
    row["cycles_estimated"] = estimate["cycles_estimated"].clone();
    row["flash_reads"] = estimate["flash_reads"].clone();
    if cfg!(unix) && estimate.is_object() && estimate["instructions"] != counted["instructions"] {
        return Err(Failure::tool(
            "the plugin for cycles counts other instructions than the timer",
        ));
    }
    // On a core with Helium, vector instructions are counted apart.
    if let Some(vector) = counted["vector_instructions"].as_u64() {
        row["vector_instructions"] = json!(vector);
        let all = counted["instructions"].as_u64().unwrap_or(0);
        row["scalar_instructions"] = json!(all.saturating_sub(vector));
    }
    for key in ["instructions", "arena_bytes", "stack_bytes", "open_stack_bytes", "layers"] {
        row[key] = counted[key].clone();
    }
    Ok(row)
}
