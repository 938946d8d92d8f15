//! The device's side of the wire protocol (`core/docs/wire-format.md`).
//!
//! A firmware gives an [`Agent`] its [`Board`] and its [`Memory`], passes it each received byte,
//! and sends the bytes that it returns. The agent knows no line: UART, TCP and RTT carry the same
//! bytes.

mod board;
mod meter;

pub use board::{Board, Memory};

use meter::Meter;
use supernano_core::blob::BlobView;
use supernano_core::error::Error;
use supernano_core::exec::{Digest, Network};
use supernano_core::kernel;
use supernano_core::wire::{
    self, CHUNK, Collector, MAX_FRAME, MAX_LOGITS, Refusal, Reply, Request, VERSION, placed,
};

use crate::dsp::{KERNELS, Kernels, kernels};

/// Numbers of the buffers in [`Refusal::TooLarge`].
mod buffer {
    pub const BLOB: u8 = 0;
    pub const IMAGE: u8 = 1;
    pub const ARENA: u8 = 2;
}

/// Where the blob in use lies.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// No blob is in use.
    No,
    /// In the buffer for blobs.
    Sent,
    /// In this set of the memory that was placed before the start.
    Placed(u16),
}

/// Answers requests.
///
/// The agent checks the blob before every run and writes to its buffers only. It answers a repeated
/// request from memory, and drops a request that is older than the latest.
pub struct Agent<'m, B> {
    board: B,
    memory: Memory<'m>,
    open: Open,
    blob_length: usize,
    image_length: usize,
    /// True if the request before was a run, or has read logits of one.
    has_run: bool,
    collector: Collector,
    out: [u8; MAX_FRAME],
    /// Sequence number of the latest request, and the CRC-32 of its message.
    latest: Option<(u16, u32)>,
    /// Length of the frame in `out` that answers the latest request; 0 if there is none.
    answered: usize,
}

/// A network with everything that an inference needs.
struct Inference<'s> {
    network: Network<'s, Kernels>,
    image: &'s [u8],
    arena: &'s mut [u32],
    /// One logit per class.
    logits: &'s mut [i32],
}

impl<'m, B: Board> Agent<'m, B> {
    /// An agent without a blob.
    pub fn new(board: B, memory: Memory<'m>) -> Self {
        Self {
            board,
            memory,
            open: Open::No,
            blob_length: 0,
            image_length: 0,
            has_run: false,
            collector: Collector::new(),
            out: [0; MAX_FRAME],
            latest: None,
            answered: 0,
        }
    }

    /// The board.
    pub fn board(&self) -> &B {
        &self.board
    }

    /// Takes a received byte. Returns the bytes to send, which are none or one frame, and the board
    /// to send them with.
    pub fn receive(&mut self, byte: u8) -> (&B, &[u8]) {
        let length = if self.collector.push(byte) { self.reply() } else { 0 };
        (&self.board, self.out.get(..length).unwrap_or(&[]))
    }

    /// Answers the collected frame; the length of the reply's frame. A damaged frame gets none.
    fn reply(&mut self) -> usize {
        let mut collector = core::mem::take(&mut self.collector);
        let answer = wire::unframe(collector.frame())
            .map(|(sequence, message)| self.numbered(sequence, message));
        collector.clear();
        self.collector = collector;
        answer.unwrap_or(0)
    }

    /// Answers the message of an undamaged frame; the length of the reply's frame.
    fn numbered(&mut self, sequence: u16, message: &[u8]) -> usize {
        let request = wire::message::<Request<'_>>(message);
        let identity = (sequence, wire::checksum(message));
        // A hello begins a conversation, whatever its number.
        if !matches!(request, Ok(Request::Hello { .. })) {
            match self.latest {
                Some(latest) if latest == identity && self.answered > 0 => return self.answered,
                Some((latest, _)) if wire::stale(sequence, latest) => return 0,
                _ => {}
            }
        }
        let reply = request.map_err(|_| Refusal::Malformed).and_then(|r| self.answer(&r));
        let reply = reply.unwrap_or_else(Reply::Refused);
        // The longest reply fits into a frame: a test of `wire` encodes it.
        self.answered = wire::encode(sequence, &reply, &mut self.out).unwrap_or(0);
        self.latest = Some(identity);
        self.answered
    }

