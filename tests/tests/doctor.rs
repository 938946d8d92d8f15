//! `supernano doctor`, and the program away from the repository.
#![cfg(target_os = "linux")]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use supernano_facts::{BOARDS, MACHINES};
use supernano_tests::command::{Ended, binary, firmware, root, run, supernano_with};
use tempfile::TempDir;

/// The part of a report with this name.
#[track_caller]
fn part<'a>(report: &'a Value, name: &str) -> &'a Value {
    let parts = report["parts"].as_array().unwrap();
    parts.iter().find(|p| p["part"] == name).unwrap_or_else(|| panic!("no {name} in {report}"))
}

/// Writes a program into a directory that serves as PATH.
fn program(directory: &Path, name: &str, script: &str) {
    let path = directory.join(name);
    fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

fn doctor(path: &Path, arguments: &[&str]) -> Ended {
    let environment = ["PATH", "XDG_DATA_HOME"].map(|name| (name, OsString::from(path)));
    supernano_with(&[&["doctor", "--json"], arguments].concat(), &environment)
}

/// The agents in the program are those of the current sources, and they need nothing beside it.
#[test]
fn the_program_alone_has_every_agent() {
    let built = firmware("qemu-m4-agent");
    let archive =
        Command::new(env!("CARGO")).args(["xtask", "agents"]).current_dir(root()).status();
    assert!(archive.unwrap().success());
    let alone = TempDir::new().unwrap();
    let program = alone.path().join("bin/here/supernano");
    fs::create_dir_all(program.parent().unwrap()).unwrap();
    fs::copy(binary(), &program).unwrap();
    let started = |arguments: &[&str]| {
        let mut command = Command::new(&program);
        command.args(arguments).current_dir(alone.path()).env_remove("SUPERNANO_FIRMWARE_DIR");
        run(command.env("XDG_CACHE_HOME", alone.path().join("cache")))
    };
    let report = started(&["doctor", "--json"]).json();
    let cores = part(&report, "emulated cores");
    assert_eq!(cores["state"], "ok", "{report}");
    let found = format!("{} answer; agents built into the program", MACHINES.len());
    assert_eq!(cores["found"], found, "{report}");
    assert_eq!(part(&report, "board agents")["state"], "ok", "{report}");
    let unpacked = alone.path().join("cache/supernano").join(env!("CARGO_PKG_VERSION"));
    let boards = BOARDS.iter().filter_map(|board| board.package.agent());
    let names = MACHINES.iter().map(|m| m.agent()).chain(boards.map(|agent| agent.file));
    for name in names {
        let current = fs::read(built.with_file_name(name)).unwrap();
        assert!(fs::read(unpacked.join(name)).unwrap() == current, "{name} is another one");
    }
    let tiny = root().join("tests/golden/tiny.snb").display().to_string();
    let counts = started(&["latency", &tiny, "--target", "qemu-m0", "--json"]).json();
    assert!(counts["instructions"].as_u64().is_some_and(|n| n > 0), "{counts}");
}

#[test]
fn a_missing_emulator_is_named_with_the_command_to_type() {
    let path = TempDir::new().unwrap();
    program(path.path(), "apt-get", "echo called > \"$0.log\"");
    let ended = doctor(path.path(), &[]).fails(1, &["not ready", "emulator"]);
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(report["ok"], false);
    let emulator = part(&report, "emulator");
    assert_eq!(emulator["state"], "problem");
    let remedy = emulator["remedy"].as_str().unwrap();
    assert!(remedy.contains("apt-get install") && remedy.contains("--no-remove"), "{remedy}");
    // Nobody is at a terminal, and nobody consented.
    doctor(path.path(), &["--fix"]).fails(3, &["qemu-system-arm", "--yes", "apt-get install"]);
    assert!(!path.path().join("apt-get.log").exists());
}

#[test]
fn with_consent_the_package_manager_installs_and_removes_nothing() {
    let path = TempDir::new().unwrap();
    let manager = "echo \"$@\" >> \"$0.log\"\n[ \"$1\" = install ] && echo '#!/bin/sh' > \
                   \"${0%/*}/qemu-system-arm\" && /bin/chmod +x \"${0%/*}/qemu-system-arm\"\nexit 0";
    program(path.path(), "apt-get", manager);
    program(path.path(), "id", "echo 0");
    // The emulator that arrives is an empty script: it is there, and it is none.
    doctor(path.path(), &["--fix", "--yes"]).fails(1, &["not ready", "apt-get install"]);
    let log = fs::read_to_string(path.path().join("apt-get.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert_eq!(lines[0], "update");
    assert!(lines[1].starts_with("install ") && lines[1].contains("--no-remove"), "{log}");
    assert_eq!(lines.len(), 2, "{log}");
}

/// Where `apt-get` could install the emulator only by removing a package, the packages are unpacked
/// into a folder of the user.
#[test]
fn an_emulator_whose_package_conflicts_is_unpacked_for_the_user() {
    let path = TempDir::new().unwrap();
    let manager = "echo \"$@\" >> \"$0.log\"\ncase \"$*\" in\n\
                   update) ;;\n\
                   *--simulate*) echo 'Remv qemu-utils [10.0]'; echo 'Inst libfdt1 (1.6 Debian)'; \
                   echo 'Inst qemu-system-arm (7.2 Debian)' ;;\n\
                   download*) echo library > libfdt1.deb; echo emulator > qemu-system-arm.deb ;;\n\
                   *) exit 100 ;;\nesac";
    program(path.path(), "apt-get", manager);
    let unpack = "read -r what < \"$2\"\n\
                  if [ $what = library ]; then /bin/mkdir -p \"$3/usr/lib/x86_64-linux-gnu\"; exit; fi\n\
                  /bin/mkdir -p \"$3/usr/bin\"\n\
                  { echo '#!/bin/sh'; echo 'echo QEMU with $LD_LIBRARY_PATH'; } \
                  > \"$3/usr/bin/qemu-system-arm\"\n\
                  /bin/chmod +x \"$3/usr/bin/qemu-system-arm\"";
    program(path.path(), "dpkg-deb", unpack);
    program(path.path(), "id", "echo 0");
    // This emulator names its libraries and ends, so that no agent answers.
    let ended =
        doctor(path.path(), &["--fix", "--yes"]).fails(1, &["qemu-utils stay", "not ready"]);
    let folder = path.path().join("supernano/qemu");
    let report: Value = serde_json::from_str(&ended.stdout).unwrap();
    let found = part(&report, "emulator")["found"].as_str().unwrap();
    let libraries = folder.join("root/usr/lib/x86_64-linux-gnu");
    assert!(found.contains(&libraries.display().to_string()), "{found}");
    let log = fs::read_to_string(path.path().join("apt-get.log")).unwrap();
    let lines: Vec<&str> = log.lines().collect();
    assert!(lines[1].contains("--no-remove") && lines[2].contains("--simulate"), "{log}");
    assert_eq!(lines[3], "download libfdt1 qemu-system-arm");
    assert_eq!(lines.len(), 4, "{log}");
    let left: Vec<_> = fs::read_dir(path.path().join("supernano")).unwrap().collect();
    assert_eq!(left.len(), 1, "{left:?}");
}
