//! `supernano doctor`: what this computer lacks.

use serde::Serialize;
use supernano_base::console;
use supernano_base::error::{Error, Result};
use supernano_setup::{Consent, Need, ensure};

use crate::doctor::{Finding, State, examine};
use crate::output::{Output, table};

/// Check what this computer needs, and name what is missing.
///
/// Every emulated core is started and must answer. Parts that only some commands need are notes; a
/// part that the path from images to an emulated device needs is a problem, and the exit code is 1.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  supernano doctor --fix\n\n\
    --fix shows the commands of the system's package manager and of rustup and asks before it runs \
    them. No package is removed. Permissions of probes are never changed; the rule is printed.")]
pub struct Args {
    /// Install what is missing, after a question at the terminal.
    #[arg(long)]
    fix: bool,
    /// Install without a question.
    #[arg(long, requires = "fix")]
    yes: bool,
}

#[derive(Serialize)]
struct Report {
    parts: Vec<Finding>,
    ok: bool,
}

/// Prints every part of the set-up, after the repair if one is requested.
///
/// # Errors
/// [`Error::No`] for a problem; [`Error::Tool`] for a failed installation.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let mut parts = examine();
    if args.fix {
        let needs: Vec<Need> = parts.iter().flat_map(|p| p.needs.iter().copied()).collect();
        let fixed = ensure(&needs, Consent::new(args.yes));
        fixed.map_err(|lacking| Error::tool("doctor --fix", lacking))?;
        if needs.is_empty() {
            console::note("nothing that this command may install is missing");
        } else {
            parts = examine();
        }
    }
    let problems: Vec<&str> =
        parts.iter().filter(|p| p.state == State::Problem).map(|p| p.part).collect();
    let problem = (!problems.is_empty()).then(|| format!("not ready: {}", problems.join(", ")));
    out.emit(&Report { ok: problem.is_none(), parts }, text)?;
    problem.map_or(Ok(()), |problem| Err(Error::No(problem)))
}

fn text(report: &Report) -> String {
    let rows: Vec<Vec<&str>> =
        report.parts.iter().map(|p| vec![p.part, p.state.word(), p.found.as_str()]).collect();
    let mut text = table(&["part", "state", "found"], &rows);
    for part in &report.parts {
        if let Some(remedy) = &part.remedy {
            text.push_str(&format!("\n\n{}: {remedy}", part.part));
        }
    }
    text
}
