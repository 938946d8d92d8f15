//! The device's side of the protocol, whatever the bytes travel on.

use supernano_core::blob::BlobView;
use supernano_core::exec::{Digest, Network};
use supernano_core::graph::Observer;
use supernano_core::kernel;
use supernano_core::wire::{
    self, CHUNK, Collector, MAX_COUNTS, MAX_FRAME, MAX_LOGITS, Refusal, Reply, Request, Unit,
    VERSION, placed,
};

use crate::dsp::{KERNELS, kernels};

/// What the agent must know of its board.
pub trait Board {
    /// Chip or machine.
    const CHIP: &'static str;
    /// Core.
    const CORE: &'static str;
    /// Unit of [`Self::count`].
    const UNIT: Unit;

    /// Rate of the core's clock, Hz.
    fn clock_hz(&self) -> u32;

    /// A count that runs up, modulo 2^32, in [`Self::UNIT`].
    fn count(&self) -> u32;

    /// Runs `f` with interrupts masked.
    fn masked<R>(&self, f: impl FnOnce() -> R) -> R;

    /// RAM that nothing uses, the stack included, bytes; 0 where the board cannot tell.
    fn free_ram(&self) -> u32 {
        0
    }

    /// Runs `f` and measures the bytes of stack that it takes; 0 where the board cannot.
    fn stack<R>(&self, f: impl FnOnce() -> R) -> (R, u32) {
        (f(), 0)
    }
}

/// The agent's buffers.
#[derive(Debug)]
pub struct Memory<'m> {
    /// Room for a blob that is sent.
    pub blob: &'m mut [u32],
    /// Room for the arena.
    pub arena: &'m mut [u32],
    /// Room for an image that is sent.
    pub image: &'m mut [u8],
    /// Memory in which a blob and images may have been placed before the start.
    pub placed: &'m [u32],
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    No,
    Sent,
    Placed(u16),
}

