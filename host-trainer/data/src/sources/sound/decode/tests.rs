use hound::{WavSpec, WavWriter};

use super::*;

fn decoded(bytes: &[u8]) -> Result<Recording> {
    decode(Path::new("r.wav"), bytes)
}

/// A WAV file that `write` fills.
fn file(
    channels: u16,
    bits: u16,
    format: SampleFormat,
    write: impl FnOnce(&mut WavWriter<&mut Cursor<Vec<u8>>>),
) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    let spec =
        WavSpec { channels, sample_rate: 8000, bits_per_sample: bits, sample_format: format };
    let mut writer = WavWriter::new(&mut bytes, spec).unwrap();
    write(&mut writer);
    writer.finalize().unwrap();
    bytes.into_inner()
}

fn integers(channels: u16, bits: u16, samples: &[i32]) -> Vec<u8> {
    file(channels, bits, SampleFormat::Int, |writer| {
        samples.iter().for_each(|&s| writer.write_sample(s).unwrap());
    })
}

#[test]
fn every_width_becomes_16_bits() {
    for (bits, unit) in [(8, 1), (16, 256), (24, 65_536), (32, 1 << 24)] {
        let found = decoded(&integers(1, bits, &[0, unit, -128 * unit, 127 * unit])).unwrap();
        assert_eq!(found.samples, [0, 256, -32_768, 127 * 256], "{bits}");
        assert_eq!((found.rate, found.channels), (8000, 1));
    }
    let floats = file(1, 32, SampleFormat::Float, |writer| {
        [0.0f32, 0.5, -1.0, 2.0].iter().for_each(|&s| writer.write_sample(s).unwrap());
    });
    assert_eq!(decoded(&floats).unwrap().samples, [0, 16_384, -32_768, 32_767]);
}

#[test]
fn a_file_from_a_pipe_reaches_to_its_end() {
    let whole = integers(2, 16, &[1, 3, 5, 7, 9, 11]);
    let at = whole.windows(4).position(|w| w == b"data").unwrap() + 4;
    for unknown in [u32::MAX, 0x7fff_ffff, 0x7fff_f000] {
        let mut piped = whole.clone();
        piped[at..at + 4].copy_from_slice(&unknown.to_le_bytes());
        assert_eq!(decoded(&piped).unwrap().samples, [2, 6, 10]);
        assert_eq!(length(Path::new("r.wav"), &piped).unwrap(), (8000, 3, 2));
        // Half a frame at the end is left out.
        piped.pop();
        assert_eq!(decoded(&piped).unwrap().samples, [2, 6]);
    }
}

#[test]
fn channels_become_their_mean() {
    let found = decoded(&integers(2, 16, &[10, 20, -5, -6, 32_767, 32_767])).unwrap();
    assert_eq!((found.samples.as_slice(), found.channels), (&[15, -6, 32_767][..], 2));
    // More than two channels make an extensible header.
    assert_eq!(decoded(&integers(3, 16, &[1, 2, 3])).unwrap().samples, [2]);
}

#[test]
fn damaged_files_are_errors_that_name_the_file() {
    let whole = integers(2, 16, &(0..400).collect::<Vec<i32>>());
    let mut damaged: Vec<Vec<u8>> =
        [0, 3, 12, 30, 44, 47, whole.len() - 1].map(|length| whole[..length].to_vec()).into();
    damaged.push(integers(1, 16, &[]));
    damaged.push(b"fLaC and no more".to_vec());
    damaged.push(b"OggS and no more".to_vec());
    damaged.push(b"RIFF\0\0\0\0WAVE".to_vec());
    damaged.push(b"ID3 an MP3".to_vec());
    // An unknown format, no channels, no rate, a sample of 0 bits.
    for (at, value) in [(20, 0x55u16), (22, 0), (34, 0)] {
        let mut bytes = whole.clone();
        bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
        damaged.push(bytes);
    }
    let mut no_rate = whole.clone();
    no_rate[24..32].fill(0);
    damaged.push(no_rate);
    damaged.push(file(1, 32, SampleFormat::Float, |w| w.write_sample(f32::NAN).unwrap()));
    for bytes in damaged {
        let error = decoded(&bytes).unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(error.to_string().starts_with("r.wav: "), "{error}");
    }
}

/// Bytes that change at any place give a recording or an error, and no panic.
#[test]
fn changed_bytes_do_no_harm() {
    let whole = integers(2, 24, &(0..40).map(|s| s * 1000).collect::<Vec<i32>>());
    for at in 0..whole.len() {
        for value in [0, 1, 0x7f, 0x80, 0xff] {
            let mut bytes = whole.clone();
            bytes[at] = value;
            let _ = decoded(&bytes);
        }
    }
}

#[test]
fn other_codings_are_named_with_what_converts_them() {
    let whole = integers(1, 16, &[1, 2, 3]);
    let at = whole.windows(4).position(|w| w == b"fmt ").unwrap() + 8;
    for (tag, bits, name) in [
        (3u16, 64u16, "floats of 64 bits"),
        (6, 8, "A-law"),
        (7, 8, "mu-law"),
        (0x11, 4, "ADPCM"),
        (0x1234, 16, "coding 0x1234"),
    ] {
        let mut other = whole.clone();
        other[at..at + 2].copy_from_slice(&tag.to_le_bytes());
        other[at + 14..at + 16].copy_from_slice(&bits.to_le_bytes());
        for error in [decoded(&other).unwrap_err(), length(Path::new("r.wav"), &other).unwrap_err()]
        {
            let error = error.to_string();
            let says = format!("found {name} (ffmpeg -i FILE -c:a pcm_s16le NEW.wav");
            assert!(
                error.starts_with("r.wav: samples: expected") && error.contains(&says),
                "{error}"
            );
        }
    }
}
