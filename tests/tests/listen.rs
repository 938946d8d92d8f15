//! Compares the expected output of the `listen` firmware with the oracles of front ends and networks.
//! With `SUPERNANO_BLESS=1` the test writes that output.

use std::fs;

use supernano_facts::MACHINES;
use supernano_tests::command::root;
use supernano_tests::oracle::Oracle;
use supernano_tests::oracle::frontend::FrontEnd;

/// Hops between two inferences.
const PERIOD: usize = 10;

fn golden(name: &str) -> Vec<u8> {
    fs::read(root().join("tests/golden").join(name)).unwrap()
}

/// The lines of every answer, and the hop and the class of each.
fn answers() -> (String, Vec<(usize, usize)>) {
    let FrontEnd::Sound(sound) = FrontEnd::parse(&golden("keywords.snf")).unwrap() else {
        panic!("a sensor");
    };
    let network = Oracle::parse(&golden("tones.snb")).unwrap();
    let pcm = golden("tones.pcm");
    let samples: Vec<i16> = pcm.as_chunks().0.iter().map(|&s| i16::from_le_bytes(s)).collect();
    let frames: Vec<Vec<u8>> = samples
        .windows(sound.window)
        .step_by(sound.hop)
        .map(|frame| sound.frame(frame, sound.peak))
        .collect();
    let (mut text, mut classes) = (String::new(), Vec::new());
    for hop in (0..samples.len() / sound.hop).step_by(PERIOD) {
        // The frames that are complete after this hop.
        let end = ((hop + 1) * sound.hop).saturating_sub(sound.window) / sound.hop + 1;
        if end < sound.frames {
            continue;
        }
        let logits = network.logits(&frames[end - sound.frames..end].concat());
        let class = (0..logits.len()).rev().max_by_key(|&c| logits[c]).unwrap();
        let numbers: Vec<String> = logits.iter().map(ToString::to_string).collect();
        text += &format!("hop {hop}: class {class}, logits {}\n", numbers.join(" "));
        text += "* instructions\n";
        classes.push((hop, class));
    }
    (text, classes)
}

#[test]
fn the_expected_output_is_that_of_the_oracles() {
    let (text, classes) = answers();
    // The recording has a rising, a falling and a steady tone. After these hops, the last second holds
    // nearly all of a tone.
    for heard in [(60, 1), (70, 1), (120, 2), (130, 2), (180, 3), (190, 3)] {
        assert!(classes.contains(&heard), "{heard:?} in {classes:?}");
    }
    for machine in MACHINES {
        let head = format!("{} {} {} Hz\n", machine.board, machine.core, machine.clock_hz);
        let expected = head + &text + "frame:\n* instructions\n* bytes of stack\nend\n";
        let file = root().join("firmware-examples").join(machine.name).join("listen.txt");
        if std::env::var_os("SUPERNANO_BLESS").is_some() {
            fs::write(&file, &expected).unwrap();
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), expected, "{}", machine.name);
    }
}
