//! A connection to another peer.
//!
//! A thread reads what comes, so that the other end never waits to send. Another one sends a sign of life
//! in equal distances while the training computes: a process that is stopped, and a machine that is gone,
//! fall silent, and one that only computes does not. The receiver names the longest contents that may come
//! and allocates no more than what has arrived.

use std::io::{Error as IoError, ErrorKind, Read, Result as IoResult, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use supernano_base::error::{Error, Result};

use super::held;
use super::wire::Kind;
use crate::shard::ShardNumber;

/// Longest wait for the other end to close.
const PARTING: Duration = Duration::from_secs(2);
/// Longest text of a refusal or a failure.
pub const TEXT: usize = 1000;
/// Messages that may wait. The exchange never has more on their way.
const WAITING: usize = 8;
/// Bytes that are read at a time.
const PIECE: usize = 1 << 16;
/// Longest time between two signs of life.
const BEAT: Duration = Duration::from_secs(5);
/// Signs of life within the longest silence.
const BEATS: u32 = 4;

/// How long and for how much a line waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest wait for a message.
    pub patience: Duration,
    /// Longest silence of a peer whose training has begun.
    pub silence: Duration,
    /// Longest contents of a message, bytes.
    pub longest: usize,
}

/// What the reading thread has found.
enum Found {
    /// Kind and contents of a message.
    Message(u8, Vec<u8>),
    /// Kind and length of a message that is too long. It is the last one.
    TooLong(u8, usize),
    /// The connection is broken.
    Broken(IoError),
}

/// Milliseconds after a start at which something has come.
struct Seen {
    start: Instant,
    last: AtomicU64,
}

impl Seen {
    fn now(&self) {
        let passed = u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.last.store(passed, Ordering::Relaxed);
    }

    /// Time since then.
    fn since(&self) -> Duration {
        let last = Duration::from_millis(self.last.load(Ordering::Relaxed));
        self.start.elapsed().saturating_sub(last)
    }
}

/// A connection to another peer.
pub struct Line {
    writer: Arc<Mutex<TcpStream>>,
    found: Receiver<Found>,
    seen: Arc<Seen>,
    /// Ends the signs of life when it is dropped; `None` before they begin.
    beats: Option<Sender<()>>,
    limits: Limits,
    /// The other peer, in errors.
    name: String,
    /// Bytes that were sent, without signs of life.
    pub sent: u64,
    /// Bytes that were received, without signs of life.
    pub received: u64,
}

impl Line {
    /// A connection whose other end is not known yet.
    ///
    /// # Errors
    /// [`Error::Tool`] if the connection refuses its settings.
    pub fn new(stream: TcpStream, address: SocketAddr, limits: Limits) -> Result<Self> {
        let name = address.to_string();
        let broken = |e: IoError| Error::tool(&name, e);
        stream.set_nonblocking(false).map_err(broken)?;
        stream.set_nodelay(true).map_err(broken)?;
        stream.set_write_timeout(Some(limits.patience)).map_err(broken)?;
        let reading = stream.try_clone().map_err(broken)?;
        let (sender, found) = mpsc::sync_channel(WAITING);
        let seen = Arc::new(Seen { start: Instant::now(), last: AtomicU64::new(0) });
        let news = seen.clone();
        thread::spawn(move || read(reading, limits.longest, &news, &sender));
        let writer = Arc::new(Mutex::new(stream));
        Ok(Self { writer, found, seen, beats: None, limits, name, sent: 0, received: 0 })
    }

    /// Changes the longest wait for a message.
    pub fn patience(&mut self, patience: Duration) {
        self.limits.patience = patience;
    }

