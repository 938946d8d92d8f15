//! The first peer: it runs the training and tells the others what to do.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use supernano_base::config::{Precision, RunConfig};
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress;

use super::line::{Limits, Line};
use super::share::owners;
use super::sums::Sums;
use super::wire::{Hello, Kind, VERSION, put_floats, put_tensors};
use super::{Meeting, held};
use crate::shard::ShardNumber;
use crate::training::{
    Accelerator, Engine, GradientSums, Losses, Panel, Setup, Sharing, TrainReport, TrainRequest,
    UpdateInput, train_for,
};

/// Longest wait for the first message of a connection.
const INTRODUCTION: Duration = Duration::from_secs(5);
/// Time between two looks for a connection.
const LOOK: Duration = Duration::from_millis(20);

/// The connections to the other peers, in order.
type Lines = Arc<Mutex<Vec<Line>>>;

/// As [`train_for`], as the first of several peers. The processor of the request trains this peer's
/// paths.
///
/// # Errors
/// As [`train_for`]; [`Error::Tool`] naming a peer that does not come, fails or ends, with a checkpoint
/// of the last update; [`Error::Invalid`] for a peer with another version, configuration or data.
pub fn lead(
    request: &TrainRequest<'_>,
    meeting: &Meeting<'_>,
    progress: &dyn Progress,
) -> Result<TrainReport> {
    let listener = TcpListener::bind(meeting.address)
        .map_err(|e| Error::tool(format!("--address {}", meeting.address), e))?;
    progress.note(&format!("waiting for {} peers", meeting.peer.of - 1));
    let lines = Lines::default();
    let own = request.accelerator;
    let peers = Peers { own, listener, meeting: *meeting, lines: lines.clone() };
    let result = train_for(&TrainRequest { accelerator: &peers, ..*request }, progress);
    for line in held(&lines).iter_mut() {
        match &result {
            Ok(_) => {
                line.send(Kind::End, &[])?;
                line.part();
            }
            Err(error) => line.fail(&error.to_string()),
        }
        let (sent, received) = (line.sent, line.received);
        progress.note(&format!("{}: {sent} bytes sent, {received} received", line.name()));
    }
    result
}

/// The processors of all peers.
struct Peers<'a> {
    /// That of the first peer.
    own: &'a dyn Accelerator,
    listener: TcpListener,
    meeting: Meeting<'a>,
    lines: Lines,
}

impl Accelerator for Peers<'_> {
    fn check(&self, config: &RunConfig) -> Result<()> {
        self.own.check(config)
    }

    fn computes(&self, precision: Precision) -> Result<()> {
        self.own.computes(precision)
    }

    fn engine<'a>(&self, setup: Setup<'a>, _panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>> {
        let others = self.meeting.peer.of - 1;
        let mut lines = held(&self.lines);
        if lines.len() < others {
            let hello = self.meeting.hello(setup.config, setup.dataset)?;
            *lines = self.gather(&hello, self.meeting.limits(setup.config))?;
        }
        let state = &setup.state;
        let mut begin = (state.step as u32).to_le_bytes().to_vec();
        begin.extend((state.values.len() as u32).to_le_bytes());
        begin.extend((state.momentum.len() as u32).to_le_bytes());
        put_floats(&mut begin, &state.values);
        put_tensors(&mut begin, &state.momentum);
        lines.iter_mut().try_for_each(|line| line.send(Kind::Begin, &begin))?;
        drop(lines);
        let sharing = Leads { lines: self.lines.clone(), owners: Vec::new() };
        self.own.shared_engine(setup, Box::new(sharing))
    }

    fn shared_engine<'a>(
        &self,
        setup: Setup<'a>,
        sharing: Box<dyn Sharing>,
    ) -> Result<Box<dyn Engine + 'a>> {
        self.own.shared_engine(setup, sharing)
    }
}

impl Peers<'_> {
    /// Waits for all other peers.
    fn gather(&self, hello: &Hello, limits: Limits) -> Result<Vec<Line>> {
        let Meeting { peer, address, patience, .. } = self.meeting;
        let mut lines: Vec<Option<Line>> = (1..peer.of).map(|_| None).collect();
        let place = format!("--address {address}");
        let failed = |e: std::io::Error| Error::tool(&place, e);
        self.listener.set_nonblocking(true).map_err(failed)?;
        let started = Instant::now();
        let mut refused = String::new();
        while let Some(missing) = lines.iter().position(Option::is_none) {
            match self.listener.accept() {
                Ok((stream, from)) => match introduced(stream, from, hello, limits)? {
                    Ok((index, line)) => match &mut lines[index - 2] {
                        slot @ None => *slot = Some(line),
                        Some(_) => {
                            refused = format!("; a second peer {index} came from {from}");
                            let mut line = line;
                            line.fail("a peer of this number is there already");
                        }
                    },
                    Err(problem) => refused = format!("; {from} was refused: {problem}"),
                },
                Err(e) if e.kind() == ErrorKind::WouldBlock => {
                    if started.elapsed() > patience {
                        let who = ShardNumber { index: missing + 2, of: peer.of };
                        let limit = patience.as_secs_f64();
                        let problem = format!("did not come within {limit} s{refused}");
                        return Err(Error::tool(format!("peer {who}"), problem));
                    }
                    std::thread::sleep(LOOK);
                }
                Err(e) => return Err(failed(e)),
            }
        }
        Ok(lines.into_iter().flatten().collect())
    }
}

