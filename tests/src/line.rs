//! An emulated agent whose UART listens on a TCP port, and a bad line in front of it.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use supernano_core::wire::{self, Collector, CountUnit, MAX_FRAME, Reply};

/// Faults of a line, in each direction.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Frames in 1,000 with a fault: dropped, doubled, swapped with the next frame, or delayed.
    pub frames: u32,
    /// One byte in this many is changed; 0 for none.
    pub byte: u32,
    /// Number of frames in both directions after which the line breaks; 0 for never.
    pub breaks: u64,
    /// Seed of all faults.
    pub seed: u32,
}

/// Counts of the frames that a line carried, and of its faults.
#[derive(Debug, Default)]
pub struct Carried {
    /// Frames, including damaged ones.
    pub frames: AtomicU64,
    /// Dropped frames.
    pub dropped: AtomicU64,
    /// Doubled frames.
    pub doubled: AtomicU64,
    /// Frames that were swapped with the next frame or delayed.
    pub late: AtomicU64,
    /// Changed bytes.
    pub flipped: AtomicU64,
    /// Cuts of the line.
    pub cut: AtomicU64,
    /// Restarts of the device during a cut.
    pub restarted: AtomicU64,
}

/// A free port of this computer.
fn free_port() -> u16 {
    match TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()) {
        Ok(address) => address.port(),
        Err(error) => panic!("no free port: {error}"),
    }
}

/// Address of the memory that is filled before the start.
const PLACED: u32 = 0x2100_0000;

/// Start options of an emulator.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start<'a> {
    /// A file whose contents are in the machine's memory from the start, as if they were flashed.
    pub placed: Option<&'a Path>,
    /// Whether every instruction takes the same virtual time, so that the device can count them.
    pub counting: bool,
}

/// An emulated Cortex-M4 whose UART is a TCP server.
#[derive(Debug)]
pub struct Emulated {
    child: Child,
    /// Port of the server; 0 if the UART is a pseudo-terminal.
    pub port: u16,
}

impl Emulated {
    /// Starts an agent.
    pub fn start(elf: &Path) -> Self {
        Self::with(elf, Start::default())
    }

    /// Starts an agent with options.
    pub fn with(elf: &Path, start: Start<'_>) -> Self {
        Self::on_port(elf, start, free_port())
    }

    fn on_port(elf: &Path, start: Start<'_>, port: u16) -> Self {
        let serial = format!("tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on");
        match command(elf, start, &serial).stdout(Stdio::null()).spawn() {
            Ok(child) => Self { child, port },
            Err(error) => panic!("qemu-system-arm: {error}"),
        }
    }

    /// Starts an agent whose UART is a pseudo-terminal. Returns the path of the terminal.
    pub fn on_terminal(elf: &Path) -> (Self, String) {
        let mut child = match command(elf, Start::default(), "pty").stdout(Stdio::piped()).spawn() {
            Ok(child) => child,
            Err(error) => panic!("qemu-system-arm: {error}"),
        };
        let stdout = child.stdout.take();
        let emulated = Self { child, port: 0 };
        // QEMU prints "char device redirected to /dev/pts/3 (label serial0)".
        let line = stdout.and_then(|out| BufReader::new(out).lines().next());
        let Some(Ok(line)) = line else { panic!("the emulator names no terminal") };
        match line.split(' ').find(|word| word.starts_with("/dev/")) {
            Some(path) => (emulated, path.to_owned()),
            None => panic!("no terminal in: {line}"),
        }
    }

    /// Restarts the agent on the same port. Its memory is then empty.
    pub fn restart(&mut self, elf: &Path, start: Start<'_>) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        *self = Self::on_port(elf, start, self.port);
    }

    /// Connects to the UART.
    pub fn connect(&self) -> TcpStream {
        let start = Instant::now();
        loop {
            match TcpStream::connect(("127.0.0.1", self.port)) {
                Ok(stream) => return stream,
                Err(_) if start.elapsed() < Duration::from_secs(20) => {
                    std::thread::sleep(Duration::from_millis(10));
                }
                Err(error) => panic!("no emulator on port {}: {error}", self.port),
            }
        }
    }
}

