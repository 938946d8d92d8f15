//! Accuracy on a device, every logit compared with the host's.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::{Deserialize, Serialize};
use supernano_core::exec::argmax;
use supernano_core::wire::{self, Refusal, Request, placed};

use super::link::{connect, over_tcp};
use super::qemu::Qemu;
use super::session::{Device, Opened, Session, Traffic};
use super::target::{Machine, Target};
use crate::blob::{Blob, top1};
use crate::data::Images;
use crate::error::{Error, Result};
use crate::files;
use crate::interrupt::Temporary;

/// Longest time of one inference, emulated.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
/// Bytes that can be placed before the start.
pub(super) const PLACED_CAPACITY: usize = 16 << 20;

/// How images travel to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// In one piece, placed in memory before the start.
    Bulk,
    /// One by one over the UART, the network as well.
    Uart,
}

/// What a check found.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct CheckReport {
    /// Where the network ran.
    pub target: String,
    /// Who answered; nobody on the host.
    pub device: Option<Device>,
    /// How images got there; none on the host.
    pub mode: Option<Mode>,
    /// What went over the line, in the last part of a check that was resumed.
    pub traffic: Traffic,
    /// Images whose answers an interrupted check had already.
    pub resumed: usize,
    /// Images classified.
    pub images: usize,
    /// Images of which any logit differs from the host's.
    pub mismatches: usize,
    /// The first image that differs.
    pub first_mismatch: Option<usize>,
    /// Top-1 of the host's integers, 0 to 1.
    pub top1_host: f64,
    /// Top-1 of the device's, 0 to 1.
    pub top1_device: f64,
    /// CRC-32 of the network.
    pub checksum: u32,
    /// Wall time of the device's part; on the host of all.
    pub seconds: f64,
    /// The same as a rate.
    pub images_per_minute: f64,
}

/// Classifies `images` on `target` and on the host and compares all logits with `==`. On the host
/// itself the fast kernels classify all images, and are compared with the reference kernels on the
/// first [`SAMPLE`](crate::blob::SAMPLE).
///
/// `state` is a file that holds the answers so far while the check runs: where it breaks off, the
/// next check of the same network, images and target goes on from there.
///
/// # Errors
/// [`Error::Line`], [`Error::Firmware`], [`Error::Refused`] or [`Error::Tool`] where the device
/// fails; images of another shape.
pub fn check(
    blob: &Blob,
    images: &Images,
    target: &Target,
    mode: Mode,
    elf: Option<&Path>,
    state: Option<&Path>,
    progress: &ProgressBar,
) -> Result<CheckReport> {
    let begun = Instant::now();
    let expected = blob.logits(images)?;
    let start = if matches!(target, Target::Host) { begun } else { Instant::now() };
    let mut run = Run { blob, target, elf, progress, device: None, traffic: Traffic::default() };
    let (found, mode, resumed) = match target {
        Target::Host => (blob.sampled(images, &expected)?, None, 0),
        _ => {
            let emulated = matches!(target, Target::Qemu(_));
            let mode = if emulated { mode } else { Mode::Uart };
            let mut answers = Answers::begin(blob, images, target, state)?;
            let resumed = answers.done();
            progress.inc(resumed as u64);
            run.answer(images, mode, &mut answers)?;
            answers.end()?;
            (answers.state.found, Some(mode), resumed)
        }
    };
    let seconds = start.elapsed().as_secs_f64();
    let view = blob.view()?;
    let classes = view.classes().max(1);
    let differ: Vec<usize> = expected
        .chunks_exact(classes)
        .zip(found.chunks_exact(classes))
        .enumerate()
        .filter(|(_, (a, b))| a != b || argmax(a) != argmax(b))
        .map(|(i, _)| i)
        .collect();
    Ok(CheckReport {
        target: target.to_string(),
        device: run.device,
        mode,
        traffic: run.traffic,
        resumed,
        images: images.len(),
        mismatches: differ.len(),
        first_mismatch: differ.first().copied(),
        top1_host: top1(&expected, &images.labels),
        top1_device: top1(&found, &images.labels),
        checksum: view.checksum(),
        seconds,
        images_per_minute: (images.len() - resumed) as f64 / seconds * 60.0,
    })
}

