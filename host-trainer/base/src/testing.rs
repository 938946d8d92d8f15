//! The reference data that tests read.

use std::path::PathBuf;

/// A file or directory of the reference data: below SUPERNANO_SHARED, default `../shared` beside
/// the workspace. `None`, and said loudly, where it is not there.
///
/// # Panics
/// Where it is not there and SUPERNANO_REQUIRE_SHARED is 1.
pub fn shared(name: &str) -> Option<PathBuf> {
    let root = std::env::var("SUPERNANO_SHARED")
        .unwrap_or_else(|_| concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared").into());
    let path = PathBuf::from(root).join(name);
    if path.exists() {
        return Some(path);
    }
    let required = std::env::var("SUPERNANO_REQUIRE_SHARED").is_ok_and(|v| v == "1");
    assert!(!required, "{} is not there", path.display());
    eprintln!("SKIPPED: {} is not there (SUPERNANO_SHARED)", path.display());
    None
}
