//! Accuracy on a device, with every logit compared with the host's.

mod answers;

use std::path::Path;
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_base::blob::{Blob, top1};
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::progress::Task;
use supernano_base::quality::{Measured, OutputQuality};
use supernano_core::exec::argmax;
use supernano_core::wire::Request;

use self::answers::Answers;
use crate::connection::{
    Connection, LoadedNetwork, NetworkOrigin, Open, Patience, PlacedNetwork, same_network,
};
use crate::link::open;
use crate::placed::{PLACED_CAPACITY, placed_bytes, placed_file};
use crate::qemu::{Counting, Qemu};
use crate::session::{DeviceInfo, Session, Traffic};
use crate::target::{Machine, Target};

/// Longest time of one inference on an emulator.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

/// How images travel to the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum ImageTransfer {
    /// All images at once, placed in memory before the start.
    Bulk,
    /// The network and then one image after the other, over the UART.
    Uart,
}

/// The result of a check.
#[derive(Clone, Debug, Serialize, PartialEq)]
pub struct CheckReport {
    /// The target on which the network ran.
    pub target: String,
    /// The device that answered; `None` on the host.
    pub device: Option<DeviceInfo>,
    /// How images travelled to the device; `None` on the host.
    pub mode: Option<ImageTransfer>,
    /// The network that the device used, with its origin; `None` on the host.
    pub network: Option<LoadedNetwork>,
    /// Traffic of the line. After a resumed check: of its last part.
    pub traffic: Traffic,
    /// Images whose answers came from an interrupted check.
    pub resumed: usize,
    /// Images classified.
    pub images: usize,
    /// Images with at least one logit that differs from the host's.
    pub mismatches: usize,
    /// The first image that differs.
    pub first_mismatch: Option<usize>,
    /// Top-1 of the host's integers, 0 to 1; only of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top1_host: Option<f64>,
    /// Top-1 of the device's integers, 0 to 1; only of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top1_device: Option<f64>,
    /// Measures of the device's outputs that are no classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quality: Option<OutputQuality>,
    /// CRC-32 of the network.
    pub checksum: u32,
    /// Wall time of the device's part; on the host, of everything.
    pub seconds: f64,
    /// Images of this part of the check per minute of [`Self::seconds`].
    pub images_per_minute: f64,
    /// Logits of the host, `[image][class]`; not in the JSON.
    #[serde(skip)]
    pub logits: Vec<i32>,
}

/// Options of a check.
#[derive(Clone, Copy, Debug)]
pub struct CheckOptions<'a> {
    /// How images travel to an emulated device.
    pub mode: ImageTransfer,
    /// The emulator's agent, an ELF file. `None` selects the one beside the executable.
    pub elf: Option<&'a Path>,
    /// A file that holds the answers so far while the check runs. If the check breaks off, the next
    /// check of the same network, images and target continues from this file.
    pub state: Option<&'a Path>,
    /// Whether the answers of another check in that file may be replaced.
    pub replaces_state: bool,
    /// What the outputs mean, and how they are measured; `None` for classes.
    pub measured: Option<&'a Measured>,
    /// Longest wait for a board whose line is lost.
    pub reconnect: Duration,
    /// Advances by one for each image, and receives messages about lost lines.
    pub progress: &'a dyn Task,
}

