//! Files of one network: from a run directory and a code to the files that other programs read.
//!
//! [`export_network`] writes the network file of a device, [`ship_network`] the formats of other
//! tools, and [`compare_int8`] compares the order of sub-networks in int8 with that in float.

use std::path::{Path, PathBuf};

use serde::Serialize;
use supernano_base::codes::select::CodeSelection;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::numbers::grouped;
use supernano_base::progress::Progress;
use supernano_base::run_dir::RunDirectory;
use supernano_core::arch::Arch;
use supernano_data::add_pictures;

use crate::export::explain::{Explanation, explain};
use crate::export::formats::{self, Format};
use crate::export::preserve::{Preservation, preserve};
use crate::export::promise::{KernelPlan, KernelReport, KernelRequest, MemoryReport};
use crate::export::{
    ExportOptions, Exported, ImageSet, Material, Materials, Prefer, Shipment, TuneRecipe, Tuning,
    measure, ship,
};
use crate::rank::Split;
use crate::run::Run;

/// Images of one update of fine-tuning.
const BATCH: usize = 64;
/// Weight of the float network's answers in fine-tuning, against the labels.
const ALPHA: f32 = 0.8;

/// How a network becomes integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quantisation {
    /// Quantisation without training.
    pub options: ExportOptions,
    /// Fine-tuning in integers; `None` for none.
    pub tuning: Option<TuningRequest>,
}

/// Fine-tuning in integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TuningRequest {
    /// Epochs; 0 for no fine-tuning.
    pub epochs: u32,
    /// Training images of an epoch; `None` for all.
    pub images: Option<usize>,
    /// Learning rate at the start, above 0 and at most 1.
    pub lr: f32,
    /// Seed of order and augmentation; `None` for the run's.
    pub seed: Option<u64>,
}

/// A sub-network of a run.
#[derive(Clone, Copy, Debug)]
pub struct NetworkRequest<'a> {
    /// Run directory.
    pub run: &'a Path,
    /// Code of the sub-network.
    pub code: &'a str,
    /// Directory or archive of the data set; `None` for the run's.
    pub data: Option<&'a Path>,
    /// How the network becomes integers.
    pub quantisation: Quantisation,
    /// Its kernels. They replace [`ExportOptions::prefer`].
    pub kernels: KernelRequest<'a>,
}

/// The kernels and the memory of a network.
type Described = (KernelReport, MemoryReport);

impl NetworkRequest<'_> {
    /// Quantises the sub-network and gives it its kernels. The test images come with it.
    fn shipment(&self, progress: &dyn Progress) -> Result<(Shipment, Described, ImageSet)> {
        let run = Run::open(self.run)?;
        let arch =
            Arch::parse(&run.space(), self.code).map_err(|e| Error::core("argument CODE", e))?;
        let code = arch.display(&run.space()).to_string();
        let kernels = KernelPlan::new(self.kernels, run.space().name, &code)?;
        let (mut shipment, test) = self.quantised(&run, &arch, kernels.prefer(), progress)?;
        let (blob, report) = kernels.apply(shipment.blob)?;
        shipment.blob = blob;
        let memory = kernels.memory(&shipment.blob)?;
        Ok((shipment, (report, memory), test))
    }

    fn quantised(
        &self,
        run: &Run,
        arch: &Arch,
        prefer: Prefer,
        progress: &dyn Progress,
    ) -> Result<(Shipment, ImageSet)> {
        let Quantisation { options, tuning } = self.quantisation;
        options.bn.statistics(run)?;
        let dataset = run.dataset_shown(self.data, progress)?;
        let dataset = dataset.at(arch.image(&run.space()))?;
        let stages = progress.task(2, "export");
        stages.advance(1);
        stages.message("quantises".into());
        let options = ExportOptions { prefer, ..options };
        let test = (&dataset.test, usize::MAX);
        let material = Material::new(&run.config, &dataset, options.calibration, test)?;
        let Some(tuning) = tuning.filter(|t| t.epochs > 0) else {
            let shipment = ship(run, arch, &material, &options, None)?;
            stages.finish();
            return Ok((shipment, material.judged));
        };
        stages.finish();
        if !(tuning.lr > 0.0 && tuning.lr <= 1.0) {
            let expected = "above 0, at most 1";
            return Err(Error::invalid("--finetune-lr", "rate", expected, tuning.lr));
        }
        let images = tuning.images.unwrap_or(usize::MAX).min(dataset.train.len());
        let recipe = TuneRecipe {
            epochs: tuning.epochs,
            images,
            lr: tuning.lr,
            batch: BATCH,
            alpha: ALPHA,
            seed: tuning.seed.unwrap_or(run.config.seed),
        };
        let updates = u64::from(tuning.epochs) * images.div_ceil(BATCH) as u64;
        let task = progress.task(updates, "fine-tune");
        let tuning = Some(Tuning { recipe: &recipe, dataset: &dataset, task: &*task });
        let shipment = ship(run, arch, &material, &options, tuning);
        task.finish();
        Ok((shipment?, material.judged))
    }
}

/// The network file of a sub-network.
#[derive(Clone, Debug)]
pub struct ExportRequest<'a> {
    /// The sub-network.
    pub network: NetworkRequest<'a>,
    /// Whether the choice of kernels and the loss of accuracy are explained.
    pub explain: bool,
    /// The network file; `None` for `networks/CODE.snb` of the run.
    pub output: Option<&'a Path>,
}

