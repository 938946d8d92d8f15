//! Checks over in-memory lines that break in the middle.

use std::collections::VecDeque;
use std::io::{Error as IoError, ErrorKind, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use supernano_base::fixed::{self, Fixed, FixedLayer};
use supernano_base::progress::StepCounter;
use supernano_core::graph::{Activation, Form, Geometry};
use supernano_core::space::Shape;
use supernano_core::wire::{self, CountUnit};
use supernano_runtime::{Agent, Board, Memory};

use super::*;
use crate::session::ByteStream;

const BLOB: &[u8] = include_bytes!("../../../../tests/golden/tiny.snb");
const TARGET: &str = "tcp:memory:1";

enum Mock {}
enum Other {}

macro_rules! board {
    ($name:ident, $chip:literal) => {
        impl Board for Chip<$name> {
            const CHIP: &'static str = $chip;
            const CORE: &'static str = "host";
            fn clock_hz(&self) -> u32 {
                1_000_000
            }
            const UNIT: CountUnit = CountUnit::Cycles;

            fn count(&self) -> u32 {
                0
            }

            fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
                f()
            }
        }
    };
}

struct Chip<T>(std::marker::PhantomData<T>);
board!(Mock, "mock");
board!(Other, "other");

type Receive = Box<dyn FnMut(u8) -> Vec<u8> + Send>;

/// A device whose memory lives as long as the process.
fn device<T: Send + 'static>(placed: &'static [u32]) -> Receive
where
    Chip<T>: Board,
{
    let memory = Memory {
        blob: vec![0; 4096].leak(),
        arena: vec![0; 4096].leak(),
        image: vec![0; 4096].leak(),
        placed,
    };
    let mut agent = Agent::new(Chip::<T>(std::marker::PhantomData), memory);
    Box::new(move |byte| agent.receive(byte).1.to_vec())
}

struct Random(u32);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % n
    }
}

/// The far end of a line, which survives the line: the device, and bytes that it has sent and
/// nobody has read.
struct Far {
    receive: Receive,
    said: VecDeque<u8>,
    runs: u32,
}

/// A line that carries `left` bytes, then breaks.
struct Line {
    far: Arc<Mutex<Far>>,
    left: u32,
    end: bool,
}

impl Line {
    fn far(&self) -> MutexGuard<'_, Far> {
        self.far.lock().unwrap()
    }

    fn take(&mut self) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.left == 0 {
            return if self.end { Ok(0) } else { Err(ErrorKind::BrokenPipe.into()) };
        }
        let Some(byte) = self.far().said.pop_front() else {
            return Err(ErrorKind::WouldBlock.into());
        };
        self.take();
        buffer[0] = byte;
        Ok(1)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        if !self.take() {
            return Err(IoError::other("unplugged"));
        }
        let mut far = self.far();
        let answer = (far.receive)(bytes[0]);
        far.runs += u32::from(!answer.is_empty());
        far.said.extend(answer);
        Ok(1)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ByteStream for Line {
    fn name(&self) -> String {
        TARGET.into()
    }
}

fn images(blob: &Blob, count: usize) -> Images {
    let view = blob.view().unwrap();
    let shape: Shape = view.header().input();
    let pixels: Vec<u8> = (0..count * shape.len()).map(|i| (i * i / 5 % 256) as u8).collect();
    Images::new(shape, pixels, vec![0; count])
}

/// Runs a check over the lines that `open` opens. Returns the outcome, the logits, the traffic and
/// the network that was loaded.
fn over(
    open: &mut Open<'_>,
    count: usize,
    reconnect: Duration,
    state: Option<&Path>,
) -> (Result<()>, Vec<i32>, Traffic, Option<LoadedNetwork>) {
    let blob = Blob::new(BLOB, "tiny.snb").unwrap();
    let images = images(&blob, count);
    let target: Target = TARGET.parse().unwrap();
    let progress = &StepCounter::default();
    let options = CheckOptions {
        measured: None,
        mode: ImageTransfer::Uart,
        elf: None,
        state,
        replaces_state: false,
        reconnect,
        progress,
    };
    let mut run = DeviceCheck::new(&blob, &target, options);
    let mut answers = Answers::begin(&blob, &images, &target, state, false).unwrap();
    let patience = Patience { limit: reconnect, progress };
    let ended = run.one_by_one(open, patience, &images, &mut answers);
    answers.save().unwrap();
    assert_eq!(progress.steps(), (answers.done()) as u64);
    let found = std::mem::take(&mut answers.state.found);
    (ended, found, run.traffic, run.network)
}

fn expected(count: usize) -> Vec<i32> {
    let blob = Blob::new(BLOB, "tiny.snb").unwrap();
    blob.logits(&images(&blob, count)).unwrap()
}

const WAIT: Duration = Duration::from_secs(5);

