//! The peers after the first: they train their paths of the updates that the first one names.

use std::net::{TcpStream, ToSocketAddrs as _};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde::Serialize;
use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result};
use supernano_base::progress::Progress;
use supernano_base::rng::{Key, Purpose};
use supernano_data::Dataset;

use super::line::Line;
use super::share::owners;
use super::sums::Sums;
use super::wire::{Kind, Reader};
use super::{Meeting, held, layouts};
use crate::run::checkpoint::Checkpoint;
use crate::shard::ShardNumber;
use crate::supernet::Layout;
use crate::training::state::check_data;
use crate::training::timed::with_facts;
use crate::training::{
    Accelerator, Engine, GradientSums, Gradients, Losses, Setup, Sharing, UpdateInput,
};

/// Time between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(200);
/// Bytes of an update's message.
const UPDATE: usize = 24;
/// Bytes at the head of a step's message.
const BEGIN: usize = 12;

/// A training that another process runs.
#[derive(Clone, Copy)]
pub struct FollowRequest<'a> {
    /// The configuration, equal to that of the first peer.
    pub config: &'a RunConfig,
    /// Where the first peer is.
    pub meeting: Meeting<'a>,
    /// The processor that trains this peer's paths.
    pub accelerator: &'a dyn Accelerator,
}

/// What a peer has done.
#[derive(Clone, Debug, Serialize)]
pub struct FollowReport {
    /// The peer and the number of peers.
    pub peer: ShardNumber,
    /// Updates in which it took part.
    pub updates: u64,
    /// Wall time, seconds.
    pub seconds: f64,
    /// Bytes that it sent.
    pub sent: u64,
    /// Bytes that it received.
    pub received: u64,
}

/// Trains this peer's paths until the first peer ends the training.
///
/// # Errors
/// Those of the data set; [`Error::Tool`] naming the first peer if it is not there, fails or ends;
/// [`Error::NotFinite`].
pub fn follow(request: &FollowRequest<'_>, progress: &dyn Progress) -> Result<FollowReport> {
    let started = Instant::now();
    let FollowRequest { config, meeting, accelerator } = *request;
    accelerator.computes(config.precision)?;
    accelerator.check(config)?;
    let dataset = supernano_data::of_config_shown(config, None, progress)?;
    let config = &with_facts(config, &dataset);
    check_data(config, &dataset)?;
    let line = Arc::new(Mutex::new(connect(&meeting, config)?));
    let hello = meeting.hello(config, &dataset)?;
    {
        let mut line = held(&line);
        line.known(ShardNumber { index: 1, of: meeting.peer.of });
        line.send(Kind::Hello, &hello.bytes())?;
        line.receive(&[(Kind::Welcome, 0)])?;
        line.begin()?;
    }
    let (peer, dataset, line_of) = (meeting.peer, &dataset, line.clone());
    let follower = Follower { config, dataset, peer, accelerator, line: line_of };
    let updates = follower.train(progress);
    let mut line = held(&line);
    if let Err(error) = &updates {
        line.fail(&error.to_string());
    }
    Ok(FollowReport {
        peer: hello.peer,
        updates: updates?,
        seconds: started.elapsed().as_secs_f64(),
        sent: line.sent,
        received: line.received,
    })
}

type SharedLine = Arc<Mutex<Line>>;

/// Connects to the first peer, which may start later.
fn connect(meeting: &Meeting<'_>, config: &RunConfig) -> Result<Line> {
    let limits = meeting.limits(config);
    let place = format!("--address {}", meeting.address);
    let started = Instant::now();
    loop {
        let addresses = meeting.address.to_socket_addrs().map_err(|e| Error::tool(&place, e))?;
        let mut problem = "no such host".to_owned();
        for address in addresses {
            match TcpStream::connect_timeout(&address, meeting.patience) {
                Ok(stream) => return Line::new(stream, address, limits),
                Err(e) => problem = e.to_string(),
            }
        }
        if started.elapsed() > meeting.patience {
            return Err(Error::tool(place, format!("peer 1 is not there: {problem}")));
        }
        std::thread::sleep(PAUSE);
    }
}

/// A training that the first peer runs.
struct Follower<'a> {
    config: &'a RunConfig,
    dataset: &'a Dataset,
    peer: ShardNumber,
    accelerator: &'a dyn Accelerator,
    line: SharedLine,
}

impl Follower<'_> {
    /// Trains until the end, and returns the number of updates.
    fn train(&self, progress: &dyn Progress) -> Result<u64> {
        let layouts = layouts(self.config);
        let longest = layouts.iter().map(begin_length).max();
        let kinds = [(Kind::Begin, longest.unwrap_or(0)), (Kind::Update, UPDATE), (Kind::End, 0)];
        let task = progress.task(0, &format!("peer {}", self.peer));
        let mut step: Option<Step<'_>> = None;
        let mut updates = 0;
        loop {
            let (kind, bytes) = held(&self.line).receive(&kinds)?;
            match (kind, &mut step) {
                (Kind::End, _) => break,
                (Kind::Begin, _) => {
                    let state = begun(&bytes, &layouts);
                    let state = state.ok_or_else(|| held(&self.line).malformed(kind))?;
                    step = Some(self.step(state)?);
                }
                (_, Some(step)) => {
                    let named = named(&bytes, step, self.dataset.train.len());
                    let named = named.ok_or_else(|| held(&self.line).malformed(kind))?;
                    step.update(&named)?;
                    updates += 1;
                    task.advance(1);
                }
                (_, None) => return Err(held(&self.line).failed("an update before a step")),
            }
        }
        task.finish();
        Ok(updates)
    }

    fn step(&self, state: Checkpoint) -> Result<Step<'_>> {
        let space = self.config.shared_space();
        let (number, dataset) = (state.step, self.dataset);
        let setup = Setup { space, config: self.config, dataset, state, fixed: None };
        let sharing = Follows {
            line: self.line.clone(),
            peer: self.peer,
            owners: Vec::new(),
            paths: Vec::new(),
        };
        let config = setup.step();
        Ok(Step {
            learner: self.accelerator.shared_engine(setup, Box::new(sharing))?,
            batch: config.batch,
            key: Key { seed: self.config.seed, epoch: 0, step: number as u64 },
            epochs: config.epochs,
            order: None,
            images: dataset.train.len(),
        })
    }
}

