//! Requests and replies over a byte stream, repeated where one gets lost.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_core::wire::{
    self, CHUNK, Collector, MAX_FRAME, Refusal, Reply, Request, Unit, VERSION,
};

use crate::error::{Error, Result};

/// A byte stream whose reads end after a short time without bytes.
pub trait Link: Read + Write + Send {
    /// Name for messages.
    fn name(&self) -> String;
}

/// How often a request is sent at least before the device counts as lost.
const TRIES: u32 = 4;
/// How often at most, while bytes of any kind come.
const MOST_TRIES: u32 = 200;
/// Least time that an answer is waited for: a line's own delay.
const SHORTEST: Duration = Duration::from_millis(20);

/// Who answered the hello.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Version of the protocol that it speaks.
    pub protocol: u16,
    /// Chip or machine.
    pub chip: String,
    /// Core whose code runs.
    pub core: String,
    /// Clock, Hz.
    pub clock_hz: u32,
    /// What its counts count.
    #[serde(serialize_with = "unit")]
    pub unit: Unit,
    /// Name of its kernels.
    pub kernels: String,
    /// Longest blob that can be sent, bytes.
    pub blob_capacity: u32,
    /// Largest arena, bytes.
    pub arena_capacity: u32,
    /// Longest image that can be sent, bytes.
    pub image_capacity: u32,
    /// RAM that nothing uses, bytes; 0 where the device cannot tell.
    pub free_ram: u32,
    /// CRC-32 of the blob that it has; 0 where it has none.
    pub blob_checksum: u32,
}

impl Default for Device {
    fn default() -> Self {
        Self {
            protocol: 0,
            chip: String::new(),
            core: String::new(),
            clock_hz: 0,
            unit: Unit::Instructions,
            kernels: String::new(),
            blob_capacity: 0,
            arena_capacity: 0,
            image_capacity: 0,
            free_ram: 0,
            blob_checksum: 0,
        }
    }
}

/// How a unit is written.
pub fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::Cycles => "cycles",
        Unit::Instructions => "instructions",
    }
}

fn unit<S: serde::Serializer>(unit: &Unit, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(unit_name(*unit))
}

/// Requests that were sent and what came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Requests that were answered, each counted once.
    pub answered: u64,
    /// Requests that were sent again.
    pub repeated: u64,
    /// Frames that came damaged.
    pub damaged: u64,
    /// Answers that came late or twice.
    pub stale: u64,
}

/// What a device says of a blob that it has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Opened {
    /// CRC-32 of the blob.
    pub checksum: u32,
    /// Bytes of arena that it needs.
    pub arena_bytes: u32,
    /// Images placed with it.
    pub images: u32,
}

/// Counts of one inference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counts {
    /// In one piece.
    pub total: u32,
    /// Of the image, then of every operation.
    pub parts: Vec<u32>,
    /// Bytes of stack that it took; 0 where the device cannot tell.
    pub stack_bytes: u32,
    /// Bytes of stack that it took to open the network.
    pub open_stack_bytes: u32,
}

/// A conversation with an agent.
pub struct Session {
    device: Device,
    link: Box<dyn Link>,
    sequence: u16,
    timeout: Duration,
    /// Time that answers to each kind of request took at most, of late: short ones, and those that
    /// compute.
    slowest: [Option<Duration>; 2],
    collector: Collector,
    pending: Vec<u8>,
    traffic: Traffic,
    /// Bytes that came, and undamaged frames among them.
    bytes: u64,
    frames: u64,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("link", &self.link.name()).finish_non_exhaustive()
    }
}