/// Answers requests. Every blob is checked before every run; nothing is written outside the
/// buffers. A repeated request is answered without being carried out again, and one that is older
/// than the latest is dropped.
pub struct Agent<'m, B> {
    board: B,
    memory: Memory<'m>,
    open: Open,
    blob_length: usize,
    image_length: usize,
    collector: Collector,
    out: [u8; MAX_FRAME],
    /// Sequence number of the latest request, and the CRC-32 of its message.
    latest: Option<(u16, u32)>,
    /// Length of the frame in `out`, which answers the latest request; 0 where it does not.
    answered: usize,
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

    /// Takes a received byte and returns the bytes to send: none, or a reply; and the board, to
    /// send them with.
    pub fn receive(&mut self, byte: u8) -> (&B, &[u8]) {
        let length = if self.collector.push(byte) { self.reply() } else { 0 };
        (&self.board, self.out.get(..length).unwrap_or(&[]))
    }

    fn reply(&mut self) -> usize {
        let mut collector = core::mem::take(&mut self.collector);
        let answer = wire::unframe(collector.frame())
            .map(|(sequence, message)| self.numbered(sequence, message));
        collector.clear();
        self.collector = collector;
        answer.unwrap_or(0)
    }

    /// Answers an undamaged frame: the length of the reply's.
    fn numbered(&mut self, sequence: u16, message: &[u8]) -> usize {
        let request = wire::message::<Request<'_>>(message);
        let identity = (sequence, wire::checksum(message));
        // a hello begins a conversation, whatever its number
        if !matches!(request, Ok(Request::Hello { .. })) {
            match self.latest {
                Some(latest) if latest == identity && self.answered > 0 => return self.answered,
                Some((latest, _)) if wire::stale(sequence, latest) => return 0,
                _ => {}
            }
        }
        let reply = request.map_err(|_| Refusal::Malformed).and_then(|r| self.answer(&r));
        let reply = reply.unwrap_or_else(Reply::Refused);
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
                too_large(0, length as usize, capacity)?;
                if (offset as usize).saturating_add(data.len()) > length as usize {
                    return Err(Refusal::Malformed);
                }
                put(bytemuck::cast_slice_mut(self.memory.blob), 0, offset, data)?;
                self.blob_length = length as usize;
                Ok(Reply::Done)
            }
            Request::Open => self.try_open(Open::Sent),
            Request::OpenPlaced { set } => self.try_open(Open::Placed(set)),
            Request::Image { offset, data } => {
                put(self.memory.image, 1, offset, data)?;
                self.image_length = offset as usize + data.len();
                Ok(Reply::Done)
            }
            Request::Run { checksum } => {
                let image = self.memory.image.get(..self.image_length).unwrap_or(&[]);
                let found = wire::checksum(image);
                if found != checksum && self.open != Open::No {
                    return Err(Refusal::ImageChecksum { expected: checksum, found });
                }
                self.run(None)
            }
            Request::RunPlaced { index } => self.run(Some(index)),
            Request::Measure => self.measure(),
            Request::Digest { index } => self.digest(index),
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
            Open::Placed(set) => placed::parts(self.memory.placed, set).map_or(0, |p| p.2),
            _ => 0,
        };
        let network = Network::new(&view, kernels());
        let arena = network.arena_bytes();
        too_large(2, arena, bytes(self.memory.arena).len())?;
        too_large(3, view.classes(), MAX_LOGITS)?;
        Ok(Reply::Opened {
            checksum: view.checksum(),
            arena_bytes: arena as u32,
            ops: network.ops() as u32,
            images: images as u32,
        })
    }

    /// CRC-32 of the blob in use, else of the first that is placed in memory, where its check
    /// passes.
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

    fn run(&mut self, index: Option<u32>) -> Result<Reply<'static>, Refusal> {
        let mut logits = [0i32; MAX_LOGITS];
        let (mut arena, own) = (core::mem::take(&mut self.memory.arena), &*self);
        let result = (|| {
            let view = own.view()?;
            let image = own.image(&view, index)?;
            let network = Network::new(&view, kernels());
            let logits = logits.get_mut(..view.classes()).ok_or(Refusal::BadBlob)?;
            network.run(image, arena, logits, &mut ()).map_err(|_| Refusal::BadBlob)?;
            Ok(Reply::Logits(logits.iter().copied().collect()))
        })();
        core::mem::swap(&mut self.memory.arena, &mut arena);
        result
    }

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

    fn placed(&self) -> Option<(&[u8], &[u8], usize)> {
        let set = if let Open::Placed(set) = self.open { set } else { 0 };
        placed::parts(self.memory.placed, set)
    }

    fn digest(&mut self, index: u32) -> Result<Reply<'static>, Refusal> {
        let mut logits = [0i32; MAX_LOGITS];
        let (mut arena, own) = (core::mem::take(&mut self.memory.arena), &*self);
        let result = (|| {
            let view = own.view()?;
            let image = own.image(&view, Some(index))?;
            let network = Network::new(&view, kernels());
            let logits = logits.get_mut(..view.classes()).ok_or(Refusal::BadBlob)?;
            let mut digest = Digest::new(&view);
            network.run(image, arena, logits, &mut digest).map_err(|_| Refusal::BadBlob)?;
            Ok(Reply::Digest(digest.finish(logits)))
        })();
        core::mem::swap(&mut self.memory.arena, &mut arena);
        result
    }

    fn measure(&mut self) -> Result<Reply<'static>, Refusal> {
        let mut logits = [0i32; MAX_LOGITS];
        let (mut arena, own) = (core::mem::take(&mut self.memory.arena), &*self);
        let result = (|| {
            let view = own.view()?;
            let image = own.image(&view, None)?;
            let network = Network::new(&view, kernels());
            let logits = logits.get_mut(..view.classes()).ok_or(Refusal::BadBlob)?;
            let board = &own.board;
            let refused = |_| Refusal::BadBlob;
            board.masked(|| {
                let mut parts = heapless::Vec::new();
                let _ = parts.resize(network.ops() + 1, 0);
                let (opened, open_stack_bytes) = board.stack(|| own.view().map(|v| v.length()));
                opened?;
                let ((ran, total), stack_bytes) = board.stack(|| {
                    let start = board.count();
                    let ran = network.run(image, arena, logits, &mut ());
                    (ran, board.count().wrapping_sub(start))
                });
                ran.map_err(refused)?;
                let mut meter = Meter { board, last: board.count(), part: 0, parts };
                network.run(image, arena, logits, &mut meter).map_err(refused)?;
                meter.turn(0);
                let parts = meter.parts;
                Ok(Reply::Counts { total, parts, stack_bytes, open_stack_bytes })
            })
        })();
        core::mem::swap(&mut self.memory.arena, &mut arena);
        result
    }
}

/// Counts by operation: part 0 is what precedes the first, then one part an operation.
struct Meter<'b, B> {
    board: &'b B,
    last: u32,
    part: usize,
    parts: heapless::Vec<u32, MAX_COUNTS>,
}

impl<B: Board> Meter<'_, B> {
    /// Ends the part at work and starts another.
    fn turn(&mut self, part: usize) {
        let now = self.board.count();
        if let Some(count) = self.parts.get_mut(self.part) {
            *count = count.wrapping_add(now.wrapping_sub(self.last));
        }
        (self.last, self.part) = (now, part);
    }
}

impl<B: Board> Observer for Meter<'_, B> {
    fn enter(&mut self, op: usize) {
        self.turn(op + 1);
    }
}

fn bytes(words: &[u32]) -> &[u8] {
    bytemuck::cast_slice(words)
}

fn too_large(what: u8, needed: usize, capacity: usize) -> Result<(), Refusal> {
    let (needed, capacity) = (u32::try_from(needed).unwrap_or(u32::MAX), capacity as u32);
    if needed <= capacity { Ok(()) } else { Err(Refusal::TooLarge { what, needed, capacity }) }
}

fn put(buffer: &mut [u8], what: u8, offset: u32, data: &[u8]) -> Result<(), Refusal> {
    let capacity = buffer.len();
    if data.len() > CHUNK {
        return Err(Refusal::Malformed);
    }
    let start = offset as usize;
    let end = start.saturating_add(data.len());
    too_large(what, end, capacity)?;
    if let Some(place) = buffer.get_mut(start..end) {
        place.copy_from_slice(data);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
