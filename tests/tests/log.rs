//! The defmt log of an agent, decoded from its ELF file as by a debugger.
#![cfg(unix)]

use std::ffi::OsString;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use defmt_decoder::{DecodeError, Table};
use supernano_tests::command::{firmware, number, supernano, supernano_with};
use tempfile::TempDir;

/// Enables semihosting in QEMU, and writes its output to a file.
const WRAPPER: &str = "#!/bin/sh
PATH=$REAL_PATH exec $EMULATOR \"$@\" -semihosting-config enable=on,target=native >$LOG
";

#[test]
fn an_agent_logs_what_it_opens() {
    let here = TempDir::new().unwrap();
    let wrapper = here.path().join("qemu-system-arm");
    fs::write(&wrapper, WRAPPER).unwrap();
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)).unwrap();
    let elf = firmware("qemu-m4-log-agent");
    let log = here.path().join("log");
    let real = std::env::var("PATH").unwrap();
    let environment = [
        ("PATH", OsString::from(format!("{}:{real}", here.path().display()))),
        ("REAL_PATH", real.into()),
        ("EMULATOR", supernano_setup::emulator().get_program().to_owned()),
        ("LOG", log.clone().into()),
    ];
    let args = ["latency", "tests/golden/tiny.snb", "--json", "--firmware"];
    let args: Vec<OsString> = args.iter().map(OsString::from).chain([elf.clone().into()]).collect();
    let counted = supernano_with(&args, &environment).json();
    let watched = supernano(&[
        "watch".as_ref(),
        "--json".as_ref(),
        "--input".as_ref(),
        log.as_os_str(),
        "--firmware".as_ref(),
        elf.as_os_str(),
    ])
    .json();

    let table = Table::parse(&fs::read(elf).unwrap()).unwrap().unwrap();
    let mut decoder = table.new_stream_decoder();
    decoder.received(&fs::read(log).unwrap());
    let mut lines = Vec::new();
    loop {
        match decoder.decode() {
            Ok(frame) => lines.push(frame.display_message().to_string()),
            Err(DecodeError::UnexpectedEof) => break,
            Err(DecodeError::Malformed) => panic!("a malformed frame after {lines:?}"),
        }
    }
    let checksum = number(&counted, "/checksum") as u32;
    let arena = number(&counted, "/arena_bytes");
    // The agent opens the placed network at its start; the session opens it again.
    let line = format!("network {checksum:08x}, arena {arena} bytes");
    assert_eq!(lines, [line.as_str(); 2]);
    assert_eq!(watched["lines"][0]["level"], "info");
    assert_eq!(watched["lines"][0]["message"], lines[0].as_str());
    assert_eq!((&watched["malformed"], watched["lines"].as_array().unwrap().len()), (&0.into(), 2));
}