/// More logits than a reply has arrive page by page, also over lines that are cut between the pages.
#[test]
fn more_logits_than_a_reply_has_arrive_page_by_page() {
    let input = Shape { height: 4, width: 4, channels: 1 };
    for classes in [255, 256, 257, 512, 640] {
        let layers = vec![FixedLayer::new(Form::Dense, Geometry::POINT, 8)];
        let activation = Activation::Clipped;
        let wide = Fixed { name: "wide", input, classes, activation, layers };
        let blob = fixed::blob(&wide, 0, 1).unwrap();
        let images = images(&blob, 6);
        let target: Target = TARGET.parse().unwrap();
        let progress = &StepCounter::default();
        let options = CheckOptions {
            measured: None,
            mode: ImageTransfer::Uart,
            elf: None,
            state: None,
            replaces_state: false,
            reconnect: WAIT,
            progress,
        };
        let mut run = DeviceCheck::new(&blob, &target, options);
        let mut answers = Answers::begin(&blob, &images, &target, None, false).unwrap();
        let (said, runs) = (VecDeque::new(), 0);
        let far = Arc::new(Mutex::new(Far { receive: device::<Mock>(&[]), said, runs }));
        let mut random = Random(classes.into());
        let mut lines = 0;
        let mut open = || -> Result<Box<dyn ByteStream>> {
            lines += 1;
            let left = if lines < 4 { 14_000 + random.below(8000) } else { u32::MAX };
            Ok(Box::new(Line { far: far.clone(), left, end: lines % 2 == 0 }))
        };
        let patience = Patience { limit: WAIT, progress };
        run.one_by_one(&mut open, patience, &images, &mut answers).unwrap();
        assert!(answers.state.found == blob.logits(&images).unwrap(), "{classes} classes");
    }
}

/// Lines break at random bytes, in both directions. Old answers arrive over the new line, or the
/// device has been reset. Every image is answered exactly once, and correctly.
#[test]
fn no_answer_is_lost_or_counted_twice_over_lines_that_are_cut() {
    let (count, expected) = (120, expected(120));
    let (mut cuts, mut kept, mut anew) = (0, 0, 0);
    for seed in 0..40 {
        let mut random = Random(seed * 7919 + 1);
        let (said, runs) = (VecDeque::new(), 0);
        let far = Arc::new(Mutex::new(Far { receive: device::<Mock>(&[]), said, runs }));
        let mut lines = 0;
        let mut open = || -> Result<Box<dyn ByteStream>> {
            lines += 1;
            let mut now = far.lock().unwrap();
            match random.below(4) {
                // The device is reset.
                0 if lines > 1 => {
                    anew += 1;
                    now.receive = device::<Mock>(&[]);
                    now.said.clear();
                }
                1 => now.said.clear(),
                _ => kept += u32::from(!now.said.is_empty()),
            }
            // The line does not open at once.
            if lines > 1 && random.below(8) == 0 {
                let problem = "gone".into();
                return Err(Error::Line { link: TARGET.into(), problem });
            }
            let left = 5000 + random.below(12_000);
            Ok(Box::new(Line { far: far.clone(), left, end: random.below(2) == 0 }))
        };
        let (ended, found, traffic, _) = over(&mut open, count, WAIT, None);
        ended.unwrap();
        assert!(found == expected, "seed {seed}");
        cuts += traffic.reopened;
    }
    assert!(cuts > 100 && kept > 5 && anew > 10, "{cuts} cuts, {kept} kept, {anew} anew");
}

