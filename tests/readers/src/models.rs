//! Readers of weights and networks: PyTorch's checkpoints, own checkpoints, network files.

use std::path::Path;

use supernano_base::blob::Blob;
use supernano_base::config::RunConfig;
use supernano_core::wire::checksum;
use supernano_pt::PytorchFile;
use supernano_train::run::checkpoint::Checkpoint;
use supernano_train::training::state::layout_of;

use crate::targets::Target;
use crate::texts::CONFIG;

/// The golden network.
pub const TINY: &[u8] = include_bytes!("../../golden/tiny.snb");
/// Files that PyTorch wrote, of both formats and several protocols.
const PYTORCH: [&[u8]; 4] = [
    include_bytes!("../../../host-trainer/pt/src/tests/torch-zip-2.pt"),
    include_bytes!("../../../host-trainer/pt/src/tests/torch-zip-5.pt"),
    include_bytes!("../../../host-trainer/pt/src/tests/torch-legacy-1.pt"),
    include_bytes!("../../../host-trainer/pt/src/tests/torch-legacy-4.pt"),
];

/// The configuration of all checkpoints.
pub fn config() -> RunConfig {
    // Narrow layers keep the file small, so that every truncation can be read.
    let narrow = CONFIG.replace("[4, 8, 12]", "[1, 2]").replace("[4, 8]", "[1, 2]");
    RunConfig::parse(&narrow, "configuration").expect("a configuration")
}

/// A checkpoint with momentum, in the middle of the first step.
pub fn checkpoint(folder: &Path) -> Vec<u8> {
    let config = config();
    let layout = layout_of(config.shared_space(), &config, 1);
    let values: Vec<f32> = (0..layout.len()).map(|i| (i % 17) as f32 / 16.0 - 0.5).collect();
    let momentum = layout.entries.iter().enumerate();
    let momentum = momentum.map(|(i, e)| (i % 3 != 0).then(|| vec![0.25; e.len()])).collect();
    let state = Checkpoint { epoch: 1, momentum, ..Checkpoint::start(1, values) };
    let path = folder.join("made.snw");
    state.write_of(&config, &path).expect("the temporary directory");
    std::fs::read(&path).expect("the temporary directory")
}

/// Reads a checkpoint as a training does that resumes.
pub fn read_checkpoint(
    config: &RunConfig,
    file: &Path,
) -> Result<(), supernano_base::error::Error> {
    let layout = layout_of(config.shared_space(), config, 1);
    let checkpoint = Checkpoint::read(file)?.checked(config, 1, file)?.split(&layout, file)?;
    assert_eq!(checkpoint.values.len(), layout.len());
    Ok(())
}

/// Writes the CRC-32 of all bytes but the last four there.
fn repair_end(bytes: &mut [u8]) {
    if let Some(end) = bytes.len().checked_sub(4) {
        let sum = checksum(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Writes the length and the CRC-32 of a network file into its header.
fn repair_blob(bytes: &mut [u8]) {
    if bytes.len() >= 16 {
        let length = bytes.len() as u32;
        bytes[8..12].copy_from_slice(&length.to_le_bytes());
        let sum = checksum(&bytes[16..]);
        bytes[12..16].copy_from_slice(&sum.to_le_bytes());
    }
}

/// Writes the right CRC-32 into every entry of a zip file whose contents are stored.
pub fn repair_zip(bytes: &mut [u8]) {
    let word = |bytes: &[u8], at: usize| {
        bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
    };
    let mut at = 0;
    while at + 46 < bytes.len() {
        if bytes[at..].starts_with(b"PK\x01\x02") && at + 46 < bytes.len() {
            let place = word(bytes, at + 42) as usize;
            let size = word(bytes, at + 20) as usize;
            let names = word(bytes, place + 26);
            let start =
                place.saturating_add(30 + (names & 0xffff) as usize + (names >> 16) as usize);
            if let Some(contents) = bytes.get(start..start.saturating_add(size)) {
                let sum = checksum(contents).to_le_bytes();
                bytes[at + 16..at + 20].copy_from_slice(&sum);
                if let Some(local) = bytes.get_mut(place + 14..place + 18) {
                    local.copy_from_slice(&sum);
                }
            }
        }
        at += 1;
    }
}

/// The targets of this file.
pub fn targets(folder: &Path) -> Vec<Target> {
    let at = |name: &str| folder.join(name);
    let pytorch = Target::of_file("pt", at("a.pt"), PYTORCH.map(<[u8]>::to_vec).to_vec(), |file| {
        let file = PytorchFile::open(file)?;
        let dictionary = file.state_dict("whole")?;
        for (name, tensor) in &dictionary.tensors {
            // Some tensors of the files are not of floating point.
            if let Ok(values) = file.floats(name, tensor) {
                assert_eq!(values.len(), tensor.shape.iter().product::<usize>());
                assert!(values.iter().all(|v| v.is_finite()));
            }
        }
        Ok(())
    });
    let config = config();
    let seeds = vec![checkpoint(folder)];
    let checkpoints = Target::of_file("checkpoints", at("c.snw"), seeds, move |file| {
        read_checkpoint(&config, file)
    });
    let networks = Target::new("networks", vec![TINY.to_vec()], |bytes| {
        Blob::new(bytes, "tiny.snb").map(|_| ())
    });
    vec![
        Target { repair: repair_zip, ..pytorch },
        Target { repair: repair_end, ..checkpoints },
        Target { repair: repair_blob, ..networks },
    ]
}
