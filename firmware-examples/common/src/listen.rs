//! A recording that runs through a front end and a network, as the sound of a microphone would.

use supernano_runtime::frontend::{FrontEnd, Sound, SoundStream};
use supernano_runtime::{Board, Network, include_network, memory_words};

use crate::text::{number, text};
use crate::{Port, counted, report, singleton};

/// The features of MLPerf Tiny's keyword spotting.
const FEATURES: &[u8] = include_network!("../../../tests/golden/keywords.snf");
/// A network that tells noise from rising, falling and steady tones.
const NETWORK: &[u8] = include_network!("../../../tests/golden/tones.snb");
/// Samples, i16, 16,000 in a second.
const RECORDING: &[u8] = include_bytes!("../../../tests/golden/tones.pcm");

/// Samples of a frame, samples of a hop, and bytes of the network's input.
const WINDOW: usize = 480;
const HOP: usize = 320;
const INPUT: usize = 490;
/// Words of memory that a frame needs.
const WORK: usize = 552;
/// Words of memory that a frame and the network share: neither needs it while the other runs.
const WORDS: usize = if memory_words(NETWORK) > WORK { memory_words(NETWORK) } else { WORK };
/// Hops between two inferences: 0.2 seconds.
const PERIOD: usize = 10;

/// Takes the built-in recording hop by hop on a started board, and classifies the last 49 frames
/// every ten hops. Prints each answer, then the count and the stack of a frame, and stops.
pub fn listen<B: Board + Port>(board: &B) -> ! {
    report::board(board, Ok(()));
    if run(board).is_none() {
        text(board, "refused\n");
    }
    report::end(board)
}

fn run<B: Board + Port>(board: &B) -> Option<()> {
    let samples = singleton!(: [i16; WINDOW] = [0; WINDOW])?;
    let rows = singleton!(: [u8; INPUT] = [0; INPUT])?;
    let memory = singleton!(: [u32; WORDS] = [0; WORDS])?;
    let network = Network::from_bytes(NETWORK).ok()?;
    let sound = sound()?;
    let mut stream = SoundStream::new(sound, samples, rows).ok()?;
    // The largest count and the largest stack of a hop that completes a frame.
    let (mut most, mut deepest) = (0, 0);
    for (i, bytes) in RECORDING.chunks_exact(2 * HOP).enumerate() {
        let mut hop = [0; HOP];
        for (sample, &bytes) in hop.iter_mut().zip(bytes.as_chunks().0) {
            *sample = i16::from_le_bytes(bytes);
        }
        let ((frames, count), stack) =
            board.stack(|| counted(board, || take(&mut stream, &hop, memory)));
        if frames > 0 {
            (most, deepest) = (most.max(count), deepest.max(stack));
        }
        if i % PERIOD == 0 && stream.ready() {
            let mut input = [0; INPUT];
            stream.features(&mut input).ok()?;
            let (logits, count) = counted(board, || network.run(&input, memory).unwrap_or(&[]));
            report::answer(board, "hop", i, logits, count);
        }
    }
    text(board, "frame:\n");
    report::count(board, most);
    number(board, deepest as i32);
    text(board, " bytes of stack\n");
    Some(())
}

/// Takes a hop of samples. It is a function of its own, so that its stack can be measured.
#[inline(never)]
fn take(stream: &mut SoundStream<'_, '_>, hop: &[i16], memory: &mut [u32]) -> usize {
    stream.push(hop, memory).unwrap_or(0)
}

fn sound() -> Option<Sound<'static>> {
    match FrontEnd::new_checked(FEATURES).ok()? {
        FrontEnd::Sound(sound) => Some(sound),
        FrontEnd::Sensor(_) => None,
    }
}