/// What is kept of a check that is not done.
#[derive(Serialize, Deserialize, PartialEq)]
struct State {
    /// CRC-32 of the network and of all pixels.
    checksums: [u32; 2],
    images: usize,
    target: String,
    /// Logits of the images so far.
    found: Vec<i32>,
}

/// The answers so far, and the file that holds them.
struct Answers<'a> {
    state: State,
    classes: usize,
    file: Option<&'a Path>,
    saved: Instant,
}

/// How often answers are saved.
const SAVE: Duration = Duration::from_secs(1);

impl<'a> Answers<'a> {
    /// Those of an earlier check of the same, or none. A file of another check is begun anew.
    fn begin(blob: &Blob, images: &Images, to: &Target, file: Option<&'a Path>) -> Result<Self> {
        let view = blob.view()?;
        let classes = view.classes().max(1);
        let mut state = State {
            checksums: [view.checksum(), wire::checksum(&images.pixels)],
            images: images.len(),
            target: to.to_string(),
            found: Vec::new(),
        };
        if let Some(path) = file.filter(|p| p.is_file()) {
            let mut old: State = files::read_json(path)?;
            let found = std::mem::take(&mut old.found);
            if old == state
                && found.len() <= classes * images.len()
                && found.len().is_multiple_of(classes)
            {
                state.found = found;
            }
        }
        Ok(Self { state, classes, file, saved: Instant::now() })
    }

    fn done(&self) -> usize {
        self.state.found.len() / self.classes
    }

    fn push(&mut self, logits: Vec<i32>) -> Result<()> {
        if logits.len() != self.classes {
            let problem = format!("{} logits for {} classes", logits.len(), self.classes);
            return Err(Error::tool("device", problem));
        }
        self.state.found.extend(logits);
        if self.saved.elapsed() >= SAVE {
            self.save()?;
        }
        Ok(())
    }

    fn save(&mut self) -> Result<()> {
        if let Some(path) = self.file.filter(|_| !self.state.found.is_empty()) {
            files::write_json(path, &self.state)?;
        }
        self.saved = Instant::now();
        Ok(())
    }

    /// All are there: the file goes.
    fn end(&self) -> Result<()> {
        match self.file.filter(|p| p.is_file()) {
            Some(path) => std::fs::remove_file(path).map_err(|e| Error::io(path, e)),
            None => Ok(()),
        }
    }
}

/// A check on a device.
struct Run<'a> {
    blob: &'a Blob,
    target: &'a Target,
    elf: Option<&'a Path>,
    progress: &'a ProgressBar,
    device: Option<Device>,
    traffic: Traffic,
}

