//! Debug probes and serial ports.

use supernano_device::access::{self, Access, RULES_FILE};

use super::{Finding, State};

/// The debug probes of this computer, and whether this user may open them.
pub fn probes() -> Finding {
    let part = "debug probes";
    if !cfg!(feature = "probe") {
        let found = "this supernano was built without them";
        return Finding::new(part, State::Note, found)
            .remedied("type `cargo build --release -p supernano`");
    }
    let probes = access::probes();
    let refused: Vec<&Access> = probes.iter().filter(|p| !p.allowed).collect();
    let install = || {
        format!(
            "write these lines to {RULES_FILE} as root, type `sudo udevadm control --reload && \
             sudo udevadm trigger`, and plug the probe in again:\n{}",
            access::udev_rules().trim_end()
        )
    };
    match (probes.is_empty(), refused.as_slice()) {
        (_, [probe, ..]) => {
            let found = format!("{}: this user may not open {}", probe.name, probe.path.display());
            Finding::new(part, State::Problem, found).remedied(install())
        }
        (false, []) => Finding::ok(part, names(&probes)),
        (true, []) if !cfg!(target_os = "linux") || access::has_rules() => {
            Finding::ok(part, "none connected; the system lets this user open them")
        }
        (true, []) => {
            let found = "none connected, and no udev rule for them";
            Finding::new(part, State::Note, found).remedied(install())
        }
    }
}

/// The serial ports of USB devices, and whether this user may open them.
pub fn serial_ports() -> Finding {
    let part = "serial ports";
    let ports = access::serial_ports();
    match ports.iter().find(|port| !port.allowed) {
        Some(port) => {
            let found = format!("{}: this user may not open {}", port.name, port.path.display());
            Finding::new(part, State::Problem, found).remedied(
                "type `sudo usermod -aG dialout $USER` (Arch Linux: `uucp`), and log in again",
            )
        }
        None if ports.is_empty() => Finding::ok(part, "no board connected"),
        None => Finding::ok(part, names(&ports)),
    }
}

fn names(found: &[Access]) -> String {
    let each = found.iter().map(|f| format!("{} at {}", f.name, f.path.display()));
    each.collect::<Vec<_>>().join("; ")
}