/// Classifies `images` on `target` and on the host and compares all logits with `==`. If the target
/// is the host, the packed kernels classify all images, and the reference kernels classify the first
/// [`SAMPLE`](supernano_base::blob::SAMPLE) for comparison.
///
/// # Errors
/// [`Error::Line`], [`Error::Firmware`], [`Error::Refused`] or [`Error::Tool`] if the device fails;
/// [`Error::Core`] for images of another shape.
pub fn check(
    blob: &Blob,
    images: &Images,
    target: &Target,
    options: &CheckOptions<'_>,
) -> Result<CheckReport> {
    let begun = Instant::now();
    let expected = blob.logits(images)?;
    let start = if matches!(target, Target::Host) { begun } else { Instant::now() };
    let mut run = DeviceCheck::new(blob, target, *options);
    let (found, mode, resumed) = match target {
        Target::Host => (blob.sampled(images, &expected)?, None, 0),
        _ => {
            let emulated = matches!(target, Target::Qemu(_));
            let mode = if emulated { options.mode } else { ImageTransfer::Uart };
            let mut answers =
                Answers::begin(blob, images, target, options.state, options.replaces_state)?;
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
    let scale = view.header().logit_scale;
    let quality = options.measured.and_then(|m| m.integer_quality(images, &found, scale));
    let accuracy = |logits: &[i32]| quality.is_none().then(|| top1(logits, &images.labels));
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
        top1_host: accuracy(&expected),
        top1_device: accuracy(&found),
        quality: quality.clone(),
        checksum: view.checksum(),
        seconds,
        images_per_minute: (images.len() - resumed) as f64 / seconds * 60.0,
        logits: expected,
    })
}

/// A check on a device.
struct DeviceCheck<'a> {
    blob: &'a Blob,
    target: &'a Target,
    options: CheckOptions<'a>,
    device: Option<DeviceInfo>,
    network: Option<LoadedNetwork>,
    traffic: Traffic,
}

impl<'a> DeviceCheck<'a> {
    fn new(blob: &'a Blob, target: &'a Target, options: CheckOptions<'a>) -> Self {
        let traffic = Traffic::default();
        Self { blob, target, options, device: None, network: None, traffic }
    }

    /// Classifies every image that has no answer yet. Saves partial results on failure.
    fn answer(
        &mut self,
        images: &Images,
        mode: ImageTransfer,
        answers: &mut Answers<'_>,
    ) -> Result<()> {
        let progress = self.options.progress;
        let ended = match (self.target, mode) {
            (Target::Qemu(machine), ImageTransfer::Bulk) => self.bulk(machine, images, answers),
            (Target::Qemu(machine), ImageTransfer::Uart) => {
                // An emulator that ends has failed, so the check does not wait for it.
                let patience = Patience { limit: Duration::ZERO, progress };
                let mut qemu = Qemu::start(machine, self.options.elf, None, Counting::Nothing)?;
                let open = &mut || qemu.link();
                let ended = self.one_by_one(open, patience, images, answers);
                let agent = self.device.as_ref().map_or(Ok(()), |d| qemu.check_agent(d));
                agent.and(ended.map_err(|error| qemu.explained(error)))
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

    /// Classifies one image after the other over a line. An image is answered when its logits have
    /// arrived. If the line is lost, only the image that has no answer yet is sent again.
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

    /// Classifies the images in parts that fit the memory of an emulated device.
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

    /// Classifies images that the emulator places in memory before the start.
    fn placed(&mut self, to: &Machine, images: &Images, answers: &mut Answers<'_>) -> Result<()> {
        let bytes = placed_bytes(self.blob.bytes(), &images.pixels, images.shape.len());
        let file = placed_file(&bytes)?;
        let mut qemu = Qemu::start(to, self.options.elf, Some(file.path()), Counting::Nothing)?;
        let mut session = qemu.session(TIMEOUT)?;
        self.device = Some(session.device().clone());
        // The emulator has read the file. Dropping it now leaves nothing behind if this process is killed.
        drop(file);
        let answered = self.ask_placed(&mut session, images, answers);
        answered.map_err(|error| qemu.explained(error))
    }

    fn ask_placed(
        &mut self,
        session: &mut Session,
        images: &Images,
        answers: &mut Answers<'_>,
    ) -> Result<()> {
        let opened = session.open(&Request::OpenPlaced { set: 0 })?;
        same_network(session, self.blob.view()?.checksum(), opened.checksum)?;
        let (origin, placed) = (NetworkOrigin::Placed, PlacedNetwork::This);
        self.network = Some(LoadedNetwork { origin, placed, opened });
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

#[cfg(test)]
mod tests;
