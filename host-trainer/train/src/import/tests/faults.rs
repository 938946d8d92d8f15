//! Checkpoints with faults, and checkpoints that once seemed to have some.

use super::*;

/// Bytes of the checkpoint that a file's import writes.
fn imported(file: &Path) -> (Imported, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let imported = import(file, "resnet20", &run, None).unwrap();
    let bytes = std::fs::read(finished_path(&run, imported.step)).unwrap();
    (imported, bytes)
}

#[test]
fn other_forms_of_a_checkpoint_give_its_run() {
    let Some(whole) = shared(STEP1) else { return };
    let (_, right) = imported(&whole);
    for name in
        ["strided-checkpoint/channels-last", "import-messages/module", "import-messages/bare"]
    {
        let Some(file) = shared(&format!("faults/{name}.pt")) else { return };
        let (imported, found) = imported(&file);
        assert_eq!((imported.step, imported.tensors), (1, 170));
        assert!(found == right, "{name}");
    }
    let Some(file) = shared("faults/import-messages/bf16.pt") else { return };
    let (imported, found) = imported(&file);
    assert_eq!(imported.converted, [("bfloat16", 142)].into());
    assert_eq!(found.len(), right.len());
}

#[test]
fn a_part_of_a_checkpoint_is_refused() {
    let Some(file) = shared(STEP2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run");
    let whole = std::fs::read(file).unwrap();
    // the pickles end at byte 47,133; storages follow to the end
    for part in [0, 1, 100, 47_132, 47_133, 50_000, 1_176_272, whole.len() - 1] {
        refused(&whole[..part], &run);
    }
    let longer = [&whole[..], &[0]].concat();
    assert!(refused(&longer, &run).to_string().contains("the end of the file"));
    // the count of the first storage
    let count = u64::from_le_bytes(whole[47_133..47_141].try_into().unwrap());
    for other in [0, count - 1, count + 1, u64::MAX, 1 << 62] {
        let mut changed = whole.clone();
        changed[47_133..47_141].copy_from_slice(&other.to_le_bytes());
        let error = refused(&changed, &run).to_string();
        assert!(error.contains("storage `") && error.contains("a count of "), "{error}");
    }
}

/// Flips in the pickles of a real checkpoint: refused, or every tensor is still accounted for.
#[test]
fn no_flipped_byte_of_a_checkpoint_panics() {
    let Some(file) = shared(STEP2) else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("flipped.pt");
    let mut bytes = std::fs::read(file).unwrap();
    let mut refused = 0;
    let places: Vec<usize> = (0..47_200).step_by(97).collect();
    for &at in &places {
        bytes[at] ^= 1 << (at % 8);
        std::fs::write(&path, &bytes).unwrap();
        let run = folder.path().join(at.to_string());
        if let Err(error) = import(&path, "resnet20", &run, None) {
            assert_eq!(error.exit_code(), 2);
            assert!(!run.exists());
            refused += 1;
        }
        bytes[at] ^= 1 << (at % 8);
    }
    println!("{refused} of {} refused", places.len());
}
