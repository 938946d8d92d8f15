//! A folder that holds all that a rented GPU needs for some minutes, and its rehearsal on Vulkan.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::check::Compiled;
use super::{SMALL, failed, images, packed_program};
use crate::process::{self, Failure, Result, in_path, program, root};

/// Largest size of a pack, bytes.
const MOST: u64 = 60 << 20;
/// Level of xz for a pack that travels.
const SMALLEST: &str = "-9e";
/// Test images of a pack from each class.
const TESTS: usize = 20;
/// Classes of CIFAR-100.
const CLASSES: usize = 100;
/// Files of a pack that do not depend on its data.
const FILES: [(&str, &str); 2] = [
    ("run.sh", include_str!("pack/run.sh")),
    ("torch_step.py", include_str!("pack/torch_step.py")),
];
/// Sub-networks of the small space, with made-up accuracies.
const SMALL_CODES: &str = "arch,accuracy\n4-4-4-4,0.4\n8-4-8-8,0.5\n12-8-8-16,0.6\n";
/// The training of a pack: the supernet step of the paper's reference code, from its step 1. Updates,
/// statistics and scores take the same number of images, so kernels are compiled once.
const CONFIG: &str = r#"# The supernet step of the paper's reference code on a part of CIFAR-100.
seed = 1
space = "resnet20"
enhancement = "prelu+oe"
recalibration = { images = 1280, batch = 128 }

[data]
name = "cifar100"
train = 24448
validation = 552
test = 2000

[[step]]
kind = "largest"
epochs = 300
lr = 0.1
relu = true

[[step]]
kind = "supernet"
epochs = 300
lr = 0.01
"#;

/// The contents of a pack for CUDA.
pub struct Contents<'a> {
    /// Archive of CIFAR-100.
    pub data: &'a Path,
    /// Half of the training images, 1 or 2.
    pub half: usize,
    /// The reference's checkpoint of step 1 (.pt).
    pub checkpoint: &'a Path,
    /// The reference's checkpoint of step 2 (.pt).
    pub supernet: &'a Path,
    /// Codes with known accuracies (CSV).
    pub codes: &'a Path,
}

/// Writes a pack and returns its size, bytes.
pub fn pack(built: &Path, folder: &Path, contents: &Contents<'_>) -> Result<u64> {
    start(built, folder, "DEVICE=cuda PEER=1 LIMIT=540 SCALE=1 UPDATES=30 SLOWEST=300", SMALLEST)?;
    let own = std::env::current_exe().map_err(|e| failed(Path::new("xtask"), &e))?;
    compressed_program(&own, &folder.join("xtask.xz"), SMALLEST)?;
    let run = folder.join("run");
    for (run, checkpoint) in
        [(&run, contents.checkpoint), (&folder.join("reference"), contents.supernet)]
    {
        let mut import = program(built, ["import-pytorch", "--space", "resnet20", "--output"]);
        process::run(import.arg(run).arg(checkpoint))?;
    }
    write(&run.join("config.toml"), CONFIG.as_bytes())?;
    copy(contents.codes, &folder.join("codes.csv"))?;
    let scratch = tempfile::tempdir().map_err(|e| failed(folder, &e))?;
    process::run(program("tar", ["-xzf"]).arg(contents.data).arg("-C").arg(scratch.path()))?;
    let official = |name: &str| {
        let path = scratch.path().join("cifar-100-binary").join(name);
        fs::read(&path).map_err(|e| failed(&path, &e))
    };
    let train = chosen(&official("train.bin")?, |i| i % 2 == contents.half - 1);
    let test = chosen(&official("test.bin")?, |i| i < TESTS);
    let names = String::from_utf8_lossy(&official("fine_label_names.txt")?).into_owned();
    write(&folder.join("labels.txt"), names.as_bytes())?;
    let raw = scratch.path().join("images");
    write(&raw, &images::pack(&train, &test))?;
    compress(&raw, &folder.join("images.xz"), SMALLEST)?;
    let data = scratch.path().join("data");
    unpack(&raw, &folder.join("labels.txt"), &data)?;
    golden(built, folder, Some(&data))?;
    let size = size_of(folder)?;
    if size > MOST {
        return Err(Failure::no(format!("{}: {size} bytes, at most {MOST}", folder.display())));
    }
    Ok(size)
}

/// Computes what the device is compared with on this machine's CPU.
fn golden(built: &Path, folder: &Path, data: Option<&Path>) -> Result<()> {
    let mut command = program(built, ["dev", "gpu", "--write-golden"]);
    command.arg(folder.join("golden.json")).arg("--output").arg(folder.join("run"));
    data.iter().for_each(|data| {
        command.arg("--data").arg(data);
    });
    process::run(&mut command).map(|_| ())
}

