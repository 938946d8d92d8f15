//! Parts of a file, and a packed program.

use super::*;

#[test]
fn the_parts_make_up_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("data");
    let bytes: Vec<u8> = (0..2500u32).map(|i| (i * i) as u8).collect();
    fs::write(&file, &bytes).unwrap();
    assert_eq!(split(&file, folder.path(), "data", 1000).unwrap(), 3);
    let part = |i: usize| fs::read(folder.path().join(format!("data.part-{i:03}"))).unwrap();
    assert_eq!((part(0).len(), part(2).len()), (1000, 500));
    assert_eq!([part(0), part(1), part(2)].concat(), bytes);
    fs::write(&file, &bytes[..2000]).unwrap();
    assert_eq!(split(&file, folder.path(), "even", 1000).unwrap(), 2);
}

/// The copy in a new folder runs. It is smaller if `strip` exists.
#[test]
fn a_packed_program_runs() {
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let packed = pack(&own, &folder.path().join("new/folder")).unwrap();
    assert!(packed.is_absolute() && packed.starts_with(folder.path()));
    let size = |path: &Path| fs::metadata(path).unwrap().len();
    if in_path("strip").is_some() {
        assert!(size(&packed) < size(&own));
    }
    process::run(&mut program(&packed, ["--list"])).unwrap();
}
