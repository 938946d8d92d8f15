//! A device that uses a network. Where its line is lost, both are got again.

use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Task;
use supernano_core::wire::{Refusal, Request};

use super::session::{Device, Link, Opened, Session, Traffic};

/// Pause between two tries to open a lost line.
const PAUSE: Duration = Duration::from_millis(200);
/// Shortest wait for the answer to a hello.
const SHORTEST: Duration = Duration::from_millis(100);
/// How often at most a device is got again without one answer in between.
const MOST_LOSSES: u32 = 10;
/// How often at most a device that has forgotten its network gets it again in between.
const MOST_LOADS: u32 = 3;

/// How long a lost line is waited for.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience<'a> {
    /// Longest time until the line is open again and the device has said hello; zero: a loss is an
    /// error at once.
    pub limit: Duration,
    /// The progress that messages on standard error must not disturb.
    pub progress: Option<&'a dyn Task>,
}

impl Patience<'_> {
    fn say(&self, text: impl std::fmt::Display) {
        match self.progress {
            Some(task) => task.note(&text.to_string()),
            None => eprintln!("{text}"),
        }
    }
}

/// Where the network that a device uses came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Source {
    /// It lay in memory before the start: in flash, or placed by the emulator.
    Placed,
    /// It had been sent before, and the device still had it.
    Kept,
    /// It was sent.
    Sent,
}

/// What lay in the device's memory before the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Placed {
    /// Nothing.
    None,
    /// This network.
    This,
    /// Another one.
    Other,
    /// A network that the device refuses, since its check failed.
    Damaged,
}

/// A network that a device has opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Where it came from.
    pub source: Source,
    /// What lay in the device's memory before the start.
    pub placed: Placed,
    /// What the device says of it.
    #[serde(skip)]
    pub opened: Opened,
}

