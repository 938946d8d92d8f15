//! Rules about the sources: the files that may contain unsafe code, and the packages that may use burn.

use std::fs;
use std::path::{Path, PathBuf};

use supernano_tests::command::root;

/// Directories and files of `host-trainer` with unsafe code: the CPU kernels, the buffers of GPU kernels,
/// their runtime without a device, the loading of drivers, the allocator, and the mapping of files.
const UNSAFE: [&str; 6] = [
    "kernels/",
    "gpu-kernels/src/buffer.rs",
    "gpu-kernels/src/driver.rs",
    "gpu-kernels/src/sources.rs",
    "cli/src/allocator.rs",
    "base/src/files/mapped.rs",
];

/// Packages that may import burn, by directory.
const BURN: [&str; 2] = ["host-trainer/train/", "tests/experiments/"];

/// All files below a directory whose names satisfy `wanted`, without build outputs.
fn files(directory: &Path, wanted: &dyn Fn(&str) -> bool) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                found.extend(files(&path, wanted));
            }
        } else if wanted(&name) {
            found.push(path);
        }
    }
    found
}

/// The path of a file below a directory, with `/` between its parts.
fn relative(path: &Path, directory: &Path) -> String {
    let parts = path.strip_prefix(directory).unwrap().components();
    parts.map(|p| p.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/")
}

/// The words of a source file, without comments.
fn words(source: &str) -> impl Iterator<Item = &str> {
    let code = source.lines().map(|line| line.split("//").next().unwrap_or_default());
    code.flat_map(|line| line.split(|c: char| !(c.is_alphanumeric() || c == '_')))
}

#[test]
fn unsafe_code_of_the_host_is_in_the_named_files() {
    let host = root().join("host-trainer");
    let sources = files(&host, &|name| name.ends_with(".rs"));
    assert!(sources.len() > 100, "{} sources", sources.len());
    let found: Vec<String> = sources
        .iter()
        .filter(|path| words(&fs::read_to_string(path).unwrap()).any(|word| word == "unsafe"))
        .map(|path| relative(path, &host))
        .filter(|name| !UNSAFE.iter().any(|allowed| name.starts_with(allowed)))
        .collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn unsafe_code_of_the_cycle_plugin_is_in_its_interface() {
    let plugin = root().join("tests/cycle-plugin/src");
    let sources = files(&plugin, &|name| name.ends_with(".rs"));
    let found: Vec<String> = sources
        .iter()
        .filter(|path| words(&fs::read_to_string(path).unwrap()).any(|word| word == "unsafe"))
        .map(|path| relative(path, &plugin))
        .collect();
    assert_eq!(found, ["plugin.rs"]);
}

#[test]
fn burn_is_imported_by_training_and_experiments_only() {
    let root = root();
    let is_burn = |word: &str| word == "burn" || word.starts_with("burn_");
    for path in files(&root, &|name| name.ends_with(".rs") || name == "Cargo.toml") {
        let name = relative(&path, &root);
        // The workspace's own Cargo.toml fixes the version of burn for all packages.
        if name == "Cargo.toml" || BURN.iter().any(|allowed| name.starts_with(allowed)) {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        let imports = |line: &str| {
            let line = line.trim_start();
            let import = line.strip_prefix("pub ").unwrap_or(line).strip_prefix("use ");
            let dependency = name.ends_with(".toml").then_some(line);
            let path = import.or(dependency).unwrap_or_default();
            let end = |c: char| !(c.is_alphanumeric() || c == '_' || c == '-');
            is_burn(&path.split(end).next().unwrap_or_default().replace('-', "_"))
        };
        let found: Vec<&str> = text.lines().filter(|line| imports(line)).collect();
        assert!(found.is_empty(), "{name}: {found:?}");
    }
}
