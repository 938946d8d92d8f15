//! Accuracy on a device, every logit compared with the host's.

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_base::blob::{Blob, top1};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::progress::Task;
use supernano_core::exec::argmax;
use supernano_core::wire::Request;

use self::answers::Answers;
use super::connection::{Connection, Loaded, Open, Patience, Placed, Source};
use super::link::{open, over_tcp};
use super::placed::{PLACED_CAPACITY, placed_bytes, placed_file};
use super::qemu::Qemu;
use super::session::{Device, Session, Traffic};
use super::target::{Machine, Target};

mod answers;

/// Longest time of one inference, emulated.
pub(super) const TIMEOUT: Duration = Duration::from_secs(60);
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
    /// Where the device had the network from; none on the host.
    pub network: Option<Loaded>,
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

/// How a check runs.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions<'a> {
    /// How images travel to an emulated device.
    pub mode: Mode,
    /// An emulator's agent, instead of the one found beside the executable.
    pub elf: Option<&'a Path>,
    /// A file that holds the answers so far while the check runs: where it breaks off, the next
    /// check of the same network, images and target goes on from there.
    pub state: Option<&'a Path>,
    /// How long a board whose line is lost is waited for.
    pub reconnect: Duration,
    /// One step an image.
    pub progress: &'a dyn Task,
}

/// Classifies `images` on `target` and on the host and compares all logits with `==`. On the host
/// itself the fast kernels classify all images, and are compared with the reference kernels on the
/// first [`SAMPLE`](supernano_base::blob::SAMPLE).
///
/// # Errors
/// [`Error::Line`], [`Error::Firmware`], [`Error::Refused`] or [`Error::Tool`] where the device
/// fails; images of another shape.
pub fn check(
    blob: &Blob,
    images: &Images,
    target: &Target,
    options: &CheckOptions<'_>,
) -> Result<CheckReport> {
    let begun = Instant::now();
    let expected = blob.logits(images)?;
    let start = if matches!(target, Target::Host) { begun } else { Instant::now() };
    let mut run = Run::new(blob, target, *options);
    let (found, mode, resumed) = match target {
        Target::Host => (blob.sampled(images, &expected)?, None, 0),
        _ => {
            let emulated = matches!(target, Target::Qemu(_));
            let mode = if emulated { options.mode } else { Mode::Uart };
            let mut answers = Answers::begin(blob, images, target, options.state)?;
            let resumed = answers.done();
            options.progress.advance(resumed as u64);
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
        network: run.network,
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

/// A check on a device.
struct Run<'a> {
    blob: &'a Blob,
    target: &'a Target,
    options: CheckOptions<'a>,
    device: Option<Device>,
    network: Option<Loaded>,
    traffic: Traffic,
}

impl<'a> Run<'a> {
    fn new(blob: &'a Blob, target: &'a Target, options: CheckOptions<'a>) -> Self {
        let traffic = Traffic::default();
        Self { blob, target, options, device: None, network: None, traffic }
    }

    /// Answers all images from the first that has no answer on; what there is is saved where it
    /// breaks off.
    fn answer(&mut self, images: &Images, mode: Mode, answers: &mut Answers<'_>) -> Result<()> {
        let progress = Some(self.options.progress);
        let ended = match (self.target, mode) {
            (Target::Qemu(machine), Mode::Bulk) => self.bulk(machine, images, answers),
            (Target::Qemu(machine), Mode::Uart) => {
                // An emulator that ends has failed: there is nothing to wait for.
                let patience = Patience { limit: Duration::ZERO, progress };
                let qemu = Qemu::start(machine, self.options.elf, None, false)?;
                self.one_by_one(&mut || over_tcp(qemu.stream()?), patience, images, answers)
            }
            (target, _) => {
                let patience = Patience { limit: self.options.reconnect, progress };
                self.one_by_one(&mut || open(target), patience, images, answers)
            }
        };
        if ended.is_err() {
            answers.save()?;
        }
        ended
    }

    /// One image after the other over a line. An image counts as answered when its logits are
    /// there: it is asked for again, and nothing before it, where the line is lost.
    fn one_by_one(
        &mut self,
        open: &mut Open<'_>,
        patience: Patience<'_>,
        images: &Images,
        answers: &mut Answers<'_>,
    ) -> Result<()> {
        let mut connection = Connection::new(open, self.blob, TIMEOUT, patience, None)?;
        self.device = Some(connection.device().clone());
        while answers.done() < images.len() {
            let image = images.image(answers.done());
            let logits = connection.run(|session, _| session.classify(image));
            self.traffic = connection.traffic();
            self.network = connection.first_load();
            answers.push(logits?)?;
            self.options.progress.advance(1);
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
        let qemu = Qemu::start(to, self.options.elf, Some(file.path()), false)?;
        let mut session = Session::new(over_tcp(qemu.stream()?)?, TIMEOUT)?;
        self.device = Some(session.device().clone());
        drop(file); // it is in the board's memory: nothing stays behind where this process is killed
        let opened = session.open(&Request::OpenPlaced { set: 0 })?;
        same_blob(self.blob, opened.checksum)?;
        self.network = Some(Loaded { source: Source::Placed, placed: Placed::This, opened });
        if opened.images as usize != images.len() {
            let problem = format!("{} images arrived", opened.images);
            return Err(Error::tool("qemu-system-arm", problem));
        }
        for index in 0..opened.images {
            answers.push(session.logits(&Request::RunPlaced { index })?)?;
            self.traffic = session.traffic();
            self.options.progress.advance(1);
        }
        Ok(())
    }
}

fn same_blob(blob: &Blob, found: u32) -> Result<()> {
    let expected = blob.view()?.checksum();
    if expected == found {
        return Ok(());
    }
    Err(Error::tool("device", format!("runs network {found:08x}, not {expected:08x}")))
}

#[cfg(test)]
mod tests;
