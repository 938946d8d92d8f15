use super::*;

fn framed<T: Serialize>(sequence: u16, message: &T) -> std::vec::Vec<u8> {
    let mut out = [0; MAX_FRAME];
    let n = encode(sequence, message, &mut out).unwrap();
    out[..n].to_vec()
}

#[test]
fn messages_survive_the_wire() {
    let data: std::vec::Vec<u8> = (0..CHUNK).map(|i| (i * 7) as u8).collect();
    for (sequence, request) in [
        (0, Request::Hello { version: VERSION }),
        (1, Request::Blob { offset: 5000, length: 70_000, data: &data }),
        (65_535, Request::RunPlaced { index: u32::MAX }),
        (7, Request::Image { offset: 0, data: &[0; CHUNK] }),
    ] {
        let mut bytes = framed(sequence, &request);
        assert_eq!(bytes.pop(), Some(0));
        assert!(!bytes.contains(&0));
        assert_eq!(decode(&mut bytes), Ok((sequence, request)));
    }
    let logits = Reply::Logits((0..MAX_LOGITS as i32).map(|i| i32::MIN + i).collect());
    let mut bytes = framed(3, &logits);
    bytes.pop();
    assert_eq!(decode(&mut bytes), Ok((3, logits)));
    let parts = (0..MAX_COUNTS as u32).map(|i| u32::MAX - i).collect();
    assert!(
        framed(
            0,
            &Reply::Counts {
                total: u32::MAX,
                parts,
                stack_bytes: u32::MAX,
                open_stack_bytes: u32::MAX
            }
        )
        .len()
            <= MAX_FRAME
    );
}

#[test]
fn the_documented_bytes_are_the_bytes() {
    assert_eq!(framed(1, &Request::Hello { version: 1 }), golden("hello"));
    assert_eq!(framed(2, &Request::Run { checksum: 0xcbf4_3926 }), golden("run"));
    let refused = Reply::Refused(Refusal::Version { expected: 2, found: 3 });
    assert_eq!(framed(1, &refused), golden("stale"));
    let here = Reply::Hello {
        version: 3,
        chip: "STM32F446RETx",
        core: "cortex-m4",
        clock_hz: 180_000_000,
        unit: CountUnit::Cycles,
        kernels: "dsp",
        blob_capacity: 0,
        arena_capacity: 65_536,
        image_capacity: 3_072,
        free_ram: 40_000,
        blob_checksum: 0xcbf4_3926,
    };
    assert_eq!(framed(1, &here), golden("here"));
}

/// The bytes of an example in the document.
fn golden(name: &str) -> std::vec::Vec<u8> {
    include_str!("../../docs/wire-format.md")
        .lines()
        .find_map(|l| l.strip_prefix("    ")?.strip_prefix(name)?.strip_prefix(": "))
        .unwrap()
        .split_whitespace()
        .map(|b| u8::from_str_radix(b, 16).unwrap())
        .collect()
}

