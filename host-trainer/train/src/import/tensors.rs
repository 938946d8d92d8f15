//! The tensors of a PyTorch checkpoint, each to be taken once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use burn_store::pytorch::PytorchReader;
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// Key of the weights in a checkpoint.
const WEIGHTS: &str = "state_dict";

struct Tensor {
    shape: Vec<usize>,
    /// `None` for a tensor that is not of f32.
    values: Option<Vec<f32>>,
}

/// Tensors of a file that are still to be accounted for.
pub(super) struct Tensors {
    file: PathBuf,
    left: BTreeMap<String, Tensor>,
}

/// Reads a checkpoint's `state_dict`.
pub(super) fn read(file: &Path) -> Result<Tensors> {
    // a missing file gets the same error as everywhere
    let length = files::read(file)?.len();
    let broken = |e: String| {
        Error::invalid(file.display(), "PyTorch file", "a checkpoint with `state_dict`", e)
    };
    let reader =
        PytorchReader::with_top_level_key(file, WEIGHTS).map_err(|e| broken(e.to_string()))?;
    let mut left = BTreeMap::new();
    for (name, snapshot) in reader.into_tensors() {
        let data = snapshot.to_data().map_err(|e| broken(format!("{name}: {e:?}")))?;
        let shape = data.shape.iter().copied().collect();
        let values = data.to_vec::<f32>().ok();
        left.insert(name, Tensor { shape, values });
    }
    // The reader does not refuse every file that was cut short.
    let bytes: usize = left.values().map(|t| 4 * t.shape.iter().product::<usize>()).sum();
    if bytes > length {
        return Err(broken(format!("{length} bytes, fewer than the tensors' {bytes}")));
    }
    if left.is_empty() {
        return Err(broken("no tensors".into()));
    }
    Ok(Tensors { file: file.to_path_buf(), left })
}

impl Tensors {
    fn invalid<T>(&self, name: &str, expected: String, found: String) -> Result<T> {
        Err(Error::invalid(self.file.display(), format!("tensor `{name}`"), expected, found))
    }

    /// Tensors that are left.
    pub fn len(&self) -> usize {
        self.left.len()
    }

    /// Whether a name is left for which `f` says yes.
    pub fn any(&self, f: impl FnMut(&String) -> bool) -> bool {
        self.left.keys().any(f)
    }

    /// First dimension of a tensor.
    pub fn rows(&self, name: &str) -> Result<u16> {
        match self.left.get(name).and_then(|t| t.shape.first()) {
            Some(&rows) => u16::try_from(rows)
                .or_else(|_| self.invalid(name, "at most 65535 rows".into(), rows.to_string())),
            None => self.invalid(name, "a matrix".into(), "nothing".into()),
        }
    }

    /// Takes a tensor of f32 of this shape.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.left.remove(name) {
            None => self.invalid(name, format!("shape {shape:?}"), "nothing".into()),
            Some(t) if t.shape != shape => {
                self.invalid(name, format!("shape {shape:?}"), format!("{:?}", t.shape))
            }
            Some(Tensor { values: Some(values), .. }) => {
                match values.iter().find(|v| !v.is_finite()) {
                    Some(v) => self.invalid(name, "finite values".into(), v.to_string()),
                    None => Ok(values),
                }
            }
            Some(_) => self.invalid(name, "f32".into(), "another type".into()),
        }
    }

    /// Accounts for a single number that is not used.
    pub fn ignore(&mut self, name: &str) -> Result<()> {
        match self.left.remove(name) {
            Some(t) if t.shape.iter().product::<usize>() == 1 => Ok(()),
            Some(t) => self.invalid(name, "one number".into(), format!("shape {:?}", t.shape)),
            None => self.invalid(name, "one number".into(), "nothing".into()),
        }
    }

    /// Fails where a tensor is left.
    pub fn finish(self) -> Result<()> {
        match self.left.first_key_value() {
            Some((name, t)) => {
                self.invalid(name, "no such tensor".into(), format!("shape {:?}", t.shape))
            }
            None => Ok(()),
        }
    }
}
