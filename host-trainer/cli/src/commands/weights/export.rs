//! `supernano export`: one sub-network as an int8 file.

use std::path::PathBuf;

use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_core::arch::Arch;
use supernano_data::Dataset;
use supernano_train::export::explain::Explanation;
use supernano_train::export::{
    ExportOptions, Exported, Material, Prefer, QuantiseOptions, RangeRule, Shipment, Switch,
    TuneRecipe, Tuning, explain, measure, ship,
};
use supernano_train::rank::BnSource;
use supernano_train::run::Run;

use crate::options::room::RoomArgs;
use crate::output::{Output, table};

/// Export a sub-network as int8: one file for the device.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example: supernano export runs/demo 16-12-24-32-48-64 -o net.snb")]
pub struct Args {
    /// Run directory.
    run: PathBuf,
    /// The sub-network: the widths of its searchable layers, joined by '-'.
    code: String,
    /// File to write; default RUN/networks/CODE.snb.
    #[arg(short, long)]
    output: Option<PathBuf>,
    /// Directory or archive of the data set, where it is not where the run's config says.
    #[arg(long)]
    data: Option<PathBuf>,
    #[command(flatten)]
    quantise: QuantiseArgs,
    #[command(flatten)]
    room: RoomArgs,
    /// Also say why: the kernels that each convolution could have, with their instructions (on
    /// --core), flash and arena; where accuracy is lost, by layer and by class (whole in
    /// CODE.explain.json).
    #[arg(long)]
    explain: bool,
}

/// How the network is quantised.
#[derive(clap::Args, Debug)]
pub struct QuantiseArgs {
    /// Where batch-norm statistics come from.
    #[arg(long, value_enum, default_value_t = BnSource::Recalibrate)]
    bn: BnSource,
    /// Training images that the activations' ranges come from.
    #[arg(long, default_value_t = 512, value_parser = clap::value_parser!(u32).range(1..))]
    calibration: u32,
    /// How the range of each feature map is chosen.
    #[arg(long, value_enum, default_value_t)]
    ranges: RangeRule,
    /// Scale channels across layers so that they share one scale better.
    #[arg(long, value_enum, default_value_t)]
    equalise: Switch,
    /// Correct biases for the mean error of their channel.
    #[arg(long, value_enum, default_value_t)]
    bias_correction: Switch,
    /// What the kernels are chosen for: instructions, flash or RAM.
    #[arg(long, value_enum, default_value_t)]
    prefer: Prefer,
    /// Fine-tune in integers for so many epochs, towards the float network and the labels.
    #[arg(long, value_name = "EPOCHS")]
    finetune: Option<u32>,
    /// Training images of an epoch of --finetune; default all.
    #[arg(long, value_name = "N", requires = "finetune")]
    finetune_images: Option<usize>,
    /// Learning rate of --finetune at the start, cosine to 0.
    #[arg(long, value_name = "RATE", requires = "finetune", default_value_t = 1e-4)]
    finetune_lr: f32,
    /// Seed of --finetune; default the run's.
    #[arg(long, value_name = "SEED", requires = "finetune")]
    finetune_seed: Option<u64>,
}

/// Images an update of fine-tuning.
const BATCH: usize = 64;
/// Weight of the float network's answers.
const ALPHA: f32 = 0.8;

impl QuantiseArgs {
    fn options(&self) -> ExportOptions {
        ExportOptions {
            bn: self.bn,
            quantise: QuantiseOptions {
                ranges: self.ranges,
                equalise: self.equalise,
                correct: self.bias_correction,
            },
            prefer: self.prefer,
        }
    }

    /// Takes an export's images from the data set, the first `test` test images among them.
    ///
    /// # Errors
    /// As [`Material::new`].
    pub fn material(&self, run: &Run, dataset: &Dataset, test: usize) -> Result<Material> {
        Material::new(&run.config, dataset, self.calibration as usize, test)
    }

    /// The options of an export without fine-tuning.
    ///
    /// # Errors
    /// [`Error::Invalid`] where fine-tuning is asked for.
    pub fn without_training(&self) -> Result<ExportOptions> {
        match self.finetune {
            None => Ok(self.options()),
            Some(n) => Err(Error::invalid("command line", "--finetune", "none here", n)),
        }
    }

    /// Quantises a sub-network as the arguments say; fine-tuning draws its images from `dataset`.
    ///
    /// # Errors
    /// As [`ship`].
    pub fn shipment(
        &self,
        run: &Run,
        arch: &Arch,
        material: &Material,
        dataset: &Dataset,
        out: &Output,
    ) -> Result<Shipment> {
        let options = self.options();
        let Some(epochs) = self.finetune.filter(|&e| e > 0) else {
            return ship(run, arch, material, &options, None);
        };
        if !(self.finetune_lr > 0.0 && self.finetune_lr <= 1.0) {
            let expected = "above 0, at most 1";
            return Err(Error::invalid("--finetune-lr", "rate", expected, self.finetune_lr));
        }
        let images = self.finetune_images.unwrap_or(usize::MAX).min(dataset.train.len());
        let recipe = TuneRecipe {
            epochs,
            images,
            lr: self.finetune_lr,
            batch: BATCH,
            alpha: ALPHA,
            seed: self.finetune_seed.unwrap_or(run.config.seed),
        };
        let bar = out.task(u64::from(epochs) * images.div_ceil(BATCH) as u64, "fine-tune");
        let tuning = Tuning { recipe: &recipe, dataset, task: &*bar };
        let shipment = ship(run, arch, material, &options, Some(tuning));
        bar.finish();
        shipment
    }
}

