//! Networks whose outputs are no classes: numbers, labels and reconstructions, from a CSV file of rows to
//! an emulated device.

use std::fs;
use std::path::Path;

use supernano_core::blob::BlobView;
use supernano_tests::command::{number, supernano};
use supernano_tests::small::SmallRun;

/// Rows of 60 sessions of an oscillation with two axes: its frequency and amplitude, whether it is fast
/// and whether it is large, and a state that is `worn` in the last six sessions, whose axes are equal.
fn rows(length: u32) -> String {
    let mut text = "session,x,y,frequency,amplitude,fast,large,state\n".to_owned();
    for session in 0..60u32 {
        let frequency = 3.0 + f64::from(session * 7 % 60) / 10.0;
        let amplitude = 1.0 + f64::from(session * 11 % 60) / 20.0;
        let state = if session >= 54 { "worn" } else { "good" };
        for row in 0..length {
            let angle =
                f64::from(row) / 96.0 * std::f64::consts::TAU * frequency + f64::from(session);
            let x = amplitude * angle.sin();
            let y = if state == "worn" { x } else { amplitude * angle.cos() };
            let (fast, large) = (u8::from(frequency > 6.0), u8::from(amplitude > 2.5));
            text += &format!(
                "{session},{x:.4},{y:.4},{frequency},{amplitude:.4},{fast},{large},{state}\n"
            );
        }
    }
    text
}

const TOP: &str = r#"
seed = 5
panel = 1
enhancement = "none"
recalibration = { images = 64, batch = 32 }
augmentation = { crop_padding = 0, flip = false }
"#;

/// A small space of this input, head and number of outputs.
fn space(input: &str, head: &str, outputs: usize) -> String {
    format!(
        r#"
[space]
name = "motion"
input = {{ {input} }}
classes = {outputs}
head = {{ kind = "{head}" }}
"#
    )
}

const BLOCKS: &str = r#"
[[space.block]]
conv = { kernel = "5x2", stride = "2x1", padding = "same", widths = [4, 8, 12] }

[[space.block]]
depth = [1, 2]
conv = { kernel = ["3x1", "5x1"], stride = "2x1", widths = [8, 12] }

[[space.block]]
dense = { widths = [8, 16] }
"#;

const STEPS: &str = r#"
[[step]]
kind = "largest"
epochs = 12
lr = 0.05
batch = 16

[[step]]
kind = "supernet"
epochs = 12
lr = 0.05
batch = 16
k = 2
"#;

/// The table of the data, with further fields.
fn data(file: &Path, window: &str, more: &str) -> String {
    format!(
        "[data]\nname = \"sensors\"\npath = {:?}\nwindow = {{ columns = [\"x\", \"y\"], {window} }}\n{more}\n",
        file.display().to_string()
    )
}

/// Rows in a file that lives as long as the test.
fn file() -> (tempfile::TempDir, std::path::PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, rows(96)).unwrap();
    (folder, path)
}

const WINDOW: &str = "samples = 24, stride = 8, group = \"session\"";

/// Ranks two sub-networks, exports the first, and compares its outputs with those of a device. Returns
/// the scores, the summary of the export and the result of the check.
fn deliver(run: &SmallRun, codes: [&str; 2]) -> [serde_json::Value; 3] {
    let name = run.name();
    let ranked = supernano(&["rank", &name, codes[0], codes[1], "--json"]).json();
    let exported = supernano(&["export", &name, codes[0], "--json"]).json();
    let network = format!("{name}/networks/{}.snb", codes[0]);
    supernano(&["check", &network, "--target", "host"]).succeeds();
    let checked =
        supernano(&["check", &network, "--target", "qemu-m4", "--images", "6", "--json"]).json();
    assert_eq!(number(&checked, "/mismatches"), 0.0, "{checked}");
    assert_eq!(number(&checked, "/images"), 6.0, "{checked}");
    assert_eq!(checked.get("top1_host"), None, "{checked}");
    [ranked, exported, checked]
}

