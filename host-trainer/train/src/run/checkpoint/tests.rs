use supernano_base::space::SharedSpace;
use supernano_core::plan::{BranchScheme, Enhancement};
use supernano_core::space::{Block, Layer, Shape, Space};

use super::*;

/// A space of one layer, so that a checkpoint has some hundred bytes.
fn layout() -> Layout {
    let space = Space {
        name: "tiny",
        input: Shape { height: 4, width: 4, channels: 1 },
        classes: 2,
        layers: &[Layer::conv(&[1, 2], 1, 1)],
        blocks: &[Block::Conv],
        ..Space::EMPTY
    };
    Layout::new(SharedSpace::of(&space), Enhancement::NONE, BranchScheme::Shared)
}

fn checkpoint(layout: &Layout) -> Checkpoint {
    let values: Vec<f32> = (0..layout.len()).map(|i| i as f32 * 0.5 - 1.0).collect();
    let momentum = layout.entries.iter().map(|e| Some(vec![0.25; e.len()])).collect();
    let statistics = Some(RunningStats { values: vec![1.0; layout.statistics()] });
    Checkpoint { step: 1, epoch: 2, update: 3, values, momentum, statistics }
}

/// What a file is read as; an error where it is refused.
fn read(path: &Path, layout: &Layout) -> Result<Checkpoint> {
    Checkpoint::read(path)?.split(layout, path)
}

#[test]
fn a_checkpoint_is_read_as_it_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step.snw");
    let layout = layout();
    let written = checkpoint(&layout);
    written.write(&path).unwrap();
    assert_eq!(read(&path, &layout).unwrap(), written);
}

#[test]
fn no_flipped_bit_and_no_truncation_is_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("step.snw");
    let layout = layout();
    checkpoint(&layout).write(&path).unwrap();
    let whole = std::fs::read(&path).unwrap();
    assert!(whole.len() < 1000, "{}", whole.len());
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(&path, bytes).unwrap();
        let error = read(&path, &layout).expect_err(what);
        assert!(matches!(error, Error::Invalid { .. }), "{what}: {error}");
    };
    for length in 0..whole.len() {
        refused(&whole[..length], &format!("{length} bytes"));
    }
    for bit in 0..8 * whole.len() {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        refused(&flipped, &format!("bit {bit}"));
    }
}
