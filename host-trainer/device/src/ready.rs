//! What a target needs, looked for before long work.

use std::path::Path;

use supernano_base::error::{Error, Result};

use crate::qemu;
use crate::target::Target;

/// Fails if a target cannot work: no agent, no emulator, or no port. A debug probe and a TCP address
/// are not opened. `elf` is the emulator's agent; `None` selects the one beside the executable.
///
/// # Errors
/// [`Error::Missing`] without the agent; [`Error::Tool`] without QEMU; [`Error::Line`] without the port.
pub fn ready(target: &Target, elf: Option<&Path>) -> Result<()> {
    match target {
        Target::Qemu(machine) => {
            qemu::firmware_of(machine, elf)?;
            qemu::find()
        }
        Target::Serial(path) if cfg!(unix) && !path.exists() => {
            let problem = "no such port; is the board plugged in, and may you read its port (group \
                           dialout)?";
            let link = format!("serial:{}", path.display());
            Err(Error::Line { link, problem: problem.into() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named() {
        let machine = supernano_facts::QEMU_M4;
        let nowhere = Path::new("/nowhere/agent.elf");
        let error = ready(&Target::Qemu(machine), Some(nowhere)).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert!(error.to_string().contains("agent.elf"), "{error}");
        let error = ready(&Target::Serial("/nowhere/port".into()), None).unwrap_err();
        assert!(error.to_string().contains("plugged in"), "{error}");
        assert!(ready(&Target::Host, None).is_ok());
    }
}
