//! Runs of a few updates in user-defined spaces.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use serde_json::Value;
use tempfile::TempDir;

use crate::command::supernano;

/// A run in a temporary directory, which is removed when this value is dropped.
#[derive(Debug)]
pub struct SmallRun {
    directory: TempDir,
    /// Output of `train --json`.
    pub trained: Value,
}

impl SmallRun {
    /// Trains a configuration.
    pub fn train(config: &str) -> Self {
        let Ok(directory) = TempDir::new() else { panic!("no temporary directory") };
        let file = directory.path().join("config.toml");
        assert!(fs::write(&file, config).is_ok(), "{}: not written", file.display());
        let run = directory.path().join("run");
        let trained = supernano(&[
            "train".as_ref(),
            file.as_os_str(),
            "-o".as_ref(),
            run.as_os_str(),
            "--json".as_ref(),
        ])
        .json();
        Self { directory, trained }
    }

    /// The run directory.
    pub fn path(&self) -> PathBuf {
        self.directory.path().join("run")
    }

    /// The run directory as text.
    pub fn name(&self) -> String {
        self.path().display().to_string()
    }

    /// A file beside the run directory, as text.
    pub fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }
}

/// A configuration with 28 x 28 x 1 images and 4 classes; codes have 4 widths.
pub const GREY: &str = r#"
seed = 3
panel = 1
enhancement = "prelu+oe"
recalibration = { images = 32, batch = 16 }

[space]
name = "grey"
input = { height = 28, width = 28, channels = 1 }
classes = 4
layers = [
    { widths = [4, 8, 12] },
    { widths = [4, 8, 12] },
    { widths = [4, 8, 12], same_as = 0 },
    { widths = [4, 8, 16], stride = 2 },
    { widths = [4, 8, 16] },
]
blocks = ["conv", "identity", "projection"]

[data]
name = "glyphs"
train = 64
validation = 32
test = 64

[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 16

[[step]]
kind = "supernet"
epochs = 1
lr = 0.02
batch = 16
k = 2
"#;

/// A configuration with 96 x 96 x 3 images and 2 classes; codes have 3 widths, and the first kernel is
/// 5 x 5.
pub const LARGE: &str = r#"
seed = 4
panel = 1
enhancement = { widths = "oe", activation = "all" }
recalibration = { images = 16, batch = 8 }

[space]
name = "large"
input = { height = 96, width = 96, channels = 3 }
classes = 2
layers = [
    { widths = [4, 8], kernel = 5, stride = 2 },
    { widths = [4, 8], stride = 2 },
    { widths = [4, 8, 12], stride = 2 },
]
blocks = ["conv", "conv", "conv"]

[data]
name = "glyphs"
train = 32
validation = 16
test = 16

[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 8

[[step]]
kind = "supernet"
epochs = 1
lr = 0.02
batch = 8
k = 2
"#;

/// The run of [`GREY`], trained once per process.
pub fn grey() -> &'static SmallRun {
    static RUN: OnceLock<SmallRun> = OnceLock::new();
    RUN.get_or_init(|| SmallRun::train(GREY))
}

/// The run of [`LARGE`], trained once per process.
pub fn large() -> &'static SmallRun {
    static RUN: OnceLock<SmallRun> = OnceLock::new();
    RUN.get_or_init(|| SmallRun::train(LARGE))
}

/// A network for 8 x 8 grey images, trained and exported once per process. It is small because an
/// emulated UART is slow.
pub fn by_eight() -> &'static str {
    static RUN: OnceLock<(SmallRun, String)> = OnceLock::new();
    let (_, file) = RUN.get_or_init(|| {
        let run =
            SmallRun::train(&GREY.replace("height = 28, width = 28", "height = 8, width = 8"));
        let file = run.file("line.snb");
        supernano(&["export", &run.name(), "4-4-4-4", "-o", &file, "--json"]).json();
        (run, file)
    });
    file
}
