//! An emulated agent whose UART listens on a port, and a bad line in front of it.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What a line does to frames, in each direction.
#[derive(Clone, Copy, Debug)]
pub struct Faults {
    /// Frames in 1,000 that are dropped, doubled, swapped with the next or delayed: one of these.
    pub frames: u32,
    /// One byte in so many is changed; 0 for none.
    pub byte: u32,
    /// Frames of both directions after which the line breaks; 0 for never.
    pub breaks: u64,
    /// Seed of all that.
    pub seed: u32,
}

/// Frames that a line carried and what it did to them.
#[derive(Debug, Default)]
pub struct Carried {
    /// Frames, damaged ones included.
    pub frames: AtomicU64,
    /// Dropped.
    pub dropped: AtomicU64,
    /// Doubled.
    pub doubled: AtomicU64,
    /// Let through after the next one, or some time late.
    pub late: AtomicU64,
    /// Bytes changed.
    pub flipped: AtomicU64,
}

/// Wait until a port of this computer is free again.
fn free_port() -> u16 {
    match TcpListener::bind(("127.0.0.1", 0)).and_then(|l| l.local_addr()) {
        Ok(address) => address.port(),
        Err(error) => panic!("no free port: {error}"),
    }
}

/// An emulated Cortex-M4 whose UART is a TCP server.
#[derive(Debug)]
pub struct Emulated {
    child: Child,
    /// Its port.
    pub port: u16,
}

impl Emulated {
    /// Starts an agent.
    pub fn start(elf: &Path) -> Self {
        let port = free_port();
        let child = Command::new("qemu-system-arm")
            .args(["-M", "mps2-an386", "-display", "none", "-monitor", "none", "-kernel"])
            .arg(elf)
            .args(["-serial", &format!("tcp:127.0.0.1:{port},server=on,wait=off,nodelay=on")])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn();
        match child {
            Ok(child) => Self { child, port },
            Err(error) => panic!("qemu-system-arm: {error}"),
        }
    }

    /// Connects to its UART.
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

struct Random(u32);

impl Random {
    fn below(&mut self, n: u32) -> u32 {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.0 >> 8) % n
    }
}

/// A line for one connection; its port, and what it carries.
pub fn bad_line(emulated: &Emulated, faults: Faults) -> (u16, Arc<Carried>) {
    let listener = match TcpListener::bind(("127.0.0.1", 0)) {
        Ok(listener) => listener,
        Err(error) => panic!("{error}"),
    };
    let Ok(address) = listener.local_addr() else { panic!("no address") };
    let carried = Arc::new(Carried::default());
    let device = emulated.connect();
    let shared = carried.clone();
    std::thread::spawn(move || {
        let Ok((host, _)) = listener.accept() else { return };
        let ended = Arc::new(AtomicBool::new(false));
        let ends = [(&host, &device), (&device, &host)];
        std::thread::scope(|scope| {
            for (direction, (from, to)) in ends.into_iter().enumerate() {
                let (carried, ended) = (shared.clone(), ended.clone());
                let random = Random(faults.seed ^ (direction as u32 * 0x9e37_79b9));
                scope.spawn(move || carry(from, to, faults, random, &carried, &ended));
            }
        });
    });
    (address.port(), carried)
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
    // frames that wait, and until when
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
                    let whole = std::mem::take(&mut frame);
                    let count = add(&carried.frames);
                    if faults.breaks > 0 && count >= faults.breaks {
                        ended.store(true, Ordering::Relaxed);
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
                                // swapped with the next frame, or so late that it was sent again
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
