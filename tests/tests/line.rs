//! A device at the end of a bad line, or of a line that breaks, and one that is none of ours.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::OnceLock;
use std::sync::atomic::Ordering;

use supernano_tests::command::{firmware, number, supernano};
use supernano_tests::line::{Emulated, Faults, bad_line};
use supernano_tests::small::{GREY, SmallRun};
use tempfile::TempDir;

/// A network for 8 x 8 grey images: an emulated UART takes its time for every byte.
fn network() -> &'static str {
    static RUN: OnceLock<(SmallRun, String)> = OnceLock::new();
    let (_, file) = RUN.get_or_init(|| {
        let run =
            SmallRun::train(&GREY.replace("height = 28, width = 28", "height = 8, width = 8"));
        let file = run.file("line.snb");
        supernano(&["export", &run.name(), "4-4-4-4", "-o", &file, "--json"]).json();
        (run, file)
    });
    file
}

fn target(port: u16) -> String {
    format!("tcp:127.0.0.1:{port}")
}

/// Drops, doubles, swaps or delays 5 % of the frames and changes one byte in 10,000, both ways.
#[test]
fn every_answer_is_right_and_counted_once_over_a_bad_line() {
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let faults = Faults { frames: 50, byte: 10_000, breaks: 0, seed: 7 };
    let (port, carried) = bad_line(&emulated, faults);
    let args = ["check", network(), "--target", &target(port), "--images", "2000", "--json"];
    let checked = supernano(&args).json();
    assert_eq!(number(&checked, "/images"), 2000.0);
    assert_eq!(number(&checked, "/mismatches"), 0.0);
    assert_eq!(checked["top1_host"], checked["top1_device"]);
    // A hello, an image and its run each; the network's parts, and the rare image sent again.
    let answered = number(&checked, "/traffic/answered");
    assert!((4000.0..4100.0).contains(&answered), "{checked}");
    assert!(number(&checked, "/traffic/repeated") > 100.0, "{checked}");
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
    // The same name of a target both times: the port of the second line is another one.
    let file = |port: u16| {
        let text = std::fs::read_to_string(&state).unwrap_or_default();
        std::fs::write(&state, text.replace("PORT", &target(port))).unwrap();
    };
    let run = |port: u16| {
        let target = target(port);
        supernano(&[
            "check",
            network(),
            "--target",
            &target,
            "--images",
            "300",
            "--state",
            &state,
            "--json",
        ])
    };
    run(port).fails(3, &["tcp:127.0.0.1"]);
    let text = std::fs::read_to_string(&state).unwrap();
    std::fs::write(&state, text.replace(&target(port), "PORT")).unwrap();
    drop(emulated);
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let (port, _) = bad_line(&emulated, clean);
    file(port);
    let checked = run(port).json();
    assert_eq!(number(&checked, "/images"), 300.0);
    assert_eq!(number(&checked, "/mismatches"), 0.0);
    let resumed = number(&checked, "/resumed");
    assert!((50.0..300.0).contains(&resumed), "{checked}");
    assert!(number(&checked, "/traffic/answered") < 2.0 * (300.0 - resumed) + 20.0, "{checked}");
    assert!(!std::path::Path::new(&state).exists());
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
    let check = |port| supernano(&["check", network(), "--target", &target(port), "--images", "1"]);
    check(speaker(b"")).fails(3, &["no answer", "cable"]);
    check(speaker(b"Zephyr shell ready\r\n\0")).fails(3, &["firmware", "protocol version 3"]);
    check(1).fails(3, &["tcp:127.0.0.1:1"]);
}

#[test]
fn what_a_device_counts_is_told_over_any_line() {
    let emulated = Emulated::start(&firmware("qemu-m4-agent"));
    let (port, _) = bad_line(&emulated, Faults { frames: 0, byte: 0, breaks: 0, seed: 1 });
    let here = target(port);
    let counted =
        supernano(&["latency", network(), "--target", &here, "--repeats", "3", "--json"]).json();
    assert_eq!(counted["unit"], "instructions");
    assert_eq!(number(&counted, "/repeats"), 3.0);
    assert!(counted["milliseconds"].is_null() && counted.get("cycles").is_none(), "{counted}");
    assert!(number(&counted, "/device/image_capacity") >= 3072.0);
    let (port, _) = bad_line(&emulated, Faults { frames: 0, byte: 0, breaks: 0, seed: 1 });
    let here = target(port);
    supernano(&["latency", network(), "--target", &here, "--clock", "100"])
        .fails(2, &["--clock", "instructions"]);
}

#[test]
fn flashing_is_refused_before_it_is_tried() {
    let flash = |more: &[&str]| {
        let mut args = vec!["flash", network()];
        args.extend(more);
        supernano(&args)
    };
    flash(&["--chip", "STM32F447RETx"]).fails(2, &["STM32F446RE"]);
    flash(&["--chip", "STM32F446RETx", "--probe", "x"]).fails(2, &["VID:PID"]);
    flash(&["--chip", "STM32F446RETx", "--firmware", "none.elf"]).fails(2, &["none.elf"]);
    let agent = firmware("qemu-m4-agent").display().to_string();
    flash(&["--chip", "STM32F446RETx", "--firmware", &agent]).fails(2, &["__supernano_blob_start"]);
}
