//! A board keeps a network in its flash and is calibrated over a line. An emulated machine at the end
//! of a TCP connection stands in for it.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use supernano_core::wire::placed;
use supernano_tests::command::{firmware, number, root, supernano};
use supernano_tests::line::{Emulated, Start, posing_line};
use supernano_tests::small::{by_eight, grey};
use tempfile::TempDir;

/// The region of a board's flash with a network: header, blob, padding. `change` then alters it.
fn region(here: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let blob = fs::read(by_eight()).unwrap();
    let header = [placed::MAGIC, blob.len() as u32, 0, 0];
    let mut bytes: Vec<u8> = header.iter().flat_map(|word| word.to_le_bytes()).collect();
    bytes.extend(&blob);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    change(&mut bytes);
    let file = here.join("region");
    fs::write(&file, bytes).unwrap();
    file
}

/// The reports of `check` and `latency` for a board with such a region, and the notes of `check`.
fn run(region: &Path) -> (Value, Value, String) {
    let start = Start { placed: Some(region), counting: true };
    let emulated = Emulated::with(&firmware("qemu-m4-agent"), start);
    // A connection means that the emulator has read the file.
    drop(emulated.connect());
    let target = format!("tcp:127.0.0.1:{}", emulated.port);
    let checked =
        supernano(&["check", by_eight(), "--target", &target, "--images", "20", "--json"]);
    let counted =
        supernano(&["latency", by_eight(), "--target", &target, "--repeats", "2", "--json"]).json();
    let noted = checked.stderr.clone();
    let checked = checked.json();
    assert_eq!((number(&checked, "/images"), number(&checked, "/mismatches")), (20.0, 0.0));
    (checked, counted, noted)
}

#[test]
fn a_flashed_network_is_found_at_the_start_and_used_without_being_sent() {
    let here = TempDir::new().unwrap();
    let (checked, counted, noted) = run(&region(here.path(), |_| ()));
    for report in [&checked, &counted] {
        assert_eq!(report["device"]["blob_checksum"], report["checksum"], "{report}");
        assert_eq!(report["network"]["source"], "placed", "{report}");
        assert_eq!(report["network"]["placed"], "this", "{report}");
    }
    // A check takes a hello, an open, and two requests for each image. A latency run takes a hello, an
    // open, an image, its run, and two requests for each count.
    assert_eq!(number(&checked, "/traffic/answered"), 2.0 + 2.0 * 20.0);
    assert_eq!(number(&counted, "/traffic/answered"), 2.0 + 2.0 + 2.0 * 2.0);
    assert!(number(&counted, "/instructions") > 10_000.0 && noted.is_empty(), "{noted}");
}

/// If one byte of the network differs, the device reports no network, refuses the one in its flash, and
/// receives its network over the line.
#[test]
fn a_damaged_network_in_flash_is_refused_and_reported() {
    let length = fs::metadata(by_eight()).unwrap().len() as usize;
    for at in [0, 12, 30, length / 2, length - 1] {
        let here = TempDir::new().unwrap();
        let (checked, counted, noted) = run(&region(here.path(), |bytes| bytes[16 + at] ^= 0x20));
        assert_eq!(number(&checked, "/device/blob_checksum"), 0.0, "byte {at}: {checked}");
        assert!(noted.contains("the device refuses the network in its flash: damaged"), "{noted}");
        assert_eq!(checked["network"]["source"], "sent");
        assert_eq!(counted["network"]["source"], "kept");
        for report in [&checked, &counted] {
            assert_eq!(report["network"]["placed"], "damaged", "byte {at}: {report}");
        }
        let parts = length.div_ceil(1024) as f64;
        assert_eq!(number(&checked, "/traffic/answered"), 3.0 + parts + 2.0 * 20.0);
    }
}

#[test]
fn a_region_without_a_network_is_none() {
    let here = TempDir::new().unwrap();
    let (checked, ..) = run(&region(here.path(), |bytes| bytes[0] ^= 1));
    assert_eq!(checked["network"]["placed"], "none", "{checked}");
    assert_eq!(checked["network"]["source"], "sent", "{checked}");
}

fn calibrate(port: u16, table: &str) -> (Value, String) {
    let target = format!("tcp:127.0.0.1:{port}");
    let args = ["calibrate", "--target", &target, "--fit", "5", "--judge", "1", "-o", table];
    let ended = supernano(&[&["dev"][..], &args[..], &["--json"]].concat());
    // A table from few networks may be more than 1 % off, which is exit code 1.
    assert!(ended.code == 0 || ended.code == 1, "{}: {}", ended.code, ended.stderr);
    let report = serde_json::from_str(&ended.stdout).unwrap();
    (report, fs::read_to_string(root().join(table)).unwrap())
}

/// A board counts networks over a line, and `search` uses the table that is fitted to the counts.
#[test]
fn a_board_is_calibrated_over_a_line_and_its_table_searched_with() {
    let start = Start { placed: None, counting: true };
    let emulated = Emulated::with(&firmware("qemu-m4-agent"), start);
    drop(emulated.connect());
    let (run, counts) = (grey().name(), grey().file("counts.toml"));
    let (report, text) = calibrate(emulated.port, &counts);
    assert_eq!(report["networks"].as_array().unwrap().len(), 6);
    assert!(number(&report, "/largest_error") < 0.1, "{report}");
    assert!(text.contains("core = \"cortex-m4\"") && text.contains("unit = \"instructions\""));
    assert!(!text.contains("clock_hz"), "{text}");

    let cycles = grey().file("cycles.toml");
    let port = posing_line(&emulated, "DESK32F4", 20_000_000);
    let (report, text) = calibrate(port, &cycles);
    assert!(number(&report, "/largest_error") < 0.1, "{report}");
    for line in ["core = \"cortex-m4\"", "unit = \"cycles\"", "clock_hz = 20000000", "DESK32F4"] {
        assert!(text.contains(line), "no {line:?} in {text}");
    }

    let scores = grey().file("board-scores.json");
    supernano(&["rank", &run, "--random", "30", "-o", &scores, "--json"]).succeeds();
    let search = |table: &str, more: &[&str]| {
        let front = grey().file("board-front.json");
        let args = ["search", &run, "--scores", &scores, "--table", table, "-o", &front, "--json"];
        supernano(&[&args[..], &["--force", "--overwrite"], more].concat())
    };
    let found = search(&cycles, &["--latency", "100ms"]).json();
    assert_eq!(found["instructions"]["unit"], "cycles", "{found}");
    let counted = search(&counts, &["--instructions", "2000000"]).json();
    assert_eq!(counted["instructions"]["unit"], "instructions", "{counted}");
    search(&counts, &["--latency", "100ms"]).fails(2, &["--latency", "calibrate"]);
    search(&cycles, &["--latency", "1us"]).fails(1, &["feasible"]);
    // 100 ms are 2,000,000 cycles at the clock of this board.
    let most = |found: &Value| {
        let listed = found["networks"].as_array().unwrap();
        listed.iter().map(|n| number(n, "/instructions")).fold(0.0, f64::max)
    };
    assert!(most(&found) <= 2_000_000.0, "{found}");
    assert_eq!(most(&found), most(&counted));
}
