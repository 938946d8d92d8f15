//! The tensors of a PyTorch checkpoint, each to be taken once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use supernano_base::error::{Error, Result};
use supernano_base::names::nearest;
use supernano_pt::{PytorchFile, StoredTensor, list};

/// A tensor that every network of the reference code has; it names the network in a checkpoint.
pub(super) const CLASSIFIER: &str = "fc.weight";

/// Tensors of a file that are still to be accounted for.
pub(super) struct Tensors {
    file: PathBuf,
    checkpoint: PytorchFile,
    left: BTreeMap<String, StoredTensor>,
    /// How many tensors of each type other than float32 were converted.
    converted: BTreeMap<&'static str, usize>,
}

/// Reads the network of a checkpoint.
pub(super) fn read(file: &Path) -> Result<Tensors> {
    let checkpoint = PytorchFile::open(file)?;
    let network = checkpoint.state_dict(CLASSIFIER)?;
    Ok(Tensors {
        file: file.to_path_buf(),
        checkpoint,
        left: network.tensors,
        converted: BTreeMap::new(),
    })
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

    /// Types that were converted to float32, with how many tensors had each.
    pub fn converted(&self) -> &BTreeMap<&'static str, usize> {
        &self.converted
    }

    /// How messages name a tensor that is missing.
    fn nothing(&self, name: &str) -> String {
        let nearest = nearest(name, self.left.keys().map(String::as_str));
        match nearest.len() {
            0 => "nothing".into(),
            _ => format!("nothing; the nearest that are left are {}", list(nearest)),
        }
    }

    /// First dimension of a tensor.
    pub fn rows(&self, name: &str) -> Result<u16> {
        match self.left.get(name).and_then(|t| t.shape.first()) {
            Some(&rows) => u16::try_from(rows)
                .or_else(|_| self.invalid(name, "at most 65535 rows".into(), rows.to_string())),
            None => self.invalid(name, "a matrix".into(), "a single number".into()),
        }
    }

    /// Takes a tensor of this shape: finite values of floating point.
    pub fn take(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        match self.left.remove(name) {
            None => self.invalid(name, format!("shape {shape:?}"), self.nothing(name)),
            Some(t) if t.shape != shape => {
                self.invalid(name, format!("shape {shape:?}"), format!("{:?}", t.shape))
            }
            Some(tensor) => {
                let values = self.checkpoint.floats(name, &tensor)?;
                if !tensor.element.is_f32() {
                    *self.converted.entry(tensor.element.name).or_default() += 1;
                }
                Ok(values)
            }
        }
    }

    /// Takes the running variances of a batch norm.
    pub fn variances(&mut self, name: &str, shape: &[usize]) -> Result<Vec<f32>> {
        let values = self.take(name, shape)?;
        match values.iter().enumerate().find(|(_, v)| **v < 0.0) {
            Some((channel, v)) => self.invalid(
                name,
                "variances of at least 0".into(),
                format!("{v} of channel {channel}"),
            ),
            None => Ok(values),
        }
    }

    /// Accounts for a single number that is not used.
    pub fn ignore(&mut self, name: &str) -> Result<()> {
        match self.left.remove(name) {
            Some(t) if t.shape.iter().product::<usize>() == 1 => Ok(()),
            Some(t) => self.invalid(name, "one number".into(), format!("shape {:?}", t.shape)),
            None => self.invalid(name, "one number".into(), self.nothing(name)),
        }
    }

    /// Fails where a tensor is left.
    pub fn finish(&self) -> Result<()> {
        match self.left.first_key_value() {
            Some((name, t)) => {
                let mut found = format!("shape {:?}", t.shape);
                if self.left.len() > 1 {
                    let others = self.left.keys().skip(1).map(String::as_str);
                    found += &format!("; unexpected also: {}", list(others));
                }
                self.invalid(name, "no such tensor".into(), found)
            }
            None => Ok(()),
        }
    }
}
