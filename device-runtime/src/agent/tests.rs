extern crate std;
use std::vec;
use std::vec::Vec;

use supernano_core::wire::CountUnit;

use super::*;

struct Mock;

impl Board for Mock {
    const CHIP: &'static str = "mock";
    const CORE: &'static str = "host";
    const UNIT: CountUnit = CountUnit::Instructions;

    fn clock_hz(&self) -> u32 {
        1
    }

    fn count(&self) -> u32 {
        0
    }

    fn masked<R>(&self, f: impl FnOnce() -> R) -> R {
        f()
    }
}

#[repr(C, align(4))]
struct Aligned<B: ?Sized>(B);

const WORDS: &Aligned<[u8]> = &Aligned(*include_bytes!("../../../tests/golden/tiny.snb"));
const BLOB: &[u8] = &WORDS.0;
const IMAGE: &[u8] = include_bytes!("../../../tests/golden/tiny.image");

/// Sends a request, and passes the reply to `check`.
fn ask(agent: &mut Agent<'_, Mock>, request: Request<'_>, check: impl FnOnce(Reply<'_>)) {
    let mut frame = [0; MAX_FRAME];
    let n = wire::encode(77, &request, &mut frame).unwrap();
    let mut answer: Vec<u8> = Vec::new();
    for &byte in &frame[..n] {
        answer.extend_from_slice(agent.receive(byte).1);
    }
    assert_eq!(answer.pop(), Some(0));
    let (sequence, reply) = wire::decode(&mut answer).unwrap();
    assert_eq!(sequence, 77);
    check(reply);
}

fn with_agent(blob_words: usize, arena_words: usize, f: impl FnOnce(&mut Agent<'_, Mock>)) {
    let (mut blob, mut arena, mut image) =
        (vec![0u32; blob_words], vec![0u32; arena_words], vec![0u8; 4096]);
    let memory = Memory { blob: &mut blob, arena: &mut arena, image: &mut image, placed: &[] };
    f(&mut Agent::new(Mock, memory));
}

fn send(agent: &mut Agent<'_, Mock>, blob: &[u8]) {
    for (i, data) in blob.chunks(100).enumerate() {
        let (offset, length) = ((i * 100) as u32, blob.len() as u32);
        ask(agent, Request::Blob { offset, length, data }, |r| assert_eq!(r, Reply::Done));
    }
}

#[test]
fn a_blob_and_an_image_give_the_golden_logits() {
    let golden: Vec<i32> = include_str!("../../../tests/golden/tiny.logits")
        .split_whitespace()
        .map(|n| n.parse().unwrap())
        .collect();
    with_agent(4096, 4096, |agent| {
        ask(agent, Request::Run { checksum: 0 }, |r| {
            assert_eq!(r, Reply::Refused(Refusal::NoBlob))
        });
        send(agent, BLOB);
        ask(agent, Request::Open, |r| assert!(matches!(r, Reply::Opened { .. }), "{r:?}"));
        ask(agent, Request::Run { checksum: 0 }, |r| {
            assert!(matches!(r, Reply::Refused(Refusal::ImageLength { found: 0, .. })), "{r:?}");
        });
        ask(agent, Request::Image { offset: 0, data: IMAGE }, |r| assert_eq!(r, Reply::Done));
        for _ in 0..2 {
            ask(agent, Request::Run { checksum: wire::checksum(IMAGE) }, |r| match r {
                Reply::Logits(logits) => assert_eq!(&logits[..], &golden[..]),
                other => panic!("{other:?}"),
            });
        }
    });
}

#[test]
fn the_first_placed_image_is_counted_if_none_was_sent() {
    let mut words = vec![placed::MAGIC, BLOB.len() as u32, 1, IMAGE.len() as u32];
    for part in [BLOB, IMAGE] {
        let mut bytes = part.to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        words.extend(bytes.as_chunks().0.iter().map(|chunk| u32::from_le_bytes(*chunk)));
    }
    for placed in [&words[..], &[]] {
        let (mut blob, mut arena, mut image) = (vec![0u32; 3000], vec![0; 3000], vec![0u8; 4096]);
        let memory = Memory { blob: &mut blob, arena: &mut arena, image: &mut image, placed };
        let agent = &mut Agent::new(Mock, memory);
        send(agent, BLOB);
        ask(agent, Request::Open, |r| assert!(matches!(r, Reply::Opened { .. }), "{r:?}"));
        ask(agent, Request::Measure, |r| match r {
            Reply::Counts { .. } => assert!(!placed.is_empty()),
            Reply::Refused(Refusal::ImageLength { found: 0, .. }) => assert!(placed.is_empty()),
            other => panic!("{other:?}"),
        });
    }
}

#[test]
fn logits_are_read_after_a_run_only() {
    let logits = Request::Logits { first: 4 };
    let refused = |r: Reply<'_>| assert_eq!(r, Reply::Refused(Refusal::NoLogits));
    with_agent(4096, 4096, |agent| {
        // After a reset, as a host that reads on finds it.
        ask(agent, logits, |r| assert_eq!(r, Reply::Refused(Refusal::NoBlob)));
        send(agent, BLOB);
        ask(agent, Request::Open, |r| assert!(matches!(r, Reply::Opened { .. }), "{r:?}"));
        ask(agent, logits, refused);
        ask(agent, Request::Image { offset: 0, data: IMAGE }, |r| assert_eq!(r, Reply::Done));
        ask(agent, Request::Run { checksum: wire::checksum(IMAGE) }, |_| ());
        // The run has sent all four.
        for _ in 0..2 {
            ask(agent, logits, |r| assert_eq!(r, Reply::Logits(heapless::Vec::new())));
        }
        ask(agent, Request::Measure, |_| ());
        ask(agent, logits, refused);
    });
}

#[test]
fn a_damaged_blob_never_runs() {
    for at in [40, BLOB.len() / 2, BLOB.len() - 1] {
        with_agent(4096, 4096, |agent| {
            let mut bad = BLOB.to_vec();
            bad[at] ^= 1;
            send(agent, &bad);
            ask(agent, Request::Open, |r| assert_eq!(r, Reply::Refused(Refusal::BadBlob)));
            ask(agent, Request::Image { offset: 0, data: IMAGE }, |_| ());
            ask(agent, Request::Run { checksum: wire::checksum(IMAGE) }, |r| {
                assert_eq!(r, Reply::Refused(Refusal::NoBlob))
            });
        });
    }
}

#[test]
fn what_does_not_fit_is_refused_with_numbers() {
    with_agent(8, 4096, |agent| {
        let request = Request::Blob { offset: 0, length: 33, data: &[0; 4] };
        let refusal = Refusal::TooLarge { what: 0, needed: 33, capacity: 32 };
        ask(agent, request, |r| assert_eq!(r, Reply::Refused(refusal)));
        let request = Request::Blob { offset: u32::MAX, length: 32, data: &[0; 4] };
        ask(agent, request, |r| assert_eq!(r, Reply::Refused(Refusal::Malformed)));
        let request = Request::Image { offset: u32::MAX, data: &[0; 4] };
        ask(agent, request, |r| {
            let large = matches!(r, Reply::Refused(Refusal::TooLarge { what: 1, .. }));
            assert!(large, "{r:?}");
        });
    });
    with_agent(4096, 3, |agent| {
        send(agent, BLOB);
        ask(agent, Request::Open, |r| {
            let large =
                matches!(r, Reply::Refused(Refusal::TooLarge { what: 2, capacity: 12, .. }));
            assert!(large, "{r:?}");
        });
    });
}

#[test]
fn parts_that_break_the_format_are_refused() {
    with_agent(4096, 4096, |agent| {
        let long = [1; CHUNK + 1];
        for request in [
            Request::Image { offset: 0, data: &long },
            Request::Blob { offset: 0, length: 2000, data: &long },
            Request::Blob { offset: 8, length: 10, data: &[0; 3] },
        ] {
            ask(agent, request, |r| assert_eq!(r, Reply::Refused(Refusal::Malformed)));
        }
    });
}

#[test]
fn an_unknown_message_gets_an_answer() {
    with_agent(8, 8, |agent| {
        let mut frame = [0; MAX_FRAME];
        let n = wire::encode(5, &200u8, &mut frame).unwrap();
        let mut answer: Vec<u8> = Vec::new();
        for &byte in &frame[..n] {
            answer.extend_from_slice(agent.receive(byte).1);
        }
        assert_eq!(answer.pop(), Some(0));
        let expected = (5, Reply::Refused(Refusal::Malformed));
        assert_eq!(wire::decode::<Reply<'_>>(&mut answer), Ok(expected));
    });
}

/// Sends a request with a sequence number, and returns the bytes of the answer.
fn exchange(agent: &mut Agent<'_, Mock>, sequence: u16, request: &Request<'_>) -> Vec<u8> {
    let mut frame = [0; MAX_FRAME];
    let n = wire::encode(sequence, request, &mut frame).unwrap();
    let mut answer: Vec<u8> = Vec::new();
    for &byte in &frame[..n] {
        answer.extend_from_slice(agent.receive(byte).1);
    }
    answer
}

#[test]
fn a_hello_names_the_blob_and_the_buffers() {
    with_agent(4096, 4096, |agent| {
        for loaded in [false, true] {
            ask(agent, Request::Hello { version: VERSION }, |r| {
                let Reply::Hello { blob_capacity, image_capacity, blob_checksum, .. } = r else {
                    panic!("{r:?}");
                };
                assert_eq!((blob_capacity, image_capacity), (16_384, 4096));
                let view = BlobView::new_checked(BLOB).unwrap();
                assert_eq!(blob_checksum, if loaded { view.checksum() } else { 0 });
            });
            send(agent, BLOB);
            ask(agent, Request::Open, |r| assert!(matches!(r, Reply::Opened { .. }), "{r:?}"));
        }
        let other = VERSION + 1;
        ask(agent, Request::Hello { version: other }, |r| {
            let refusal = Refusal::Version { expected: VERSION, found: other };
            assert_eq!(r, Reply::Refused(refusal));
        });
    });
}

#[test]
fn a_late_part_of_an_old_image_is_dropped_and_a_repeat_is_answered_alike() {
    with_agent(4096, 4096, |agent| {
        send(agent, BLOB);
        ask(agent, Request::Open, |r| assert!(matches!(r, Reply::Opened { .. }), "{r:?}"));
        exchange(agent, 100, &Request::Image { offset: 0, data: IMAGE });
        let run = Request::Run { checksum: wire::checksum(IMAGE) };
        let first = exchange(agent, 101, &run);
        assert!(!first.is_empty());
        let late = Request::Image { offset: 0, data: &[7; 8] };
        assert!(exchange(agent, 99, &late).is_empty(), "a stale request was carried out");
        assert_eq!(exchange(agent, 101, &run), first);
        assert!(!exchange(agent, 102, &late).is_empty());
        let mut answer = exchange(agent, 103, &run);
        answer.pop();
        let refused = wire::decode::<Reply<'_>>(&mut answer).unwrap().1;
        let wrong = matches!(refused, Reply::Refused(Refusal::ImageChecksum { .. }));
        assert!(wrong, "{refused:?}");
    });
}

/// 200,000 well-formed requests with arbitrary numbers: each is answered, none causes a panic, and
/// the memory beyond the buffers is unchanged.
#[test]
fn arbitrary_requests_stay_inside_the_buffers() {
    const GUARD: u32 = 0x5aa5_c33c;
    let mut words = vec![GUARD; 3 * 64];
    let (front, rest) = words.split_at_mut(64);
    let (blob, back) = rest.split_at_mut(64);
    let (mut arena, mut image) = (vec![0u32; 64], vec![0u8; 128]);
    let memory = Memory { blob, arena: &mut arena, image: &mut image, placed: &[] };
    let mut agent = Agent::new(Mock, memory);
    let data = [9u8; CHUNK];
    let mut state = 11u32;
    let mut random = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state >> 5
    };
    for sequence in 0..200_000u32 {
        let small = random() % 300;
        let offset = if random() % 4 == 0 { u32::MAX - small } else { small };
        let data = &data[..(random() % 300) as usize];
        let request = match random() % 8 {
            0..3 => Request::Blob { offset, length: random() % 400, data },
            3..5 => Request::Image { offset, data },
            5 => Request::Open,
            6 => Request::Run { checksum: random() },
            _ => Request::RunPlaced { index: offset },
        };
        assert!(!exchange(&mut agent, sequence as u16, &request).is_empty());
    }
    drop(agent);
    assert!(front.iter().chain(&*back).all(|&w| w == GUARD));
}
