//! A board on a serial port. The UART of an emulator on a pseudo-terminal stands in for it.

#[cfg(not(target_os = "linux"))]
#[test]
fn serial_ports_are_tested_on_linux_only() {
    eprintln!("SKIPPED: the emulator's pseudo-terminal is used on Linux only");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::time::Duration;

    use supernano_tests::command::{firmware, number, supernano};
    use supernano_tests::line::Emulated;
    use supernano_tests::small::by_eight;
    use tempfile::TempDir;

    #[test]
    fn a_check_and_counts_over_a_serial_port() {
        let (_emulated, path) = Emulated::on_terminal(&firmware("qemu-m4-agent"));
        let port = format!("serial:{path}");
        let check = || {
            supernano(&["check", by_eight(), "--target", &port, "--images", "200", "--json"]).json()
        };
        let checked = check();
        assert_eq!(number(&checked, "/images"), 200.0);
        assert_eq!(number(&checked, "/mismatches"), 0.0);
        assert_eq!(checked["target"], port.as_str());
        assert_eq!(
            (&checked["mode"], &checked["device"]["chip"]),
            (&"uart".into(), &"mps2-an386".into())
        );
        assert_eq!(checked["network"]["source"], "sent");
        let counted =
            supernano(&["latency", by_eight(), "--target", &port, "--repeats", "2", "--json"])
                .json();
        assert_eq!((&counted["unit"], number(&counted, "/repeats")), (&"instructions".into(), 2.0));
        // The port is free again, and the device still has the network.
        let again = check();
        assert_eq!(
            (number(&again, "/mismatches"), &again["network"]["source"]),
            (0.0, &"kept".into())
        );
    }

    /// The port disappears and returns under the same name, as when the cable of a board is pulled and
    /// plugged in again.
    #[test]
    fn a_port_that_comes_back_is_used_again() {
        let (elf, network) = (firmware("qemu-m4-agent"), by_eight());
        let here = TempDir::new().unwrap();
        let link = here.path().join("port");
        let (first, path) = Emulated::on_terminal(&elf);
        symlink(path, &link).unwrap();
        let port = format!("serial:{}", link.display());
        let state = here.path().join("state.json");
        let seen = state.clone();
        let replaced = std::thread::spawn(move || {
            // The check saves its answers after the first second.
            for _ in 0..3000 {
                if seen.is_file() {
                    break;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
            drop(first);
            fs::remove_file(&link).unwrap();
            std::thread::sleep(Duration::from_millis(700));
            let (second, path) = Emulated::on_terminal(&elf);
            symlink(path, &link).unwrap();
            second
        });
        let (state, count) = (state.display().to_string(), "20000");
        let args = ["check", network, "--target", &port, "--images", count, "--state", &state];
        let ended = supernano(&[&args[..], &["--json"]].concat()).succeeds();
        drop(replaced.join().unwrap());
        assert!(ended.stderr.contains("the device is back after"), "{}", ended.stderr);
        let checked = ended.json();
        assert_eq!(number(&checked, "/mismatches"), 0.0);
        assert_eq!(number(&checked, "/traffic/reopened"), 1.0);
    }

    #[test]
    fn a_missing_port_is_named() {
        supernano(&["check", by_eight(), "--target", "serial:/dev/none", "--images", "1"])
            .fails(3, &["serial:/dev/none", "dialout"]);
    }
}
