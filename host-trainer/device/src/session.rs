//! Requests and replies over a byte stream. A request whose reply is lost is sent again.

mod device;
mod diagnose;
mod requests;

use std::io::{ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_base::error::{Error, Result};
use supernano_core::wire::{self, Collector, MAX_FRAME, Refusal, Reply, Request, VERSION};

pub use self::device::{Counts, DeviceInfo, Opened, unit_name};

/// A byte stream whose reads end after a short time without bytes.
pub trait ByteStream: Read + Write + Send {
    /// Name for messages.
    fn name(&self) -> String;
}

/// Minimum number of times that a request is sent before the device counts as lost.
const TRIES: u32 = 4;
/// Maximum number of times that a request is sent, while the timeout has not passed.
const MOST_TRIES: u32 = 200;
/// Shortest wait for an answer: the delay of the line itself.
const SHORTEST: Duration = Duration::from_millis(20);
/// Longest wait for the answer to one hello.
const HELLO: Duration = Duration::from_secs(2);

/// First bytes of a line that are kept for a diagnosis.
const HEARD: usize = 512;
/// Begins the message about a line that echoes.
const ECHOES: &str = "the line echoes";

/// Counts of requests and of the frames that came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Traffic {
    /// Requests with an answer, each counted once.
    pub answered: u64,
    /// Requests that were sent again.
    pub repeated: u64,
    /// Damaged frames that arrived.
    pub damaged: u64,
    /// Answers that arrived late or twice.
    pub stale: u64,
    /// Lost lines that were opened again.
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

/// A session with an agent: one request and its reply at a time.
pub struct Session {
    device: DeviceInfo,
    link: Box<dyn ByteStream>,
    sequence: u16,
    timeout: Duration,
    /// Recent longest time of an answer, for requests that transfer and for requests that compute.
    slowest: [Option<Duration>; 2],
    collector: Collector,
    pending: Vec<u8>,
    traffic: Traffic,
    /// Bytes that arrived.
    bytes: u64,
    /// Undamaged frames that arrived.
    frames: u64,
    /// The first bytes that arrived, at most [`HEARD`].
    heard: Vec<u8>,
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
    /// [`Error::Line`] if nothing answers; [`Error::Firmware`] if the answer is not that of this
    /// version's agent.
    pub fn new(link: Box<dyn ByteStream>, timeout: Duration) -> Result<Self> {
        // Sequence numbers begin at an arbitrary value, so that answers to an earlier process do not
        // match.
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
        Self::begin(link, timeout, now.map_or(0, |d| d.subsec_micros() as u16), HELLO)
    }

    /// As [`Session::new`], after a session on a line that was lost. `sequence` is the last sequence
    /// number of that session, so that answers to it do not match. `hello` is the longest wait for the
    /// answer to one hello; the hello is sent four times.
    ///
    /// # Errors
    /// The errors of [`Session::new`].
    pub fn begin(
        link: Box<dyn ByteStream>,
        timeout: Duration,
        sequence: u16,
        hello: Duration,
    ) -> Result<Self> {
        let mut session = Self {
            device: DeviceInfo::default(),
            link,
            sequence,
            timeout: HELLO.min(hello).min(timeout),
            slowest: [None; 2],
            collector: Collector::new(),
            pending: Vec::new(),
            traffic: Traffic::default(),
            bytes: 0,
            frames: 0,
            heard: Vec::new(),
        };
        // Ends a frame that an earlier process may have left incomplete.
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
            } => Ok(DeviceInfo {
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
            _ => Err(stranger("a reply of another kind".into())),
        });
        let bytes = session.bytes;
        session.device = device.map_err(|error| match (error, bytes, session.frames) {
            (Error::Line { problem, .. }, 1.., 0) if !problem.contains(ECHOES) => {
                stranger(diagnose::stranger(&session.heard, bytes, session.traffic.damaged))
            }
            (Error::Line { problem, .. }, _, 1..) if !problem.contains(ECHOES) => {
                stranger("frames that are no replies".into())
            }
            (error, ..) => error,
        })?;
        session.timeout = timeout;
        Ok(session)
    }

    /// Properties of the device.
    pub fn device(&self) -> &DeviceInfo {
        &self.device
    }

    /// Name of the line.
    pub fn name(&self) -> String {
        self.link.name()
    }

    /// Sequence number of the latest request.
    pub fn sequence(&self) -> u16 {
        self.sequence
    }

    /// Traffic of the line so far.
    pub fn traffic(&self) -> Traffic {
        self.traffic
    }

    /// Sends a request, repeats it while no answer arrives, and passes the reply to `take`.
    ///
    /// # Errors
    /// [`Error::Line`] if no reply arrives after several tries; the errors of `take`.
    pub fn ask<R>(
        &mut self,
        request: &Request<'_>,
        take: impl FnOnce(Reply<'_>) -> Result<R>,
    ) -> Result<R> {
        let name = self.link.name();
        self.sequence = self.sequence.wrapping_add(1);
        let mut frame = [0u8; MAX_FRAME];
        let length = wire::encode(self.sequence, request, &mut frame)
            .map_err(|_| Error::tool(&name, "the request does not fit a frame"))?;
        let kind = usize::from(!matches!(
            request,
            Request::Hello { .. } | Request::Blob { .. } | Request::Image { .. }
        ));
        let first = self.slowest[kind].map_or(self.timeout, |t| (3 * t).max(SHORTEST));
        let (begin, mut tries) = (Instant::now(), 0u32);
        // The wait grows slowly, because a noisy line is as likely a reason as a slow device.
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
                            // The request was repeated, and both copies were answered.
                            self.traffic.stale += 1;
                            continue;
                        }
                        // The bytes of other requests may be those of a reply.
                        if matches!(request, Request::Hello { .. })
                            && wire::message::<Request<'_>>(message).is_ok_and(|r| r == *request)
                        {
                            return Err(echoes(&name));
                        }
                        let Ok(reply) = wire::message::<Reply<'_>>(message) else {
                            let expected = format!("a reply of protocol version {VERSION}");
                            let found = format!("{} other bytes", message.len());
                            return Err(Error::Firmware { link: name, expected, found });
                        };
                        self.traffic.answered += 1;
                        // The answer may belong to an earlier copy of the request, so the wait only grows.
                        let slowest = self.slowest[kind].get_or_insert_default();
                        *slowest = match tries {
                            1 => start.elapsed().max(*slowest * 15 / 16),
                            _ => (*slowest * 5 / 4).max(SHORTEST).min(self.timeout / 3),
                        };
                        return take(reply);
                    }
                    // The damaged frame is most likely the answer, so the request is repeated at once.
                    Err(_) => {
                        self.traffic.damaged += 1;
                        break;
                    }
                }
            }
            if self.frames == 0 {
                if diagnose::is_echo(&frame[..length], &self.heard) {
                    return Err(echoes(&name));
                }
                // Text that arrives before any frame comes from another program.
                if diagnose::is_text(&self.heard) {
                    break;
                }
            }
            wait = (wait + wait / 2).min(self.timeout);
        }
        let waited = begin.elapsed().as_secs_f64();
        let hint = match name.starts_with("tcp:") {
            true => "is an agent behind this port?",
            false => "is the cable plugged in, the board powered, the port the right one?",
        };
        let problem = format!("no answer to {tries} tries in {waited:.1} s; {hint}");
        Err(Error::Line { link: name, problem })
    }

    /// Collects bytes. Returns true when a frame is complete, false when no bytes arrive for a while.
    fn next_frame(&mut self) -> std::io::Result<bool> {
        if self.pending.is_empty() {
            let mut buffer = [0u8; 4096];
            match self.link.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(n) => {
                    self.bytes += n as u64;
                    let room = HEARD.saturating_sub(self.heard.len());
                    self.heard.extend(&buffer[..n.min(room)]);
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
    let problem = match error.kind() {
        ErrorKind::UnexpectedEof => "the line is broken: the other end has closed it".into(),
        _ => format!("the line is broken: {error}"),
    };
    Error::Line { link: name.into(), problem }
}

fn echoes(name: &str) -> Error {
    let problem = format!(
        "{ECHOES} what is sent: a loopback, or a terminal that is not in raw mode (`stty raw -echo`)"
    );
    Error::Line { link: name.into(), problem }
}

#[cfg(test)]
mod tests;