impl Drop for Emulated {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(elf: &Path, start: Start<'_>, serial: &str) -> Command {
    let mut command = supernano_setup::emulator();
    command
        .args(["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-kernel"])
        .arg(elf)
        .args(["-serial", serial])
        .stdin(Stdio::null());
    if let Some(file) = start.placed {
        let name = file.display().to_string().replace(',', ",,");
        let loader = format!("loader,file={name},addr={PLACED:#x},force-raw=on");
        command.args(["-device", &loader]);
    }
    if start.counting {
        command.args(["-icount", "shift=6"]);
    }
    command
}

/// A generator of pseudo-random numbers.
#[derive(Debug)]
pub struct Random(pub u32);

impl Random {
    /// The next number, at least 0 and below `n`.
    pub fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % n
    }
}

fn listener() -> (TcpListener, u16) {
    match TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr().map(|a| (l, a.port()))) {
        Ok(found) => found,
        Err(error) => panic!("{error}"),
    }
}

/// A bad line for one connection. Returns its port and its counts.
pub fn bad_line(emulated: &Emulated, faults: Faults) -> (u16, Arc<Carried>) {
    let (listener, port) = listener();
    let carried = Arc::new(Carried::default());
    let device = emulated.connect();
    let shared = carried.clone();
    std::thread::spawn(move || {
        let Ok((host, _)) = listener.accept() else { return };
        both_ways(&host, &device, faults, &shared);
    });
    (port, carried)
}

/// The times at which a line is cut.
#[derive(Clone, Copy, Debug)]
pub struct Cuts {
    /// Maximum number of cuts.
    pub times: u32,
    /// Minimum and maximum number of frames between two cuts.
    pub frames: (u32, u32),
    /// The device restarts at one cut in this many; 0 for never.
    pub restarts: u32,
}

/// A line that is cut, and the agent at its end. Both end when this value is dropped.
#[derive(Debug)]
pub struct CutLine {
    /// Port of the line.
    pub port: u16,
    /// Counts of the line.
    pub carried: Arc<Carried>,
    emulated: Arc<Mutex<Option<Emulated>>>,
}

impl Drop for CutLine {
    fn drop(&mut self) {
        drop(locked(&self.emulated).take());
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A line to a new agent, which is cut in the middle of frames and also has `faults`.
pub fn cut_line(elf: &Path, counting: bool, cuts: Cuts, faults: Faults) -> CutLine {
    let (listener, port) = listener();
    let start = Start { placed: None, counting };
    let line = CutLine {
        port,
        carried: Arc::new(Carried::default()),
        emulated: Arc::new(Mutex::new(Some(Emulated::with(elf, start)))),
    };
    let (carried, emulated, elf) = (line.carried.clone(), line.emulated.clone(), elf.to_path_buf());
    std::thread::spawn(move || {
        let mut random = Random(faults.seed);
        for time in 0.. {
            let Ok((host, _)) = listener.accept() else { return };
            let restart = time > 0 && cuts.restarts > 0 && random.below(cuts.restarts) == 0;
            let device = {
                let mut emulated = locked(&emulated);
                let Some(emulated) = &mut *emulated else { return };
                if restart {
                    emulated.restart(&elf, Start { placed: None, counting });
                    carried.restarted.fetch_add(1, Ordering::Relaxed);
                }
                emulated.connect()
            };
            let (least, most) = cuts.frames;
            let so_far = carried.frames.load(Ordering::Relaxed);
            let breaks = so_far + u64::from(least + random.below(most - least));
            let breaks = if time < cuts.times { breaks } else { 0 };
            let faults = Faults { breaks, seed: random.below(u32::MAX), ..faults };
            both_ways(&host, &device, faults, &carried);
            carried.cut.fetch_add(1, Ordering::Relaxed);
        }
    });
    line
}

/// A line that changes the name and the clock of a device: it poses as a board `chip` that counts
/// cycles at `clock_hz`. The line takes any number of connections, one after the other.
pub fn posing_line(emulated: &Emulated, chip: &'static str, clock_hz: u32) -> u16 {
    let (listener, port) = listener();
    let target = emulated.port;
    std::thread::spawn(move || {
        for host in listener.incoming().flatten() {
            let Ok(device) = TcpStream::connect(("127.0.0.1", target)) else { return };
            let (Ok(from), Ok(mut to)) = (host.try_clone(), device.try_clone()) else { return };
            let there = std::thread::spawn(move || {
                let _ = std::io::copy(&mut &from, &mut to);
                let _ = to.shutdown(std::net::Shutdown::Both);
            });
            pose(&device, &host, chip, clock_hz);
            let _ = host.shutdown(std::net::Shutdown::Both);
            let _ = there.join();
        }
    });
    port
}

fn pose(mut from: &TcpStream, mut to: &TcpStream, chip: &str, clock_hz: u32) {
    let (mut collector, mut buffer) = (Collector::new(), [0u8; 4096]);
    while let Ok(n @ 1..) = from.read(&mut buffer) {
        for &byte in &buffer[..n] {
            if !collector.push(byte) {
                continue;
            }
            let mut out = collector.frame().to_vec();
            out.push(0);
            if let Ok((sequence, mut reply)) = wire::decode::<Reply<'_>>(collector.frame()) {
                if let Reply::Hello { chip: named, clock_hz: clock, unit, .. } = &mut reply {
                    (*named, *clock, *unit) = (chip, clock_hz, CountUnit::Cycles);
                }
                let mut frame = [0; MAX_FRAME];
                if let Ok(length) = wire::encode(sequence, &reply, &mut frame) {
                    out = frame[..length].to_vec();
                }
            }
            collector.clear();
            if to.write_all(&out).is_err() {
                return;
            }
        }
    }
}

/// Carries both directions until the line breaks.
fn both_ways(host: &TcpStream, device: &TcpStream, faults: Faults, carried: &Carried) {
    let ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for (direction, (from, to)) in [(host, device), (device, host)].into_iter().enumerate() {
            let random = Random(faults.seed ^ (direction as u32 * 0x9e37_79b9));
            let ended = &ended;
            scope.spawn(move || carry(from, to, faults, random, carried, ended));
        }
    });
}

