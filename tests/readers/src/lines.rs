//! The host's side of a session with a device.
//!
//! An input is a list of answers, each a length and that many bytes: the message of a frame whose
//! sequence number and checksum are right, or with the length 255 all other bytes as they are. After
//! the last answer the line is closed.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use serde::Serialize;
use serde::ser::SerializeTuple as _;
use supernano_core::wire::{
    self, Collector, CountUnit, MAX_FRAME, Refusal, Reply, Request, VERSION, encode, unframe,
};
use supernano_device::{ByteStream, Session};

use crate::models::TINY;
use crate::targets::Target;

/// Marks the rest of an input as bytes of the line.
const PLAIN: u8 = 255;

/// Bytes of a message, without a length.
struct Message<'a>(&'a [u8]);

impl Serialize for Message<'_> {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut tuple = to.serialize_tuple(self.0.len())?;
        for byte in self.0 {
            tuple.serialize_element(byte)?;
        }
        tuple.end()
    }
}

/// A device whose answers are the bytes of the mutated input.
struct Line {
    input: VecDeque<u8>,
    collector: Collector,
    to_host: VecDeque<u8>,
}

impl Line {
    fn answer(&mut self, sequence: u16) {
        match self.input.pop_front() {
            None => {}
            Some(PLAIN) => self.to_host.append(&mut self.input),
            Some(length) => {
                let length = usize::from(length).min(self.input.len());
                let message: Vec<u8> = self.input.drain(..length).collect();
                let mut frame = [0; MAX_FRAME];
                if let Ok(length) = encode(sequence, &Message(&message), &mut frame) {
                    self.to_host.extend(&frame[..length]);
                }
            }
        }
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        match self.to_host.is_empty() {
            true => Err(ErrorKind::ConnectionReset.into()),
            false => self.to_host.read(buffer),
        }
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for &byte in bytes {
            if self.collector.push(byte) {
                let mut frame = self.collector.frame().to_vec();
                self.collector.clear();
                if let Ok((sequence, _)) = wire::decode::<Request<'_>>(&mut frame) {
                    self.answer(sequence);
                }
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ByteStream for Line {
    fn name(&self) -> String {
        "line".into()
    }
}

/// An answer of an input.
fn answer(reply: &Reply<'_>) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME];
    let length = encode(0, reply, &mut frame).expect("a short reply");
    let (_, message) = unframe(&mut frame[..length - 1]).expect("a frame");
    [&[message.len() as u8], message].concat()
}

fn hello() -> Reply<'static> {
    Reply::Hello {
        version: VERSION,
        chip: "line",
        core: "cortex-m4",
        clock_hz: 1_000_000,
        unit: CountUnit::Cycles,
        kernels: "dsp",
        blob_capacity: 100_000,
        arena_capacity: 100_000,
        image_capacity: 1_000,
        free_ram: 0,
        blob_checksum: 0,
    }
}

/// The target of this file.
pub fn targets() -> Vec<Target> {
    let opened = Reply::Opened { checksum: 7, arena_bytes: 100, ops: 3, images: 2 };
    let logits = Reply::Logits([1, -2, 3].into_iter().collect());
    let counts = Reply::Counts {
        total: 9,
        parts: [4, 5].into_iter().collect(),
        stack_bytes: 100,
        open_stack_bytes: 200,
    };
    let parts = TINY.len().div_ceil(wire::CHUNK);
    let mut whole = answer(&hello());
    whole.extend(answer(&Reply::Done).repeat(parts));
    for reply in [opened, Reply::Done, logits, Reply::Digest(1), Reply::Tested(3), counts] {
        whole.extend(answer(&reply));
    }
    let refused = [&answer(&hello())[..], &answer(&Reply::Refused(Refusal::NoBlob))].concat();
    let plain = [&[PLAIN][..], b"\0Hello, board\r\n\0\x01\x01\0"].concat();
    let target = Target::new("sessions", vec![whole, refused, plain], |input| {
        let line = Line {
            input: input.iter().copied().collect(),
            collector: Collector::new(),
            to_host: VecDeque::new(),
        };
        let wait = Duration::from_millis(2);
        let mut session = match Session::begin(Box::new(line), wait, 41, wait) {
            Ok(session) => session,
            Err(error) => return failed(error),
        };
        let outcome = session
            .send_blob(TINY)
            .and_then(|_| session.classify(&[7; 189]))
            .and_then(|_| session.digest(0))
            .and_then(|_| session.self_test())
            .and_then(|_| session.counts());
        outcome.map(|_| ()).or_else(failed)
    });
    vec![target]
}

/// A session may fail in every way that names the line; that is no refusal of an input.
fn failed(error: supernano_base::error::Error) -> Result<(), supernano_base::error::Error> {
    assert!(matches!(error.exit_code(), 2 | 3), "{error}");
    assert!(!error.to_string().is_empty());
    Ok(())
}