/// Writes packed images as a folder in the official layout. `labels.txt` lies beside the pack's files.
pub fn unpack(file: &Path, labels: &Path, folder: &Path) -> Result<()> {
    let packed = fs::read(file).map_err(|e| failed(file, &e))?;
    let [train, test] = images::unpack(&packed)?;
    fs::create_dir_all(folder).map_err(|e| failed(folder, &e))?;
    write(&folder.join("train.bin"), &train)?;
    write(&folder.join("test.bin"), &test)?;
    copy(labels, &folder.join("fine_label_names.txt"))
}

/// The records whose number within their class is accepted.
fn chosen(records: &[u8], accepts: impl Fn(usize) -> bool) -> Vec<u8> {
    let mut seen = [0; CLASSES];
    let mut chosen = Vec::new();
    for record in records.chunks_exact(images::RECORD) {
        let Some(seen) = seen.get_mut(usize::from(record[1])) else { continue };
        if accepts(*seen) {
            chosen.extend(record);
        }
        *seen += 1;
    }
    chosen
}

/// Writes a pack for a small space on Vulkan, and runs it: cut off at ten moments, then to its end.
pub fn rehearse(built: &Path, folder: &Path, compiled: &Compiled) -> Result<()> {
    let (pack, mut results) = (folder.join("pack"), folder.join("results"));
    start(built, &pack, "DEVICE=vulkan PEER= LIMIT=10800 SCALE=20 UPDATES=2 SLOWEST=1e9", "-0")?;
    let small = root().join(SMALL);
    let text = fs::read_to_string(&small).map_err(|e| failed(&small, &e))?;
    write(
        &pack.join("run").join("config.toml"),
        text.replace("epochs = 1", "epochs = 3").as_bytes(),
    )?;
    write(&pack.join("codes.csv"), SMALL_CODES.as_bytes())?;
    golden(built, &pack, None)?;
    let mut train = program(built, ["train", SMALL, "--output"]);
    process::run(train.arg(pack.join("reference")))?;
    let mut before = String::new();
    for (i, moment) in MOMENTS.into_iter().enumerate() {
        if i == MOVED {
            results = came_back(&results, &folder.join("later"))?;
        }
        run_until(&pack, &results, Some(moment), compiled)?;
        let after = fs::read_to_string(results.join("results.jsonl")).unwrap_or_default();
        let whole = before.rfind('\n').map_or("", |end| &before[..end]);
        if !after.starts_with(whole) {
            return Err(Failure::no(format!("run.sh, cut off {moment:?}, has lost results")));
        }
        before = after;
    }
    run_until(&pack, &results, None, compiled)?;
    let text =
        fs::read_to_string(results.join("results.jsonl")).map_err(|e| failed(&results, &e))?;
    let lines: Vec<Value> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let done = |part: &str| lines.iter().find(|l| l["part"] == part && l["done"] == true);
    for part in ["check", "bench", "reference", "train", "score"] {
        if done(part).is_none() {
            return Err(Failure::no(format!("run.sh has not done the part `{part}`:\n{text}")));
        }
    }
    let agrees = done("check").is_some_and(|line| line["agrees"] == true);
    let files = files_of(&results)?;
    if !agrees || files.len() > MOST_FILES {
        return Err(Failure::no(format!("run.sh: {files:?} and\n{text}")));
    }
    Ok(())
}

/// Copies results to another folder as files that may only be read, as they come back from a rented
/// machine.
fn came_back(results: &Path, folder: &Path) -> Result<PathBuf> {
    for file in files_of(results)? {
        let to = folder.join(file.strip_prefix(results).unwrap_or(&file));
        to.parent().map_or(Ok(()), fs::create_dir_all).map_err(|e| failed(&to, &e))?;
        copy(&file, &to)?;
        let mut permissions = fs::metadata(&to).map_err(|e| failed(&to, &e))?.permissions();
        permissions.set_readonly(true);
        fs::set_permissions(&to, permissions).map_err(|e| failed(&to, &e))?;
    }
    Ok(folder.to_owned())
}

/// A moment at which a run is killed.
#[derive(Clone, Copy, Debug)]
enum Moment {
    /// After some seconds.
    Seconds(f64),
    /// After some new results, or at the run's end.
    Results(usize),
    /// After some epochs of training, or at the run's end.
    Epochs(usize),
}

/// The moments of a rehearsal: while the pack is unpacked, in the comparison with the CPU and behind it,
/// in the timing, the scoring and the training.
const MOMENTS: [Moment; 10] = [
    Moment::Seconds(0.05),
    Moment::Seconds(0.3),
    Moment::Seconds(1.0),
    Moment::Results(3),
    Moment::Results(47),
    Moment::Results(2),
    Moment::Results(5),
    Moment::Results(2),
    Moment::Epochs(1),
    Moment::Epochs(2),
];

