//! Invalid parameters, and the text form.

use super::*;

#[track_caller]
fn refused(spec: &FrontEndSpec, field: &str, texts: &[&str]) {
    let error = spec.build("x.toml").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    let text = error.to_string();
    assert!(text.starts_with(&format!("x.toml: {field}: expected ")), "{text}");
    for part in texts {
        assert!(text.contains(part), "no {part} in: {text}");
    }
}

#[test]
fn fields_of_sound() {
    let base = SoundSpec::keywords;
    let cases: [(&str, SoundSpec, &[&str]); 20] = [
        ("rate", SoundSpec { rate: 0, ..base() }, &["1 to 192000", "found 0"]),
        ("rate", SoundSpec { rate: 192_001, ..base() }, &["found 192001"]),
        ("fft", SoundSpec { fft: 500, ..base() }, &["a power of two", "found 500"]),
        ("fft", SoundSpec { fft: 2048, ..base() }, &["64 to 1024", "found 2048"]),
        ("window", SoundSpec { window: 513, ..base() }, &["2 to 512", "found 513"]),
        ("hop", SoundSpec { hop: 0, ..base() }, &["1 to 480", "found 0"]),
        ("hop", SoundSpec { hop: 481, ..base() }, &["found 481"]),
        ("frames", SoundSpec { frames: 0, ..base() }, &["1 to 4096", "found 0"]),
        ("bands", SoundSpec { bands: 129, ..base() }, &["1 to 128", "found 129"]),
        ("bands", SoundSpec { bands: 100, coefficients: 0, ..base() }, &["holds none"]),
        ("coefficients", SoundSpec { coefficients: 41, ..base() }, &["0 to 40", "found 41"]),
        ("high", SoundSpec { high: 8001.0, ..base() }, &["0 to 8000", "found 8001"]),
        ("high", SoundSpec { high: f64::NAN, ..base() }, &["found NaN"]),
        ("low", SoundSpec { low: 5000.0, ..base() }, &["0 to 4000", "found 5000"]),
        ("bands", SoundSpec { low: 4000.0, ..base() }, &["holds none"]),
        ("floor", SoundSpec { floor: 0.0, ..base() }, &["found 0"]),
        ("scale", SoundSpec { scale: -1.0, ..base() }, &["found -1"]),
        ("scale", SoundSpec { scale: 1e-6, ..base() }, &["or more", "found 0.000001"]),
        ("offset", SoundSpec { offset: f64::INFINITY, ..base() }, &["found inf"]),
        ("peak", SoundSpec { peak: 0, ..base() }, &["1 to 32768", "found 0"]),
    ];
    for (field, spec, texts) in cases {
        refused(&FrontEndSpec::Sound(spec), field, texts);
    }
}

#[test]
fn fields_of_sensors() {
    let axis = |low, high| AxisSpec { low, high };
    let spec =
        |rows, axes: &[AxisSpec]| FrontEndSpec::Sensor(SensorSpec { rows, axes: axes.to_vec() });
    let valid = axis(-1.0, 1.0);
    refused(&spec(0, &[valid]), "rows", &["1 to 4096", "found 0"]);
    refused(&spec(1, &[]), "axes", &["1 to 64", "found 0"]);
    refused(&spec(1, &[valid; 65]), "axes", &["found 65"]);
    refused(&spec(1, &[valid, axis(2.0, 2.0)]), "axes[1].high", &["or more", "found 2"]);
    refused(&spec(1, &[axis(f64::NAN, 2.0)]), "axes[0].low", &["found NaN"]);
    refused(&spec(1, &[axis(0.0, 3e9)]), "axes[0].high", &["found 3000000000"]);
}

/// The widest and the narrowest valid ranges have integers.
#[test]
fn every_valid_axis_has_integers() {
    for low in [-2_147_483_648.0, -1.0, 0.0, 3.5, 2_147_483_647.0] {
        for width in [1e-5, 0.1, 1.0, 1000.0] {
            let axes = vec![AxisSpec { low, high: (low + width).min(2_147_483_648.0) }];
            built(&FrontEndSpec::Sensor(SensorSpec { rows: 1, axes }));
        }
    }
}

#[test]
fn a_configuration_reads_what_it_writes() {
    let sound = FrontEndSpec::Sound(SoundSpec::keywords());
    let axes = vec![AxisSpec { low: -3.0, high: 4.5 }];
    let sensor = FrontEndSpec::Sensor(SensorSpec { rows: 119, axes });
    for spec in [sound, sensor] {
        let text = toml::to_string(&spec).unwrap();
        assert_eq!(toml::from_str::<FrontEndSpec>(&text).unwrap(), spec);
    }
    let short = "kind = 'sound'\nrate = 8000\nwindow = 256\nhop = 128\nfft = 256\nframes = 10\n\
        bands = 10\nlow = 100\nhigh = 4000\nscale = 0.1\noffset = 60\n";
    let FrontEndSpec::Sound(spec) = toml::from_str(short).unwrap() else { panic!("a sensor") };
    assert_eq!((spec.coefficients, spec.peak, spec.peak_of_recording), (0, 32_768, false));
    assert_eq!((spec.shape, spec.rounding), (WindowShape::Hann, Rounding::Nearest));
    for (field, text) in [
        ("pitch", short.to_owned() + "pitch = 3\n"),
        ("kind", short.replace("sound", "smell")),
        ("rate", short.replace("rate = 8000\n", "")),
    ] {
        let error = toml::from_str::<FrontEndSpec>(&text).unwrap_err().to_string();
        assert!(error.contains(field) || error.contains("smell"), "{error}");
    }
}
