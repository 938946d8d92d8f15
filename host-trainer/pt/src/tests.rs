mod containers;
mod damage;
mod pickles;
mod state;
mod torch;
mod views;

use std::collections::BTreeMap;

use supernano_base::error::Error;

use crate::testing::{Object, Stored, dict, legacy, zipped};
use crate::{PytorchFile, StateDict};

/// Opens bytes as a file `a.pt`.
fn open(bytes: &[u8]) -> Result<PytorchFile, Error> {
    PytorchFile::read("a.pt".as_ref(), bytes.to_vec())
}

/// All tensors of the network of `x` with their values.
fn read(bytes: &[u8]) -> Result<BTreeMap<String, Vec<f32>>, Error> {
    let checkpoint = open(bytes)?;
    let StateDict { tensors, .. } = checkpoint.state_dict("x")?;
    tensors.iter().map(|(n, t)| Ok((n.clone(), checkpoint.floats(n, t)?))).collect()
}

/// The error of a file, with the file's name and exit code 2.
fn refusal(bytes: &[u8]) -> String {
    let error = read(bytes).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("a.pt: "), "{error}");
    error.to_string()
}

/// Asserts that a file is refused with all of these words.
fn refused(bytes: &[u8], words: &[&str]) {
    let error = refusal(bytes);
    assert!(words.iter().all(|word| error.contains(word)), "{error}");
}

/// Numbers 0, 0.5, 1, ...
fn ramp(count: usize) -> Vec<f32> {
    (0..count).map(|i| i as f32 / 2.0).collect()
}

/// A small checkpoint: `x` and `y`, an optimiser's state and a number.
fn small(old: bool) -> (Object, Vec<Stored>) {
    let stored = [("10", 6), ("11", 5), ("12", 2)].map(|(k, n)| Stored::floats(k, &ramp(n)));
    let network =
        dict([("x", stored[0].view(old, 0, &[3, 2], &[1, 3])), ("y", stored[1].tensor(old, &[5]))]);
    let optimizer = dict([("buffer", stored[2].tensor(old, &[2]))]);
    let root = dict([("optimizer", optimizer), ("state_dict", network), ("epoch", Object::Int(7))]);
    (root, stored.to_vec())
}

/// The small checkpoint in both formats, zipped with and without compression.
fn files() -> [(&'static str, Vec<u8>); 3] {
    let ((old, old_stored), (new, stored)) = (small(true), small(false));
    [
        ("legacy", legacy(&old, &old_stored)),
        ("stored", zipped(&new, &stored, false)),
        ("deflated", zipped(&new, &stored, true)),
    ]
}

/// What the small checkpoint holds.
fn values() -> BTreeMap<String, Vec<f32>> {
    let x = vec![0.0, 1.5, 0.5, 2.0, 1.0, 2.5];
    BTreeMap::from([("x".into(), x), ("y".into(), ramp(5))])
}