/// Number of the moment before which the results go to another folder.
const MOVED: usize = 6;
/// Most files that come back from a rented machine.
const MOST_FILES: usize = 8;

/// Number of lines of a file; 0 without it.
fn lines_of(path: &Path) -> usize {
    fs::read_to_string(path).map_or(0, |text| text.lines().count())
}

/// Runs a pack, and kills all its processes at a moment.
fn run_until(
    pack: &Path,
    results: &Path,
    moment: Option<Moment>,
    compiled: &Compiled,
) -> Result<()> {
    let mut command = Command::new("sh");
    compiled.used_by(&mut command);
    command.arg(pack.join("run.sh")).arg(results).arg("--resume");
    // Folders that a killed run leaves behind lie beside its results.
    command.env("TMPDIR", results.parent().unwrap_or(pack));
    command.stdin(Stdio::null()).stdout(Stdio::from(std::io::stderr()));
    note!("$ sh run.sh, to {}", moment.map_or("its end".into(), |m| format!("{m:?}")));
    let (lines, epochs) = (results.join("results.jsonl"), results.join("metrics.jsonl"));
    let (known, started) = (lines_of(&lines), Instant::now());
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let failed = |e| Failure::tool(format!("sh run.sh: {e}"));
    let mut child = command.spawn().map_err(failed)?;
    while let (Some(moment), None) = (moment, child.try_wait().map_err(failed)?) {
        let comes = match moment {
            Moment::Seconds(seconds) => started.elapsed().as_secs_f64() >= seconds,
            Moment::Results(new) => lines_of(&lines) >= known + new,
            Moment::Epochs(trained) => lines_of(&epochs) >= trained,
        };
        if comes {
            let group = format!("-{}", child.id());
            process::succeeds(&mut program("kill", ["-KILL", "--", &group]));
            break;
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let status = child.wait().map_err(failed)?;
    match moment.is_none() && !status.success() {
        true => Err(Failure::no(format!("run.sh ended with {status}"))),
        false => Ok(()),
    }
}

/// Writes the files of every pack.
fn start(built: &Path, folder: &Path, settings: &str, level: &str) -> Result<()> {
    let run = folder.join("run");
    fs::create_dir_all(&run).map_err(|e| failed(&run, &e))?;
    for (name, text) in FILES {
        write(&folder.join(name), text.as_bytes())?;
    }
    let settings: String = settings.split(' ').map(|setting| format!("{setting}\n")).collect();
    write(&folder.join("settings.sh"), settings.as_bytes())?;
    compressed_program(built, &folder.join("supernano.xz"), level)
}

fn compressed_program(program: &Path, to: &Path, level: &str) -> Result<()> {
    let scratch = tempfile::tempdir().map_err(|e| failed(to, &e))?;
    let stripped: PathBuf = packed_program(program, scratch.path())?;
    compress(&stripped, to, level)
}

/// Compresses a file with xz.
fn compress(from: &Path, to: &Path, level: &str) -> Result<()> {
    let xz = in_path("xz").ok_or_else(|| Failure::tool("xz: not in PATH"))?;
    let input = fs::File::open(from).map_err(|e| failed(from, &e))?;
    let output = fs::File::create(to).map_err(|e| failed(to, &e))?;
    let status = Command::new(xz).args([level, "-c"]).stdin(input).stdout(output).status();
    match status {
        Ok(status) if status.success() => Ok(()),
        _ => Err(Failure::tool(format!("xz: could not compress {}", from.display()))),
    }
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).map_err(|e| failed(path, &e))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::copy(from, to).map(|_| ()).map_err(|e| failed(from, &e))
}

/// Bytes of all files in a folder.
fn size_of(folder: &Path) -> Result<u64> {
    let sizes = files_of(folder)?.into_iter().map(|path| {
        let found = fs::metadata(&path).map_err(|e| failed(&path, &e));
        found.map(|metadata| metadata.len())
    });
    sizes.sum()
}

/// All files in a folder and in the folders below it.
fn files_of(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|e| failed(folder, &e))? {
        let path = entry.map_err(|e| failed(folder, &e))?.path();
        if path.is_dir() {
            files.extend(files_of(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_chosen_within_their_classes() {
        let record = |class: u8, mark: u8| {
            let mut record = vec![mark; images::RECORD];
            record[1] = class;
            record
        };
        let all = [record(3, 1), record(5, 2), record(3, 3), record(3, 4), record(5, 6)].concat();
        let marks = |records: &[u8]| -> Vec<u8> {
            records.chunks_exact(images::RECORD).map(|record| record[0]).collect()
        };
        assert_eq!(marks(&chosen(&all, |i| i % 2 == 0)), [1, 2, 4]);
        assert_eq!(marks(&chosen(&all, |i| i % 2 == 1)), [3, 6]);
        assert_eq!(marks(&chosen(&all, |i| i < 1)), [1, 2]);
    }
}
