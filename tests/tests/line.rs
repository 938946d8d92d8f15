//! Devices at the end of bad lines and of lines that break, and devices with another firmware.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::atomic::Ordering;

use supernano_tests::command::{firmware, number, supernano};
use supernano_tests::line::{Cuts, Emulated, Faults, bad_line, cut_line};
use supernano_tests::small::by_eight;
use tempfile::TempDir;

fn target(port: u16) -> String {
    format!("tcp:127.0.0.1:{port}")
}

/// The line drops, doubles, swaps or delays 5 % of the frames and changes one byte in 10,000, in both
/// directions.
#[test]
fn every_answer_is_right_and_counted_once_over_a_bad_line() {
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let faults = Faults { frames: 50, byte: 10_000, breaks: 0, seed: 7 };
    let (port, carried) = bad_line(&emulated, faults);
    let args = ["check", by_eight(), "--target", &target(port), "--images", "1000", "--json"];
    let checked = supernano(&args).json();
    assert_eq!(number(&checked, "/images"), 1000.0);
    assert_eq!(number(&checked, "/mismatches"), 0.0);
    assert_eq!(checked["top1_host"], checked["top1_device"]);
    // The requests are a hello, the parts of the network, each image and its run, and a few images that
    // are sent again.
    let answered = number(&checked, "/traffic/answered");
    assert!((2000.0..2100.0).contains(&answered), "{checked}");
    assert!(number(&checked, "/traffic/repeated") > 50.0, "{checked}");
    for (what, count) in [
        ("dropped", &carried.dropped),
        ("doubled", &carried.doubled),
        ("late", &carried.late),
        ("flipped", &carried.flipped),
    ] {
        assert!(count.load(Ordering::Relaxed) > 5, "{what}: {carried:?}");
    }
}

#[test]
fn a_check_goes_on_after_a_pulled_cable() {
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let here = TempDir::new().unwrap();
    let state: PathBuf = here.path().join("state.json");
    let (state, clean) =
        (state.display().to_string(), Faults { frames: 0, byte: 0, breaks: 0, seed: 1 });
    let (port, _) = bad_line(&emulated, Faults { breaks: 250, ..clean });
    // The state file names the target, and the port of the second line differs.
    let file = |port: u16| {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        std::fs::write(&state, text.replace("PORT", &target(port))).unwrap();
    };
    let run = |port: u16| {
        let target = target(port);
        supernano(&[
            "check",
            by_eight(),
            "--target",
            &target,
            "--images",
            "300",
            "--reconnect",
            "1",
            "--state",
            &state,
            "--json",
        ])
    };
    let ended = run(port).fails(3, &["tcp:127.0.0.1", "not back within 1 s"]);
    assert!(ended.stderr.contains("waiting for it, 1 s at most"), "{}", ended.stderr);
    let text = std::fs::read_to_string(&state).unwrap();
    std::fs::write(&state, text.replace(&target(port), "PORT")).unwrap();
    drop(emulated);
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let (port, _) = bad_line(&emulated, clean);
    file(port);
    let checked = run(port).json();
    assert_eq!(number(&checked, "/images"), 300.0);
    assert_eq!(number(&checked, "/mismatches"), 0.0);
    // A loaded machine sends frames again, so that fewer images are answered before the line breaks.
    let resumed = number(&checked, "/resumed");
    assert!((1.0..300.0).contains(&resumed), "{checked}");
    assert!(number(&checked, "/traffic/answered") < 2.0 * (300.0 - resumed) + 20.0, "{checked}");
    assert!(!std::path::Path::new(&state).exists());
}

/// The line is cut in the middle of frames at random points, damages frames, and the device sometimes
/// loses its memory. One command still finishes, with every answer right and counted once.
#[test]
fn a_check_survives_a_line_that_is_cut_again_and_again() {
    for seed in [11, 12] {
        let cuts = Cuts { times: 4, frames: (10, 50), restarts: 2 };
        let faults = Faults { frames: 10, byte: 20_000, breaks: 0, seed };
        let line = cut_line(&firmware("qemu-m4-agent"), false, cuts, faults);
        let here = target(line.port);
        let args = ["check", by_eight(), "--target", &here, "--images", "240", "--json"];
        let ended = supernano(&args).succeeds();
        assert!(ended.stderr.contains("waiting for it, 30 s at most"), "{}", ended.stderr);
        assert!(ended.stderr.contains("the device is back after"), "{}", ended.stderr);
        let checked = ended.json();
        assert_eq!(number(&checked, "/images"), 240.0);
        assert_eq!(number(&checked, "/mismatches"), 0.0);
        assert_eq!(number(&checked, "/resumed"), 0.0);
        assert_eq!(checked["top1_host"], checked["top1_device"]);
        let cut = line.carried.cut.load(Ordering::Relaxed) as f64;
        assert!(cut >= 4.0 && number(&checked, "/traffic/reopened") >= 4.0, "{checked}");
        // The requests are each image and its run. Every cut adds a hello, an open, perhaps the parts of
        // the network, and one image that is sent again.
        let answered = number(&checked, "/traffic/answered");
        assert!((480.0..480.0 + 5.0 * 30.0).contains(&answered), "{checked}");
    }
}