    fn answer(&mut self, request: &Request<'_>) -> Result<Reply<'static>, Refusal> {
        let answer = self.try_answer(request);
        #[cfg(feature = "defmt")]
        match &answer {
            Err(refusal) => defmt::warn!("refused: {}", refusal),
            Ok(Reply::Opened { checksum, arena_bytes, .. }) => {
                defmt::info!("network {:08x}, arena {} bytes", checksum, arena_bytes);
            }
            Ok(_) => {}
        }
        answer
    }

    fn try_answer(&mut self, request: &Request<'_>) -> Result<Reply<'static>, Refusal> {
        let had_run = core::mem::take(&mut self.has_run);
        match *request {
            Request::Hello { version } if version != VERSION => {
                Err(Refusal::Version { expected: VERSION, found: version })
            }
            Request::Hello { .. } => Ok(Reply::Hello {
                version: VERSION,
                chip: B::CHIP,
                core: B::CORE,
                clock_hz: self.board.clock_hz(),
                unit: B::UNIT,
                kernels: KERNELS,
                blob_capacity: bytes(self.memory.blob).len() as u32,
                arena_capacity: bytes(self.memory.arena).len() as u32,
                image_capacity: self.memory.image.len() as u32,
                free_ram: self.board.free_ram(),
                blob_checksum: self.blob_checksum(),
            }),
            Request::Blob { offset, length, data } => {
                self.open = Open::No;
                let capacity = bytes(self.memory.blob).len();
                fits(buffer::BLOB, length as usize, capacity)?;
                if (offset as usize).saturating_add(data.len()) > length as usize {
                    return Err(Refusal::Malformed);
                }
                put(bytemuck::cast_slice_mut(self.memory.blob), buffer::BLOB, offset, data)?;
                self.blob_length = length as usize;
                Ok(Reply::Done)
            }
            Request::Open => self.try_open(Open::Sent),
            Request::OpenPlaced { set } => self.try_open(Open::Placed(set)),
            Request::Image { offset, data } => {
                put(self.memory.image, buffer::IMAGE, offset, data)?;
                self.image_length = offset as usize + data.len();
                Ok(Reply::Done)
            }
            Request::Run { checksum } => {
                let image = self.memory.image.get(..self.image_length).unwrap_or(&[]);
                let found = wire::checksum(image);
                if found != checksum && self.open != Open::No {
                    return Err(Refusal::ImageChecksum { expected: checksum, found });
                }
                self.run_image(None)
            }
            Request::RunPlaced { index } => self.run_image(Some(index)),
            Request::Logits { first } => {
                self.has_run = had_run;
                self.more(first as usize)
            }
            Request::Measure => self.infer(self.counted_image(), Self::measure),
            Request::Digest { index } => self.infer(Some(index), Self::digest),
            Request::SelfTest => {
                kernel::check(&kernels().0).map(Reply::Tested).map_err(|_| Refusal::WrongKernel)
            }
        }
    }

    fn try_open(&mut self, open: Open) -> Result<Reply<'static>, Refusal> {
        self.open = open;
        let opened = self.opened();
        if opened.is_err() {
            self.open = Open::No;
        }
        opened
    }

    fn opened(&self) -> Result<Reply<'static>, Refusal> {
        let view = self.view()?;
        let images = match self.open {
            Open::Placed(_) => self.placed().ok_or(Refusal::NoBlob)?.2,
            Open::No | Open::Sent => 0,
        };
        let network = Network::new(&view, kernels());
        let arena = network.arena_bytes();
        let needed = arena + size_of::<i32>() * beyond(view.classes());
        fits(buffer::ARENA, needed, bytes(self.memory.arena).len())?;
        Ok(Reply::Opened {
            checksum: view.checksum(),
            arena_bytes: arena as u32,
            ops: network.ops() as u32,
            images: images as u32,
        })
    }

