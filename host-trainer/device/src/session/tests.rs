use std::collections::VecDeque;

use super::*;

/// A device that answers requests, over a line that drops, doubles and damages frames.
struct Line {
    to_host: VecDeque<u8>,
    collector: Collector,
    seen: u32,
    state: u32,
    losses: u32,
}

impl Line {
    fn random(&mut self, n: u32) -> u32 {
        self.state = self.state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (self.state >> 16) % n
    }

    fn answer(&mut self, request: &Request<'_>, sequence: u16) {
        let reply = match request {
            Request::Hello { .. } => Reply::Hello {
                version: VERSION,
                chip: "line",
                core: "test",
                clock_hz: 1,
                unit: wire::CountUnit::Cycles,
                kernels: "none",
                blob_capacity: 0,
                arena_capacity: 0,
                image_capacity: 0,
                free_ram: 0,
                blob_checksum: 0,
            },
            Request::RunPlaced { index } => {
                self.seen += 1;
                Reply::Logits([*index as i32, 7].into_iter().collect())
            }
            _ => Reply::Refused(wire::Refusal::NoBlob),
        };
        let mut out = [0; MAX_FRAME];
        let n = wire::encode(sequence, &reply, &mut out).unwrap();
        let mut bytes = out[..n].to_vec();
        let fate = self.random(10);
        self.losses += u32::from(fate < 3);
        match fate {
            0 => return,
            1 => bytes[3] ^= 0x10,
            2 => bytes.extend_from_within(..),
            _ => {}
        }
        self.to_host.extend(bytes);
    }
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.to_host.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.to_host.read(buffer)
    }
}

impl Write for Line {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for &byte in bytes {
            if self.collector.push(byte) {
                let mut frame = self.collector.frame().to_vec();
                self.collector.clear();
                if let Ok((sequence, request)) = wire::decode::<Request<'_>>(&mut frame) {
                    self.answer(&request, sequence);
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
        "bad line".into()
    }
}

#[test]
fn every_answer_is_the_right_one_over_a_bad_line() {
    let line = Line {
        to_host: VecDeque::new(),
        collector: Collector::new(),
        seen: 0,
        state: 5,
        losses: 0,
    };
    let mut session = Session::new(Box::new(line), Duration::from_millis(20)).unwrap();
    let mut answered = 0;
    for index in 0..300 {
        match session.logits(&Request::RunPlaced { index }) {
            Ok(logits) => {
                assert_eq!(logits, [index as i32, 7]);
                answered += 1;
            }
            Err(error) => assert_eq!(error.exit_code(), 3),
        }
    }
    assert!(answered > 290, "{answered} of 300");
}

/// A line that delivers a fixed text and nothing else.
struct Says(VecDeque<u8>);

impl Read for Says {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if self.0.is_empty() {
            return Err(ErrorKind::WouldBlock.into());
        }
        self.0.read(buffer)
    }
}

impl Write for Says {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ByteStream for Says {
    fn name(&self) -> String {
        "a line".into()
    }
}

fn hello(bytes: &[u8]) -> Error {
    let line = Says(bytes.iter().copied().collect());
    match Session::new(Box::new(line), Duration::from_millis(5)) {
        Ok(session) => panic!("{session:?}"),
        Err(error) => error,
    }
}

#[test]
fn silence_is_a_broken_line_and_noise_another_firmware() {
    assert!(matches!(hello(&[]), Error::Line { .. }));
    for noise in [&b"booting...\r\n"[..], b"\0\0abc\0"] {
        let error = hello(noise);
        assert!(matches!(error, Error::Firmware { .. }), "{error}");
        assert_eq!(error.exit_code(), 3);
    }
}

/// A device of another version, which refuses every hello.
struct Old(Says);

impl Read for Old {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Old {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let mut frame = bytes.strip_suffix(&[0]).unwrap_or(bytes).to_vec();
        if let Ok((sequence, _)) = wire::unframe(&mut frame) {
            let reply = Reply::Refused(Refusal::Version { expected: 2, found: VERSION });
            let mut out = [0; MAX_FRAME];
            let n = wire::encode(sequence, &reply, &mut out).unwrap();
            self.0.0.extend(&out[..n]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl ByteStream for Old {
    fn name(&self) -> String {
        "a line".into()
    }
}

#[test]
fn a_stale_firmware_is_named() {
    let old = Old(Says(VecDeque::new()));
    match Session::new(Box::new(old), Duration::from_millis(50)) {
        Err(Error::Firmware { expected, found, .. }) => {
            assert_eq!((expected.as_str(), found.as_str()), ("protocol version 4", "version 2"));
        }
        other => panic!("{other:?}"),
    }
}
