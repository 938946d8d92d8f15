//! Accuracy on a device, every logit compared with the host's.

use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, Instant};

use indicatif::ProgressBar;
use serde::Serialize;
use supernano_core::exec::argmax;
use supernano_core::wire::{Request, placed};

use super::qemu::Qemu;
use super::session::{Device, Session};
use super::target::{Machine, Target};
use crate::blob::{Blob, top1};
use crate::data::Images;
use crate::error::{Error, Result};
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
/// # Errors
/// [`Error::Tool`] where the device fails; images of another shape.
pub fn check(
    blob: &Blob,
    images: &Images,
    target: Target,
    mode: Mode,
    elf: Option<&Path>,
    progress: &ProgressBar,
) -> Result<CheckReport> {
    let begun = Instant::now();
    let expected = blob.logits(images)?;
    let start = if matches!(target, Target::Host) { begun } else { Instant::now() };
    let (found, device) = match target {
        Target::Host => (blob.sampled(images, &expected)?, None),
        Target::Qemu(machine) => {
            let mut run = Run { blob, machine, elf, progress, device: None };
            (run.logits(images, mode)?, run.device)
        }
    };
    let mode = device.as_ref().map(|_| mode);
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
        device,
        mode,
        images: images.len(),
        mismatches: differ.len(),
        first_mismatch: differ.first().copied(),
        top1_host: top1(&expected, &images.labels),
        top1_device: top1(&found, &images.labels),
        checksum: view.checksum(),
        seconds,
        images_per_minute: images.len() as f64 / seconds * 60.0,
    })
}

/// A check on an emulated machine.
struct Run<'a> {
    blob: &'a Blob,
    machine: Machine,
    elf: Option<&'a Path>,
    progress: &'a ProgressBar,
    device: Option<Device>,
}

impl Run<'_> {
    fn logits(&mut self, images: &Images, mode: Mode) -> Result<Vec<i32>> {
        match mode {
            Mode::Uart => self.uart(images),
            Mode::Bulk => {
                let room = PLACED_CAPACITY.saturating_sub(self.blob.bytes().len() + 64);
                let at_once = (room / images.shape.len().max(1)).max(1);
                let mut found = Vec::new();
                let all: Vec<u32> = (0..images.len() as u32).collect();
                for part in all.chunks(at_once) {
                    found.extend(self.bulk(&images.select(part))?);
                }
                Ok(found)
            }
        }
    }

    fn start(&mut self, placed: Option<&Path>) -> Result<(Qemu, Session)> {
        let qemu = Qemu::start(&self.machine, self.elf, placed, false)?;
        let session = Session::tcp(qemu.stream()?, TIMEOUT)?;
        self.device = Some(session.device().clone());
        Ok((qemu, session))
    }

    fn uart(&mut self, images: &Images) -> Result<Vec<i32>> {
        let (_qemu, mut session) = self.start(None)?;
        same_blob(self.blob, session.send_blob(self.blob.bytes())?.checksum)?;
        let mut found = Vec::new();
        for i in 0..images.len() {
            session.send_image(images.image(i))?;
            found.extend(session.logits(&Request::Run)?);
            self.progress.inc(1);
        }
        Ok(found)
    }

    fn bulk(&mut self, images: &Images) -> Result<Vec<i32>> {
        let bytes = placed_bytes(self.blob.bytes(), &images.pixels, images.shape.len());
        let file = placed_file(&bytes)?;
        let (_qemu, mut session) = self.start(Some(file.path()))?;
        drop(file); // it is in the board's memory: nothing stays behind where this process is killed
        let opened = session.open(&Request::OpenPlaced { set: 0 })?;
        same_blob(self.blob, opened.checksum)?;
        if opened.images as usize != images.len() {
            let problem = format!("{} images arrived", opened.images);
            return Err(Error::tool("qemu-system-arm", problem));
        }
        let mut found = Vec::new();
        for index in 0..opened.images {
            found.extend(session.logits(&Request::RunPlaced { index })?);
            self.progress.inc(1);
        }
        Ok(found)
    }
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
