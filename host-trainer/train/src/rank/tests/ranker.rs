use std::path::Path;

use supernano_base::config::RunConfig;
use supernano_base::rng::Key;
use supernano_core::arch::Arch;
use supernano_core::space::Space;
use supernano_data::Dataset;

use super::super::{memory, *};
use crate::run::Run;
use crate::run::checkpoint::{Checkpoint, finished_path};
use crate::supernet::{EvalSet, Evaluation, Layout, Weights, evaluate};

/// A run with initial weights over `space`, statistics over two batches of 20.
pub(super) fn untrained(path: &Path, space: &str, scheme: &str, seed: u64) -> Run {
    let text = format!(
        "seed = {seed}\nenhancement = \"prelu+oe\"\n{space}\n[data]\nname = \"glyphs\"\n\
         train = 50\nvalidation = 32\ntest = 37\n[recalibration]\nimages = 40\nbatch = 20\n\
         [[step]]\nkind = \"supernet\"\nscratch = true\nepochs = 1\nlr = 0.1\n\
         [[step]]\nkind = \"supernet\"\nscheme = \"{scheme}\"\nepochs = 1\nlr = 0.1\n"
    );
    let config = RunConfig::parse(&text, "test").unwrap();
    let layout = Layout::of_step(config.shared_space(), &config, 2);
    let mut weights = Weights::initial(layout, Key::new(seed));
    // slopes, factors and offsets that differ
    for (i, v) in weights.values.iter_mut().enumerate() {
        *v += (i % 7) as f32 * 0.02;
    }
    let values = weights.values;
    let state = Checkpoint { epoch: 1, ..Checkpoint::start(2, values) };
    state.write(&finished_path(path, 2)).unwrap();
    supernano_base::files::write(&path.join("config.toml"), config.to_toml().unwrap().as_bytes())
        .unwrap();
    Run::open(path).unwrap()
}

pub(super) const REQUEST: ScoreRequest =
    ScoreRequest { split: Split::Test, images: None, bn: BnSource::Recalibrate, bn_images: None };

/// Codes of which neighbours share prefixes of every length, one of them twice.
pub(super) fn family(space: &Space<'_>, n: u128) -> Vec<Arch> {
    let code = |i: u128| supernano_core::arch::ArchCode(i * i * i * 37 % space.size());
    let mut archs: Vec<Arch> = (0..n).map(|i| Arch::from_code(space, code(i)).unwrap()).collect();
    archs.push(archs[1].clone());
    archs
}

fn scored(
    run: &Run,
    data: &Dataset,
    archs: &[Arch],
    effort: Effort,
) -> (Vec<Evaluation>, MacCounts) {
    let ranker = Ranker::new(run, data, REQUEST, effort).unwrap();
    ranker.evaluate(&archs.iter().collect::<Vec<_>>(), &|_| {}).unwrap()
}

