//! Requests and replies over a byte stream, repeated where one gets lost.

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_core::wire::{self, Collector, MAX_FRAME, Refusal, Reply, Request, VERSION};

mod device;
mod requests;

pub use device::{Counts, Device, Opened, unit_name};

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
/// Longest time that one hello waits for its answer.
const HELLO: Duration = Duration::from_secs(2);

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
    /// Times that a lost line was opened again.
    pub reopened: u64,
}

impl std::ops::Add for Traffic {
    type Output = Self;

    fn add(self, more: Self) -> Self {
        Self {
            answered: self.answered + more.answered,
            repeated: self.repeated + more.repeated,
            damaged: self.damaged + more.damaged,
            stale: self.stale + more.stale,
            reopened: self.reopened + more.reopened,
        }
    }
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
        Self::begin(link, timeout, now.map_or(0, |d| d.subsec_micros() as u16), HELLO)
    }

    /// As [`Session::new`], after a session on a line that was lost: `sequence` is its last
    /// number, so that answers to it are strangers. A hello waits for `hello` at most, and is sent
    /// four times.
    ///
    /// # Errors
    /// As [`Session::new`].
    pub fn begin(
        link: Box<dyn Link>,
        timeout: Duration,
        sequence: u16,
        hello: Duration,
    ) -> Result<Self> {
        let mut session = Self {
            device: Device::default(),
            link,
            sequence,
            timeout: HELLO.min(hello).min(timeout),
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

    /// Name of the line.
    pub fn name(&self) -> String {
        self.link.name()
    }

    /// Number of the latest request.
    pub fn sequence(&self) -> u16 {
        self.sequence
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
}

fn broken(name: &str, error: &std::io::Error) -> Error {
    Error::Line { link: name.into(), problem: format!("the line is broken: {error}") }
}

#[cfg(test)]
mod tests;
