//! Every loader of this crate, over files that are made to take memory, with 1 GiB of it.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use supernano_core::space::RESNET8;

use crate::blob::Blob;
use crate::codes::read_codes;
use crate::codes::scores::read_scores;
use crate::codes::truth::{Form, Recipe, Start, read_truths};
use crate::config::RunConfig;
use crate::error::{Error, Result};
use crate::files;
use crate::stats::table;
use crate::testing::{folder_of_child, with_little_memory};

const MIB: usize = 1 << 20;
const CODE: &str = "4-4-4-4-4-4";

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

/// `unit` repeated to `n` bytes, between `before` and `after`.
fn filled(before: &str, unit: &str, n: usize, after: &str) -> Vec<u8> {
    [before, &unit.repeat(n / unit.len()), after].concat().into_bytes()
}

/// An object with `n` keys.
fn keys(n: usize) -> Vec<u8> {
    let members: Vec<String> = (0..n).map(|i| format!("\"{i}\":0")).collect();
    format!("{{{}}}", members.join(",")).into_bytes()
}

fn files_in(folder: &Path) {
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
    let sparse = |name: &str, n: usize| {
        File::create(folder.join(name)).unwrap().set_len(n as u64).unwrap();
    };
    sparse("huge", 1 << 40);
    sparse("zeros", 255 * MIB);
    write("bomb.gz", gzip(&vec![b' '; 64 * MIB]).repeat(48));
    write("numbers.json", filled("[", "0,", 16 * MIB, "0]"));
    write("open.json", filled("", "[", 16 * MIB, ""));
    write("string.json", filled("[\"", "x", 127 * MIB, "\"]"));
    write("commas.csv", filled("arch", ",", 16 * MIB, ""));
    write("lines.txt", filled("", "1\n", 16 * MIB, ""));
    write("returns.txt", filled("", "1\r", 16 * MIB, ""));
    write("quotes.csv", filled("arch,acc\n", "\"", 16 * MIB, ""));
    write("quote.csv", filled("arch,acc\n\"", "x,\n", 2 * MIB, ""));
    write("long.txt", filled("", "1-", 127 * MIB, ""));
    write("tables.toml", filled("", "[a]\n", MIB - 64, ""));
    write("lists.toml", filled("a = [", "[],", MIB - 64, "]"));
    write("deep.toml", filled("a = ", "[", MIB - 64, ""));
    write("long.csv", filled("id,arch\n\"", "x", 120 * MIB, &format!("\",{CODE}\n")));
}

/// Files with as many items as the limits allow.
fn full_files_in(folder: &Path) {
    let write = |name: &str, bytes: Vec<u8>| std::fs::write(folder.join(name), bytes).unwrap();
    write("lists.json", filled("[", "[],", 4_490_000, "0]"));
    write("objects.json", filled("[", "{\"\":0},", 11_900_000, "0]"));
    write("values.json", filled("[", "{\"arch\":0,\"acc\":0},", 19_900_000, "0]"));
    write("document.json", filled("[", "{\"\":0},", 1_740_000, "0]"));
    write("keys.json", keys(2_990_000));
    let network = |i: usize| format!("\"n{i}\": {{\"acc\": 0.5, \"arch\": \"{CODE}\"}}");
    let networks: Vec<String> = (0..999_000).map(network).collect();
    write("networks.json", format!("{{{}}}", networks.join(",\n")).into_bytes());
    write("codes.txt", filled("", &format!("{CODE}\n"), 12 * 999_000, ""));
}

/// A result that is no abort: success, or a refusal with the exit code of wrong input.
fn typed<T>(file: &str, result: Result<T>) {
    if let Err(error) = result {
        let of_memory = matches!(&error, Error::Io { source, .. }
            if source.kind() == std::io::ErrorKind::OutOfMemory);
        assert!(of_memory || error.exit_code() == 2, "{file}: {error}");
    }
}

/// Reads the files that one of two tests, with this name and number, reads.
fn loaders_need_little_memory(name: &str, number: usize) {
    let Some(folder) = folder_of_child() else {
        let folder = tempfile::tempdir().unwrap();
        files_in(folder.path());
        return with_little_memory(&format!("memory_tests::{name}"), folder.path());
    };
    let recipe = Recipe { form: Form::Nominal, epochs: 1, lr: 0.1, seed: 1 };
    let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|e| e.unwrap().path()).collect();
    paths.push("/dev/zero".into());
    paths.sort();
    for path in paths.iter().skip(number).step_by(2) {
        let name = path.display().to_string();
        typed(&name, files::read(path));
        typed(&name, files::read_text(path));
        typed(&name, files::read_document::<serde_json::Value>(path, "a value"));
        typed(&name, read_codes(path, &RESNET8));
        typed(&name, read_scores(path));
        typed(&name, read_truths(path, &recipe, Start::Scratch));
        typed(&name, table::read(path, &RESNET8, table::SCORE));
        typed(&name, table::read(path, &RESNET8, table::TRUTH));
        typed(&name, table::space_for(None, path, table::SCORE));
        typed(&name, RunConfig::read(path));
        typed(&name, Blob::read(path));
    }
}

#[test]
fn loaders_of_some_files_need_little_memory() {
    loaders_need_little_memory("loaders_of_some_files_need_little_memory", 0);
}

#[test]
fn loaders_of_the_other_files_need_little_memory() {
    loaders_need_little_memory("loaders_of_the_other_files_need_little_memory", 1);
}

#[test]
fn as_many_items_as_the_limits_allow_fit() {
    let Some(folder) = folder_of_child() else {
        let folder = tempfile::tempdir().unwrap();
        full_files_in(folder.path());
        let name = "memory_tests::as_many_items_as_the_limits_allow_fit";
        return with_little_memory(name, folder.path());
    };
    let at = |name: &str| folder.join(name);
    for name in ["lists.json", "objects.json", "values.json", "keys.json", "networks.json"] {
        typed(name, table::read(&at(name), &RESNET8, table::SCORE));
        typed(name, read_codes(&at(name), &RESNET8));
    }
    files::read_document::<serde_json::Value>(&at("document.json"), "a value").unwrap();
    assert_eq!(read_codes(&at("networks.json"), &RESNET8).unwrap().len(), 999_000);
    assert_eq!(read_codes(&at("codes.txt"), &RESNET8).unwrap().len(), 999_000);
    assert_eq!(read_scores(&at("networks.json")).unwrap().len(), 999_000);
}
