//! The file of inputs: the bytes of the training, validation and test images, the [`Contents`] as
//! CBOR, and a [`Trailer`] of fixed length.

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::path::Path;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use supernano_base::config::WindowSpec;
use supernano_base::error::{Error, Result};
use supernano_base::files::{self, MEMORY, Mapped};
use supernano_base::frontend::Description;
use supernano_base::images::{Images, Pixels};
use supernano_base::objective::Objective;
use supernano_base::progress::Progress;
use supernano_core::space::Shape;

use crate::Dataset;

/// The last bytes of the file; the digit is the version of the form.
const MAGIC: [u8; 8] = *b"SNDATA1\n";
/// Bytes that are read at a time.
const BLOCK: usize = 1 << 20;

/// What a file says.
pub enum Found {
    /// The set that was asked for.
    Same(Box<Dataset>),
    /// A set of other files or settings.
    Other,
    /// No whole file, and why.
    Damaged(String),
}

/// Everything but the pixels.
#[derive(Serialize, Deserialize)]
struct Contents {
    /// The keys of the set.
    keys: Vec<[u8; 32]>,
    name: String,
    /// Height, width and channels.
    shape: [u16; 3],
    classes: Vec<String>,
    objective: Objective,
    mean: Vec<f32>,
    std: Vec<f32>,
    front_end: Option<Vec<u8>>,
    window: Option<WindowSpec>,
    notes: Vec<String>,
    /// Labels and targets of the three splits.
    splits: [(Vec<u16>, Vec<f32>); 3],
}

/// The end of the file.
struct Trailer {
    /// Bytes of all pixels.
    pixels: u64,
    /// Bytes of the contents.
    contents: u64,
    /// BLAKE3 of the pixels.
    of_pixels: [u8; 32],
    /// BLAKE3 of the contents, of both lengths, and of the hash of the pixels.
    of_rest: [u8; 32],
}

impl Trailer {
    const BYTES: usize = 8 + 8 + 32 + 32 + MAGIC.len();

    fn bytes(&self) -> Vec<u8> {
        let lengths = [self.pixels.to_le_bytes(), self.contents.to_le_bytes()].concat();
        [&lengths[..], &self.of_pixels, &self.of_rest, &MAGIC].concat()
    }

    fn parse(bytes: &[u8; Self::BYTES]) -> Option<Self> {
        let (lengths, rest) = bytes.split_at(16);
        let (pixels, contents) = lengths.split_at(8);
        let (of_pixels, rest) = rest.split_at(32);
        let (of_rest, magic) = rest.split_at(32);
        let length = |bytes: &[u8]| Some(u64::from_le_bytes(bytes.try_into().ok()?));
        let hash = |bytes: &[u8]| <[u8; 32]>::try_from(bytes).ok();
        (magic == MAGIC).then_some(())?;
        Some(Self {
            pixels: length(pixels)?,
            contents: length(contents)?,
            of_pixels: hash(of_pixels)?,
            of_rest: hash(of_rest)?,
        })
    }

    /// The hash of everything but the pixels.
    fn rest(&self, contents: &[u8]) -> [u8; 32] {
        let mut hasher = blake3::Hasher::new();
        hasher.update(contents);
        hasher.update(&self.pixels.to_le_bytes());
        hasher.update(&self.contents.to_le_bytes());
        hasher.update(&self.of_pixels);
        *hasher.finalize().as_bytes()
    }
}

/// Writes a set with its keys.
///
/// # Errors
/// The errors of [`files::write_by`].
pub fn write(path: &Path, keys: &[[u8; 32]], dataset: &Dataset) -> Result<()> {
    let splits = [&dataset.train, &dataset.validation, &dataset.test];
    let Shape { height, width, channels } = dataset.shape;
    let contents = Contents {
        keys: keys.to_vec(),
        name: dataset.name.clone(),
        shape: [height, width, channels],
        classes: dataset.classes.clone(),
        objective: dataset.objective.clone(),
        mean: dataset.mean.clone(),
        std: dataset.std.clone(),
        front_end: dataset.front_end.as_ref().map(|f| f.bytes().to_vec()),
        window: dataset.window.clone(),
        notes: dataset.notes.clone(),
        splits: splits.map(|s| (s.labels.clone(), s.targets.clone())),
    };
    let mut bytes = Vec::new();
    ciborium::into_writer(&contents, &mut bytes)
        .map_err(|e| Error::invalid(path.display(), "contents", "values of CBOR", e))?;
    files::write_by(path, |file| {
        let mut hasher = blake3::Hasher::new();
        for block in splits.iter().flat_map(|split| split.pixels.chunks(BLOCK)) {
            hasher.update(block);
            file.write_all(block)?;
        }
        let mut trailer = Trailer {
            pixels: splits.iter().map(|split| split.pixels.len() as u64).sum(),
            contents: bytes.len() as u64,
            of_pixels: *hasher.finalize().as_bytes(),
            of_rest: [0; 32],
        };
        trailer.of_rest = trailer.rest(&bytes);
        file.write_all(&bytes)?;
        file.write_all(&trailer.bytes())
    })
}

