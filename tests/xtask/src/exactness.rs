//! `cargo xtask exactness`: compares the kernels of every core with the reference.

use serde_json::Value;

use crate::bench::CORES;
use crate::firmware;
use crate::process::{self, Failure, Result, supernano};
use crate::setup::{self, Consent, Need, QEMU};

/// Arguments of `cargo xtask exactness`.
#[derive(clap::Args, Debug, Default)]
pub struct Args {
    /// Run the full suite: several seeds, and every number of channels from 1 to 67.
    #[arg(long)]
    all: bool,
    /// Run the suite on these emulated cores only, and not on the host: m0, m3, m4, m7, m33, m55.
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(CORES))]
    cores: Vec<String>,
}

/// Runs the suite on the host and on every emulated core.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    let mut needs = setup::targets();
    needs.push(Need::Tool(&QEMU));
    setup::ensure(&needs, consent)?;
    let wanted = |core: &&str| args.cores.is_empty() || args.cores.iter().any(|c| c == core);
    let machines: Vec<String> =
        CORES.into_iter().filter(wanted).map(|core| format!("qemu-{core}")).collect();
    let names: Vec<&str> = machines.iter().map(String::as_str).collect();
    firmware::build(&firmware::agents(&names))?;
    process::build_host()?;
    let host = args.cores.is_empty().then(|| "host".to_owned());
    for target in host.into_iter().chain(machines) {
        let mut command = supernano(["dev", "selftest", "--target", &target, "--json"]);
        if args.all {
            command.arg("--all");
        }
        let found = process::json(&mut command)?;
        let number = |key: &str| found[key].as_f64().ok_or_else(|| missing(key, &found));
        say!(
            "{target:<9} {:>5} primitives, {:>5} networks, {} mismatches, {:.1} s",
            number("primitives")?,
            number("networks")?,
            number("mismatches")?,
            number("seconds")?
        );
    }
    Ok(())
}

fn missing(key: &str, found: &Value) -> Failure {
    Failure::tool(format!("no `{key}` in {found}"))
}
