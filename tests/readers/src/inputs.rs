//! The file of inputs beside a run.

use std::path::Path;

use supernano_base::config::RunConfig;
use supernano_base::progress::Silent;
use supernano_data::{Dataset, of_config, of_config_cached};

use crate::targets::Target;

/// Bytes of the end of the file: two lengths, two hashes, and a magic number.
const TRAILER: usize = 8 + 8 + 32 + 32 + 8;

/// A space for the pictures, and their folder.
const CONFIG: &str = r#"
seed = 1
enhancement = "none"
recalibration = { images = 8, batch = 4 }

[data]
name = "pictures"
path = "FOLDER"

[space]
name = "tiny"
input = { height = 8, width = 9, channels = 3 }
classes = 2
blocks = ["conv"]
layers = [{ widths = [4, 8], stride = 1 }]

[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 4
"#;

/// The lengths of the pixels and of the contents, if they are those of the file.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    let end = bytes.len().checked_sub(TRAILER)?;
    let length = |at: usize| {
        let word = bytes.get(at..)?.first_chunk::<8>()?;
        usize::try_from(u64::from_le_bytes(*word)).ok()
    };
    let (pixels, contents) = (length(end)?, length(end + 8)?);
    (pixels.checked_add(contents) == Some(end)).then_some((pixels, contents))
}

/// The hashes of a file with these lengths.
fn hashes(bytes: &[u8], (pixels, contents): (usize, usize)) -> [u8; 64] {
    let end = pixels + contents;
    let of_pixels = blake3::hash(&bytes[..pixels]);
    let mut rest = blake3::Hasher::new();
    rest.update(&bytes[pixels..end]).update(&bytes[end..end + 16]).update(of_pixels.as_bytes());
    let mut both = [0; 64];
    both[..32].copy_from_slice(of_pixels.as_bytes());
    both[32..].copy_from_slice(rest.finalize().as_bytes());
    both
}

/// Corrects the lengths and the hashes of a file.
fn repair(bytes: &mut [u8]) {
    let Some(end) = bytes.len().checked_sub(TRAILER) else { return };
    if lengths(bytes).is_none() {
        let word = bytes[end + 8..].first_chunk::<8>().copied().unwrap_or_default();
        let contents = u64::from_le_bytes(word);
        if let Some(pixels) = (end as u64).checked_sub(contents) {
            bytes[end..end + 8].copy_from_slice(&pixels.to_le_bytes());
        }
    }
    if let Some(lengths) = lengths(bytes) {
        let both = hashes(bytes, lengths);
        bytes[end + 16..end + 80].copy_from_slice(&both);
    }
}

/// True if the hashes are those of the file.
fn is_whole(bytes: &[u8]) -> bool {
    let Some(lengths) = lengths(bytes) else { return false };
    let end = lengths.0 + lengths.1;
    bytes[end + 16..end + 80] == hashes(bytes, lengths)
}

/// Uses all inputs of a set.
fn used(dataset: &Dataset) {
    for split in [&dataset.train, &dataset.validation, &dataset.test] {
        let indices: Vec<u32> = (0..split.len() as u32).collect();
        let values = dataset.batch(split, &indices);
        assert_eq!(values.len(), split.len() * dataset.shape.len());
        let _ = dataset.targets(split, &indices, &values);
        assert!(split.labels.iter().all(|&l| usize::from(l) < dataset.classes.len().max(2)));
    }
}

/// The target of this file: whatever lies in the place of `data.cache`, the set is that of the pictures,
/// unless the hashes are right. `folder` holds the pictures.
pub fn target(folder: &Path, pictures: &Path) -> Target {
    let text = CONFIG.replace("FOLDER", &pictures.display().to_string());
    let config = RunConfig::parse(&text, "inputs").expect("a configuration");
    let expected = of_config(&config, None).expect("the pictures");
    let cache = folder.join("inputs").join("data.cache");
    of_config_cached(&config, None, &cache, &Silent).expect("the pictures");
    let seed = std::fs::read(&cache).expect("the file of the inputs");
    let read = move |file: &Path| {
        let whole = std::fs::read(file).is_ok_and(|bytes| is_whole(&bytes));
        let found = of_config_cached(&config, None, file, &Silent)?;
        assert!(whole || found == expected, "other inputs than those of the pictures");
        used(&found);
        Ok(())
    };
    Target { repair, ..Target::of_file("inputs", cache, vec![seed], read) }
}
