//! Messages between peers.
//!
//! A message is a byte for its kind, the length of its contents as u32, and the contents. All numbers are
//! little-endian. The receiver knows the kinds that may come and the longest contents of each, and
//! allocates nothing for any other.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use supernano_base::error::{Error, Result};

use crate::shard::ShardNumber;

/// Version of the messages. Peers of different versions refuse each other.
pub const VERSION: u16 = 1;
/// The first bytes of a hello.
const MAGIC: &[u8; 4] = b"SNPR";
/// Bytes of a fingerprint.
const FINGERPRINT: usize = 16;
/// Longest wait for the other end to close after a failure.
const PARTING: Duration = Duration::from_secs(2);
/// Longest text of a refusal or a failure.
const TEXT: usize = 1000;

/// Kinds of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A peer introduces itself to the first one.
    Hello = 1,
    /// The first peer accepts it.
    Welcome = 2,
    /// A step begins: its weights and its momentum.
    Begin = 3,
    /// The images and the learning rate of an update.
    Update = 4,
    /// The teacher's logits.
    Logits = 5,
    /// Sums of losses and gradients.
    Sums = 6,
    /// The training is over.
    End = 7,
    /// The sender ends with an error.
    Failed = 8,
}

/// What peers must agree on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The peer and the number of peers.
    pub peer: ShardNumber,
    /// Fingerprint of the configuration.
    pub configuration: String,
    /// Fingerprint of the images.
    pub data: String,
}

impl Hello {
    /// Bytes of a hello.
    pub const LENGTH: usize = 4 + 2 + 4 + 4 + 2 * FINGERPRINT;

    /// The contents of a message.
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend((self.peer.index as u32).to_le_bytes());
        bytes.extend((self.peer.of as u32).to_le_bytes());
        for text in [&self.configuration, &self.data] {
            let mut text = text.as_bytes().to_vec();
            text.resize(FINGERPRINT, b' ');
            bytes.extend(text);
        }
        bytes
    }

    /// Reads the contents of a message.
    ///
    /// # Errors
    /// The version of the other peer, or `None` for contents that are no hello.
    pub fn parse(bytes: &[u8]) -> std::result::Result<Self, Option<u16>> {
        let mut reader = Reader(bytes);
        if reader.take::<4>() != Some(*MAGIC) {
            return Err(None);
        }
        let version = u16::from_le_bytes(reader.take().ok_or(None)?);
        if version != VERSION {
            return Err(Some(version));
        }
        let index = reader.u32().ok_or(None)? as usize;
        let of = reader.u32().ok_or(None)? as usize;
        let mut text = || {
            let bytes: [u8; FINGERPRINT] = reader.take().ok_or(None::<u16>)?;
            Ok::<String, Option<u16>>(
                String::from_utf8_lossy(&bytes).trim_end().escape_default().to_string(),
            )
        };
        let (configuration, data) = (text()?, text()?);
        match reader.0 {
            [] => Ok(Self { peer: ShardNumber { index, of }, configuration, data }),
            _ => Err(None),
        }
    }
}

/// Reads numbers from the contents of a message.
pub struct Reader<'a>(pub &'a [u8]);

impl Reader<'_> {
    /// The next bytes.
    pub fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*head)
    }

    /// The next u32.
    pub fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// The next u64.
    pub fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }

    /// The next `n` values.
    pub fn floats(&mut self, n: usize) -> Option<Vec<f32>> {
        let (head, rest) = self.0.split_at_checked(n.checked_mul(4)?)?;
        self.0 = rest;
        Some(head.chunks_exact(4).map(|b| f32::from_le_bytes([b[0], b[1], b[2], b[3]])).collect())
    }

    /// Flags and the tensors that have one, of these lengths.
    pub fn tensors(&mut self, lengths: &[usize]) -> Option<Vec<Option<Vec<f32>>>> {
        let (flags, rest) = self.0.split_at_checked(lengths.len())?;
        self.0 = rest;
        let one = |(&flag, &length): (&u8, &usize)| match flag {
            0 => Some(None),
            1 => self.floats(length).map(Some),
            _ => None,
        };
        flags.iter().zip(lengths).map(one).collect()
    }
}

/// Appends values.
pub fn put_floats(bytes: &mut Vec<u8>, values: &[f32]) {
    bytes.extend(values.iter().flat_map(|v| v.to_le_bytes()));
}

/// Appends a flag for each tensor, and the values of those that there are.
pub fn put_tensors(bytes: &mut Vec<u8>, tensors: &[Option<Vec<f32>>]) {
    bytes.extend(tensors.iter().map(|t| u8::from(t.is_some())));
    tensors.iter().flatten().for_each(|t| put_floats(bytes, t));
}

