//! A device that uses a network. If its line is lost, the connection opens it again and loads the
//! network again.

mod load;

use std::time::{Duration, Instant};

use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_core::wire::Refusal;

use self::load::load;
pub(crate) use self::load::same_network;
pub use self::load::{LoadedNetwork, NetworkOrigin, PlacedNetwork};
use crate::session::{ByteStream, DeviceInfo, Session, Traffic, unit_name};

/// Pause between two attempts to open a lost line.
const PAUSE: Duration = Duration::from_millis(200);
/// Shortest wait for the answer to a hello.
const SHORTEST: Duration = Duration::from_millis(100);
/// Maximum consecutive reconnects without an answer.
const MOST_LOSSES: u32 = 10;
/// Maximum consecutive times that the network is loaded into a device that has forgotten it.
const MOST_LOADS: u32 = 3;

/// How long a command waits for a lost line.
#[derive(Clone, Copy, Debug)]
pub struct Patience<'a> {
    /// Longest time until the line is open again and the device has answered a hello. With zero, a
    /// lost line is an error at once.
    pub limit: Duration,
    /// Receives the messages about lost lines.
    pub progress: &'a dyn Task,
}

/// Opens the line to a target; called once for every attempt.
pub(crate) type Open<'a> = dyn FnMut() -> Result<Box<dyn ByteStream>> + 'a;

/// A line to a device that uses a network.
pub(crate) struct Connection<'a> {
    open: &'a mut Open<'a>,
    blob: &'a Blob,
    timeout: Duration,
    patience: Patience<'a>,
    device: DeviceInfo,
    /// The name of the latest line that was open; empty before.
    name: String,
    session: Option<Session>,
    loaded: Option<LoadedNetwork>,
    /// The result of the first load. Later loads may find more in the device's memory.
    first: Option<LoadedNetwork>,
    loads: u32,
    sequence: u16,
    /// Traffic of the lines that were lost.
    before: Traffic,
}

impl<'a> Connection<'a> {
    /// Opens the line and says hello; `timeout` is the longest time of a reply. Without an
    /// `expected` device, a line that does not open is an error at once. With one, the connection
    /// waits for the line as it does for a lost line.
    ///
    /// # Errors
    /// As [`Session::new`]; [`Error::Line`] if another device than the expected one answers.
    pub fn new(
        open: &'a mut Open<'a>,
        blob: &'a Blob,
        timeout: Duration,
        patience: Patience<'a>,
        expected: Option<&DeviceInfo>,
    ) -> Result<Self> {
        let begun = open().and_then(|link| Session::new(link, timeout));
        let mut this = Self {
            open,
            blob,
            timeout,
            patience,
            device: expected.cloned().unwrap_or_default(),
            name: String::new(),
            session: None,
            loaded: None,
            first: None,
            loads: 0,
            sequence: 0,
            before: Traffic::default(),
        };
        match (begun, expected) {
            (Ok(session), expected) => {
                if expected.is_some() {
                    this.same(&session)?;
                }
                this.accept(session);
            }
            (Err(error), Some(_)) => this.reopen(error)?,
            (Err(error), None) => return Err(error),
        }
        Ok(this)
    }

    fn accept(&mut self, session: Session) {
        self.device = session.device().clone();
        self.name = session.name();
        self.session = Some(session);
    }

    /// The name of the latest line, for errors.
    pub fn name(&self) -> &str {
        if self.name.is_empty() { "device" } else { &self.name }
    }

    /// The device that answers.
    pub fn device(&self) -> &DeviceInfo {
        &self.device
    }

    /// Traffic of all lines so far.
    pub fn traffic(&self) -> Traffic {
        self.before + self.session.as_ref().map_or_else(Traffic::default, Session::traffic)
    }

    /// The result of the first load.
    pub fn first_load(&self) -> Option<LoadedNetwork> {
        self.first
    }

