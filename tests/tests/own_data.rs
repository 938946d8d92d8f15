//! The user's own data: from a folder of pictures to a configuration, a run and its state.

use std::fs;
use std::path::Path;

use supernano_core::blob::BlobView;
use supernano_core::frontend::FrontEnd;
use supernano_tests::command::supernano;
use supernano_tests::pictures::{picture, pictures};

#[test]
fn pictures_become_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let name = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let (photos, config, run) = (name("photos"), name("bars.toml"), name("run"));
    pictures(Path::new(&photos));
    fs::write(Path::new(&photos).join("left/notes.txt"), "x").unwrap();

    let survey = supernano(&["data", &photos, "--json"]).succeeds().json();
    assert_eq!(survey["source"], "pictures");
    let total = |class: &serde_json::Value| {
        ["train", "validation", "test"].iter().map(|s| class[s].as_u64().unwrap()).sum::<u64>()
    };
    let classes = survey["classes"].as_array().unwrap();
    assert_eq!(classes.iter().map(total).collect::<Vec<_>>(), [50; 3]);
    assert_eq!(survey["ignored"]["txt"], 1);

    let new = ["new", &config, "--data", &photos, "--resolution", "12", "--grey"];
    supernano(&[&new[..], &["--flash", "64KiB"]].concat()).succeeds();
    // An existing configuration is kept.
    supernano(&new).fails(2, &["bars.toml"]);
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("height = 12, width = 12, channels = 1"), "{text}");
    assert!(text.contains("flash = \"64KiB\""), "{text}");
    supernano(&["train", &config, "--dry-run"]).succeeds();

    // The same steps, shorter.
    let (head, _) = text.split_once("# Step 1").unwrap();
    let step = "[[step]]\nkind = \"largest\"\nepochs = 1\nlr = 0.05\nbatch = 16\n";
    fs::write(&config, format!("{head}{step}")).unwrap();
    supernano(&["train", &config, "-o", &run]).succeeds();
    let saved = fs::read_to_string(Path::new(&run).join("config.toml")).unwrap();
    assert!(saved.contains("labels = [") && saved.contains("\"middle\""), "{saved}");
    let state = supernano(&["status", &run, "--json"]).succeeds().json();
    assert_eq!(
        (&state["stages"][0]["command"], &state["stages"][0]["done"]),
        (&"train".into(), &true.into())
    );
    assert!(state["next"].as_str().unwrap().starts_with("supernano rank "), "{state}");
}

#[test]
fn wrong_data_is_refused_before_any_work() {
    let folder = tempfile::tempdir().unwrap();
    let name = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let (photos, config) = (name("photos"), name("bars.toml"));
    supernano(&["data", &photos]).fails(2, &["photos", "not found", "a folder for each class"]);
    fs::create_dir(&photos).unwrap();
    supernano(&["data", &photos]).fails(2, &["photos", "MNIST", "found no file"]);
    pictures(Path::new(&photos));
    supernano(&["new", &config, "--data", &photos, "--chip", "STM99"]).fails(2, &["STM99"]);
    assert!(!Path::new(&config).exists());
    supernano(&["new", &config, "--data", &photos, "--resolution", "12"]).succeeds();
    fs::write(Path::new(&photos).join("left/0.bmp"), "no picture").unwrap();
    let dry = ["train", &config, "--dry-run"];
    supernano(&dry).fails(2, &["0.bmp", "a whole JPEG, PNG, BMP"]);
    let skipped = supernano(&[&dry[..], &["--skip-bad"]].concat()).succeeds();
    assert!(skipped.stderr.contains("left out: ") && skipped.stderr.contains("0.bmp"));
    fs::create_dir(Path::new(&photos).join("up")).unwrap();
    fs::write(Path::new(&photos).join("up/1.bmp"), picture(1, 1)).unwrap();
    supernano(&[&dry[..], &["--skip-bad"]].concat()).fails(2, &["one of the `labels`", "up"]);
    supernano(&["train", &config, "--dry-run", "--data", "nowhere"]).fails(2, &["nowhere"]);
}

