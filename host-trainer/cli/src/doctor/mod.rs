//! What this computer lacks, and how it gets it.

mod boards;
mod programs;

use serde::Serialize;
use supernano_setup::Need;

/// How a part of the set-up is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// It works.
    Ok,
    /// It is absent, and only some commands need it.
    Note,
    /// It is absent or broken, and the path from images to an emulated device needs it.
    Problem,
}

impl State {
    /// The state in a table.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Note => "note",
            Self::Problem => "PROBLEM",
        }
    }
}

/// A part of the set-up, as it was found.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    /// The part.
    pub part: &'static str,
    /// How it is.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do, or to type; `None` if nothing is to be done.
    pub remedy: Option<String>,
    /// What `--fix` installs.
    #[serde(skip)]
    pub needs: Vec<Need>,
}

impl Finding {
    fn new(part: &'static str, state: State, found: impl Into<String>) -> Self {
        Self { part, state, found: found.into(), remedy: None, needs: Vec::new() }
    }

    fn ok(part: &'static str, found: impl Into<String>) -> Self {
        Self::new(part, State::Ok, found)
    }

    fn remedied(self, remedy: impl Into<String>) -> Self {
        Self { remedy: Some(remedy.into()), ..self }
    }
}

/// Looks at every part. Nothing is installed; agents are unpacked into the user's cache.
pub fn examine() -> Vec<Finding> {
    let mut findings = vec![programs::emulator(), programs::agents(), programs::board_agents()];
    findings.push(programs::plugin());
    findings.extend([boards::probes(), boards::serial_ports()]);
    #[cfg(feature = "train")]
    findings.extend(programs::processors());
    findings.extend([programs::targets(), programs::disk()]);
    findings
}