#[test]
fn damage_is_noticed() {
    let good = framed(9, &Request::Image { offset: 3, data: &[1, 0, 2, 0, 0, 5] });
    let body = &good[..good.len() - 1];
    for length in 0..body.len() {
        let mut cut = body[..length].to_vec();
        assert!(decode::<Request<'_>>(&mut cut).is_err(), "cut to {length}");
    }
    for i in 0..body.len() {
        for bit in 0..8 {
            let mut flipped = body.to_vec();
            flipped[i] ^= 1 << bit;
            assert!(decode::<Request<'_>>(&mut flipped).is_err(), "bit {bit} of byte {i}");
        }
    }
}

#[test]
fn any_bytes_are_survived() {
    let mut state = 1u32;
    let mut collector = Collector::new();
    let mut frames = 0;
    for _ in 0..200_000 {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        if collector.push((state >> 24) as u8) {
            frames += 1;
            assert!(decode::<Request<'_>>(collector.frame()).is_err());
            collector.clear();
        }
    }
    assert!(frames > 100);
}

#[test]
fn a_frame_that_is_too_long_is_dropped_and_the_next_is_read() {
    let mut collector = Collector::new();
    assert!((0..2 * MAX_FRAME).all(|_| !collector.push(1)));
    assert!(!collector.push(0));
    collector.clear();
    let good = framed(4, &Request::Run { checksum: 9 });
    assert!(good.iter().any(|&b| collector.push(b)));
    assert_eq!(decode(collector.frame()), Ok((4, Request::Run { checksum: 9 })));
}

#[test]
fn placed_memory_is_checked() {
    let memory = [placed::MAGIC, 5, 2, 3, 0x0403_0201, 5, 0x0302_0106, 0x0605, 0];
    let (blob, images, n) = placed::parts(&memory, 0).unwrap();
    assert_eq!((blob, images, n), (&[1, 2, 3, 4, 5][..], &[6, 1, 2, 3, 5, 6][..], 2));
    for (at, value) in [(0, 1), (1, u32::MAX), (1, 100), (2, u32::MAX), (3, 1000)] {
        let mut bad = memory;
        bad[at] = value;
        assert_eq!(placed::parts(&bad, 0), None, "word {at} = {value}");
    }
}

#[test]
fn a_reader_that_never_clears_hears_again_after_an_overlong_frame() {
    let mut collector = Collector::new();
    assert!((0..2 * MAX_FRAME).all(|_| !collector.push(1)));
    assert!(!collector.push(0));
    for sequence in 0..2 {
        let good = framed(sequence, &Request::Run { checksum: 9 });
        assert!(good.iter().any(|&b| collector.push(b)), "frame {sequence}");
        assert_eq!(decode(collector.frame()), Ok((sequence, Request::Run { checksum: 9 })));
        collector.clear();
    }
}

#[test]
fn half_of_the_numbers_are_older() {
    assert!(!stale(5, 5) && !stale(6, 5) && stale(4, 5));
    assert!(stale(65_535, 0) && !stale(0, 65_535));
    let older = (0..=u16::MAX).filter(|&s| stale(s, 77)).count();
    assert_eq!(older, 0x7fff);
}

/// In 200,000 frames, bytes are replaced, removed, doubled or swapped. Neither side's decoder
/// panics, and a frame is accepted only if it equals the frame that was sent.
#[test]
fn mutated_frames_are_dropped_on_both_sides() {
    let data: std::vec::Vec<u8> = (0..64).map(|i| (i * 5) as u8).collect();
    let requests = [
        framed(1, &Request::Hello { version: VERSION }),
        framed(2, &Request::Blob { offset: 64, length: 1000, data: &data }),
        framed(3, &Request::Image { offset: 0, data: &data }),
        framed(4, &Request::Run { checksum: 77 }),
    ];
    let replies = [
        framed(1, &Reply::Logits((0..10).collect())),
        framed(2, &Reply::Refused(Refusal::TooLarge { what: 0, needed: 9, capacity: 8 })),
        framed(3, &Reply::Opened { checksum: 1, arena_bytes: 2, ops: 3, images: 4 }),
    ];
    let mut state = 9u32;
    let mut random = |n: usize| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 8) as usize % n
    };
    for round in 0..200_000 {
        let request = round % 2 == 0;
        let good = if request { &requests[random(4)] } else { &replies[random(3)] };
        let mut bytes = good[..good.len() - 1].to_vec();
        for _ in 0..=random(3) {
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = random(256) as u8,
                1 => drop(bytes.remove(at)),
                2 => bytes.insert(at, random(256) as u8),
                _ => bytes.swap(at, 0),
            }
        }
        let same = bytes == good[..good.len() - 1];
        let accepted = if request {
            decode::<Request<'_>>(&mut bytes).is_ok()
        } else {
            decode::<Reply<'_>>(&mut bytes).is_ok()
        };
        assert_eq!(accepted, same, "round {round}");
    }
}

/// The decoder of messages gets arbitrary bytes and does not panic.
#[test]
fn arbitrary_messages_are_parsed_without_panic() {
    let mut state = 3u32;
    let mut bytes = [0u8; 80];
    for round in 0..200_000 {
        for byte in &mut bytes {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            *byte = (state >> 24) as u8;
        }
        bytes[0] %= 12;
        let length = round % bytes.len();
        let _ = message::<Request<'_>>(&bytes[..length]);
        let _ = message::<Reply<'_>>(&bytes[..length]);
    }
}