    /// From now on both ends give signs of life, and a silent one is lost.
    ///
    /// # Errors
    /// [`Error::Tool`] if the connection refuses its settings.
    pub fn begin(&mut self) -> Result<()> {
        let silence = self.limits.silence;
        let timeout = held(&self.writer).set_write_timeout(Some(silence));
        timeout.map_err(|e| self.failed(e))?;
        let (sender, ended) = mpsc::channel::<()>();
        let (writer, interval) = (self.writer.clone(), BEAT.min(silence / BEATS));
        thread::spawn(move || {
            while ended.recv_timeout(interval) == Err(RecvTimeoutError::Timeout)
                && held(&writer).write_all(&head(Kind::Alive, 0)).is_ok()
            {}
        });
        self.beats = Some(sender);
        self.seen.now();
        Ok(())
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

    fn silent(&self) -> Error {
        let limit = self.limits.silence.as_secs_f64();
        self.failed(format!("no sign of life for {limit} s (--peer-silence)"))
    }

    fn broken(&self, error: &IoError) -> Error {
        match error.kind() {
            ErrorKind::WouldBlock | ErrorKind::TimedOut if self.beats.is_some() => self.silent(),
            ErrorKind::WouldBlock | ErrorKind::TimedOut => self.unanswered(),
            ErrorKind::UnexpectedEof
            | ErrorKind::ConnectionReset
            | ErrorKind::ConnectionAborted
            | ErrorKind::BrokenPipe => self.failed(format!("it has ended ({error})")),
            _ => self.failed(error),
        }
    }

    fn unanswered(&self) -> Error {
        self.failed("no answer within the limit of --peer-timeout")
    }

    /// Sends a message.
    ///
    /// # Errors
    /// [`Error::Tool`] naming the peer.
    pub fn send(&mut self, kind: Kind, contents: &[u8]) -> Result<()> {
        let Ok(length) = u32::try_from(contents.len()) else {
            return Err(self.failed(format!("{} bytes are too many for a message", contents.len())));
        };
        let bytes = [&head(kind, length)[..], contents].concat();
        held(&self.writer).write_all(&bytes).map_err(|e| self.broken(&e))?;
        self.sent += bytes.len() as u64;
        Ok(())
    }

    /// Sends a text and ends; an error of the line is of no interest any more.
    pub fn fail(&mut self, text: &str) {
        let end = (0..=text.len().min(TEXT)).rev().find(|&i| text.is_char_boundary(i));
        let _ = self.send(Kind::Failed, &text.as_bytes()[..end.unwrap_or(0)]);
        self.part();
    }

    /// Ends, and waits until the other end has closed: a connection that is closed with bytes unread
    /// loses what it has sent.
    pub fn part(&mut self) {
        self.beats = None;
        let _ = held(&self.writer).shutdown(Shutdown::Write);
        let started = Instant::now();
        while self.found.recv_timeout(PARTING.saturating_sub(started.elapsed())).is_ok() {}
    }

    /// Waits for what comes next.
    fn next(&self) -> Result<Found> {
        let started = Instant::now();
        loop {
            let mut wait = self.limits.patience.saturating_sub(started.elapsed());
            if self.beats.is_some() {
                wait = wait.min(self.limits.silence.saturating_sub(self.seen.since()));
            }
            match self.found.recv_timeout(wait) {
                Ok(found) => return Ok(found),
                Err(RecvTimeoutError::Disconnected) => return Err(self.failed("it has ended")),
                Err(RecvTimeoutError::Timeout) => {}
            }
            if self.beats.is_some() && self.seen.since() >= self.limits.silence {
                return Err(self.silent());
            }
            if started.elapsed() >= self.limits.patience {
                return Err(self.unanswered());
            }
        }
    }

    /// Receives one of several kinds of messages, each with the longest contents.
    ///
    /// # Errors
    /// [`Error::Tool`] naming the peer: for its own error, its silence, a broken connection, another kind
    /// of message, and one that is longer.
    pub fn receive(&mut self, kinds: &[(Kind, usize)]) -> Result<(Kind, Vec<u8>)> {
        let (kind, length, contents) = match self.next()? {
            Found::Message(kind, contents) => (kind, contents.len(), Some(contents)),
            Found::TooLong(kind, length) => (kind, length, None),
            Found::Broken(error) => return Err(self.broken(&error)),
        };
        let failed = (Kind::Failed, TEXT);
        let known = kinds.iter().chain([&failed]).find(|(k, _)| *k as u8 == kind);
        let Some(&(kind, most)) = known else {
            let expected: Vec<String> = kinds.iter().map(|(k, _)| format!("{k:?}")).collect();
            let expected = expected.join(" or ");
            return Err(self.failed(format!("message: expected {expected}, found kind {kind}")));
        };
        let contents = contents.filter(|_| length <= most).ok_or_else(|| {
            self.failed(format!("{kind:?}: expected at most {most} bytes, found {length}"))
        })?;
        self.received += (HEAD + length) as u64;
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

impl Drop for Line {
    fn drop(&mut self) {
        // Also ends the thread that reads.
        let _ = held(&self.writer).shutdown(Shutdown::Both);
    }
}

/// Bytes of the head of a message.
const HEAD: usize = 5;

fn head(kind: Kind, length: u32) -> [u8; HEAD] {
    let [a, b, c, d] = length.to_le_bytes();
    [kind as u8, a, b, c, d]
}

/// Reads messages until the connection ends, or nobody asks for them.
fn read(mut stream: TcpStream, longest: usize, seen: &Seen, found: &SyncSender<Found>) {
    loop {
        let message = message(&mut stream, longest, seen).unwrap_or_else(Found::Broken);
        let last = !matches!(message, Found::Message(..));
        let beat = matches!(&message, Found::Message(kind, contents)
            if *kind == Kind::Alive as u8 && contents.is_empty());
        if !beat && found.send(message).is_err() || last {
            return;
        }
    }
}

fn message(stream: &mut TcpStream, longest: usize, seen: &Seen) -> IoResult<Found> {
    let mut head = [0; HEAD];
    stream.read_exact(&mut head)?;
    seen.now();
    let [kind, length @ ..] = head;
    let length = u32::from_le_bytes(length) as usize;
    if length > longest.max(TEXT) {
        return Ok(Found::TooLong(kind, length));
    }
    let mut contents = Vec::new();
    while contents.len() < length {
        let from = contents.len();
        contents.resize(length.min(from + PIECE), 0);
        stream.read_exact(&mut contents[from..])?;
        seen.now();
    }
    Ok(Found::Message(kind, contents))
}
