//! `cargo xtask package` and `cargo xtask install`: packages of all crates, with the agents inside.

use serde_json::Value;

use crate::agents;
use crate::process::{self, Failure, Result, cargo, root};
use crate::setup::Consent;

/// The package that contains the agents.
const WITH_AGENTS: &str = "supernano-device";

/// Arguments of `cargo xtask package`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Package the sources as they are, with changes that are not committed.
    #[arg(long)]
    allow_dirty: bool,
    /// Also compile every package from its archive. This takes minutes.
    #[arg(long)]
    verify: bool,
}

/// Builds the agents and packages every crate that may be published.
///
/// # Errors
/// A failed build, a package that Cargo refuses, and a package without README, licence or agents.
pub fn run(args: &Args, consent: Consent) -> Result<()> {
    if !args.allow_dirty {
        refuse_changes()?;
    }
    agents::write(consent)?;
    let names = published()?;
    // For Cargo, the archive of the agents is a change that is not committed.
    let mut command = cargo(["package", "--allow-dirty"]);
    command.args(names.iter().flat_map(|name| ["--package", name]));
    command.args((!args.verify).then_some("--no-verify"));
    process::run(&mut command)?;
    for name in &names {
        let files = files_of(name)?;
        for needed in ["README.md", "LICENSE-MIT", "LICENSE-APACHE"] {
            if !files.iter().any(|file| file == needed) {
                return Err(Failure::no(format!("{name}: its package has no {needed}")));
            }
        }
        if name == WITH_AGENTS && !files.iter().any(|file| file.ends_with("agents.tar.xz")) {
            return Err(Failure::no(format!("{name}: its package has no agents")));
        }
    }
    say!("{} packages in target/package", names.len());
    Ok(())
}

/// Refuses sources with changes that are not committed.
fn refuse_changes() -> Result<()> {
    let changes = process::text(&mut process::program("git", ["status", "--porcelain"]))?;
    match changes.lines().next() {
        None => Ok(()),
        Some(first) => Err(Failure::no(format!(
            "the sources have changes that are not committed, for example `{}`; --allow-dirty packages them",
            first.trim()
        ))),
    }
}

/// Builds the agents and installs the program with them.
///
/// # Errors
/// A failed build or installation.
pub fn install(consent: Consent) -> Result<()> {
    agents::write(consent)?;
    let mut command = cargo(["install", "--locked", "--path"]);
    process::run(command.arg(root().join("host-trainer/cli"))).map(|_| ())
}

/// The packages of the workspace that may be published, in the order of their names.
fn published() -> Result<Vec<String>> {
    let metadata = process::json(&mut cargo(["metadata", "--no-deps", "--format-version", "1"]))?;
    let packages = metadata["packages"].as_array().cloned().unwrap_or_default();
    let public = packages.iter().filter(|p| p["publish"] == Value::Null);
    Ok(public.filter_map(|p| p["name"].as_str().map(str::to_owned)).collect())
}

/// Paths of the files of a package.
fn files_of(name: &str) -> Result<Vec<String>> {
    let list = ["package", "--list", "--allow-dirty", "--package", name];
    Ok(process::text(&mut cargo(list))?.lines().map(str::to_owned).collect())
}