/// A step in training.
struct Step<'a> {
    learner: Box<dyn Engine + 'a>,
    batch: usize,
    epochs: u32,
    key: Key,
    /// The epoch, and its order of the training images.
    order: Option<(u32, Vec<u32>)>,
    images: usize,
}

/// An update that the first peer names.
struct Named {
    epoch: u32,
    range: std::ops::Range<usize>,
    update: u64,
    rate: f32,
}

impl Step<'_> {
    fn update(&mut self, named: &Named) -> Result<()> {
        let &Named { epoch, ref range, update, rate } = named;
        let key = Key { epoch, ..self.key };
        if self.order.as_ref().is_none_or(|(of, _)| *of != epoch) {
            self.order = Some((epoch, key.permutation(Purpose::Shuffle, self.images)));
        }
        let order = self.order.as_ref().map_or(&[][..], |(_, order)| order);
        let input = UpdateInput { order, range: range.clone(), key, update, rate };
        self.learner.update(&input).map(drop)
    }
}

/// The state at the start of a step; `None` for contents that fit none of the layouts.
fn begun(bytes: &[u8], layouts: &[Layout]) -> Option<Checkpoint> {
    let mut reader = Reader(bytes);
    let (step, values, tensors) = (reader.u32()? as usize, reader.u32()?, reader.u32()?);
    let layout = layouts.get(step.checked_sub(1)?)?;
    let lengths: Vec<usize> = layout.entries.iter().map(|e| e.len()).collect();
    let momentum = match tensors as usize {
        0 => &[][..],
        n if n == lengths.len() => &lengths,
        _ => return None,
    };
    if values as usize != layout.len() {
        return None;
    }
    let values = reader.floats(layout.len())?;
    let momentum = reader.tensors(momentum)?;
    reader.0.is_empty().then(|| Checkpoint { momentum, ..Checkpoint::start(step, values) })
}

/// The update of a message; `None` for one that the step does not have.
fn named(bytes: &[u8], step: &Step<'_>, images: usize) -> Option<Named> {
    let mut reader = Reader(bytes);
    let epoch = reader.u32()?;
    let (from, to) = (reader.u32()? as usize, reader.u32()? as usize);
    let update = reader.u64()?;
    let rate = f32::from_bits(reader.u32()?);
    let fits = epoch < step.epochs && from + 2 <= to && to <= images && to - from <= step.batch;
    (fits && rate.is_finite() && reader.0.is_empty()).then_some(Named {
        epoch,
        range: from..to,
        update,
        rate,
    })
}

/// Longest contents of a step's message.
pub(super) fn begin_length(layout: &Layout) -> usize {
    BEGIN + layout.entries.len() + 8 * layout.len()
}

/// A later peer's part of an update.
struct Follows {
    line: SharedLine,
    peer: ShardNumber,
    owners: Vec<usize>,
    /// Loss and gradients of the paths that are done.
    paths: Vec<(f64, Gradients)>,
}

impl Sharing for Follows {
    fn begin(&mut self, _: &UpdateInput<'_>) -> Result<()> {
        self.paths.clear();
        Ok(())
    }

    fn divide(&mut self, paths: usize, cost: &dyn Fn(usize) -> u64) {
        let costs: Vec<u64> = (0..paths).map(cost).collect();
        self.owners = owners(&costs, self.peer.of);
    }

    fn trains(&self, path: usize) -> bool {
        self.owners.get(path) == Some(&(self.peer.index - 1))
    }

    fn teach(&mut self, _: &mut dyn FnMut() -> Result<Vec<f32>>) -> Result<()> {
        // Path 0 belongs to the first peer.
        Ok(())
    }

    fn learn(&mut self, logits: usize) -> Result<Vec<f32>> {
        let mut line = held(&self.line);
        let (kind, bytes) = line.receive(&[(Kind::Logits, 4 * logits)])?;
        let mut reader = Reader(&bytes);
        let values = reader.floats(logits).filter(|_| reader.0.is_empty());
        values.ok_or_else(|| line.malformed(kind))
    }

    fn done(&mut self, sums: &mut dyn GradientSums, loss: f64) -> Result<()> {
        self.paths.push((loss, sums.take()?));
        Ok(())
    }

    fn sum(&mut self, own: &mut dyn GradientSums, losses: &mut Losses) -> Result<()> {
        let lengths = own.lengths();
        let mut line = held(&self.line);
        let mut sums = Sums::receive(&mut line, &lengths)?;
        self.paths.drain(..).for_each(|(loss, gradients)| sums.add(loss, gradients));
        sums.send(&mut line)?;
        if self.peer.index < self.peer.of {
            sums = Sums::receive(&mut line, &lengths)?;
        }
        *losses = sums.losses();
        own.put(sums.gradients)
    }

    fn keeps(&self) -> bool {
        false
    }
}