#[test]
fn numbers_are_learnt_in_their_units() {
    let (_folder, path) = file();
    let config = [
        TOP,
        &space("height = 24, width = 2, channels = 1", "values", 2),
        BLOCKS,
        &data(&path, WINDOW, "targets = [\"frequency\", \"amplitude\"]"),
        STEPS,
    ];
    let run = SmallRun::train(&config.concat());
    let last = run.trained["epochs"].as_array().unwrap().last().unwrap();
    assert_eq!(last["metric"], "r2", "{last}");
    let [ranked, exported, checked] = deliver(&run, ["12-d2-12k5x1-12k5x1-16", "4-d1-8k3x1-8"]);
    assert_eq!(ranked["metric"], "r2");
    let best = number(&ranked, "/scores/0/acc");
    assert!(best > 0.3 && best <= 1.0, "{ranked}");
    // A run keeps the scales of its targets.
    let kept = fs::read_to_string(run.path().join("config.toml")).unwrap();
    assert!(kept.contains("target_scales"), "{kept}");
    let float = number(&exported, "/quality/float/score");
    let int8 = number(&exported, "/quality/int8/score");
    assert!(float > 0.3 && (float - int8).abs() < 0.05, "{exported}");
    // The frequencies are from 2 to 8, so an error in another unit would be larger.
    assert!(number(&exported, "/quality/int8/outputs/0/mae") < 2.0, "{exported}");
    assert_eq!(checked["quality"]["outputs"][1]["name"], "amplitude");

    // The integers of the file and its scale are the outputs.
    let bytes = fs::read(run.path().join("networks/12-d2-12k5x1-12k5x1-16.snb")).unwrap();
    let mut words = vec![0u32; bytes.len().div_ceil(4)];
    bytemuck::cast_slice_mut::<u32, u8>(&mut words)[..bytes.len()].copy_from_slice(&bytes);
    let view = BlobView::new_checked(&bytemuck::cast_slice(&words)[..bytes.len()]).unwrap();
    assert_eq!(view.labels().collect::<Vec<_>>(), ["frequency", "amplitude"]);

    // Training alone, and every later command, know the score as well.
    let truths = run.file("truths.csv");
    let config = run.path().join("config.toml").display().to_string();
    let alone = ["standalone", &config, "4-d1-8k3x1-8", "--as", "nominal", "--epochs", "1"];
    supernano(&[&alone[..], &["-o", &truths]].concat()).succeeds();
    assert!(fs::read_to_string(&truths).unwrap().contains(",metric\n"));
    let random = ["rank", &run.name(), "--random", "24"];
    supernano(&random).succeeds();
    let search = ["search", &run.name(), "--core", "m4", "--flash", "256KiB"];
    let front = supernano(&[&search[..], &["--force", "--json"]].concat()).json();
    assert_eq!(front["surrogate"]["metric"], "r2", "{front}");
    supernano(&[&search[..], &["--force", "--verify"]].concat()).fails(2, &["--verify"]);
    let network = run.path().join("networks/12-d2-12k5x1-12k5x1-16.snb").display().to_string();
    supernano(&["latency", &network, "--target", "qemu-m4"]).succeeds();
    supernano(&["report", &run.name()]).succeeds();
}

#[test]
fn several_labels_are_learnt_at_once() {
    let (_folder, path) = file();
    let config = [
        TOP,
        &space("height = 24, width = 2, channels = 1", "labels", 2),
        BLOCKS,
        &data(&path, WINDOW, "labels = [\"fast\", \"large\"]\nmultilabel = true"),
        STEPS,
    ];
    let run = SmallRun::train(&config.concat());
    let [ranked, exported, checked] = deliver(&run, ["12-d2-12k5x1-12k5x1-16", "4-d1-8k3x1-8"]);
    assert_eq!(ranked["metric"], "macro_auc");
    assert!(number(&ranked, "/scores/0/acc") > 0.7, "{ranked}");
    assert!(number(&exported, "/quality/int8/mean_average_precision") > 0.5, "{exported}");
    assert_eq!(checked["quality"]["metric"], "macro_auc");
}

/// Blocks for inputs of 16x16.
const SMALL_BLOCKS: &str = r#"
[[space.block]]
conv = { kernel = "3x3", stride = "2x2", padding = "same", widths = [4, 8] }

