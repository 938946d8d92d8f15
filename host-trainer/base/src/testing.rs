//! What tests share: the reference data, and runs with little memory.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Variable with the folder of a test that [`with_little_memory`] runs.
const FOLDER: &str = "SUPERNANO_TEST_FOLDER";

/// Runs the test `name` of this executable once more, in a process with 1 GiB of address space; that
/// one gets `folder` from [`folder_of_child`].
///
/// # Panics
/// If the process does not succeed.
pub fn with_little_memory(name: &str, folder: &Path) {
    let output = Command::new("sh")
        .args([
            "-c",
            "ulimit -v 1048576 && exec \"$0\" --exact \"$1\" --nocapture --test-threads 1",
        ])
        .arg(std::env::current_exe().expect("the tests' path"))
        .arg(name)
        .env(FOLDER, folder)
        .output()
        .expect("a shell");
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{}: {text}", output.status);
}

/// The folder that [`with_little_memory`] gave to this process, if it started it.
pub fn folder_of_child() -> Option<PathBuf> {
    std::env::var_os(FOLDER).map(PathBuf::from)
}

/// A file or directory of the reference data: below SUPERNANO_SHARED, default `../shared` beside
/// the workspace. `None`, with a message, if it does not exist.
///
/// # Panics
/// If it does not exist and SUPERNANO_REQUIRE_SHARED is 1.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var("SUPERNANO_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
    let path = PathBuf::from(root).join(name);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var("SUPERNANO_REQUIRE_SHARED").is_ok_and(|v| v == "1");
    assert!(!required, "{} does not exist", path.display());
    crate::console::note(format_args!(
        "SKIPPED: {} does not exist (SUPERNANO_SHARED)",
        path.display()
    ));
    None
}