    /// Calls `ask` with a session whose device has the network open. If the line is lost or the
    /// device has forgotten its network, `ask` starts again from its beginning. Its second argument
    /// is the number of loads so far: everything sent before the latest load is gone.
    ///
    /// # Errors
    /// [`Error::Line`] if the line is not back in time or another device answers; the errors of
    /// `ask`.
    pub fn run<R>(&mut self, mut ask: impl FnMut(&mut Session, u32) -> Result<R>) -> Result<R> {
        let (mut losses, mut forgotten) = (0, 0);
        loop {
            let error = match self.attempt(&mut ask) {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            match error {
                Error::Refused { refusal: Refusal::NoBlob, .. } if forgotten < MOST_LOADS => {
                    forgotten += 1;
                    self.loaded = None;
                }
                Error::Line { .. } if !self.patience.limit.is_zero() && losses < MOST_LOSSES => {
                    losses += 1;
                    self.reopen(error)?;
                }
                error => return Err(error),
            }
        }
    }

    fn attempt<R>(&mut self, ask: &mut impl FnMut(&mut Session, u32) -> Result<R>) -> Result<R> {
        let Some(session) = &mut self.session else {
            return Err(Error::tool(self.name(), "its line is not open"));
        };
        if self.loaded.is_none() {
            let loaded = load(session, self.blob)?;
            if loaded.placed == PlacedNetwork::Damaged && self.first.is_none() {
                self.patience.progress.note(
                    "the device refuses the network in its flash: damaged; it gets this one over \
                     the line (`supernano flash` writes it anew)",
                );
            }
            self.first.get_or_insert(loaded);
            self.loaded = Some(loaded);
            self.loads += 1;
        }
        ask(session, self.loads)
    }

    fn note(&self, text: std::fmt::Arguments<'_>) {
        self.patience.progress.note(&text.to_string());
    }

    /// Waits for the line and for the same device.
    fn reopen(&mut self, lost: Error) -> Result<()> {
        if let Some(session) = self.session.take() {
            // The session is dropped before the line opens again: a port in use would come back under
            // another name.
            self.sequence = session.sequence();
            self.before = self.before + session.traffic();
        }
        self.loaded = None;
        let (begin, limit) = (Instant::now(), self.patience.limit);
        let seconds = limit.as_secs_f64();
        self.note(format_args!("{lost}; waiting for it, {seconds} s at most"));
        let mut last = lost;
        while let Some(left) = limit.checked_sub(begin.elapsed()).filter(|l| !l.is_zero()) {
            match self.reached(left) {
                Ok(session) => {
                    self.same(&session)?;
                    self.accept(session);
                    self.before.reopened += 1;
                    let waited = begin.elapsed().as_secs_f64();
                    self.note(format_args!("the device is back after {waited:.1} s"));
                    return Ok(());
                }
                Err(error @ (Error::Line { .. } | Error::Tool { .. })) => last = error,
                Err(error) => return Err(error),
            }
            std::thread::sleep(PAUSE.min(limit.saturating_sub(begin.elapsed())));
        }
        let (link, problem) = match last {
            Error::Line { link, problem } => (link, problem),
            other => (self.name().to_owned(), other.to_string()),
        };
        let problem = format!("{problem}; not back within {seconds} s (--reconnect)");
        Err(Error::Line { link, problem })
    }

    fn reached(&mut self, left: Duration) -> Result<Session> {
        let link = (self.open)()?;
        Session::begin(link, self.timeout, self.sequence, (left / 4).max(SHORTEST))
    }

    /// Refuses a device that differs from the one before in anything but the contents of its memory.
    fn same(&self, session: &Session) -> Result<()> {
        let Some((what, before, now)) = difference(&self.device, session.device()) else {
            return Ok(());
        };
        let link = session.name();
        let problem =
            format!("another device answers: {what} was {before}, is {now}; start again with it");
        Err(Error::Line { link, problem })
    }
}

/// The first property that differs between two devices, apart from the contents of their memories.
fn difference(before: &DeviceInfo, now: &DeviceInfo) -> Option<(&'static str, String, String)> {
    let all = |d: &DeviceInfo| {
        [
            ("protocol", d.protocol.to_string()),
            ("chip", d.chip.clone()),
            ("core", d.core.clone()),
            ("clock, Hz,", d.clock_hz.to_string()),
            ("unit", unit_name(d.unit).to_owned()),
            ("kernel set", d.kernels.clone()),
            ("room for a network", d.blob_capacity.to_string()),
            ("room for an arena", d.arena_capacity.to_string()),
            ("room for an image", d.image_capacity.to_string()),
        ]
    };
    let pairs = all(before).into_iter().zip(all(now));
    pairs.into_iter().find(|(a, b)| a != b).map(|((what, a), (_, b))| (what, a, b))
}