/// Reads the hello of a connection and answers it: the peer's number and its line, or the problem of
/// one that is no peer.
///
/// # Errors
/// [`Error::Invalid`] for a peer that does not fit.
fn introduced(
    stream: TcpStream,
    from: SocketAddr,
    own: &Hello,
    limits: Limits,
) -> Result<std::result::Result<(usize, Line), String>> {
    let brief = Limits { patience: limits.patience.min(INTRODUCTION), ..limits };
    let hello = Line::new(stream, from, brief).and_then(|mut line| {
        let (kind, bytes) = line.receive(&[(Kind::Hello, Hello::LENGTH)])?;
        Ok((kind, bytes, line))
    });
    let (kind, bytes, mut line) = match hello {
        Ok(hello) => hello,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let found = match Hello::parse(&bytes) {
        Ok(found) => found,
        Err(None) => return Ok(Err(line.malformed(kind).to_string())),
        Err(Some(version)) => {
            line.fail(&format!("version of the messages: expected {VERSION}, found {version}"));
            return Err(Error::invalid(from, "version of the messages", VERSION, version));
        }
    };
    let of = own.peer.of;
    let checks = [
        ("number of peers", of.to_string(), found.peer.of.to_string()),
        ("configuration", own.configuration.clone(), found.configuration),
        ("data", own.data.clone(), found.data),
    ];
    if let Some((field, expected, found)) = checks.into_iter().find(|(_, a, b)| a != b) {
        let error = Error::invalid(format!("peer at {from}"), field, expected, found);
        line.fail(&error.to_string());
        return Err(error);
    }
    if !(2..=of).contains(&found.peer.index) {
        return Ok(Err(format!("peer number: expected 2 to {of}, found {}", found.peer.index)));
    }
    line.known(found.peer);
    line.patience(limits.patience);
    line.send(Kind::Welcome, &[])?;
    line.begin()?;
    Ok(Ok((found.peer.index, line)))
}

/// The first peer's part of an update.
struct Leads {
    lines: Lines,
    owners: Vec<usize>,
}

impl Sharing for Leads {
    fn begin(&mut self, input: &UpdateInput<'_>) -> Result<()> {
        let mut bytes = input.key.epoch.to_le_bytes().to_vec();
        bytes.extend((input.range.start as u32).to_le_bytes());
        bytes.extend((input.range.end as u32).to_le_bytes());
        bytes.extend(input.update.to_le_bytes());
        bytes.extend(input.rate.to_le_bytes());
        held(&self.lines).iter_mut().try_for_each(|line| line.send(Kind::Update, &bytes))
    }

    fn divide(&mut self, paths: usize, cost: &dyn Fn(usize) -> u64) {
        let costs: Vec<u64> = (0..paths).map(cost).collect();
        self.owners = owners(&costs, held(&self.lines).len() + 1);
    }

    fn trains(&self, path: usize) -> bool {
        self.owners.get(path) == Some(&0)
    }

    fn teach(&mut self, logits: &mut dyn FnMut() -> Result<Vec<f32>>) -> Result<()> {
        let mut bytes = Vec::new();
        put_floats(&mut bytes, &logits()?);
        held(&self.lines).iter_mut().try_for_each(|line| line.send(Kind::Logits, &bytes))
    }

    fn learn(&mut self, _: usize) -> Result<Vec<f32>> {
        // It trains path 0 itself.
        Ok(Vec::new())
    }

    fn done(&mut self, _: &mut dyn GradientSums, _: f64) -> Result<()> {
        Ok(())
    }

    fn sum(&mut self, own: &mut dyn GradientSums, losses: &mut Losses) -> Result<()> {
        let lengths = own.lengths();
        let mut lines = held(&self.lines);
        let mut sums = Sums::new(*losses, own.take()?);
        for line in lines.iter_mut() {
            sums.send(line)?;
            sums = Sums::receive(line, &lengths)?;
        }
        // The last peer has them.
        if let Some((_, before)) = lines.split_last_mut() {
            before.iter_mut().try_for_each(|line| sums.send(line))?;
        }
        *losses = sums.losses();
        own.put(sums.gradients)
    }

    fn keeps(&self) -> bool {
        true
    }
}