#[test]
fn counts_survive_a_cut_line_and_stay_the_same() {
    let elf = firmware("qemu-m4-agent");
    let count = |times| {
        let cuts = Cuts { times, frames: (12, 40), restarts: 2 };
        let faults = Faults { frames: 0, byte: 0, breaks: 0, seed: 5 };
        let line = cut_line(&elf, true, cuts, faults);
        let here = target(line.port);
        let args = ["latency", "tests/golden/tiny.snb", "--target", &here, "--repeats", "30"];
        supernano(&[&args[..], &["--json"]].concat()).json()
    };
    let (whole, cut) = (count(0), count(4));
    assert_eq!(number(&whole, "/traffic/reopened"), 0.0);
    assert_eq!(number(&cut, "/traffic/reopened"), 4.0);
    assert_eq!((number(&whole, "/repeats"), number(&cut, "/repeats")), (30.0, 30.0));
    assert!(number(&whole, "/instructions") > 10_000.0, "{whole}");
    assert_eq!(whole["instructions"], cut["instructions"]);
    assert_eq!(whole["layers"], cut["layers"]);
}

/// Answers every connection with `text`.
fn speaker(text: &'static [u8]) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.write_all(text);
                let mut buffer = [0; 256];
                while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
            });
        }
    });
    port
}

#[test]
fn a_broken_line_and_another_firmware_are_told_apart() {
    let check =
        |port| supernano(&["check", by_eight(), "--target", &target(port), "--images", "1"]);
    check(speaker(b"")).fails(3, &["no answer", "is an agent behind this port?"]);
    check(speaker(b"Zephyr shell ready\r\n\0")).fails(3, &["firmware", "protocol version 4"]);
    check(speaker(b"login: ")).fails(3, &["without one whole frame"]);
    check(speaker(b"Zephyr shell ready\r\n> ")).fails(3, &["found text: \"Zephyr shell ready"]);
    check(speaker(&[0x80, 0x81, 0, 0x82, 0])).fails(3, &["damaged frames", "another bit rate"]);
    check(1).fails(3, &["tcp:127.0.0.1:1"]);
}

/// Starts a line that answers every byte with `answer` of it.
fn echo(answer: fn(u8) -> Vec<u8>) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = [0; 256];
                while let Ok(n @ 1..) = stream.read(&mut buffer) {
                    let back: Vec<u8> = buffer[..n].iter().flat_map(|&b| answer(b)).collect();
                    if stream.write_all(&back).is_err() {
                        break;
                    }
                }
            });
        }
    });
    port
}

#[test]
fn a_line_that_echoes_is_named() {
    let check =
        |port| supernano(&["check", by_eight(), "--target", &target(port), "--images", "1"]);
    let caret = |b: u8| if b < 32 { vec![b'^', b + 64] } else { vec![b] };
    check(echo(|b| vec![b])).fails(3, &["the line echoes what is sent"]);
    check(echo(caret)).fails(3, &["the line echoes what is sent"]);
}

#[test]
fn a_file_that_is_no_agent_of_the_emulator_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.display().to_string()
    };
    let elf = |name: &str| firmware(name).display().to_string();
    for (file, found) in [
        (file("text.elf", b"no firmware at all"), "expected a 32-bit ELF file"),
        (elf("qemu-m33-agent"), "from qemu-system-arm"),
        (elf("qemu-m0-agent"), "expected an agent for cortex-m4"),
        (elf("qemu-m4-classify"), "expected an agent that answers"),
    ] {
        for mode in ["bulk", "uart"] {
            let args =
                ["check", by_eight(), "--target", "qemu-m4", "--images", "1", "--mode", mode];
            let ended = supernano(&[&args[..], &["--firmware", &file]].concat());
            ended.fails(2, &[&format!("{file}: no firmware for qemu-m4: "), found]);
        }
    }
    let latency = ["latency", by_eight(), "--target", "qemu-m4", "--firmware"];
    let other = elf("qemu-m33-agent");
    supernano(&[&latency[..], &[&other]].concat()).fails(2, &["no firmware for qemu-m4"]);
}

#[test]
fn counts_arrive_over_any_line() {
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let (port, _) = bad_line(&emulated, Faults { frames: 0, byte: 0, breaks: 0, seed: 1 });
    let here = target(port);
    let counted =
        supernano(&["latency", by_eight(), "--target", &here, "--repeats", "3", "--json"]).json();
    assert_eq!(counted["unit"], "instructions");
    assert_eq!(number(&counted, "/repeats"), 3.0);
    assert!(counted["milliseconds"].is_null() && counted.get("cycles").is_none(), "{counted}");
    assert!(number(&counted, "/device/image_capacity") >= 3072.0);
    let (port, _) = bad_line(&emulated, Faults { frames: 0, byte: 0, breaks: 0, seed: 1 });
    let here = target(port);
    supernano(&["latency", by_eight(), "--target", &here, "--clock", "100"])
        .fails(2, &["--clock", "instructions"]);
}

#[test]
fn flashing_is_refused_before_it_is_tried() {
    let flash = |more: &[&str]| {
        let mut args = vec!["flash", by_eight()];
        args.extend(more);
        supernano(&args)
    };
    flash(&["--chip", "STM32F447RETx"]).fails(2, &["STM32F446RE"]);
    flash(&["--chip", "STM32F446RETx", "--probe", "x"]).fails(2, &["VID:PID"]);
    flash(&["--chip", "STM32F446RETx", "--firmware", "none.elf"]).fails(2, &["none.elf"]);
    let agent = firmware("qemu-m4-agent").display().to_string();
    flash(&["--chip", "STM32F446RETx", "--firmware", &agent]).fails(2, &["__supernano_blob_start"]);
}
