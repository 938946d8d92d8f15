use std::path::PathBuf;

use supernano_base::codes::select::CodeSelection;
use supernano_base::codes::truth::Form;
use supernano_base::progress::Silent;
use tempfile::TempDir;

use super::*;
use crate::merge_files;
use crate::training::make_truths;

const CONFIG: &str = r#"
seed = 5
enhancement = "prelu+oe"
recalibration = { images = 32, batch = 16 }

[space]
name = "shards"
input = { height = 8, width = 8, channels = 1 }
classes = 3
layers = [{ widths = [4, 8] }, { widths = [4, 8], stride = 2 }]
blocks = ["conv", "conv"]

[data]
name = "glyphs"
train = 48
validation = 16
test = 30

[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 16
"#;

/// A folder with a configuration, and the truths that it asks for.
struct Fixture {
    folder: TempDir,
    codes: CodeSelection,
}

impl Fixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), CONFIG).unwrap();
        let list = "id,arch\nb,4-8\na,8-4\nc,8-8\n";
        std::fs::write(folder.path().join("codes.csv"), list).unwrap();
        let named = vec![folder.path().join("codes.csv").display().to_string()];
        Self { folder, codes: CodeSelection { named, ..CodeSelection::default() } }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.at(name)).unwrap()
    }

    /// Trains a part, or all, after a change of the request.
    fn make(
        &self,
        part: &str,
        to: &str,
        change: impl FnOnce(&mut TruthRequest<'_>),
    ) -> Result<Vec<Truth>> {
        let (config, output) = (self.at("config.toml"), self.at(to));
        let mut request = TruthRequest {
            config: &config,
            inherit: false,
            codes: &self.codes,
            part: part.parse().ok(),
            form: Form::Nominal,
            epochs: None,
            lr: None,
            alpha: 0.8,
            data: None,
            existing: Existing::Refuse,
            output: &output,
        };
        change(&mut request);
        make_truths(&request, &Silent)
    }

    fn merge(&self, parts: &[&str], to: &str) -> Result<()> {
        let parts: Vec<PathBuf> = parts.iter().map(|part| self.at(part)).collect();
        merge_files(&parts, &self.at(to)).map(drop)
    }

    /// Asserts that a merge is refused with these texts.
    fn refused(&self, parts: &[&str], texts: &[&str]) {
        let error = self.merge(parts, "refused.csv").unwrap_err();
        assert_eq!(error.exit_code(), 2, "{error}");
        assert!(texts.iter().all(|t| error.to_string().contains(t)), "{error}");
        assert!(!self.at("refused.csv").exists());
    }

    /// Changes the text of a file.
    fn edit(&self, name: &str, to: &str, change: impl FnOnce(&mut TruthShard)) {
        let mut shard = TruthShard::read(&self.at(name)).unwrap();
        change(&mut shard);
        shard::write(&self.at(to), &shard).unwrap();
    }
}

impl PlacedTruth {
    fn set_accuracy(&mut self, accuracy: &str) {
        let mut cells = Vec::from(self.truth.clone());
        cells[2] = accuracy.into();
        self.truth = cells.try_into().unwrap();
    }
}

#[test]
fn merged_parts_have_the_bytes_of_one_process() {
    let here = Fixture::new();
    here.make("all", "whole.csv", |_| {}).unwrap();
    for part in 1..=2 {
        here.make(&format!("{part}/2"), &format!("{part}.json"), |_| {}).unwrap();
    }
    here.merge(&["2.json", "1.json", "2.json"], "merged.csv").unwrap();
    assert_eq!(here.bytes("merged.csv"), here.bytes("whole.csv"));
    // more parts than codes
    for part in 1..=4 {
        here.make(&format!("{part}/4"), &format!("{part}-of-4.json"), |_| {}).unwrap();
    }
    here.merge(&["1-of-4.json", "2-of-4.json", "3-of-4.json", "4-of-4.json"], "four.csv").unwrap();
    assert_eq!(here.bytes("four.csv"), here.bytes("whole.csv"));
}