impl Session {
    /// Says hello over a link. `timeout` is the longest time that a reply may take.
    ///
    /// # Errors
    /// [`Error::Line`] where nobody answers, [`Error::Firmware`] where somebody does who is not
    /// this version's agent.
    pub fn new(link: Box<dyn Link>, timeout: Duration) -> Result<Self> {
        // Numbers begin anywhere, so that answers to an earlier process are strangers.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        let sequence = now.map_or(0, |d| d.subsec_micros() as u16);
        let mut session = Self {
            device: Device::default(),
            link,
            sequence,
            timeout: Duration::from_secs(2).min(timeout),
            slowest: [None; 2],
            collector: Collector::new(),
            pending: Vec::new(),
            traffic: Traffic::default(),
            bytes: 0,
            frames: 0,
        };
        // Ends what an earlier process may have left half-sent.
        let name = session.link.name();
        session.link.write_all(&[0]).map_err(|e| broken(&name, &e))?;
        let hello = Request::Hello { version: VERSION };
        let ours = format!("protocol version {VERSION}");
        let stranger =
            |found: String| Error::Firmware { link: name.clone(), expected: ours.clone(), found };
        let device = session.ask(&hello, |reply| match reply {
            Reply::Hello {
                version: VERSION,
                chip,
                core,
                clock_hz,
                unit,
                kernels,
                blob_capacity,
                arena_capacity,
                image_capacity,
                free_ram,
                blob_checksum,
            } => Ok(Device {
                protocol: VERSION,
                chip: chip.into(),
                core: core.into(),
                clock_hz,
                unit,
                kernels: kernels.into(),
                blob_capacity,
                arena_capacity,
                image_capacity,
                free_ram,
                blob_checksum,
            }),
            Reply::Refused(Refusal::Version { expected, .. }) => {
                Err(stranger(format!("version {expected}")))
            }
            other => Err(stranger(format!("a reply of another kind: {other:?}"))),
        });
        session.device = device.map_err(|error| match (error, session.bytes, session.frames) {
            (Error::Line { .. }, bytes @ 1.., 0) => {
                stranger(format!("{bytes} bytes without one frame (or another bit rate)"))
            }
            (Error::Line { .. }, _, 1..) => stranger("frames that are no replies".into()),
            (error, ..) => error,
        })?;
        session.timeout = timeout;
        Ok(session)
    }

    /// Who answered the hello.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What went over the line so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Sends a request, again where no answer comes, and gives its reply to `take`.
    ///
    /// # Errors
    /// [`Error::Line`] where no reply comes after several tries, and what `take` returns.
    pub fn ask<R>(
        &mut self,
        request: &Request<'_>,
        take: impl FnOnce(Reply<'_>) -> Result<R>,
    ) -> Result<R> {
        let name = self.link.name();
        self.sequence = self.sequence.wrapping_add(1);
        let mut frame = [0u8; MAX_FRAME];
        let length = wire::encode(self.sequence, request, &mut frame)
            .map_err(|e| Error::tool(&name, format!("request: {e:?}")))?;
        let kind = usize::from(!matches!(
            request,
            Request::Hello { .. } | Request::Blob { .. } | Request::Image { .. }
        ));
        let first = self.slowest[kind].map_or(self.timeout, |t| (3 * t).max(SHORTEST));
        let (begin, mut tries) = (Instant::now(), 0u32);
        // Waits grow slowly: a line that damages much is as likely the reason as a slow device.
        let mut wait = first.min(self.timeout);
        while tries < TRIES || (begin.elapsed() < self.timeout && tries < MOST_TRIES) {
            self.link.write_all(&frame[..length]).map_err(|e| broken(&name, &e))?;
            self.link.flush().map_err(|e| broken(&name, &e))?;
            self.traffic.repeated += u64::from(tries > 0);
            tries += 1;
            let start = Instant::now();
            while start.elapsed() < wait {
                if !self.next_frame().map_err(|e| broken(&name, &e))? {
                    continue;
                }
                let mut bytes = self.collector.frame().to_vec();
                self.collector.clear();
                match wire::unframe(&mut bytes) {
                    Ok((sequence, message)) => {
                        self.frames += 1;
                        if sequence != self.sequence {
                            self.traffic.stale += 1; // asked again, answered twice
                            continue;
                        }
                        let Ok(reply) = wire::message::<Reply<'_>>(message) else {
                            let expected = format!("a reply of protocol version {VERSION}");
                            let found = format!("{} other bytes", message.len());
                            return Err(Error::Firmware { link: name, expected, found });
                        };
                        self.traffic.answered += 1;
                        // An answer to a repeat may be one to the first: the wait only grows.
                        let slowest = self.slowest[kind].get_or_insert_default();
                        *slowest = match tries {
                            1 => start.elapsed().max(*slowest * 15 / 16),
                            _ => (*slowest * 5 / 4).max(SHORTEST).min(self.timeout / 3),
                        };
                        return take(reply);
                    }
                    // most likely the answer: it is asked for again at once
                    Err(_) => {
                        self.traffic.damaged += 1;
                        break;
                    }
                }
            }
            wait = (wait + wait / 2).min(self.timeout);
        }
        let waited = begin.elapsed().as_secs_f64();
        let problem = format!(
            "no answer to {tries} tries in {waited:.1} s; is the cable plugged in, the board \
             powered, the port the right one?"
        );
        Err(Error::Line { link: name, problem })
    }

