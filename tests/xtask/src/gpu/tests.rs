//! A packed program.

use super::*;

/// The copy in a new folder runs. It is smaller if `strip` exists.
#[test]
fn a_packed_program_runs() {
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let packed = packed_program(&own, &folder.path().join("new/folder")).unwrap();
    assert!(packed.is_absolute() && packed.starts_with(folder.path()));
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    if in_path("strip").is_some() {
        assert!(size(&packed) < size(&own));
    }
    process::run(&mut program(&packed, ["--list"])).unwrap();
}