    /// CRC-32 of the blob in use, else of the first blob in the placed memory; 0 if that blob does
    /// not pass its check.
    fn blob_checksum(&self) -> u32 {
        let placed = || {
            let (blob, ..) = placed::parts(self.memory.placed, 0)?;
            BlobView::new_checked(blob).ok()
        };
        self.view().ok().or_else(placed).map_or(0, |view| view.checksum())
    }

    /// The blob in use, checked anew.
    fn view(&self) -> Result<BlobView<'_>, Refusal> {
        let blob = match self.open {
            Open::No => return Err(Refusal::NoBlob),
            Open::Sent => bytes(self.memory.blob).get(..self.blob_length),
            Open::Placed(set) => placed::parts(self.memory.placed, set).map(|p| p.0),
        };
        BlobView::new_checked(blob.ok_or(Refusal::NoBlob)?).map_err(|_| Refusal::BadBlob)
    }

    /// The image that was sent, or the placed image of an index.
    fn image(&self, view: &BlobView<'_>, index: Option<u32>) -> Result<&[u8], Refusal> {
        let expected = view.image_len();
        let Some(index) = index else {
            let found = self.image_length;
            let image = self.memory.image.get(..expected).filter(|_| found == expected);
            let (expected, found) = (expected as u32, found as u32);
            return image.ok_or(Refusal::ImageLength { expected, found });
        };
        let (_, images, count) = self.placed().ok_or(Refusal::NoImage { images: 0 })?;
        let start = (index as usize).checked_mul(expected);
        let image = start.and_then(|s| images.get(s..s.checked_add(expected)?));
        image.ok_or(Refusal::NoImage { images: count as u32 })
    }

    /// The image of a count: the first placed image if none was sent.
    fn counted_image(&self) -> Option<u32> {
        let placed = self.placed().is_some_and(|(.., images)| images > 0);
        (placed && self.image_length == 0).then_some(0)
    }

    /// Blob, images and number of images of the placed set in use; of the first set for a blob that
    /// was sent.
    fn placed(&self) -> Option<(&[u8], &[u8], usize)> {
        let set = if let Open::Placed(set) = self.open { set } else { 0 };
        placed::parts(self.memory.placed, set)
    }

    /// Prepares an inference and runs `f` with it.
    fn infer(
        &mut self,
        index: Option<u32>,
        f: impl FnOnce(&Self, Inference<'_>) -> Result<Reply<'static>, Refusal>,
    ) -> Result<Reply<'static>, Refusal> {
        let mut few = [0i32; MAX_LOGITS];
        let arena = core::mem::take(&mut self.memory.arena);
        let result = (|| {
            let view = self.view()?;
            let image = self.image(&view, index)?;
            let classes = view.classes();
            let network = Network::new(&view, kernels());
            // More logits than a reply has stay behind the arena until they are read.
            let words = network.arena_words();
            let available = bytes(arena).len();
            let small = || {
                let needed = size_of::<u32>() * (words + beyond(classes));
                too_large(buffer::ARENA, needed, available)
            };
            let (used, rest) = match beyond(classes) {
                0 => (&mut *arena, <&mut [u32]>::default()),
                _ => arena.split_at_mut_checked(words).ok_or_else(small)?,
            };
            let logits = match few.get_mut(..classes) {
                Some(logits) => logits,
                None => bytemuck::cast_slice_mut::<u32, i32>(rest)
                    .get_mut(..classes)
                    .ok_or_else(small)?,
            };
            f(self, Inference { network, image, arena: used, logits })
        })();
        self.memory.arena = arena;
        result
    }

    /// Classifies an image, the first logits of which are the reply.
    fn run_image(&mut self, index: Option<u32>) -> Result<Reply<'static>, Refusal> {
        let reply = self.infer(index, Self::run);
        self.has_run = reply.is_ok();
        reply
    }

    /// The logits of the latest run from `first` on; none if it has fewer. Those of a run whose logits fit
    /// into one reply have been sent.
    fn more(&self, first: usize) -> Result<Reply<'static>, Refusal> {
        let view = self.view()?;
        if !self.has_run {
            return Err(Refusal::NoLogits);
        }
        let words = Network::new(&view, kernels()).arena_words();
        let all =
            self.memory.arena.get(words..).and_then(|rest| rest.get(..beyond(view.classes())));
        let rest = all.and_then(|all| all.get(first..)).unwrap_or(&[]);
        let page = rest.iter().take(MAX_LOGITS).map(|&word| word as i32);
        Ok(Reply::Logits(page.collect()))
    }

    fn run(&self, inference: Inference<'_>) -> Result<Reply<'static>, Refusal> {
        let Inference { network, image, arena, logits } = inference;
        network.run(image, arena, logits, &mut ()).map_err(refused)?;
        Ok(Reply::Logits(logits.iter().take(MAX_LOGITS).copied().collect()))
    }

    fn digest(&self, inference: Inference<'_>) -> Result<Reply<'static>, Refusal> {
        let Inference { network, image, arena, logits } = inference;
        let mut digest = Digest::new(network.view());
        network.run(image, arena, logits, &mut digest).map_err(refused)?;
        Ok(Reply::Digest(digest.finish(logits)))
    }

    fn measure(&self, inference: Inference<'_>) -> Result<Reply<'static>, Refusal> {
        let Inference { network, image, arena, logits } = inference;
        let board = &self.board;
        board.masked(|| {
            let mut parts = heapless::Vec::new();
            // A checked blob has no more operations than there is room for.
            parts.resize(network.ops() + 1, 0).map_err(|_| Refusal::BadBlob)?;
            let (opened, open_stack_bytes) = board.stack(|| self.view().map(|v| v.length()));
            opened?;
            let ((ran, total), stack_bytes) = board.stack(|| {
                let start = board.count();
                let ran = network.run(image, arena, logits, &mut ());
                (ran, board.count().wrapping_sub(start))
            });
            ran.map_err(refused)?;
            let mut meter = Meter::start(board, parts);
            network.run(image, arena, logits, &mut meter).map_err(refused)?;
            meter.turn(0);
            let parts = meter.parts();
            Ok(Reply::Counts { total, parts, stack_bytes, open_stack_bytes })
        })
    }
}

/// Number of logits that stay in memory after a run: all of them if one reply cannot have them.
const fn beyond(classes: usize) -> usize {
    if classes > MAX_LOGITS { classes } else { 0 }
}

fn bytes(words: &[u32]) -> &[u8] {
    bytemuck::cast_slice(words)
}

/// The refusal for an error of an inference.
fn refused(error: Error) -> Refusal {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    match error {
        Error::ImageLength { expected, found } => {
            Refusal::ImageLength { expected: number(expected), found: number(found) }
        }
        Error::ArenaTooSmall { needed, found } => too_large(buffer::ARENA, needed, found),
        _ => Refusal::BadBlob,
    }
}

fn too_large(what: u8, needed: usize, capacity: usize) -> Refusal {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
    Refusal::TooLarge { what, needed: number(needed), capacity: number(capacity) }
}

fn fits(what: u8, needed: usize, capacity: usize) -> Result<(), Refusal> {
    if needed <= capacity { Ok(()) } else { Err(too_large(what, needed, capacity)) }
}

/// Copies a part of at most [`CHUNK`] bytes into a buffer.
fn put(buffer: &mut [u8], what: u8, offset: u32, data: &[u8]) -> Result<(), Refusal> {
    if data.len() > CHUNK {
        return Err(Refusal::Malformed);
    }
    let (start, capacity) = (offset as usize, buffer.len());
    let end = start.saturating_add(data.len());
    let place = buffer.get_mut(start..end);
    place.ok_or_else(|| too_large(what, end, capacity))?.copy_from_slice(data);
    Ok(())
}

#[cfg(test)]
mod tests;
