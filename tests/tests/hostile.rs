//! Peers that are no agent, or one that lies: every command that talks to a device ends with exit
//! code 2 or 3 and a message that names the line or the device.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use supernano_core::wire::{
    self, Collector, CountUnit, MAX_FRAME, Reply, Request, VERSION, encode,
};
use supernano_tests::command::{binary, firmware};
use supernano_tests::line::Random;
use supernano_tests::small::by_eight;

/// Handles a connection until it returns.
type Peer = fn(TcpStream);

/// A port whose connections `peer` handles.
fn port(peer: Peer) -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || peer(stream));
        }
    });
    port
}

fn close(_: TcpStream) {}

/// Takes everything and says nothing.
fn silent(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while stream.read(&mut buffer).is_ok_and(|n| n > 0) {}
}

/// Sends `next` until the host closes the line.
fn flood(mut stream: TcpStream, next: impl Fn(&mut Random) -> u8) {
    let mut random = Random(7);
    let mut buffer = [0; 4096];
    loop {
        buffer.iter_mut().for_each(|byte| *byte = next(&mut random));
        if stream.write_all(&buffer).is_err() {
            return;
        }
    }
}

fn noise(stream: TcpStream) {
    flood(stream, |random| random.below(256) as u8);
}

fn zeros(stream: TcpStream) {
    flood(stream, |_| 0);
}

fn endless_frame(stream: TcpStream) {
    flood(stream, |_| 0x55);
}

fn text(stream: TcpStream) {
    flood(stream, |random| b"overrun! \r\n"[random.below(11) as usize]);
}

/// Answers the requests of a line with `reply` of sequence number and request.
fn answer(mut stream: TcpStream, reply: impl Fn(u16, &Request<'_>) -> (u16, Reply<'static>)) {
    let (mut collector, mut buffer) = (Collector::new(), [0u8; 4096]);
    while let Ok(n @ 1..) = stream.read(&mut buffer) {
        for &byte in &buffer[..n] {
            if !collector.push(byte) {
                continue;
            }
            if let Ok((sequence, request)) = wire::decode::<Request<'_>>(collector.frame()) {
                let (sequence, reply) = reply(sequence, &request);
                let mut frame = [0; MAX_FRAME];
                let length = encode(sequence, &reply, &mut frame).unwrap();
                if stream.write_all(&frame[..length]).is_err() {
                    return;
                }
            }
            collector.clear();
        }
    }
}

fn hello() -> Reply<'static> {
    Reply::Hello {
        version: VERSION,
        chip: "liar",
        core: "cortex-m4",
        clock_hz: u32::MAX,
        unit: CountUnit::Cycles,
        kernels: "",
        blob_capacity: u32::MAX,
        arena_capacity: u32::MAX,
        image_capacity: u32::MAX,
        free_ram: u32::MAX,
        blob_checksum: 0,
    }
}

/// Greets as an agent does, and answers everything else with a reply to another request.
fn wrong_replies(stream: TcpStream) {
    answer(stream, |sequence, request| match request {
        Request::Hello { .. } => (sequence, hello()),
        Request::Blob { .. } => (sequence, Reply::Digest(7)),
        _ => (sequence, Reply::Done),
    });
}

/// Answers everything with hellos.
fn only_hellos(stream: TcpStream) {
    answer(stream, |sequence, _| (sequence, hello()));
}

/// Answers with the sequence numbers of other requests.
fn stale_replies(stream: TcpStream) {
    answer(stream, |sequence, _| (sequence.wrapping_sub(1), hello()));
}

/// Opens any network with numbers that cannot be, and answers with logits of no network.
fn wrong_numbers(stream: TcpStream) {
    answer(stream, |sequence, request| {
        let reply = match request {
            Request::Hello { .. } => hello(),
            Request::Blob { .. } | Request::Image { .. } => Reply::Done,
            Request::Open | Request::OpenPlaced { .. } => Reply::Opened {
                checksum: 0,
                arena_bytes: u32::MAX,
                ops: u32::MAX,
                images: u32::MAX,
            },
            Request::Measure => Reply::Counts {
                total: 0,
                parts: [].into_iter().collect(),
                stack_bytes: u32::MAX,
                open_stack_bytes: u32::MAX,
            },
            Request::SelfTest => Reply::Refused(wire::Refusal::Malformed),
            _ => Reply::Logits([].into_iter().collect()),
        };
        (sequence, reply)
    });
}

/// Starts a command.
fn start(args: &[&str]) -> Child {
    let mut command = Command::new(binary());
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().unwrap()
}

/// Waits for a command. A command that hangs is killed, so that the test ends.
fn end(mut child: Child, what: &str) -> (i32, String) {
    let start = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if start.elapsed() > Duration::from_secs(240) {
            child.kill().unwrap();
            panic!("{what} hangs");
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let output = child.wait_with_output().unwrap();
    (output.status.code().unwrap_or(-1), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn no_peer_makes_a_command_hang_or_lie() {
    let peers: [(&str, Peer); 10] = [
        ("closes", close),
        ("silent", silent),
        ("noise", noise),
        ("zeros", zeros),
        ("endless frame", endless_frame),
        ("text", text),
        ("wrong replies", wrong_replies),
        ("only hellos", only_hellos),
        ("stale replies", stale_replies),
        ("wrong numbers", wrong_numbers),
    ];
    let network = by_eight();
    let running: Vec<(String, Child)> = peers
        .into_iter()
        .flat_map(|(name, peer)| {
            let target = format!("tcp:127.0.0.1:{}", port(peer));
            let on = ["--target", &target];
            [
                [&["check", network, "--images", "3", "--reconnect", "0"][..], &on].concat(),
                [&["latency", network, "--reconnect", "0"][..], &on].concat(),
                [&["dev", "selftest"][..], &on].concat(),
            ]
            .map(|args| (format!("{name}: {}", args[0]), start(&args)))
        })
        .collect();
    for (what, child) in running {
        let (code, message) = end(child, &what);
        assert!(matches!(code, 2 | 3), "{what}: {code}: {message}");
        let named = message.contains("tcp:127.0.0.1:");
        assert!(named && !message.contains("panicked"), "{what}: {message}");
    }
}

#[test]
fn a_log_of_nonsense_ends_with_its_line() {
    /// A part of a flood.
    fn part(mut stream: TcpStream) {
        let mut random = Random(3);
        let bytes: Vec<u8> = (0..100_000).map(|_| random.below(256) as u8).collect();
        let _ = stream.write_all(&bytes);
    }
    let elf = firmware("qemu-m4-agent").display().to_string();
    for (name, peer) in [("closes", close as Peer), ("noise", part)] {
        let target = format!("tcp:127.0.0.1:{}", port(peer));
        let (code, message) = end(start(&["watch", "--target", &target, "--firmware", &elf]), name);
        assert!(matches!(code, 0 | 2 | 3) && !message.contains("panicked"), "{name}: {message}");
    }
}
