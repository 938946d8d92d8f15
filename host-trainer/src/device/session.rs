//! Requests and replies over a byte stream, repeated where one gets lost.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_core::wire::{self, CHUNK, Collector, MAX_FRAME, Refusal, Reply, Request, VERSION};

use crate::error::{Error, Result};

/// A byte stream whose reads end after a short time without bytes.
pub trait Link: Read + Write + Send {
    /// Name for messages.
    fn name(&self) -> String;
}

impl Link for TcpStream {
    fn name(&self) -> String {
        "emulated UART".into()
    }
}

/// How often a request is sent before the device counts as lost.
const TRIES: usize = 4;

/// Who answered the hello.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Device {
    /// Chip or machine.
    pub chip: String,
    /// Core whose code runs.
    pub core: String,
    /// Clock, Hz.
    pub clock_hz: u32,
    /// Name of its kernels.
    pub kernels: String,
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
    collector: Collector,
    pending: Vec<u8>,
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("link", &self.link.name()).finish_non_exhaustive()
    }
}

impl Session {
    /// Says hello over a TCP stream. `timeout` is the longest time that a reply may take.
    ///
    /// # Errors
    /// [`Error::Tool`] where nobody answers or the versions differ.
    pub fn tcp(stream: TcpStream, timeout: Duration) -> Result<Self> {
        stream
            .set_read_timeout(Some(Duration::from_millis(50)))
            .map_err(|e| Error::tool("emulated UART", e))?;
        Self::new(Box::new(stream), timeout)
    }

    /// Says hello over any link.
    ///
    /// # Errors
    /// As [`Session::tcp`].
    pub fn new(link: Box<dyn Link>, timeout: Duration) -> Result<Self> {
        let mut session = Self {
            device: Device::default(),
            link,
            sequence: 0,
            timeout: Duration::from_secs(2).min(timeout),
            collector: Collector::new(),
            pending: Vec::new(),
        };
        let name = session.link.name();
        let hello = Request::Hello { version: VERSION };
        session.device = session.ask(&hello, |reply| match reply {
            Reply::Hello { version: VERSION, chip, core, clock_hz, kernels, .. } => Ok(Device {
                chip: chip.into(),
                core: core.into(),
                clock_hz,
                kernels: kernels.into(),
            }),
            other => Err(unexpected(&name, &other)),
        })?;
        session.timeout = timeout;
        Ok(session)
    }

    /// Who answered the hello.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Sends a request and gives its reply to `take`.
    ///
    /// # Errors
    /// [`Error::Tool`] where no reply comes after several tries, and what `take` returns.
    pub fn ask<R>(
        &mut self,
        request: &Request<'_>,
        take: impl FnOnce(Reply<'_>) -> Result<R>,
    ) -> Result<R> {
        let name = self.link.name();
        let failed = |e: std::io::Error| Error::tool(&name, e);
        self.sequence = self.sequence.wrapping_add(1);
        let mut frame = [0u8; MAX_FRAME];
        let length = wire::encode(self.sequence, request, &mut frame)
            .map_err(|e| Error::tool(&name, format!("request: {e:?}")))?;
        for _ in 0..TRIES {
            self.link.write_all(&frame[..length]).map_err(failed)?;
            self.link.flush().map_err(failed)?;
            let start = Instant::now();
            while start.elapsed() < self.timeout {
                if !self.next_frame().map_err(failed)? {
                    continue;
                }
                let mut bytes = self.collector.frame().to_vec();
                self.collector.clear();
                match wire::decode::<Reply<'_>>(&mut bytes) {
                    Ok((sequence, reply)) if sequence == self.sequence => return take(reply),
                    // an old reply, or a damaged one: what is asked again is answered again
                    Ok(_) => {}
                    Err(_) => break,
                }
            }
        }
        Err(Error::tool(
            &name,
            format!("no answer to {} tries of {:.1} s each", TRIES, self.timeout.as_secs_f64()),
        ))
    }

    /// Collects bytes until a frame is whole (true), or none come for a while.
    fn next_frame(&mut self) -> std::io::Result<bool> {
        if self.pending.is_empty() {
            let mut buffer = [0u8; 4096];
            match self.link.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => self.pending.extend(&buffer[..n]),
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
    match reply {
        Reply::Refused(why) => Error::tool(name, format!("the device refuses: {why:?}")),
        other => Error::tool(name, format!("unexpected reply: {other:?}")),
    }
}

#[cfg(test)]
mod tests;