/// A WAV file of 16 bits at 8 kHz: 0.3 s of a tone that falls or rises.
fn chirp(number: u32, up: bool) -> Vec<u8> {
    const COUNT: u32 = 2400;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + 2 * COUNT).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x01\0");
    bytes.extend(8000u32.to_le_bytes());
    bytes.extend(16_000u32.to_le_bytes());
    bytes.extend(b"\x02\0\x10\0data");
    bytes.extend((2 * COUNT).to_le_bytes());
    for i in 0..COUNT {
        let time = f64::from(if up { i } else { COUNT - i }) / 8000.0;
        let angle = 6.3 * time * (300.0 + 2000.0 * time + 5.0 * f64::from(number));
        let sample = (4000.0 + 50.0 * f64::from(number)) * angle.sin();
        bytes.extend((sample as i16).to_le_bytes());
    }
    bytes
}

#[test]
fn sounds_become_a_network_with_its_front_end() {
    let folder = tempfile::tempdir().unwrap();
    let name = |file: &str| folder.path().join(file).to_str().unwrap().to_owned();
    let (sounds, config, run) = (name("sounds"), name("chirps.toml"), name("run"));
    fs::create_dir(&sounds).unwrap();
    for i in 0..120 {
        let class = ["down", "up"][i as usize % 2];
        let file = format!("{class}_s{}_{i}.wav", i / 10);
        fs::write(Path::new(&sounds).join(file), chirp(i, i % 2 == 1)).unwrap();
    }
    let pattern = ["--pattern", "{class}_{group}_{}.wav"];
    let survey = supernano(&[&["data", &sounds, "--json"], &pattern[..]].concat());
    let survey = survey.succeeds().json();
    assert_eq!((&survey["source"], &survey["sound"]["rate"]), (&"sound".into(), &8000.into()));
    let new = ["new", &config, "--data", &sounds, "--seconds", "0.4"];
    supernano(&[&new[..], &pattern].concat()).succeeds();
    let text = fs::read_to_string(&config).unwrap();
    assert!(text.contains("sound = { rate = 8000, seconds = 0.4, copies = 4"), "{text}");
    // The same steps, shorter.
    let (head, _) = text.split_once("# Step 1").unwrap();
    let step = "[[step]]\nkind = \"largest\"\nepochs = 1\nlr = 0.05\nbatch = 16\n";
    fs::write(&config, format!("{head}{step}")).unwrap();
    supernano(&["train", &config, "-o", &run]).succeeds();
    let file = name("net.snb");
    supernano(&["export", &run, "4-4-4-4-4-4-4", "-o", &file]).succeeds();
    let bytes = fs::read(&file).unwrap();
    let words: Vec<u32> =
        bytes.chunks_exact(4).map(|w| u32::from_le_bytes(w.try_into().unwrap())).collect();
    let view = BlobView::of_words(&words).unwrap();
    let FrontEnd::Sound(sound) = FrontEnd::new_checked(view.front_end().unwrap()).unwrap() else {
        panic!("the front end is one of sensors");
    };
    assert_eq!((sound.rate(), sound.frames(), sound.features()), (8000, 32, 32));
    assert_eq!(sound.output_bytes(), view.image_len());
}

#[test]
fn wrong_sound_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let sounds = folder.path().join("sounds");
    for i in 0..20 {
        let class = sounds.join(["down", "up"][i as usize % 2]);
        fs::create_dir_all(&class).unwrap();
        fs::write(class.join(format!("{i}.wav")), chirp(i, i % 2 == 1)).unwrap();
    }
    let whole = chirp(99, true);
    fs::write(sounds.join("up/short.wav"), &whole[..1000]).unwrap();
    let config = folder.path().join("chirps.toml");
    let (sounds, config) = (sounds.to_str().unwrap(), config.to_str().unwrap());
    supernano(&["new", config, "--data", sounds]).succeeds();
    let dry = ["train", config, "--dry-run"];
    supernano(&dry).fails(2, &["short.wav", "a whole WAV, FLAC or Ogg Vorbis file"]);
    let skipped = supernano(&[&dry[..], &["--skip-bad"]].concat()).succeeds();
    assert!(skipped.stderr.contains("left out: ") && skipped.stderr.contains("short.wav"));
    let rate = ["new", "x.toml", "--data", sounds, "--rate", "0"];
    supernano(&rate).fails(2, &["--rate", "above 0"]);
}