    /// Collects bytes until a frame is whole (true), or none come for a while.
    fn next_frame(&mut self) -> std::io::Result<bool> {
        if self.pending.is_empty() {
            let mut buffer = [0u8; 4096];
            match self.link.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.bytes += n as u64;
                    self.pending.extend(&buffer[..n]);
                }
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
                Err(e) if e.kind() == ErrorKind::Interrupted => {}
                Err(e) => return Err(e),
            }
        }
        let whole = self.pending.iter().position(|&b| self.collector.push(b));
        let used = whole.map_or(self.pending.len(), |i| i + 1);
        self.pending.drain(..used);
        Ok(whole.is_some())
    }

    /// Sends a request that is answered with `Done`.
    ///
    /// # Errors
    /// As [`Session::ask`]; [`Error::Tool`] with the device's refusal.
    pub fn tell(&mut self, request: &Request<'_>) -> Result<()> {
        let name = self.link.name();
        self.ask(request, |reply| match reply {
            Reply::Done => Ok(()),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Sends a blob in parts and opens it.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn send_blob(&mut self, blob: &[u8]) -> Result<Opened> {
        for (i, data) in blob.chunks(CHUNK).enumerate() {
            let (offset, length) = ((i * CHUNK) as u32, blob.len() as u32);
            self.tell(&Request::Blob { offset, length, data })?;
        }
        self.open(&Request::Open)
    }

    /// Opens a blob.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn open(&mut self, request: &Request<'_>) -> Result<Opened> {
        let name = self.link.name();
        self.ask(request, |reply| match reply {
            Reply::Opened { checksum, arena_bytes, images, .. } => {
                Ok(Opened { checksum, arena_bytes, images })
            }
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Classifies an image: sends it and runs it; again where a part of it went astray.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn classify(&mut self, image: &[u8]) -> Result<Vec<i32>> {
        let run = Request::Run { checksum: wire::checksum(image) };
        let mut tries = 0;
        loop {
            self.send_image(image)?;
            tries += 1;
            match self.logits(&run) {
                Err(Error::Refused {
                    refusal: Refusal::ImageChecksum { .. } | Refusal::ImageLength { .. },
                    ..
                }) if tries < TRIES => {}
                found => return found,
            }
        }
    }

    /// Sends an image in parts.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn send_image(&mut self, image: &[u8]) -> Result<()> {
        for (i, data) in image.chunks(CHUNK).enumerate() {
            self.tell(&Request::Image { offset: (i * CHUNK) as u32, data })?;
        }
        Ok(())
    }

    /// Asks for logits.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn logits(&mut self, request: &Request<'_>) -> Result<Vec<i32>> {
        let name = self.link.name();
        self.ask(request, |reply| match reply {
            Reply::Logits(logits) => Ok(logits.to_vec()),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Asks for the digest of all values of a placed image.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn digest(&mut self, index: u32) -> Result<u32> {
        let name = self.link.name();
        self.ask(&Request::Digest { index }, |reply| match reply {
            Reply::Digest(digest) => Ok(digest),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Has the device compare its kernels' primitives with plain code: the cases, `None` where one
    /// is wrong.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn self_test(&mut self) -> Result<Option<u32>> {
        let name = self.link.name();
        self.ask(&Request::SelfTest, |reply| match reply {
            Reply::Tested(cases) => Ok(Some(cases)),
            Reply::Refused(Refusal::WrongKernel) => Ok(None),
            other => Err(unexpected(&name, &other)),
        })
    }

    /// Asks for the counts of one inference.
    ///
    /// # Errors
    /// As [`Session::tell`].
    pub fn counts(&mut self) -> Result<Counts> {
        let name = self.link.name();
        self.ask(&Request::Measure, |reply| match reply {
            Reply::Counts { total, parts, stack_bytes, open_stack_bytes } => {
                Ok(Counts { total, parts: parts.to_vec(), stack_bytes, open_stack_bytes })
            }
            other => Err(unexpected(&name, &other)),
        })
    }
}

fn unexpected(name: &str, reply: &Reply<'_>) -> Error {
    match *reply {
        Reply::Refused(refusal) => Error::Refused { link: name.into(), refusal },
        ref other => Error::tool(name, format!("unexpected reply: {other:?}")),
    }
}

fn broken(name: &str, error: &std::io::Error) -> Error {
    Error::Line { link: name.into(), problem: format!("the line is broken: {error}") }
}

#[cfg(test)]
mod tests;