#[test]
fn a_killed_part_continues_and_a_finished_one_stays() {
    let here = Fixture::new();
    here.make("1/2", "1.json", |_| {}).unwrap();
    let done = here.bytes("1.json");
    here.edit("1.json", "cut.json", |shard| drop(shard.truths.pop()));
    here.make("2/2", "2.json", |_| {}).unwrap();
    here.refused(&["cut.json", "2.json"], &["code 3 of 3 (shard 1/2)", "a truth", "none"]);
    let truths = here.make("1/2", "cut.json", |_| {}).unwrap();
    assert_eq!(truths.iter().map(|t| t.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(here.bytes("cut.json"), done);
    // A finished part is not trained again: a truth that was changed stays.
    here.edit("1.json", "1.json", |shard| shard.truths[0].set_accuracy("0.125"));
    let changed = here.bytes("1.json");
    let truths = here.make("1/2", "1.json", |request| request.existing = Existing::Continue);
    assert_eq!(truths.unwrap()[0].standalone_top1, 0.125);
    assert_eq!(here.bytes("1.json"), changed);
    here.make("1/2", "1.json", |request| request.existing = Existing::Replace).unwrap();
    assert_eq!(here.bytes("1.json"), done);
}

#[test]
fn parts_of_other_settings_are_named() {
    let here = Fixture::new();
    here.make("1/2", "1.json", |_| {}).unwrap();
    here.make("2/2", "2.json", |_| {}).unwrap();
    here.refused(&["1.json"], &["shard 2/2", "run it again"]);
    here.make("2/2", "epochs.json", |request| request.epochs = Some(2)).unwrap();
    here.refused(&["1.json", "epochs.json"], &["epochs.json", "training: epochs", "1.json"]);
    here.make("2/2", "lr.json", |request| request.lr = Some(0.01)).unwrap();
    here.refused(&["1.json", "lr.json"], &["lr.json", "training: lr", "0.05", "0.01"]);
    here.make("2/2", "as.json", |request| request.form = Form::Effective).unwrap();
    here.refused(&["1.json", "as.json"], &["training: as", "nominal", "effective"]);
    here.make("2/3", "three.json", |_| {}).unwrap();
    here.refused(&["1.json", "three.json"], &["three.json", "one of 2", "2/3"]);
    // an existing file of another part, or of other settings
    for (part, file, text) in [("1/2", "2.json", "shard"), ("2/2", "lr.json", "training: lr")] {
        let error = here.make(part, file, |_| {}).unwrap_err().to_string();
        assert!([file, text, "--overwrite"].iter().all(|t| error.contains(t)), "{error}");
    }
    let error = here.make("1/2", "truth.csv", |_| {}).unwrap_err().to_string();
    assert!(error.contains("truth.csv") && error.contains("merge"), "{error}");
    // other images, another list, another configuration
    let config = CONFIG.replace("test = 30", "test = 31");
    std::fs::write(here.at("config.toml"), config).unwrap();
    here.make("2/2", "data.json", |_| {}).unwrap();
    here.refused(&["1.json", "data.json"], &["data.json", "training: configuration"]);
    std::fs::write(here.at("config.toml"), CONFIG).unwrap();
    std::fs::write(here.at("codes.csv"), "id,arch\nb,4-8\nz,8-4\nc,8-8\n").unwrap();
    here.make("2/2", "codes.json", |_| {}).unwrap();
    here.refused(&["1.json", "codes.json"], &["codes.json", "training: codes"]);
}

#[test]
fn edited_files_are_refused_by_name() {
    let here = Fixture::new();
    here.make("1/2", "1.json", |_| {}).unwrap();
    here.make("2/2", "2.json", |_| {}).unwrap();
    here.edit("2.json", "x.json", |shard| shard.truths[0].set_accuracy("1.5"));
    here.refused(&["1.json", "x.json"], &["x.json", "truth of a `8-4`", "standalone_top1", "1.5"]);
    here.edit("2.json", "x.json", |shard| shard.truths[0].position = 7);
    here.refused(&["1.json", "x.json"], &["x.json", "a position below 3", "7"]);
    here.edit("2.json", "x.json", |shard| shard.truths[0].position = 0);
    here.refused(&["1.json", "x.json"], &["x.json", "truth of a `8-4`", "truth of b `4-8`"]);
    for cells in
        ["[]", "[\"a\"]", "[\"a\",\"8-4\",\"1\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\"]"]
    {
        let mut file: serde_json::Value = serde_json::from_slice(&here.bytes("2.json")).unwrap();
        file["truths"][0]["truth"] = serde_json::from_str(cells).unwrap();
        std::fs::write(here.at("x.json"), file.to_string()).unwrap();
        here.refused(&["1.json", "x.json"], &["x.json", "the 10 or 11 cells of a truth"]);
    }
    here.edit("1.json", "x.json", |shard| shard.training.count = usize::MAX);
    here.refused(&["x.json", "2.json"], &["2.json", "training: count"]);
    here.edit("1.json", "x.json", |shard| shard.shard.of = usize::MAX);
    here.refused(&["x.json"], &["shard 2/"]);
    here.refused(&["2.json", "codes.csv"], &["codes.csv", "JSON"]);
}
