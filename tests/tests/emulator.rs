//! No emulator outlives `supernano`, and the message of a failing emulator is passed on. The emulator
//! is a script, so these tests need no QEMU.
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use supernano_tests::command::{binary, root};
use tempfile::TempDir;

/// Starts `supernano latency` with `script` as its emulator. `$HERE` is the directory of the script.
fn start(script: &str) -> (TempDir, Child) {
    let here = TempDir::new().unwrap();
    let emulator = here.path().join("qemu-system-arm");
    fs::write(&emulator, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&emulator, fs::Permissions::from_mode(0o755)).unwrap();
    let agent = here.path().join("agent.elf");
    fs::write(&agent, "none").unwrap();
    let path = format!("{}:{}", here.path().display(), std::env::var("PATH").unwrap());
    let child = Command::new(binary())
        .args(["latency", "tests/golden/tiny.snb", "--firmware"])
        .arg(&agent)
        .current_dir(root())
        .env("PATH", path)
        .env("HERE", here.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    (here, child)
}

/// Waits until `done` returns a value, at most a minute.
fn eventually<T>(what: &str, mut done: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(60) {
        if let Some(value) = done() {
            return value;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("still waiting: {what}");
}

/// True if process `id` runs. A process that has ended and waits for its parent does not run.
fn runs(id: &str) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(id).join("stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.trim().starts_with('Z'))
}

#[test]
fn an_emulator_ends_with_a_killed_supernano() {
    for signal in ["-INT", "-TERM", "-KILL"] {
        let (here, mut child) =
            start("echo $$ > $HERE/new && mv $HERE/new $HERE/id; exec sleep 600");
        let id = eventually("the emulator", || fs::read_to_string(here.path().join("id")).ok());
        let id = id.trim();
        // The guard runs as soon as supernano has two children.
        let children = format!("/proc/{0}/task/{0}/children", child.id());
        eventually("the guard", || {
            let children = fs::read_to_string(&children).unwrap_or_default();
            (children.split_whitespace().count() >= 2).then_some(())
        });
        assert!(runs(id));
        let sent = Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap();
        assert!(sent.success());
        let status = child.wait().unwrap();
        let code = status.code();
        assert_eq!(code, (signal == "-INT").then_some(130), "{signal}: {status}");
        eventually(signal, || (!runs(id)).then_some(()));
    }
}

#[test]
fn the_emulators_complaint_is_passed_on() {
    let (_here, child) = start("echo 'no such machine' >&2; exit 7");
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("no such machine") && said.contains('7'), "{said}");
}