/// A connection to another peer.
pub struct Line {
    stream: TcpStream,
    /// The other peer, in errors.
    name: String,
    /// Bytes that were sent.
    pub sent: u64,
    /// Bytes that were received.
    pub received: u64,
}

impl Line {
    /// A connection whose other end is not known yet. A read or a write that makes no progress for
    /// `patience` fails.
    ///
    /// # Errors
    /// [`Error::Tool`] if the connection refuses its settings.
    pub fn new(stream: TcpStream, address: SocketAddr, patience: Duration) -> Result<Self> {
        let line = Self { stream, name: address.to_string(), sent: 0, received: 0 };
        line.patience(patience)?;
        line.stream.set_nodelay(true).map_err(|e| line.broken(&e))?;
        Ok(line)
    }

    /// Changes the longest wait.
    ///
    /// # Errors
    /// [`Error::Tool`] if the connection refuses it.
    pub fn patience(&self, patience: Duration) -> Result<()> {
        self.stream.set_nonblocking(false).map_err(|e| self.broken(&e))?;
        self.stream.set_read_timeout(Some(patience)).map_err(|e| self.broken(&e))?;
        self.stream.set_write_timeout(Some(patience)).map_err(|e| self.broken(&e))
    }

    /// Names the other end.
    pub fn known(&mut self, peer: ShardNumber) {
        self.name = format!("peer {peer} ({})", self.name);
    }

    /// The name of the other end.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// An error that names the other end.
    pub fn failed(&self, problem: impl ToString) -> Error {
        Error::tool(&self.name, problem)
    }

    fn broken(&self, error: &std::io::Error) -> Error {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut => {
                self.failed("no answer within the limit of --peer-timeout")
            }
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => self.failed(format!("it has ended ({error})")),
            _ => self.failed(error),
        }
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`Error::Tool`] naming the peer.
    pub fn send(&mut self, kind: Kind, contents: &[u8]) -> Result<()> {
        let Ok(length) = u32::try_from(contents.len()) else {
            return Err(self.failed(format!("{} bytes are too many for a message", contents.len())));
        };
        let mut bytes = vec![kind as u8];
        bytes.extend(length.to_le_bytes());
        bytes.extend(contents);
        self.stream.write_all(&bytes).map_err(|e| self.broken(&e))?;
        self.sent += bytes.len() as u64;
        Ok(())
    }

    /// Sends a text and ends; an error of the line is of no interest any more.
    pub fn fail(&mut self, text: &str) {
        let end = (0..=text.len().min(TEXT)).rev().find(|&i| text.is_char_boundary(i));
        let _ = self.send(Kind::Failed, &text.as_bytes()[..end.unwrap_or(0)]);
        // A connection that is closed with bytes unread loses what it has sent.
        let _ = self.stream.shutdown(Shutdown::Write);
        let _ = self.stream.set_read_timeout(Some(PARTING));
        let (started, mut rest) = (Instant::now(), [0; 1 << 12]);
        while started.elapsed() < PARTING
            && self.stream.read(&mut rest).is_ok_and(|length| length > 0)
        {}
    }

    /// Receives one of several kinds of messages, each with the longest contents.
    ///
    /// # Errors
    /// [`Error::Tool`] naming the peer: for its own error, a broken connection, another kind of
    /// message, and one that is longer.
    pub fn receive(&mut self, kinds: &[(Kind, usize)]) -> Result<(Kind, Vec<u8>)> {
        let mut head = [0; 5];
        self.stream.read_exact(&mut head).map_err(|e| self.broken(&e))?;
        let [kind, length @ ..] = head;
        let length = u32::from_le_bytes(length) as usize;
        let failed = (Kind::Failed, TEXT);
        let found = kinds.iter().chain([&failed]).find(|(k, _)| *k as u8 == kind);
        let Some(&(kind, most)) = found else {
            let expected: Vec<String> = kinds.iter().map(|(k, _)| format!("{k:?}")).collect();
            let expected = expected.join(" or ");
            return Err(self.failed(format!("message: expected {expected}, found kind {kind}")));
        };
        if length > most {
            let problem = format!("{kind:?}: expected at most {most} bytes, found {length}");
            return Err(self.failed(problem));
        }
        let mut contents = vec![0; length];
        self.stream.read_exact(&mut contents).map_err(|e| self.broken(&e))?;
        self.received += (head.len() + length) as u64;
        if kind == Kind::Failed {
            let text = String::from_utf8_lossy(&contents);
            let text: String = text.chars().filter(|c| !c.is_control()).collect();
            return Err(self.failed(format!("it has ended: {text}")));
        }
        Ok((kind, contents))
    }

    /// The error of contents that are not what their kind promises.
    pub fn malformed(&self, kind: Kind) -> Error {
        self.failed(format!("{kind:?}: malformed contents"))
    }
}
