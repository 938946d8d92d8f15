//! The commands that are killed.

use std::path::Path;
use std::process::Command;

use super::succeed;
use crate::process::{Failure, Result, supernano};

/// Number of layers of the run's space. It has more than 2^20 sub-networks, so that a search keeps a
/// state.
pub const LAYERS: usize = 6;

/// A run that takes half a second.
pub const CONFIG: &str = r#"
seed = 3
panel = 1
keep = 2
enhancement = "prelu+oe"
recalibration = { images = 32, batch = 16 }

[space]
name = "wide"
input = { height = 8, width = 8, channels = 1 }
classes = 4
layers = [
    { widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44] },
    { widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44] },
    { widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44] },
    { widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44] },
    { widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44] },
    { widths = [4, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44] },
]
blocks = ["conv", "conv", "conv", "conv", "conv", "conv"]

[data]
name = "glyphs"
train = 64
validation = 32
test = 64

[[step]]
kind = "largest"
epochs = 3
lr = 0.05
batch = 16

[[step]]
kind = "supernet"
epochs = 3
lr = 0.02
batch = 16
k = 2
"#;

/// A command, and how a killed one is completed.
pub struct Job {
    /// Its name.
    pub name: &'static str,
    /// Arguments; `@` stands for the directory.
    arguments: &'static [&'static str],
    /// Arguments of the command that completes it; those of the command itself if it is repeated.
    completion: &'static [&'static str],
    /// Keys of JSON objects that differ between two undisturbed runs, such as seconds.
    pub volatile: &'static [&'static str],
}

const CODES: [&str; 2] = ["4-4-4-4-4-4", "8-4-4-4-4-4"];
const TRAIN: &[&str] = &["train", "@/config.toml", "-o", "@/new"];
const RANK: &[&str] = &["rank", "@/run", "--random", "40", "--images", "32", "--seed", "5"];
const SEARCH: &[&str] = &["search", "@/run", "--ram", "20000", "--top", "1", "--verify", "--force"];
const STANDALONE: &[&str] = &[
    "standalone",
    "@/run",
    CODES[0],
    CODES[1],
    "--as",
    "nominal",
    "--epochs",
    "1",
    "--resume",
    "-o",
    "@/truth.csv",
];
const SHARD: &[&str] = &[
    "standalone",
    "@/run",
    CODES[0],
    CODES[1],
    "8-8-4-4-4-4",
    "--as",
    "nominal",
    "--epochs",
    "1",
    "--shard",
    "1/2",
    "-o",
    "@/truths.json",
];
const CHECK: &[&str] = &[
    "check",
    "@/network.snb",
    "--target",
    "qemu-m4",
    "--images",
    "12",
    "--mode",
    "uart",
    "--run",
    "@/run",
    "--state",
    "@/state.json",
    "-o",
    "@/check.json",
    "--overwrite",
];

/// All commands. Makes the directory that each starts from.
///
/// # Errors
/// A [`Failure`] if a command fails.
pub fn jobs(template: &Path) -> Result<Vec<Job>> {
    let write = |name: &str, text: &str| {
        std::fs::write(template.join(name), text).map_err(|e| Failure::tool(e.to_string()))
    };
    std::fs::create_dir_all(template).map_err(|e| Failure::tool(e.to_string()))?;
    write("config.toml", CONFIG)?;
    for command in [
        &["train", "@/config.toml", "-o", "@/run"][..],
        &["rank", "@/run", "--random", "60", "--images", "32"],
        &["export", "@/run", CODES[0], "-o", "@/network.snb"],
    ] {
        succeed(&placed(command, template))?;
    }
    let job = |name, arguments, completion, volatile| Job { name, arguments, completion, volatile };
    Ok(vec![
        job(
            "train",
            TRAIN,
            &["train", "@/config.toml", "-o", "@/new", "--resume"],
            &["seconds", "images_per_s"],
        ),
        job("rank", RANK, RANK, &[]),
        job("search", SEARCH, SEARCH, &["seconds"]),
        job("standalone", STANDALONE, STANDALONE, &[]),
        job("standalone --shard", SHARD, SHARD, &[]),
        job(
            "check",
            CHECK,
            CHECK,
            &["network", "traffic", "resumed", "seconds", "images_per_minute"],
        ),
    ])
}

fn placed(arguments: &[&str], directory: &Path) -> Vec<String> {
    let directory = directory.display().to_string();
    arguments.iter().map(|a| a.replacen('@', &directory, 1)).collect()
}

impl Job {
    /// The command in a directory.
    pub fn command(&self, directory: &Path) -> Command {
        supernano(placed(self.arguments, directory))
    }

    /// Completes the command in a directory. A training that was killed before it had a
    /// configuration is started.
    ///
    /// # Errors
    /// A [`Failure`] if the command fails.
    pub fn finish(&self, directory: &Path) -> Result<()> {
        let begins = self.name == "train" && !directory.join("new/config.toml").exists();
        let arguments = if begins { self.arguments } else { self.completion };
        succeed(&placed(arguments, directory))
    }
}