/// The limit ends a check. Its answers stay in the file, and the next check continues there.
#[test]
fn a_line_that_stays_away_ends_the_check_and_keeps_its_answers() {
    let here = tempfile::tempdir().unwrap();
    let state = here.path().join("state.json");
    for reconnect in [Duration::ZERO, Duration::from_millis(300)] {
        let (said, runs) = (VecDeque::new(), 0);
        let far = Arc::new(Mutex::new(Far { receive: device::<Mock>(&[]), said, runs }));
        let mut lines = 0;
        let mut open = || -> Result<Box<dyn ByteStream>> {
            lines += 1;
            match lines {
                1 => Ok(Box::new(Line { far: far.clone(), left: 12_000, end: true })),
                _ => Err(Error::tool("debug probe", "none")),
            }
        };
        let begin = Instant::now();
        let (ended, found, traffic, _) = over(&mut open, 40, reconnect, Some(&state));
        let error = ended.unwrap_err();
        assert_eq!(error.exit_code(), 3);
        assert_eq!(error.to_string().contains("not back within 0.3 s"), !reconnect.is_zero());
        assert!(begin.elapsed() >= reconnect);
        assert_eq!((lines > 1, traffic.reopened), (!reconnect.is_zero(), 0), "{error}");
        let all = expected(40);
        assert!(!found.is_empty() && found.len() < all.len());
        assert_eq!(found, all[..found.len()]);

        let mut open = || {
            Ok(Box::new(Line { far: far.clone(), left: u32::MAX, end: true })
                as Box<dyn ByteStream>)
        };
        let blob = Blob::new(BLOB, "tiny.snb").unwrap();
        let before = far.lock().unwrap().runs;
        let target: Target = TARGET.parse().unwrap();
        let resumed =
            Answers::begin(&blob, &images(&blob, 40), &target, Some(&state), false).unwrap();
        assert_eq!(resumed.state.found, found);
        let begin =
            |replaces| Answers::begin(&blob, &images(&blob, 39), &target, Some(&state), replaces);
        let other = begin(false).err().unwrap().to_string();
        assert!(other.contains("state: expected") && other.contains("40 images"), "{other}");
        assert_eq!(begin(true).unwrap().done(), 0);
        let options = CheckOptions {
            measured: None,
            mode: ImageTransfer::Uart,
            elf: None,
            state: Some(&state),
            replaces_state: false,
            reconnect,
            progress: &StepCounter::default(),
        };
        let mut run = DeviceCheck::new(&blob, &target, options);
        let mut answers = resumed;
        let patience = Patience { limit: reconnect, progress: options.progress };
        run.one_by_one(&mut open, patience, &images(&blob, 40), &mut answers).unwrap();
        assert_eq!(answers.state.found, all);
        // A hello, two opens (the network was kept), then two requests for each image.
        let rest = (all.len() - found.len()) / answers_of(&blob);
        assert_eq!(far.lock().unwrap().runs - before, 3 + 2 * rest as u32);
        assert_eq!(run.network.unwrap().origin, NetworkOrigin::Kept);
        std::fs::remove_file(&state).unwrap();
    }
}

fn answers_of(blob: &Blob) -> usize {
    blob.view().unwrap().classes()
}

#[test]
fn another_device_is_refused() {
    let mut lines = 0;
    let mut open = || -> Result<Box<dyn ByteStream>> {
        lines += 1;
        let receive = if lines == 1 { device::<Mock>(&[]) } else { device::<Other>(&[]) };
        let far = Far { receive, said: VecDeque::new(), runs: 0 };
        Ok(Box::new(Line { far: Arc::new(Mutex::new(far)), left: 12_000, end: true }))
    };
    let (ended, found, traffic, _) = over(&mut open, 40, WAIT, None);
    let error = ended.unwrap_err().to_string();
    assert!(error.contains("chip was mock, is other"), "{error}");
    assert_eq!((lines, traffic.reopened), (2, 0));
    assert_eq!(found, expected(40)[..found.len()]);
}

/// The check gives up a device that is lost at every image, however soon it is back.
#[test]
fn a_device_that_never_answers_again_is_given_up() {
    let (said, runs) = (VecDeque::new(), 0);
    let far = Arc::new(Mutex::new(Far { receive: device::<Mock>(&[]), said, runs }));
    let mut lines = 0;
    let mut open = || -> Result<Box<dyn ByteStream>> {
        lines += 1;
        Ok(Box::new(Line { far: far.clone(), left: 300, end: true }))
    };
    let (ended, found, ..) = over(&mut open, 4, WAIT, None);
    assert_eq!(ended.unwrap_err().exit_code(), 3);
    assert!(found.is_empty());
    assert_eq!(lines, 11);
}

/// A device uses the network in its memory without a transfer. It receives the network over the line
/// if its memory holds a damaged one or none.
#[test]
fn a_network_in_flash_is_used_where_it_is_sound_and_the_same() {
    let words = |bytes: Vec<u8>| -> &'static [u32] {
        let words: Vec<u32> = bytes.chunks(4).map(bytemuck::pod_read_unaligned).collect();
        words.leak()
    };
    let sound = placed_bytes(BLOB, &[], 0);
    let mut damaged = sound.clone();
    damaged[16 + BLOB.len() / 2] ^= 4;
    let parts = BLOB.len().div_ceil(wire::CHUNK) as u64;
    for (placed, origin, what, requests) in [
        (words(sound), NetworkOrigin::Placed, PlacedNetwork::This, 1),
        (words(damaged), NetworkOrigin::Sent, PlacedNetwork::Damaged, 2 + parts),
        (&[][..], NetworkOrigin::Sent, PlacedNetwork::None, 2 + parts),
    ] {
        let far = Far { receive: device::<Mock>(placed), said: VecDeque::new(), runs: 0 };
        let far = Arc::new(Mutex::new(far));
        let mut open = || {
            Ok(Box::new(Line { far: far.clone(), left: u32::MAX, end: true })
                as Box<dyn ByteStream>)
        };
        let (ended, found, traffic, network) = over(&mut open, 5, WAIT, None);
        ended.unwrap();
        assert_eq!(found, expected(5));
        let network = network.unwrap();
        assert_eq!((network.origin, network.placed), (origin, what));
        assert_eq!(traffic.answered, 1 + requests + 2 * 5);
    }
}