/// A network file that was written.
#[derive(Clone, Debug)]
pub struct ExportOutcome {
    /// Costs and accuracies.
    pub summary: Exported,
    /// The explanation, if it was requested.
    pub explanation: Option<Explanation>,
    /// The network file.
    pub file: PathBuf,
}

/// Writes the network file of a sub-network. Its summary, its answers for the test images and its
/// explanation are written beside it as `.json`, `.answers.json` and `.explain.json`, unless the output is a device or a pipe.
///
/// # Errors
/// Those of the run, the code and the data; as [`KernelPlan`], [`ship`], [`measure`], [`explain()`] and
/// [`files::write()`].
pub fn export_network(
    request: &ExportRequest<'_>,
    progress: &dyn Progress,
) -> Result<ExportOutcome> {
    let own = |code| RunDirectory::new(request.network.run).network(code);
    let named = request.output.map_or_else(|| own(request.network.code), Path::to_path_buf);
    files::probe(&named)?;
    let (shipment, described, test) = request.network.shipment(progress)?;
    let core = described.0.core.clone();
    let task = progress.task(1, "evaluate");
    task.message(format!("{} test images", grouped(test.len() as u64)));
    let (summary, mut answers) = measure(&shipment, described, &test)?;
    task.finish();
    let explained = || explain(&shipment, &test, &core);
    let explanation = request.explain.then(explained).transpose()?;
    let file = request.output.map_or_else(|| own(&summary.code), Path::to_path_buf);
    files::write(&file, shipment.blob.bytes())?;
    let alone = files::is_stream(&file)?;
    if !alone {
        if summary.quality.is_none() {
            add_pictures(&mut answers, &test.bytes);
            files::write_json(&file.with_extension("answers.json"), &answers)?;
        }
        files::write_json(&file.with_extension("json"), &summary)?;
    }
    if let (Some(explanation), false) = (&explanation, alone) {
        files::write_json(&file.with_extension("explain.json"), explanation)?;
    }
    Ok(ExportOutcome { summary, explanation, file })
}

/// A sub-network in the formats of other tools.
#[derive(Clone, Copy, Debug)]
pub struct ShipRequest<'a> {
    /// The sub-network.
    pub network: NetworkRequest<'a>,
    /// Formats.
    pub formats: &'a [Format],
    /// Test images that are written with the network's answers.
    pub samples: usize,
    /// Name of the network in C sources; `None` for its code.
    pub name: Option<&'a str>,
    /// Directory for the files.
    pub output: &'a Path,
}

/// Files that were written.
#[derive(Clone, Debug, Serialize)]
pub struct ShipReport {
    /// Costs and accuracies.
    #[serde(flatten)]
    pub exported: Exported,
    /// The files.
    pub files: Vec<PathBuf>,
}

/// Writes a sub-network in the formats of other tools, with its summary in `CODE.json`.
///
/// # Errors
/// Those of the run, the code and the data; as [`KernelPlan`], [`ship`], [`measure`], [`formats::write`] and
/// [`formats::write_samples`].
pub fn ship_network(request: &ShipRequest<'_>, progress: &dyn Progress) -> Result<ShipReport> {
    files::probe(&request.output.join(request.network.code))?;
    let (shipment, described, test) = request.network.shipment(progress)?;
    let task = progress.task(1, "evaluate");
    task.message(format!("{} test images", grouped(test.len() as u64)));
    let (exported, _) = measure(&shipment, described, &test)?;
    task.finish();
    let mut files = formats::write(&shipment, request.formats, request.name, request.output)?;
    if request.samples > 0 {
        let samples = formats::write_samples(&shipment, &test, request.samples, request.output);
        files.push(samples?);
    }
    files::write_json(&request.output.join(format!("{}.json", shipment.code)), &exported)?;
    Ok(ShipReport { exported, files })
}

/// Sub-networks whose accuracies in int8 are compared with those in float.
#[derive(Clone, Debug)]
pub struct Int8Request<'a> {
    /// Run directory.
    pub run: &'a Path,
    /// Sub-networks; the default seed is the run's.
    pub codes: &'a CodeSelection,
    /// Number of codes that are compared, the first; `None` for all.
    pub first: Option<usize>,
    /// Split of the images.
    pub split: Split,
    /// Images of the split, the first.
    pub images: usize,
    /// Directory or archive of the data set; `None` for the run's.
    pub data: Option<&'a Path>,
    /// Quantisation without training.
    pub options: ExportOptions,
}

/// Compares accuracies of sub-networks in int8 with those in float.
///
/// # Errors
/// Those of the run, the codes and the data; [`Error::Invalid`] for fewer than two codes; as
/// [`preserve`].
pub fn compare_int8(request: &Int8Request<'_>, progress: &dyn Progress) -> Result<Preservation> {
    let run = Run::open(request.run)?;
    let mut codes = request.codes.read(&run.space(), run.config.seed)?;
    codes.truncate(request.first.unwrap_or(usize::MAX));
    if codes.len() < 2 {
        return Err(Error::invalid("command line", "CODES", "at least 2", codes.len()));
    }
    request.options.bn.statistics(&run)?;
    let dataset = run.dataset_shown(request.data, progress)?;
    let options = &request.options;
    let judged = (request.split, request.images);
    let mut materials = Materials::new(&run.config, &dataset, options.calibration, judged);
    let task = progress.task(codes.len() as u64, "int8-rank");
    let found = preserve(&run, &codes, &mut materials, options, &|| task.advance(1));
    task.finish();
    found
}
