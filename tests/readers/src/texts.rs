//! Readers of texts: configurations, lists, scores, truths, shards, tables.

use std::path::Path;

use supernano_base::codes::parse_codes;
use supernano_base::codes::scores::read_scores;
use supernano_base::codes::truth::{Form, Recipe, Start, read_truths};
use supernano_base::config::RunConfig;
use supernano_base::files::{Csv, decode, read_document};
use supernano_base::stats::table;
use supernano_core::space::RESNET8;
use supernano_search::cost::instructions::InstructionTable;
use supernano_train::rank::shard::Shard;
use supernano_train::training::{TruthShard, merge_truths, metrics};

use crate::targets::Target;

/// A configuration with every table.
pub const CONFIG: &str = r#"
seed = 3
panel = 1
keep = 2
enhancement = "prelu+oe"
recalibration = { images = 32, batch = 16 }
[space]
name = "grey"
input = { height = 8, width = 8, channels = 1 }
classes = 4
layers = [{ widths = [4, 8, 12], kernel = 3 }, { widths = [4, 8, 12] }, { widths = [4, 8, 12], same_as = 0 }, { widths = [4, 8], stride = 2 }, { widths = [4, 8] }]
blocks = ["conv", "identity", "projection"]
[data]
name = "glyphs"
train = 64
validation = 32
test = 64
[augmentation]
crop_padding = 2
flip = true
brightness = 0.5
[optimizer]
momentum = 0.9
weight_decay = 0.0001
[[step]]
kind = "largest"
epochs = 1
lr = 0.05
batch = 16
[[step]]
kind = "supernet"
epochs = 2
lr = 0.02
batch = 16
k = 2
alpha = 0.5
temperature = 2.0
sampling = "sandwich"
"#;

const NETWORKS: &str = "{\"arch1\": {\"acc\": 0.5, \"arch\": \"4-4-4-4-4-4\", \"acc_se\": 0.1, \
    \"ce\": 1.5, \"ce_se\": 0.1, \"images\": 100},\n\"arch2\": {\"acc\": 0.25, \"arch\": \
    \"8-4-4-4-4-4\", \"acc_se\": 0.1, \"ce\": 1.5, \"ce_se\": 0.1, \"images\": 100}}\n";
const TRUTHS: &str = "id,arch,standalone_top1,top1_se,ce,images,as,epochs,seed,start\n\
    a,4-4-4-4-4-4,0.5,0.01,1.2,100,nominal,1,3,scratch\n\"b\",8-4-4-4-4-4,0.25,0.01,1.2,100,\
    nominal,1,3,scratch\n";
const SHARD: &str = include_str!("../corpus/shard.json");
const TRUTH_SHARD: &str = include_str!("../corpus/truth-shard.json");
const METRICS: &str = include_str!("../corpus/metrics.jsonl");
const TABLE: &str = include_str!("../../../host-trainer/search/tables/cortex-m4.toml");

fn texts(all: &[&str]) -> Vec<Vec<u8>> {
    all.iter().map(|text| text.as_bytes().to_vec()).collect()
}

/// The targets of this file.
pub fn targets(folder: &Path) -> Vec<Target> {
    let at = |name: &str| folder.join(name);
    let recipe = Recipe { form: Form::Nominal, epochs: 1, lr: 0.1, seed: 3 };
    let gzip = crate::data::gzip;
    let zipped = texts(&[NETWORKS]).into_iter().map(|t| gzip(&t));
    vec![
        Target::new("config", texts(&[CONFIG]), |bytes| {
            let config = RunConfig::parse(&decode(bytes, "c.toml")?, "c.toml")?;
            // What is accepted can be written, and is read again as the same.
            let text = config.to_toml()?;
            assert_eq!(RunConfig::parse(&text, "again")?, config);
            Ok(())
        }),
        Target::new(
            "codes",
            texts(&[
                NETWORKS,
                "[\"4-4-4-4-4-4\",\n\"8-4-4-4-4-4\"]",
                "# codes\n4-4-4-4-4-4\n8-4-4-4-4-4\n",
                "id,arch\na,4-4-4-4-4-4\n\"b\",\"8-4-4-4-4-4\"\n",
            ]),
            |bytes| {
                let text = decode(bytes, "codes")?;
                parse_codes(&text, "codes", &RESNET8).map(|_| ())
            },
        ),
        Target::new("csv", texts(&[TRUTHS, "a,b\n\"x \"\"y\"\"\",\"1\n2\"\n"]), |bytes| {
            let text = decode(bytes, "t.csv")?;
            Csv::parse(&text, "t.csv", true)?;
            let mut csv = Csv::parse(&text, "t.csv", false)?;
            csv.take_header().map(|_| ())
        }),
        Target::of_file("scores", at("scores"), texts(&[NETWORKS]), |file| {
            read_scores(file).map(|_| ())
        }),
        Target::of_file("gzip", at("scores.gz"), zipped.collect(), |file| {
            read_scores(file).map(|_| ())
        }),
        Target::of_file("truths", at("truths.csv"), texts(&[TRUTHS]), move |file| {
            read_truths(file, &recipe, Start::Scratch).map(|_| ())
        }),
        Target::of_file(
            "tables",
            at("table"),
            texts(&[
                TRUTHS,
                "[{\"id\": 1, \"code\": \"4-4-4-4-4-4\", \"acc\": 0.5}]",
                "{\"scores\": [{\"arch\": \"4-4-4-4-4-4\", \"standalone_top1\": 1, \"as\": \"nominal\"}]}",
            ]),
            |file| {
                let score = table::read(file, &RESNET8, table::SCORE);
                let truth = table::read(file, &RESNET8, table::TRUTH);
                for value in truth.iter().flatten() {
                    assert!((0.0..=1.0).contains(&value.value));
                }
                score.or(truth).map(|_| ())
            },
        ),
        Target::of_file("shards", at("shard.json"), texts(&[SHARD]), |file| {
            Shard::read(file).map(|_| ())
        }),
        Target::of_file("truth-shards", at("truths.json"), texts(&[TRUTH_SHARD]), |file| {
            let shard = ("truths.json".to_owned(), TruthShard::read(file)?);
            merge_truths(vec![shard]).map(|_| ())
        }),
        Target::of_file("states", at("state.json"), texts(&[SHARD, NETWORKS]), |file| {
            read_document::<Vec<u8>>(file, "a list").map(|_| ()).or_else(|_| {
                // Any JSON: the reader below the states of checks and searches.
                supernano_base::files::distinct_keys(
                    &supernano_base::files::read_text(file)?,
                    "state.json",
                )
                .map(|_| ())
            })
        }),
        {
            let run = folder.join("metrics");
            std::fs::create_dir_all(&run).expect("the temporary directory");
            Target::of_file("metrics", run.join("metrics.jsonl"), texts(&[METRICS]), |file| {
                metrics(file.parent().unwrap_or(file)).map(|_| ())
            })
        },
        Target::of_file("instructions", at("table.toml"), texts(&[TABLE]), |file| {
            InstructionTable::read(file).map(|_| ())
        }),
    ]
}