fn carry(
    mut from: &TcpStream,
    mut to: &TcpStream,
    faults: Faults,
    mut random: Random,
    carried: &Carried,
    ended: &AtomicBool,
) {
    let _ = from.set_read_timeout(Some(Duration::from_millis(2)));
    let _ = to.set_nodelay(true);
    let (mut frame, mut buffer) = (Vec::new(), [0u8; 4096]);
    // Delayed frames, with the end of their delay.
    let mut held: VecDeque<(Instant, Vec<u8>)> = VecDeque::new();
    let add = |count: &AtomicU64| count.fetch_add(1, Ordering::Relaxed);
    while !ended.load(Ordering::Relaxed) {
        let mut out = Vec::new();
        match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => {
                for &byte in &buffer[..n] {
                    let flip = faults.byte > 0 && random.below(faults.byte) == 0;
                    frame.push(if flip { byte ^ (1 + random.below(255)) as u8 } else { byte });
                    carried.flipped.fetch_add(u64::from(flip), Ordering::Relaxed);
                    if byte != 0 {
                        continue;
                    }
                    let mut whole = std::mem::take(&mut frame);
                    let count = add(&carried.frames);
                    if faults.breaks > 0 && count >= faults.breaks {
                        ended.store(true, Ordering::Relaxed);
                        whole.truncate(random.below(whole.len() as u32) as usize);
                    }
                    let early = held.front().is_some_and(|(until, _)| *until > Instant::now());
                    let swapped = if early { held.pop_front() } else { None };
                    if random.below(1000) >= faults.frames {
                        out.extend(whole);
                    } else {
                        match random.below(4) {
                            0 => drop(add(&carried.dropped)),
                            1 => {
                                add(&carried.doubled);
                                out.extend_from_slice(&whole);
                                out.extend(whole);
                            }
                            kind => {
                                add(&carried.late);
                                // A short delay swaps the frame with the next one. A long delay outlasts the
                                // wait after which a request is repeated.
                                let wait = if kind == 2 { 10 } else { 40 };
                                let until = Instant::now() + Duration::from_millis(wait);
                                held.push_back((until, whole));
                            }
                        }
                    }
                    out.extend(swapped.into_iter().flat_map(|(_, frame)| frame));
                }
            }
            Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => break,
        }
        while held.front().is_some_and(|(until, _)| *until <= Instant::now()) {
            out.extend(held.pop_front().into_iter().flat_map(|(_, frame)| frame));
        }
        if to.write_all(&out).is_err() {
            break;
        }
    }
    ended.store(true, Ordering::Relaxed);
    let _ = from.shutdown(std::net::Shutdown::Both);
    let _ = to.shutdown(std::net::Shutdown::Both);
}