/// Reads the set with this key. A set that memory should not hold stays in the file.
///
/// # Errors
/// [`Error::Io`] for a file that cannot be read.
pub fn read(path: &Path, key: &[u8; 32], progress: &dyn Progress) -> Result<Found> {
    let mut file = File::open(path).map_err(|e| Error::io(path, e))?;
    let failed = |e| Error::io(path, e);
    let Some((trailer, contents)) = ends(&mut file).map_err(failed)? else {
        return Ok(Found::Damaged("the file was cut or changed".into()));
    };
    let Ok(contents) = ciborium::from_reader::<Contents, _>(contents.as_slice()) else {
        return Ok(Found::Damaged("the file was changed".into()));
    };
    if !contents.keys.contains(key) {
        return Ok(Found::Other);
    }
    let held = trailer.pixels <= MEMORY.value()?;
    let Some(pixels) = checked(&mut file, &trailer, held, progress).map_err(failed)? else {
        return Ok(Found::Damaged("the file was changed".into()));
    };
    let pixels = match pixels {
        Some(pixels) => Pixels::Held(pixels),
        None => {
            let folder = path.parent().unwrap_or(Path::new(""));
            let mapped = Mapped::new(&file, folder)?;
            Pixels::Mapped(Arc::new(mapped), 0..trailer.pixels as usize)
        }
    };
    let place = path.display().to_string();
    Ok(match contents.dataset(&place, pixels) {
        Some(dataset) => Found::Same(Box::new(dataset)),
        None => Found::Damaged("the file was changed".into()),
    })
}

/// The trailer and the bytes of the contents; nothing if they are not whole.
fn ends(file: &mut File) -> io::Result<Option<(Trailer, Vec<u8>)>> {
    let length = file.metadata()?.len();
    let Some(before) = length.checked_sub(Trailer::BYTES as u64) else { return Ok(None) };
    let mut bytes = [0; Trailer::BYTES];
    file.seek(SeekFrom::Start(before))?;
    file.read_exact(&mut bytes)?;
    let Some(trailer) = Trailer::parse(&bytes) else { return Ok(None) };
    if trailer.pixels.checked_add(trailer.contents) != Some(before) {
        return Ok(None);
    }
    let mut contents = Vec::new();
    file.seek(SeekFrom::Start(trailer.pixels))?;
    file.take(trailer.contents).read_to_end(&mut contents)?;
    let whole = trailer.rest(&contents) == trailer.of_rest;
    Ok(whole.then_some((trailer, contents)))
}

/// Reads all pixels and compares their hash. They are returned if `held` is set; the outer `None` is
/// another hash.
fn checked(
    file: &mut File,
    trailer: &Trailer,
    held: bool,
    progress: &dyn Progress,
) -> io::Result<Option<Option<Vec<u8>>>> {
    file.seek(SeekFrom::Start(0))?;
    let task = progress.task(trailer.pixels.div_ceil(BLOCK as u64), "inputs");
    let mut pixels = Vec::with_capacity(if held { trailer.pixels as usize } else { 0 });
    let (mut hasher, mut block, mut left) = (blake3::Hasher::new(), vec![0; BLOCK], trailer.pixels);
    while left > 0 {
        let part = &mut block[..left.min(BLOCK as u64) as usize];
        file.read_exact(part)?;
        hasher.update(part);
        if held {
            pixels.extend_from_slice(part);
        }
        left -= part.len() as u64;
        task.advance(1);
    }
    task.finish();
    let same = *hasher.finalize().as_bytes() == trailer.of_pixels;
    Ok(same.then_some(held.then_some(pixels)))
}

impl Contents {
    /// True if all lengths and labels agree with each other and with the pixels.
    fn agrees(&self, pixels: usize) -> bool {
        let [height, width, channels] = self.shape.map(usize::from);
        let items: usize = self.splits.iter().map(|(labels, _)| labels.len()).sum();
        let size = (height * width).checked_mul(channels);
        let (classes, outputs) = match &self.objective {
            Objective::Classes => (self.classes.len(), 0),
            Objective::Labels => (1, self.classes.len()),
            Objective::Values(spreads) if spreads.len() == self.classes.len() => (1, spreads.len()),
            Objective::Values(_) => return false,
            // Normal items and anomalies.
            Objective::Reconstruction => (2, 0),
        };
        let split = |(labels, targets): &(Vec<u16>, Vec<f32>)| {
            labels.iter().all(|&label| usize::from(label) < classes)
                && Some(targets.len()) == labels.len().checked_mul(outputs)
        };
        size.and_then(|size| size.checked_mul(items)) == Some(pixels)
            && [self.mean.len(), self.std.len()] == [channels; 2]
            && self.splits.iter().all(split)
    }

    /// The set with these pixels; `None` if they are not those that the contents describe.
    fn dataset(self, place: &str, pixels: Pixels) -> Option<Dataset> {
        if !self.agrees(pixels.len()) {
            return None;
        }
        let [height, width, channels] = self.shape;
        let shape = Shape { height, width, channels };
        let lengths = self.splits.each_ref().map(|(labels, _)| labels.len() * shape.len());
        let mut parts = pixels.parts(lengths).into_iter();
        let [train, validation, test] = self.splits.map(|(labels, targets)| Images {
            shape,
            pixels: parts.next().unwrap_or_else(|| Vec::new().into()),
            labels,
            targets,
        });
        let front_end = self.front_end.map(|bytes| Description::from_bytes(place, &bytes));
        let front_end = front_end.transpose().ok()?;
        Some(Dataset {
            name: self.name,
            shape,
            classes: self.classes,
            objective: self.objective,
            train,
            validation,
            test,
            mean: self.mean,
            std: self.std,
            front_end,
            window: self.window,
            notes: self.notes,
        })
    }
}