[[space.block]]
dense = { widths = [8, 16] }
"#;

/// An NPY file of little-endian elements.
fn npy(of: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': '{of}', 'fortran_order': False, 'shape': ({shape}), }}");
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.bytes());
    file.extend(values);
    file
}

/// The configuration that is proposed for data of a kind that has other outputs than classes.
fn proposed(data: &str, more: &[&str]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("own.toml").display().to_string();
    supernano(&[&["new", &config, "--data", data], more].concat()).succeeds();
    supernano(&["train", &config, "--dry-run"]).succeeds();
    fs::read_to_string(config).unwrap()
}

#[test]
fn arrays_have_numbers() {
    let folder = tempfile::tempdir().unwrap();
    // A bar of some brightness in some column.
    let (mut pixels, mut numbers) = (Vec::new(), Vec::new());
    for i in 0..240u32 {
        let (column, light) = (1 + i * 7 % 13, 60 + (i * 31 % 190) as u8);
        let pixel =
            |at: u32| if (at % 16).abs_diff(column) < 2 { light } else { (at * i % 30) as u8 };
        pixels.extend((0..256).map(pixel));
        numbers.extend((column as f32 / 16.0).to_le_bytes());
        numbers.extend(f32::from(light).to_le_bytes());
    }
    fs::write(folder.path().join("x.npy"), npy("|u1", "240, 16, 16", &pixels)).unwrap();
    fs::write(folder.path().join("y.npy"), npy("<f4", "240, 2", &numbers)).unwrap();
    let path = folder.path().display().to_string();
    let found = supernano(&["data", &path, "--targets", "place,light", "--json"]).json();
    assert_eq!(found["outputs"], "values", "{found}");
    assert_eq!(number(&found, "/targets/1/lowest"), 60.0, "{found}");
    let text = proposed(&path, &["--targets", "place,light"]);
    assert!(text.contains("targets = [\"place\", \"light\"]"), "{text}");
    assert!(text.contains("head = { kind = \"values\" }"), "{text}");
    let config = [
        TOP,
        &space("height = 16, width = 16, channels = 1", "values", 2),
        SMALL_BLOCKS,
        &format!("[data]\nname = \"numpy\"\npath = {path:?}\ntargets = [\"place\", \"light\"]\n"),
        STEPS,
    ];
    let run = SmallRun::train(&config.concat());
    let [ranked, exported, checked] = deliver(&run, ["8-16", "4-8"]);
    assert_eq!(ranked["metric"], "r2");
    assert!(number(&ranked, "/scores/0/acc") > 0.3, "{ranked}");
    assert!(number(&exported, "/quality/int8/outputs/0/mae") < 0.5, "{exported}");
    assert_eq!(checked["quality"]["outputs"][1]["name"], "light");
}

const RESIDUAL_BLOCKS: &str = r#"
[[space.block]]
conv = { kernel = "3x3", padding = "same", widths = [4, 8, 12] }

[[space.block]]
residual = { widths = [8, 12], stride = 1, shortcut = "projection" }

[[space.block]]
residual = { widths = [8, 16], stride = 2, shortcut = "projection" }
"#;

/// The exported network has the arena that the search promises; otherwise `export` refuses it.
#[test]
fn projections_keep_the_promise_of_the_search() {
    let (_folder, path) = file();
    let config = [
        TOP,
        &space("height = 24, width = 2, channels = 1", "values", 2),
        RESIDUAL_BLOCKS,
        &data(&path, WINDOW, "targets = [\"frequency\", \"amplitude\"]"),
        STEPS,
    ];
    let run = SmallRun::train(&config.concat());
    let name = run.name();
    supernano(&["rank", &name, "--random", "24"]).succeeds();
    // A few scores after a short training may rank nothing.
    let limits = ["--flash", "128KiB", "--ram", "64KiB", "--force", "--json"];
    let found = supernano(&[&["search", &name], &limits[..]].concat()).json();
    let winner = found["winner"].as_str().unwrap();
    let exported = supernano(&["export", &name, winner, "--json"]).json();
    let arena = number(&found, "/networks/0/arena_bytes");
    assert_eq!(found["networks"][0]["code"], winner, "{found}");
    assert_eq!(number(&exported, "/arena_bytes"), arena, "{exported}");
}