/// Has a device use a blob: the one in its memory where it is the same, else it is sent.
///
/// # Errors
/// [`Error::Line`] where the line is lost, [`Error::Refused`] where the blob is too large or arrives
/// damaged, [`Error::Tool`] where another one runs.
fn load(session: &mut Session, blob: &Blob) -> Result<Loaded> {
    let expected = blob.view()?.checksum();
    let known = session.device().blob_checksum == expected;
    let placed = match session.open(&Request::OpenPlaced { set: 0 }) {
        Ok(opened) if opened.checksum == expected => {
            return Ok(Loaded { source: Source::Placed, placed: Placed::This, opened });
        }
        Ok(_) => Placed::Other,
        Err(Error::Refused { refusal: Refusal::NoBlob, .. }) => Placed::None,
        Err(Error::Refused { refusal: Refusal::BadBlob, .. }) => Placed::Damaged,
        Err(Error::Refused { .. }) if !known => Placed::Other,
        Err(error) => return Err(error),
    };
    if known {
        match session.open(&Request::Open) {
            Ok(opened) if opened.checksum == expected => {
                return Ok(Loaded { source: Source::Kept, placed, opened });
            }
            Ok(_) | Err(Error::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let opened = session.send_blob(blob.bytes())?;
    if opened.checksum != expected {
        let problem = format!("runs network {:08x}, not {expected:08x}", opened.checksum);
        return Err(Error::tool("device", problem));
    }
    Ok(Loaded { source: Source::Sent, placed, opened })
}

/// Opens the line to a target, again and again where it must.
pub(super) type Open<'a> = dyn FnMut() -> Result<Box<dyn Link>> + 'a;

/// A line to a device that uses a network.
pub(super) struct Connection<'a> {
    open: &'a mut Open<'a>,
    blob: &'a Blob,
    timeout: Duration,
    patience: Patience<'a>,
    device: Device,
    session: Option<Session>,
    loaded: Option<Loaded>,
    /// What the first load found; later ones may find more in the device's memory.
    first: Option<Loaded>,
    loads: u32,
    sequence: u16,
    /// Over lines that were lost.
    before: Traffic,
}

impl<'a> Connection<'a> {
    /// Opens the line and says hello; `timeout` is the longest time of a reply. Without an
    /// `expected` device, a line that is not there at first is an error at once; with one, it is
    /// waited for like a lost one.
    ///
    /// # Errors
    /// As [`Session::new`], and where another device answers than the expected one.
    pub fn new(
        open: &'a mut Open<'a>,
        blob: &'a Blob,
        timeout: Duration,
        patience: Patience<'a>,
        expected: Option<&Device>,
    ) -> Result<Self> {
        let begun = open().and_then(|link| Session::new(link, timeout));
        let mut this = Self {
            open,
            blob,
            timeout,
            patience,
            device: expected.cloned().unwrap_or_default(),
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
                this.device = session.device().clone();
                this.session = Some(session);
            }
            (Err(error), Some(_)) => this.reopen(error)?,
            (Err(error), None) => return Err(error),
        }
        Ok(this)
    }

    /// Who answers.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// What went over all lines so far.
    pub fn traffic(&self) -> Traffic {
        self.before + self.session.as_ref().map_or_else(Traffic::default, Session::traffic)
    }

    /// Where the network came from at first.
    pub fn first_load(&self) -> Option<Loaded> {
        self.first
    }

    /// Has `ask` done with the device, from its beginning where the line is lost or the device has
    /// forgotten its network. `ask` is told how often the network was loaded so far: what was
    /// sent before the latest is gone.
    ///
    /// # Errors
    /// [`Error::Line`] where the line is not back in time, or another device is; what `ask`
    /// returns.
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
            return Err(Error::tool("device", "its line is not open"));
        };
        if self.loaded.is_none() {
            let loaded = load(session, self.blob)?;
            if loaded.placed == Placed::Damaged && self.first.is_none() {
                self.patience.say(
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

    /// Waits for the line and for the same device.
    fn reopen(&mut self, lost: Error) -> Result<()> {
        if let Some(session) = self.session.take() {
            // Dropped before it is opened again: a port in use would come back by another name.
            self.sequence = session.sequence();
            self.before = self.before + session.traffic();
        }
        self.loaded = None;
        let (begin, limit) = (Instant::now(), self.patience.limit);
        let seconds = limit.as_secs_f64();
        self.patience.say(format_args!("{lost}; waiting for it, {seconds} s at most"));
        let mut last = lost;
        while let Some(left) = limit.checked_sub(begin.elapsed()).filter(|l| !l.is_zero()) {
            match self.reached(left) {
                Ok(session) => {
                    self.same(&session)?;
                    self.device = session.device().clone();
                    self.session = Some(session);
                    self.before.reopened += 1;
                    let waited = begin.elapsed().as_secs_f64();
                    self.patience.say(format_args!("the device is back after {waited:.1} s"));
                    return Ok(());
                }
                Err(error @ (Error::Line { .. } | Error::Tool { .. })) => last = error,
                Err(error) => return Err(error),
            }
            std::thread::sleep(PAUSE.min(limit.saturating_sub(begin.elapsed())));
        }
        let (link, problem) = match last {
            Error::Line { link, problem } => (link, problem),
            other => ("device".into(), other.to_string()),
        };
        let problem = format!("{problem}; not back within {seconds} s (--reconnect)");
        Err(Error::Line { link, problem })
    }

    fn reached(&mut self, left: Duration) -> Result<Session> {
        let link = (self.open)()?;
        Session::begin(link, self.timeout, self.sequence, (left / 4).max(SHORTEST))
    }

    /// Refuses a device that differs from the one before in more than what it holds.
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

/// The first property that differs and is not one of a device's memory at this time.
fn difference(before: &Device, now: &Device) -> Option<(&'static str, String, String)> {
    let all = |d: &Device| {
        [
            ("protocol", d.protocol.to_string()),
            ("chip", d.chip.clone()),
            ("core", d.core.clone()),
            ("clock, Hz,", d.clock_hz.to_string()),
            ("unit", super::session::unit_name(d.unit).to_owned()),
            ("kernel set", d.kernels.clone()),
            ("room for a network", d.blob_capacity.to_string()),
            ("room for an arena", d.arena_capacity.to_string()),
            ("room for an image", d.image_capacity.to_string()),
        ]
    };
    let pairs = all(before).into_iter().zip(all(now));
    pairs.into_iter().find(|(a, b)| a != b).map(|((what, a), (_, b))| (what, a, b))
}
