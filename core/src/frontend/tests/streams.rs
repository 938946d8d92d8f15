//! Streams against whole recordings, and wrong sizes of memory.

use std::vec::Vec;

use super::*;

/// A description whose scale is fixed, so that a stream and a recording agree.
fn fixed() -> Vec<u32> {
    let mut words = keywords();
    bytemuck::cast_slice_mut::<_, u8>(&mut words)[31] = 0;
    words
}

#[test]
fn a_stream_has_the_features_of_the_recording() {
    let words = fixed();
    let sound = sound(&words);
    let samples = noise(sound.samples() + 5 * sound.hop() + 7);
    let mut work = std::vec![0; sound.work_words()];
    for chunk in [1, 160, 320, 479, 480, 481, 5000, samples.len()] {
        let mut waiting = std::vec![0; 480];
        let mut rows = std::vec![0; 490];
        let mut stream = SoundStream::new(sound, &mut waiting, &mut rows).unwrap();
        let mut taken = 0;
        let mut made = 0;
        for part in samples.chunks(chunk) {
            made += stream.push(part, &mut work).unwrap();
            taken += part.len();
            assert_eq!(made, if taken < 480 { 0 } else { (taken - 480) / 320 + 1 });
            assert_eq!(stream.ready(), made >= 49);
        }
        let (mut found, mut expected) = ([0; 490], [0; 490]);
        stream.features(&mut found).unwrap();
        sound.run(&samples[5 * 320..], &mut work, &mut expected).unwrap();
        assert_eq!(found, expected, "chunks of {chunk}");
        stream.clear();
        let error = FrontEndError::NotReady { needed: 49, found: 0 };
        assert_eq!(stream.features(&mut found), Err(error));
        stream.push(&samples[..sound.samples()], &mut work).unwrap();
        stream.features(&mut found).unwrap();
        sound.run(&samples, &mut work, &mut expected).unwrap();
        assert_eq!(found, expected, "again, chunks of {chunk}");
    }
}

#[test]
fn the_largest_sample_of_a_recording_is_its_scale() {
    let words = keywords();
    let sound = sound(&words);
    let mut work = std::vec![0; sound.work_words()];
    let mut samples: Vec<i16> = noise(sound.samples() + 1).iter().map(|s| s / 64).collect();
    let mut features = |samples: &[i16]| {
        let mut out = std::vec![0; 490];
        sound.run(samples, &mut work, &mut out).unwrap();
        out
    };
    let quiet = features(&samples);
    // A sample behind the last frame counts.
    samples[sound.samples()] = i16::MAX;
    let loud = features(&samples);
    assert!(quiet.chunks(10).zip(loud.chunks(10)).all(|(q, l)| q[0] > l[0]));
    // The most negative sample does not.
    samples[sound.samples()] = i16::MIN;
    assert_eq!(features(&samples), quiet);
}

#[test]
fn sensors() {
    let words = motion();
    let sensor = sensor(&words);
    let samples: [i32; 10] = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9];
    let mut memory = [0; 6];
    let mut stream = SensorStream::new(sensor, &mut memory).unwrap();
    let (mut found, mut expected) = ([0; 6], [0; 6]);
    for (i, sample) in samples.chunks(2).enumerate() {
        let error = FrontEndError::NotReady { needed: 3, found: i };
        assert_eq!(stream.samples(&mut found).err(), (i < 3).then_some(error));
        stream.push(sample).unwrap();
        assert_eq!(stream.ready(), i >= 2);
    }
    stream.samples(&mut found).unwrap();
    sensor.run(&samples[4..], &mut expected).unwrap();
    assert_eq!(found, expected);
    let short: [i16; 4] = [4, 5, 6, 7];
    let samples = |needed, found| Err(FrontEndError::Samples { needed, found });
    assert_eq!(sensor.run(&short, &mut expected), samples(6, 4));
    assert_eq!(stream.push(&short[..1]), samples(2, 1));
    stream.clear();
    assert!(!stream.ready());
}

#[test]
fn memories_that_are_too_small() {
    let words = keywords();
    let sound = sound(&words);
    let too_small = |memory, needed, found| FrontEndError::TooSmall { memory, needed, found };
    let samples = noise(sound.samples());
    let (mut work, mut out) = ([0; 552], [7; 490]);
    let error = sound.run(&samples[1..], &mut work, &mut out).unwrap_err();
    assert_eq!(error, FrontEndError::Samples { needed: 15_840, found: 15_839 });
    let error = sound.run(&samples, &mut work[1..], &mut out).unwrap_err();
    assert_eq!(error, too_small(Memory::Work, 552, 551));
    let error = sound.run(&samples, &mut work, &mut out[1..]).unwrap_err();
    assert_eq!(error, too_small(Memory::Output, 490, 489));
    assert_eq!(out, [7; 490]);
    let (mut waiting, mut rows) = ([0; 480], [0; 490]);
    let error = SoundStream::new(sound, &mut waiting[1..], &mut rows).unwrap_err();
    assert_eq!(error, too_small(Memory::Samples, 480, 479));
    let error = SoundStream::new(sound, &mut waiting, &mut rows[1..]).unwrap_err();
    assert_eq!(error, too_small(Memory::Rows, 490, 489));
    let mut stream = SoundStream::new(sound, &mut waiting, &mut rows).unwrap();
    let error = stream.push(&samples, &mut work[1..]).unwrap_err();
    assert_eq!(error, too_small(Memory::Work, 552, 551));
    assert_eq!(stream.push(&samples, &mut work), Ok(49));
    assert_eq!(stream.features(&mut out[1..]), Err(too_small(Memory::Output, 490, 489)));
}
