//! Network files on the host: aligned bytes and the integer executor over many images.

use std::path::Path;

use rayon::prelude::*;
use supernano_core::blob::{BlobView, upgrade};
use supernano_core::exec::{Network, argmax};
use supernano_core::frontend::FrontEnd;
use supernano_core::graph::{Form, Op};
use supernano_core::kernel::{Host, Kernels, Packed, Reference};

use crate::error::{Error, Result};
use crate::files;
use crate::images::Images;

/// The bytes of a network file, aligned as [`BlobView`] needs them and already checked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blob {
    words: Vec<u32>,
    length: usize,
    place: String,
}

/// Images that the reference kernels execute beside the fast ones: they take a second each.
pub const SAMPLE: usize = 16;

impl Blob {
    /// Copies and checks `bytes`; `place` names them in errors.
    ///
    /// # Errors
    /// [`Error::Core`].
    pub fn new(bytes: &[u8], place: impl ToString) -> Result<Self> {
        let mut words = vec![0u32; bytes.len().div_ceil(4)];
        bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..bytes.len()].copy_from_slice(bytes);
        let blob = Self { words, length: bytes.len(), place: place.to_string() };
        blob.check_front_end()?;
        Ok(blob)
    }

    /// Checks the front end, which [`BlobView`] does not, if there is one.
    fn check_front_end(&self) -> Result<()> {
        let view = self.view()?;
        let Some(bytes) = view.front_end() else { return Ok(()) };
        let expected = "a front end that makes the network's input";
        let refused = |found: &dyn std::fmt::Display| {
            Err(Error::invalid(&self.place, "front end", expected, found))
        };
        match FrontEnd::new_checked(bytes) {
            Err(problem) => refused(&problem),
            Ok(front_end) => match front_end.shape().iter().product::<usize>() {
                length if length == view.image_len() => Ok(()),
                length => refused(&format!("{length} bytes for {}", view.image_len())),
            },
        }
    }

    /// Reads and checks a `.snb` file.
    ///
    /// # Errors
    /// As [`files::read`], and [`Error::Core`].
    pub fn read(path: &Path) -> Result<Self> {
        Self::new(&files::read(path)?, path.display())
    }

    /// Rewrites a network file of format version 2 as one of the current version. The logits stay the
    /// same.
    ///
    /// # Errors
    /// As [`files::read`]; [`Error::Core`] for another version or a damaged file.
    pub fn upgrade(path: &Path) -> Result<Self> {
        let old = files::read(path)?;
        // The records of operations grow, and the labels' padding may change.
        let mut out = vec![0u32; old.len() / 2 + 1024];
        let out: &mut [u8] = bytemuck::cast_slice_mut(&mut out);
        let length = upgrade(&old, out).map_err(|e| Error::core(path.display(), e))?;
        Self::new(&out[..length], path.display())
    }

    /// The file's bytes, aligned to 4.
    pub fn bytes(&self) -> &[u8] {
        &bytemuck::cast_slice(&self.words)[..self.length]
    }

    /// The checked view.
    ///
    /// # Errors
    /// [`Error::Core`]; never after [`Blob::new`].
    pub fn view(&self) -> Result<BlobView<'_>> {
        BlobView::new_checked(self.bytes()).map_err(|e| Error::core(&self.place, e))
    }

    /// Integer logits `[images.len(), classes]` by the host's packed kernels, in parallel over images.
    ///
    /// # Errors
    /// [`Error::Core`] for images of another shape.
    pub fn logits(&self, images: &Images) -> Result<Vec<i32>> {
        self.logits_with(images, || Packed(Host::default()))
    }

    /// `logits` of the images, those of the first [`SAMPLE`] computed anew by the reference kernels.
    ///
    /// # Errors
    /// The errors of [`Blob::logits`]; [`Error::Invalid`] for logits of other images.
    pub fn sampled(&self, images: &Images, logits: &[i32]) -> Result<Vec<i32>> {
        let expected = images.len() * self.view()?.classes();
        if logits.len() != expected {
            return Err(Error::invalid(&self.place, "logits", expected, logits.len()));
        }
        let sample = images.first(SAMPLE);
        let mut found = self.logits_with(&sample, || Reference)?;
        found.extend_from_slice(&logits[found.len()..]);
        Ok(found)
    }

    /// As [`Blob::logits`], by the kernels that `kernels` makes.
    ///
    /// # Errors
    /// The errors of [`Blob::logits`].
    pub fn logits_with<K: Kernels>(
        &self,
        images: &Images,
        kernels: impl Fn() -> K + Sync,
    ) -> Result<Vec<i32>> {
        let view = self.view()?;
        let classes = view.classes();
        let mut logits = vec![0i32; images.len() * classes];
        logits.par_chunks_mut(classes.max(1)).enumerate().try_for_each_init(
            || {
                let network = Network::new(&view, kernels());
                let arena = vec![0u32; network.arena_words()];
                (network, arena)
            },
            |(network, arena), (i, logits)| {
                network
                    .run(images.image(i), arena, logits, &mut ())
                    .map_err(|e| Error::core(&self.place, e))
            },
        )?;
        Ok(logits)
    }
}

/// Share of images whose arg-max is their label, 0 to 1.
///
/// # Shapes
/// `logits` `[labels.len(), classes]`.
pub fn top1(logits: &[i32], labels: &[u16]) -> f64 {
    let right = right(logits, labels).into_iter().filter(|&right| right).count();
    right as f64 / labels.len().max(1) as f64
}

/// Whether the arg-max of each image is its label.
///
/// # Shapes
/// As [`top1`].
pub fn right(logits: &[i32], labels: &[u16]) -> Vec<bool> {
    let classes = logits.len() / labels.len().max(1);
    let images = logits.chunks_exact(classes.max(1)).zip(labels);
    images.map(|(logits, label)| argmax(logits) == usize::from(*label)).collect()
}

/// An operation's name in a table.
pub fn kind(op: &Op) -> String {
    match op {
        Op::Conv(c) => {
            let ([rows, columns], [down, across]) = (c.geometry.kernel, c.geometry.stride);
            let stride = match (down, across) {
                (1, 1) => String::new(),
                (down, across) if down == across => format!("/{down}"),
                (down, across) => format!("/{down}x{across}"),
            };
            let add = if c.residual.is_some() { "+add" } else { "" };
            let name = match c.form {
                Form::Full => "conv",
                Form::Depthwise => "depthwise",
                Form::Dense => return "dense".into(),
                Form::Maximum => "max-pool",
                Form::Average => "average-pool",
                Form::Add => return "add".into(),
            };
            format!("{name}{rows}x{columns}{stride}{add}")
        }
        Op::Classifier(_) => "pool+classifier".into(),
    }
}