/// Writes the blob and, beside it, a JSON file with what is known of it.
///
/// # Errors
/// An unreadable run, a code that is not in its space, a full disk.
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let run = Run::open(&args.run)?;
    let arch = Arch::parse(run.space(), &args.code).map_err(|e| Error::core("argument CODE", e))?;
    let dataset = run.dataset(args.data.as_deref())?;
    let material = args.quantise.material(&run, &dataset, usize::MAX)?;
    let mut shipment = args.quantise.shipment(&run, &arch, &material, &dataset, out)?;
    shipment.blob = args.room.apply(shipment.blob)?;
    let summary = measure(&shipment, &material.test)?;
    let why = args
        .explain
        .then(|| explain::explain(&shipment, &material.test, &args.room.core()))
        .transpose()?;
    let path = args
        .output
        .clone()
        .unwrap_or_else(|| args.run.join("networks").join(&summary.code).with_extension("snb"));
    files::write(&path, shipment.blob.bytes())?;
    files::write_json(&path.with_extension("json"), &summary)?;
    if let Some(why) = &why {
        files::write_json(&path.with_extension("explain.json"), why)?;
    }
    out.emit(&summary, |s| {
        let why = why.as_ref().map_or_else(String::new, |w| format!("{}\n", explained(s, w)));
        format!("{why}{}\nwritten to {}", text(s), path.display())
    });
    Ok(())
}

/// Costs and accuracies as a table.
pub fn text(s: &Exported) -> String {
    let percent = |v: f64| format!("{:.2} %", 100.0 * v);
    table(
        &["network", "flash, bytes", "arena, bytes", "top-1 float", "top-1 int8", "test images"],
        &[vec![
            s.code.clone(),
            s.flash_bytes.to_string(),
            s.arena_bytes.to_string(),
            percent(s.top1_float),
            percent(s.top1_int8),
            s.test_images.to_string(),
        ]],
    )
}

/// The kernels that there were to choose from, a line each.
fn kernels(why: &Explanation) -> String {
    let rows: Vec<Vec<String>> = why
        .kernels
        .iter()
        .flat_map(|choice| {
            choice.candidates.iter().enumerate().map(|(i, c)| {
                let first = |text: String| if i == 0 { text } else { String::new() };
                vec![
                    first(choice.operation.to_string()),
                    first(choice.what.clone()),
                    c.kernel.to_owned(),
                    c.instructions.to_string(),
                    format!("+{}", c.extra_flash_bytes),
                    c.arena_bytes.to_string(),
                    if c.chosen { "chosen" } else { "" }.to_owned(),
                ]
            })
        })
        .collect();
    let instructions = format!("modelled instructions, {}", why.core);
    let header =
        ["#", "operation", "kernel", &instructions, "flash, bytes", "arena of all, bytes", ""];
    table(&header, &rows)
}

/// Operations with their error, and the classes that quantisation costs most.
fn explained(s: &Exported, why: &Explanation) -> String {
    let cell = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.1}"));
    let rows: Vec<Vec<String>> = (1..)
        .zip(s.ops.iter().zip(&why.layers))
        .map(|(i, (op, layer))| {
            vec![
                i.to_string(),
                layer.name.clone(),
                op.kind.clone(),
                op.macs.to_string(),
                layer.scale.map_or_else(String::new, |v| format!("{v:.3e}")),
                layer.zero.map_or_else(String::new, |v| v.to_string()),
                layer.range.clone(),
                cell(layer.saturated.map(|v| 100.0 * v)),
                cell(Some(layer.snr_db)),
            ]
        })
        .collect();
    let header =
        ["#", "layer", "operation", "MACs", "scale", "zero", "range", "saturated %", "SNR, dB"];
    let mut text = format!("{}\n{}", kernels(why), table(&header, &rows));
    let lost: Vec<Vec<String>> = why
        .classes
        .iter()
        .take(8)
        .map(|c| {
            let confused = c.confused_with.clone().unwrap_or_default();
            vec![c.class.clone(), c.right_float.to_string(), c.right_int8.to_string(), confused]
        })
        .collect();
    let header = ["class", "right in float", "right in int8", "most taken for in int8"];
    text.push_str(&format!(
        "\n{}\nthe same answer on {:.2} % of {} test images; equalised: {}, biases corrected: {}",
        table(&header, &lost),
        100.0 * why.same_answer,
        why.images,
        s.equalised,
        s.corrected
    ));
    text
}