/// `supernano run` exports the winner itself, since the search verifies classes only.
#[test]
fn a_run_of_numbers_goes_all_the_way() {
    let (folder, file) = file();
    let config = [
        TOP,
        &space("height = 24, width = 2, channels = 1", "values", 2),
        BLOCKS,
        &data(&file, WINDOW, "targets = [\"frequency\", \"amplitude\"]"),
        STEPS,
    ];
    let path = folder.path().join("numbers.toml");
    fs::write(&path, config.concat()).unwrap();
    let (config, run) = (path.display().to_string(), folder.path().join("run"));
    let output = run.display().to_string();
    let way = ["run", &config, "-o", &output, "--target", "qemu-m4", "--images", "10"];
    let state = supernano(&[&way[..], &["--ranked", "60", "--json"]].concat()).json();
    let stages = state["stages"].as_array().unwrap();
    assert!(stages.iter().all(|stage| stage["done"] == true), "{state}");
}

#[test]
fn sounds_have_several_labels() {
    let folder = tempfile::tempdir().unwrap();
    let mut table = "file,labels\n".to_owned();
    for i in 0..160u32 {
        let heard = [i % 2 == 1, i / 2 % 2 == 1];
        let tones = [300.0 + f64::from(i), 2200.0 + 3.0 * f64::from(i)];
        let sample = |n: u32| {
            let phase = f64::from(n) / 8000.0 * std::f64::consts::TAU;
            let tone = |k: usize| if heard[k] { 9e3 * (phase * tones[k]).sin() } else { 0.0 };
            (tone(0) + tone(1) + f64::from(n * (i + 3) % 97)) as i16
        };
        let data: Vec<u8> = (0..4000).flat_map(|n| sample(n).to_le_bytes()).collect();
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x01\0\x40\x1f\0\0".to_vec();
        wav[4..8].copy_from_slice(&(36 + data.len() as u32).to_le_bytes());
        wav.extend(b"\x80\x3e\0\0\x02\0\x10\0data");
        wav.extend((data.len() as u32).to_le_bytes());
        wav.extend(data);
        fs::write(folder.path().join(format!("{i}.wav")), wav).unwrap();
        let names = ["low", "high"].iter().zip(heard).filter(|(_, heard)| *heard);
        let names: Vec<&str> = names.map(|(name, _)| *name).collect();
        table += &format!("{i}.wav,{}\n", names.join("|"));
    }
    fs::write(folder.path().join("list.csv"), table).unwrap();
    let path = folder.path().display().to_string();
    let found = supernano(&["data", &path, "--json"]).json();
    assert_eq!(
        (&found["outputs"], &found["classes"][0]["class"]),
        (&"labels".into(), &"high".into())
    );
    let text = proposed(&path, &["--rate", "8000", "--seconds", "0.5"]);
    assert!(text.contains("multilabel = true"), "{text}");
    assert!(text.contains("head = { kind = \"labels\" }"), "{text}");
    let config = [
        TOP,
        &space("height = 16, width = 16, channels = 1", "labels", 2),
        SMALL_BLOCKS,
        &format!(
            "[data]\nname = \"sound\"\npath = {path:?}\nsound = {{ rate = 8000, seconds = 0.5 }}\n"
        ),
        "multilabel = true\nlabels = [\"low\", \"high\"]\n",
        STEPS,
    ];
    let run = SmallRun::train(&config.concat());
    let [ranked, _, checked] = deliver(&run, ["8-16", "4-8"]);
    assert_eq!(ranked["metric"], "macro_auc");
    assert!(number(&ranked, "/scores/0/acc") > 0.7, "{ranked}");
    assert_eq!(checked["quality"]["metric"], "macro_auc");
}