impl Run<'_> {
    /// Answers all images from the first that has no answer on; what there is is saved where it
    /// breaks off.
    fn answer(&mut self, images: &Images, mode: Mode, answers: &mut Answers<'_>) -> Result<()> {
        let ended = match (self.target, mode) {
            (Target::Qemu(machine), Mode::Bulk) => self.bulk(machine, images, answers),
            _ => self.one_by_one(images, answers),
        };
        if ended.is_err() {
            answers.save()?;
        }
        ended
    }

    fn hello(&mut self, session: &Session) {
        self.device = Some(session.device().clone());
    }

    fn one_by_one(&mut self, images: &Images, answers: &mut Answers<'_>) -> Result<()> {
        let emulator = match self.target {
            Target::Qemu(machine) => Some(Qemu::start(machine, self.elf, None, false)?),
            _ => None,
        };
        let mut session = match &emulator {
            Some(qemu) => Session::new(over_tcp(qemu.stream()?)?, TIMEOUT)?,
            None => connect(self.target, TIMEOUT)?,
        };
        self.hello(&session);
        load(&mut session, self.blob)?;
        let mut again = 0;
        while answers.done() < images.len() {
            match session.classify(images.image(answers.done())) {
                Ok(logits) => answers.push(logits)?,
                // the device began anew
                Err(Error::Refused { refusal: Refusal::NoBlob, .. }) if again < 3 => {
                    again += 1;
                    load(&mut session, self.blob)?;
                    continue;
                }
                Err(error) => return Err(error),
            }
            self.traffic = session.traffic();
            self.progress.inc(1);
        }
        Ok(())
    }

    fn bulk(&mut self, to: &Machine, images: &Images, answers: &mut Answers<'_>) -> Result<()> {
        let room = PLACED_CAPACITY.saturating_sub(self.blob.bytes().len() + 64);
        let at_once = (room / images.shape.len().max(1)).max(1);
        while answers.done() < images.len() {
            let first = answers.done();
            let end = images.len().min(first + at_once);
            let part: Vec<u32> = (first as u32..end as u32).collect();
            self.placed(to, &images.select(&part), answers)?;
        }
        Ok(())
    }

    fn placed(&mut self, to: &Machine, images: &Images, answers: &mut Answers<'_>) -> Result<()> {
        let bytes = placed_bytes(self.blob.bytes(), &images.pixels, images.shape.len());
        let file = placed_file(&bytes)?;
        let qemu = Qemu::start(to, self.elf, Some(file.path()), false)?;
        let mut session = Session::new(over_tcp(qemu.stream()?)?, TIMEOUT)?;
        self.hello(&session);
        drop(file); // it is in the board's memory: nothing stays behind where this process is killed
        let opened = session.open(&Request::OpenPlaced { set: 0 })?;
        same_blob(self.blob, opened.checksum)?;
        if opened.images as usize != images.len() {
            let problem = format!("{} images arrived", opened.images);
            return Err(Error::tool("qemu-system-arm", problem));
        }
        for index in 0..opened.images {
            answers.push(session.logits(&Request::RunPlaced { index })?)?;
            self.traffic = session.traffic();
            self.progress.inc(1);
        }
        Ok(())
    }
}

/// Has a device use a blob: the one that was flashed where it is the same, else it is sent.
///
/// # Errors
/// [`Error::Refused`] where it is too large or damaged, [`Error::Tool`] where another one runs.
pub(super) fn load(session: &mut Session, blob: &Blob) -> Result<Opened> {
    let placed = session.device().blob_checksum == blob.view()?.checksum();
    let request = Request::OpenPlaced { set: 0 };
    let opened = match placed.then(|| session.open(&request)) {
        Some(Ok(opened)) => opened,
        _ => session.send_blob(blob.bytes())?,
    };
    same_blob(blob, opened.checksum)?;
    Ok(opened)
}

/// A blob and images as an agent finds them in memory (`core/docs/wire-format.md`).
pub(super) fn placed_bytes(blob: &[u8], images: &[u8], image_len: usize) -> Vec<u8> {
    let count = images.len() / image_len.max(1);
    let header = [placed::MAGIC, blob.len() as u32, count as u32, image_len as u32];
    let mut bytes: Vec<u8> = header.iter().flat_map(|w| w.to_le_bytes()).collect();
    for part in [blob, images] {
        bytes.extend(part);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
    }
    bytes
}

/// A file with such bytes. It may be removed as soon as the emulator has answered.
pub(super) fn placed_file(bytes: &[u8]) -> Result<Temporary> {
    let file = Temporary::new()?;
    file.file().write_all(bytes).map_err(|e| Error::tool("temporary file", e))?;
    Ok(file)
}

pub(super) fn same_blob(blob: &Blob, found: u32) -> Result<()> {
    let expected = blob.view()?.checksum();
    if expected == found {
        return Ok(());
    }
    Err(Error::tool("device", format!("runs network {found:08x}, not {expected:08x}")))
}
