//! The agent of the device: valid and damaged requests, and damaged networks with a correct
//! checksum. The agent must not panic, every answer must be one frame, and no memory outside the
//! buffers may change.
#![no_main]

use libfuzzer_sys::fuzz_target;
use supernano_core::wire::{self, CHUNK, MAX_FRAME, Reply, Request, CountUnit, placed};
use supernano_fuzz::{Input, damaged};
use supernano_runtime::{Agent, Board, Memory};

/// A board without hardware.
struct TestBoard;

impl Board for TestBoard {
    const CHIP: &'static str = "fuzz";
    const CORE: &'static str = "host";
    fn clock_hz(&self) -> u32 {
        1
    }
    const UNIT: CountUnit = CountUnit::Cycles;

    fn count(&self) -> u32 {
        7
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

/// Pattern of the memory around the buffers.
const GUARD: u32 = 0x5afe_c0de;

/// Sends bytes to the agent. An answer must be one frame with a valid reply.
fn send(agent: &mut Agent<'_, TestBoard>, bytes: &[u8]) {
    for &byte in bytes {
        let mut answer = agent.receive(byte).1.to_vec();
        if let Some(last) = answer.pop() {
            assert_eq!(last, 0);
            assert!(!answer.contains(&0));
            assert!(wire::decode::<Reply<'_>>(&mut answer).is_ok());
        }
    }
}

/// Sends a request as a frame.
fn ask(agent: &mut Agent<'_, TestBoard>, sequence: u16, request: &Request<'_>) {
    let mut frame = [0; MAX_FRAME];
    if let Ok(length) = wire::encode(sequence, request, &mut frame) {
        send(agent, &frame[..length]);
    }
}

fuzz_target!(|input: &[u8]| {
    let mut input = Input(input);
    let sizes = [input.u16() % 4096, input.u16() % 8192].map(usize::from);
    let before = damaged(&mut input);
    let header = [placed::MAGIC, before.len() as u32, u32::from(input.u8() % 3), 48];
    let mut memory = header.to_vec();
    memory.extend(before.chunks(4).map(|word| {
        let mut bytes = [0; 4];
        bytes[..word.len()].copy_from_slice(word);
        u32::from_le_bytes(bytes)
    }));
    memory.extend([0x0102_0304; 24]);

    let mut all = vec![GUARD; sizes[0] + sizes[1] + 12];
    let mut picture = [0xa5u8; 4096 + 32];
    let (low, rest) = all.split_at_mut(4);
    let (blob, rest) = rest.split_at_mut(sizes[0]);
    let (middle, rest) = rest.split_at_mut(4);
    let (arena, high) = rest.split_at_mut(sizes[1]);
    let (image, after) = picture.split_at_mut(4096);
    let mut agent = Agent::new(TestBoard, Memory { blob, arena, image, placed: &memory });
    let mut sequence = input.u16();
    while !input.0.is_empty() {
        sequence = sequence.wrapping_add(u16::from(input.u8() % 4 != 0));
        match input.u8() % 12 {
            0 => {
                let length = usize::from(input.u8());
                send(&mut agent, input.take(length));
            }
            1 => ask(&mut agent, sequence, &Request::Hello { version: u16::from(input.u8() % 5) }),
            2 => {
                let (offset, length) = (input.u32(), input.u32());
                let data = usize::from(input.u16() % 1100);
                let data = input.take(data);
                ask(&mut agent, sequence, &Request::Blob { offset, length, data });
            }
            3 | 4 => {
                let blob = damaged(&mut input);
                for (i, data) in blob.chunks(CHUNK).enumerate() {
                    let (offset, length) = ((i * CHUNK) as u32, blob.len() as u32);
                    sequence = sequence.wrapping_add(1);
                    ask(&mut agent, sequence, &Request::Blob { offset, length, data });
                }
                sequence = sequence.wrapping_add(1);
                ask(&mut agent, sequence, &Request::Open);
            }
            5 => ask(&mut agent, sequence, &Request::Open),
            6 => ask(&mut agent, sequence, &Request::OpenPlaced { set: u16::from(input.u8() % 3) }),
            7 => {
                let (offset, length) = (input.u32() % 5000, usize::from(input.u16() % 1100));
                ask(&mut agent, sequence, &Request::Image { offset, data: input.take(length) });
            }
            8 => {
                let length = usize::from(input.u16() % 1024);
                let data = vec![input.u8(); length];
                ask(&mut agent, sequence, &Request::Image { offset: 0, data: &data });
                sequence = sequence.wrapping_add(1);
                let checksum = wire::checksum(&data);
                ask(&mut agent, sequence, &Request::Run { checksum });
            }
            9 => ask(&mut agent, sequence, &Request::RunPlaced { index: input.u32() % 4 }),
            10 => ask(&mut agent, sequence, &Request::Measure),
            _ => ask(&mut agent, sequence, &Request::Digest { index: input.u32() % 4 }),
        }
    }
    drop(agent);
    for guard in [&*low, &*middle, &high[..]] {
        assert!(guard.iter().all(|&word| word == GUARD));
    }
    assert!(after.iter().all(|&byte| byte == 0xa5));
});