#[test]
fn reconstructions_find_anomalies() {
    let (_folder, path) = file();
    let dense = "[[space.block]]\ndense = { widths = [8, 16] }\n\n".repeat(2);
    let config = [
        TOP,
        &space("height = 1, width = 1, channels = 16", "values", 16),
        &dense,
        &data(
            &path,
            "samples = 8, group = \"session\", label = \"state\"",
            "reconstruct = true\nnormal = \"good\"",
        ),
        STEPS,
    ];
    let run = SmallRun::train(&config.concat());
    let [ranked, exported, checked] = deliver(&run, ["16-16", "8-8"]);
    assert_eq!(ranked["metric"], "r2");
    assert!(number(&ranked, "/scores/0/acc") > 0.2, "{ranked}");
    // Equal axes are unlike everything that was trained on.
    assert!(number(&exported, "/quality/int8/anomaly_auc") > 0.6, "{exported}");
    assert!(number(&checked, "/quality/mse") > 0.0, "{checked}");
}

#[test]
fn a_device_gives_more_outputs_than_a_reply_has() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    fs::write(&path, rows(176)).unwrap();
    let window = "samples = 160, stride = 8, group = \"session\"";
    let config = [
        TOP,
        &space("height = 1, width = 1, channels = 320", "values", 320),
        "[[space.block]]\ndense = { widths = [8, 16] }\n\n",
        &data(&path, window, "reconstruct = true"),
        &STEPS.replace("epochs = 12", "epochs = 2"),
    ];
    let run = SmallRun::train(&config.concat());
    deliver(&run, ["16", "8"]);
    let network = run.path().join("networks/16.snb").display().to_string();
    let uart = ["check", &network, "--target", "qemu-m0", "--mode", "uart", "--images", "2"];
    let checked = supernano(&[&uart[..], &["--json"]].concat()).json();
    assert_eq!(number(&checked, "/mismatches"), 0.0, "{checked}");
    supernano(&["latency", &network, "--target", "qemu-m4"]).succeeds();
}

#[test]
fn heads_without_their_data_are_refused() {
    let (_folder, path) = file();
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("c.toml").display().to_string();
    let refuse = |head: &str, outputs: usize, fields: &str, words: &[&str]| {
        let space = space("height = 24, width = 2, channels = 1", head, outputs);
        let text = [TOP, &space, BLOCKS, &data(&path, WINDOW, fields), STEPS].concat();
        fs::write(&config, text).unwrap();
        supernano(&["train", &config, "--dry-run"]).fails(2, words);
    };
    refuse("values", 2, "", &["data.targets: expected names of columns"]);
    refuse(
        "values",
        2,
        "targets = [\"frequency\"]",
        &["expected 2 columns", "found 1 (frequency)"],
    );
    refuse("values", 1, "targets = [\"power\"]", &["columns: expected `power`", "session, x, y"]);
    refuse("values", 1, "targets = [\"state\"]", &["column `state`: expected a finite number"]);
    refuse("values", 1, "targets = [\"x\"]", &["expected no target"]);
    refuse("values", 2, "reconstruct = true", &["data.reconstruct: expected an input"]);
    refuse("values", 1, "targets = [\"fast\"]\nbalance = true", &["data.balance"]);
    refuse("labels", 2, "labels = [\"fast\", \"large\"]", &["data.multilabel: expected true"]);
    refuse(
        "labels",
        2,
        "labels = [\"fast\", \"amplitude\"]\nmultilabel = true",
        &["column `amplitude`: expected 0 or 1"],
    );
    refuse("classes", 2, "targets = [\"fast\"]", &["data.targets: expected nothing for the head"]);
    let constant = path.with_file_name("flat.csv");
    let text = fs::read_to_string(&path).unwrap();
    let flat: String = text
        .lines()
        .enumerate()
        .map(|(i, line)| match i {
            0 => format!("{line},flat\n"),
            _ => format!("{line},3\n"),
        })
        .collect();
    fs::write(&constant, flat).unwrap();
    let space = space("height = 24, width = 2, channels = 1", "values", 1);
    let data = data(&constant, WINDOW, "targets = [\"flat\"]");
    fs::write(&config, [TOP, &space, BLOCKS, &data, STEPS].concat()).unwrap();
    let words = ["column `flat`: expected values that differ, found 3 in every item"];
    supernano(&["train", &config, "--dry-run"]).fails(2, &words);
}