#[test]
fn sharing_changes_no_score_and_keeps_the_limit_of_memory() {
    let folder = tempfile::tempdir().unwrap();
    let kernels = "space = { name = \"k\", input = { height = 9, width = 12, channels = 2 }, \
        classes = 3, layers = [{ widths = [4, 8], kernel = 5 }, { widths = [4, 6] }, \
        { widths = [4, 8], same_as = 0 }, { widths = [5, 7], stride = 2 }, { widths = [4, 8, 9] }], \
        blocks = [\"conv\", \"identity\", \"projection\"] }";
    let learnt = "kernel_transformation = \"learnt\"\nspace = { name = \"learnt\", classes = 3, \
        input = { height = 9, width = 12, channels = 2 }, block = [{ conv = { kernel = [\"3x1\", \
        \"5x3\"], widths = [4, 8] } }, { depth = [1, 2], separable = { kernel = [3, 5, 7], \
        widths = [4, 6] } }] }";
    for (i, (space, scheme, n)) in
        [("space = \"resnet8\"", "shared", 9), (kernels, "exclusive", 15), (learnt, "shared", 15)]
            .into_iter()
            .enumerate()
    {
        let run = untrained(&folder.path().join(i.to_string()), space, scheme, 3);
        let data = run.dataset(None).unwrap();
        let archs = family(&run.space(), n);
        let effort = |share, memory| Effort { share, memory };
        let (plain, work) = scored(&run, &data, &archs, effort(false, 1 << 30));
        assert_eq!(work.macs, work.macs_computed);
        assert_eq!(plain.len(), archs.len());
        let (shared, less) = scored(&run, &data, &archs, effort(true, 1 << 30));
        assert_eq!(plain, shared);
        assert_eq!(work.macs, less.macs);
        assert!(less.macs_computed < work.macs, "{less:?}");

        // from the least memory that does: less sharing, the same scores
        let ranker = Ranker::new(&run, &data, REQUEST, effort(true, 1 << 30)).unwrap();
        let settings = ranker.settings();
        let capacity = |memory| memory::plan(&run, &settings, effort(true, memory));
        let least = (1u64..).map(|k| k << 14).find(|&m| capacity(m).is_ok()).unwrap();
        let error = capacity(least - (1 << 14)).unwrap_err().to_string();
        assert!(error.contains("--memory") && error.contains("at least"), "{error}");
        let mut depths = Vec::new();
        for memory in (0..8).map(|k| least + k * least / 8) {
            let depth = capacity(memory).unwrap().shared;
            let (scores, work) = scored(&run, &data, &archs, effort(true, memory));
            assert_eq!(scores, plain, "{memory} bytes");
            assert!(work.macs_computed >= less.macs_computed);
            depths.push(depth);
        }
        assert!(depths.is_sorted() && depths[0] < run.space().layers.len(), "{depths:?}");

        // one at a time through the functions of the exporter
        let set = EvalSet::new(&data, &data.test, usize::MAX);
        for (arch, expected) in archs.iter().zip(&plain).take(3) {
            assert_eq!(evaluate(&run.folded(arch, &data).unwrap(), &set), *expected);
        }
    }
}

#[test]
fn requests_that_cannot_be_met_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let run = untrained(folder.path(), "space = \"resnet8\"", "shared", 3);
    let data = run.dataset(None).unwrap();
    let effort = Effort { share: true, memory: 1 << 30 };
    let refused = |request: ScoreRequest, parts: &[&str]| {
        let error = Ranker::new(&run, &data, request, effort).err().unwrap();
        assert_eq!(error.exit_code(), 2);
        assert!(parts.iter().all(|p| error.to_string().contains(p)), "{error}");
    };
    refused(ScoreRequest { images: Some(38), ..REQUEST }, &["--images", "1 to 37", "found 38"]);
    refused(ScoreRequest { images: Some(0), ..REQUEST }, &["--images", "found 0"]);
    refused(ScoreRequest { bn_images: Some(30), ..REQUEST }, &["--bn-images", "multiple of 20"]);
    refused(ScoreRequest { bn_images: Some(60), ..REQUEST }, &["--bn-images", "at most 50"]);
    refused(ScoreRequest { bn: BnSource::Stored, ..REQUEST }, &["--bn", "stored", "import"]);
    let ranker =
        Ranker::new(&run, &data, ScoreRequest { bn_images: Some(20), ..REQUEST }, effort).unwrap();
    assert_eq!(ranker.settings().bn_images, 20);
}

#[test]
fn a_score_that_is_no_number_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let mut run = untrained(folder.path(), "space = \"resnet8\"", "shared", 3);
    run.weights.values.fill(f32::NAN);
    let data = run.dataset(None).unwrap();
    let effort = Effort { share: true, memory: 1 << 30 };
    let ranker = Ranker::new(&run, &data, REQUEST, effort).unwrap();
    let (found, _) = ranker.evaluate(&[&Arch::smallest(&run.space())], &|_| {}).unwrap();
    let error = ranker.checked("arch5", "4-4-4-4-4-4", found[0]).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("arch5 `4-4-4-4-4-4`"), "{error}");
}
