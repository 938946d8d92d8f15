//! An agent that answers over RTT and over its UART. The debugger port of QEMU stands in for a debug
//! probe.

use std::fs;
use std::io::{Read as _, Write as _};
use std::time::{Duration, Instant};

use defmt_decoder::{DecodeError, Table};
use supernano_core::wire::{self, CHUNK, MAX_FRAME, Reply, Request, VERSION};
use supernano_tests::command::{firmware, root};
use supernano_tests::gdb::{Channel, Probe};

/// A device, and the sequence number of the latest request.
struct Device {
    probe: Probe,
    up: Channel,
    logs: Channel,
    down: Channel,
    sequence: u16,
}

fn golden(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/golden").join(name)).unwrap()
}

impl Device {
    fn start() -> Self {
        let mut probe = Probe::start(&firmware("qemu-m4-agent"));
        let (up, down) = probe.channels();
        let ([up, logs], [down]) = (up.as_slice(), down.as_slice()) else {
            panic!("{up:?}, {down:?}");
        };
        let names = [up, logs, down].map(|channel| channel.name.as_str());
        assert_eq!(names, ["supernano", "defmt", "supernano"]);
        assert_eq!([up.mode & 3, logs.mode & 3], [1, 0], "a mode that blocks");
        Self { up: up.clone(), logs: logs.clone(), down: down.clone(), probe, sequence: 0 }
    }

    fn frame(&mut self, request: &Request<'_>) -> Vec<u8> {
        self.sequence += 1;
        let mut frame = [0; MAX_FRAME];
        let length = wire::encode(self.sequence, request, &mut frame).unwrap();
        frame[..length].to_vec()
    }

    /// The lines logged since the last call.
    fn log_lines(&mut self) -> Vec<String> {
        let elf = fs::read(firmware("qemu-m4-agent")).unwrap();
        let table = Table::parse(&elf).unwrap().unwrap();
        let mut decoder = table.new_stream_decoder();
        decoder.received(&self.probe.up(&self.logs.clone()));
        let mut lines = Vec::new();
        loop {
            match decoder.decode() {
                Ok(frame) => lines.push(frame.display_message().to_string()),
                Err(DecodeError::UnexpectedEof) => return lines,
                Err(DecodeError::Malformed) => panic!("a malformed frame after {lines:?}"),
            }
        }
    }

    fn check(&self, frame: &mut [u8], check: impl FnOnce(Reply<'_>)) {
        let (sequence, reply) = wire::decode(frame).unwrap();
        assert_eq!(sequence, self.sequence);
        check(reply);
    }

    /// Asks over RTT.
    fn over_rtt(&mut self, request: &Request<'_>, check: impl FnOnce(Reply<'_>)) {
        let frame = self.frame(request);
        self.probe.down(&self.down, &frame);
        let (start, mut answer) = (Instant::now(), Vec::new());
        while answer.last() != Some(&0) {
            assert!(start.elapsed() < Duration::from_secs(60), "no answer over RTT");
            answer.extend(self.probe.up(&self.up));
        }
        answer.pop();
        self.check(&mut answer, check);
    }

    /// Asks over the UART.
    fn over_uart(&mut self, request: &Request<'_>, check: impl FnOnce(Reply<'_>)) {
        let frame = self.frame(request);
        self.probe.uart.write_all(&frame).unwrap();
        self.probe.uart.set_read_timeout(Some(Duration::from_millis(1))).unwrap();
        let (start, mut answer) = (Instant::now(), Vec::new());
        while answer.last() != Some(&0) {
            assert!(start.elapsed() < Duration::from_secs(60), "no answer over the UART");
            self.probe.go(Duration::from_millis(5));
            let mut bytes = [0; 256];
            if let Ok(n) = self.probe.uart.read(&mut bytes) {
                answer.extend(&bytes[..n]);
            }
        }
        answer.pop();
        self.check(&mut answer, check);
    }
}

const HELLO: Request<'_> = Request::Hello { version: VERSION };

fn is_hello(reply: Reply<'_>) {
    assert!(matches!(reply, Reply::Hello { chip: "mps2-an386", .. }), "{reply:?}");
}

#[test]
fn a_network_runs_over_rtt_and_the_uart_answers_too() {
    let mut device = Device::start();
    device.over_rtt(&HELLO, is_hello);
    let done = |reply: Reply<'_>| assert_eq!(reply, Reply::Done);
    let blob = golden("tiny.snb");
    for (i, data) in blob.chunks(CHUNK).enumerate() {
        let (offset, length) = ((i * CHUNK) as u32, blob.len() as u32);
        device.over_rtt(&Request::Blob { offset, length, data }, done);
    }
    let mut line = String::new();
    device.over_rtt(&Request::Open, |reply| {
        let Reply::Opened { checksum, arena_bytes, .. } = reply else { panic!("{reply:?}") };
        line = format!("network {checksum:08x}, arena {arena_bytes} bytes");
    });
    assert_eq!(device.log_lines().last(), Some(&line));
    let image = golden("tiny.image");
    device.over_rtt(&Request::Image { offset: 0, data: &image }, done);
    // The other line gives the same answer for the same network and image.
    let text = String::from_utf8(golden("tiny.logits")).unwrap();
    let expected: Vec<i32> = text.lines().map(|l| l.parse().unwrap()).collect();
    let right = |reply: Reply<'_>| {
        let Reply::Logits(logits) = reply else { panic!("{reply:?}") };
        assert_eq!(logits[..], expected[..]);
    };
    let run = Request::Run { checksum: wire::checksum(&image) };
    device.over_rtt(&run, right);
    device.over_uart(&run, right);
    assert_eq!(device.probe.up(&device.up), [0; 0], "an answer on a line that did not ask");
    device.over_rtt(&run, right);
}

/// Half a frame on one line does not damage a frame on the other line.
#[test]
fn lines_do_not_mix() {
    let mut device = Device::start();
    let half = device.frame(&HELLO);
    device.probe.down(&device.down.clone(), &half[..half.len() / 2]);
    device.over_uart(&HELLO, is_hello);
    let half = device.frame(&HELLO);
    device.probe.uart.write_all(&half[..half.len() / 2]).unwrap();
    device.probe.go(Duration::from_millis(20));
    device.over_rtt(&HELLO, is_hello);
}

/// The agent still answers after a debugger has set its channel to block, sent requests and
/// disconnected.
#[test]
fn an_agent_whose_answers_nobody_takes_goes_on() {
    let mut device = Device::start();
    let (up, down) = (device.up.clone(), device.down.clone());
    device.probe.set_mode(&up, 2);
    for _ in 0..20 {
        let frame = device.frame(&HELLO);
        device.probe.down(&down, &frame);
    }
    device.over_uart(&HELLO, is_hello);
}
