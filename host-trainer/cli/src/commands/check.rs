//! `supernano check`: accuracy on a device, bit for bit against the host.

use std::path::PathBuf;

use serde::Serialize;
use supernano_base::answers::{Answers, ClassAnswers};
use supernano_base::blob::Blob;
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress as _;
use supernano_base::run_dir::RunDirectory;
use supernano_core::space::Head;
use supernano_data::{add_pictures, of_network};
use supernano_device::{CheckOptions, CheckReport, ImageTransfer, check, ready};

use crate::options::{DataArgs, DeviceArgs, LineArgs, OutputArgs, RARE};
use crate::output::{Output, quality_text, table};

/// Most classes of the table of accuracies.
const CLASSES: usize = 20;

/// Compare every logit of a device with the host's.
///
/// The device and the host classify the same test images. The images are those of the run in whose
/// directory the network lies, or generated glyphs if there is no run.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano check runs/demo/networks/16-4-8-8-8-8.snb --target qemu-m4 --images 500\n\n\
    Exit code 1 means that an answer differs. If a check breaks off (Ctrl-C, a lost line), the same \
    command continues it. The result goes to check/ of the run in whose directory the network lies.")]
pub struct Args {
    /// Exported network.
    network: PathBuf,
    /// Number of test images, from the first; all if there are fewer.
    #[arg(long, value_name = "N", default_value_t = 500,
        value_parser = clap::value_parser!(u32).range(1..))]
    images: u32,
    /// How images travel to an emulated device.
    #[arg(long, value_enum, default_value_t = ImageTransfer::Bulk, help_heading = RARE)]
    mode: ImageTransfer,
    /// File of the answers so far, from which an interrupted check continues; that of another check
    /// is refused [default: a file in check/ of the run directory, which a new check replaces].
    #[arg(long, value_name = "FILE", help_heading = RARE)]
    state: Option<PathBuf>,
    #[command(flatten)]
    output: OutputArgs,
    #[command(flatten)]
    device: DeviceArgs,
    #[command(flatten)]
    line: LineArgs,
    /// Run directory whose data set is used [default: the one in which the network lies].
    #[arg(long, help_heading = "Data")]
    run: Option<PathBuf>,
    #[command(flatten)]
    data: DataArgs,
}

impl Args {
    /// The run whose data set is used.
    pub(super) fn run(&self) -> Option<RunDirectory> {
        let named = self.run.as_ref().map(RunDirectory::new);
        named.or_else(|| RunDirectory::of_network(&self.network))
    }
}

/// What a check leaves in its run.
#[derive(Serialize)]
struct Kept<'a> {
    /// Code of the sub-network.
    code: &'a str,
    #[serde(flatten)]
    report: &'a CheckReport,
    /// The host's answers; only of classes.
    #[serde(skip_serializing_if = "Option::is_none")]
    answers: Option<Answers>,
}

/// Checks, keeps the result in the run and prints the report.
///
/// # Errors
/// [`Error::No`] for a mismatch; as [`of_network`] and [`check`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    args.output.claim()?;
    let blob = Blob::read(&args.network)?;
    let target = args.device.target()?;
    ready(&target, args.device.firmware())?;
    let run = args.run();
    let dataset = of_network(&blob, &args.network, run.as_ref(), args.data.path(), out)?;
    let images = dataset.test.first(args.images as usize);
    let own_state = || run.as_ref()?.partial_check(&args.network, &target.to_string());
    let state = args.state.clone().or_else(own_state);
    let kept = run.as_ref().and_then(|r| r.check_report(&args.network, &target.to_string()));
    if let Some(path) = &kept {
        files::probe(path)?;
    }
    let measured = dataset.measured();
    let is_classes = measured.objective.head() == Head::Classes;
    let bar = out.task(images.len() as u64, "check");
    let options = CheckOptions {
        mode: args.mode,
        elf: args.device.firmware(),
        state: state.as_deref(),
        replaces_state: args.state.is_none() || args.output.overwrites(),
        measured: Some(&measured).filter(|_| !is_classes),
        reconnect: args.line.reconnect(),
        progress: &*bar,
    };
    let report = check(&blob, &images, &target, &options)?;
    bar.finish();
    args.output.write(&report)?;
    let view = blob.view()?;
    let classes: Vec<String> = view.labels().map(String::from).collect();
    let mut answers = is_classes.then(|| Answers::new(&classes, &images.labels, &report.logits));
    let more = match (&answers, &report.quality) {
        (Some(answers), _) => classes_text(answers),
        (None, Some(quality)) => quality_text(&[(&report.target, quality)]),
        (None, None) => String::new(),
    };
    if let Some(path) = &kept {
        answers.iter_mut().for_each(|answers| add_pictures(answers, &images));
        files::write_json(path, &Kept { code: view.code(), report: &report, answers })?;
    }
    out.emit(&report, |report| format!("{}\n\n{more}", text(report)))?;
    match report.first_mismatch {
        None => Ok(()),
        Some(first) => Err(Error::No(format!(
            "{} of {} images differ, image {first} first",
            report.mismatches, report.images
        ))),
    }
}

fn text(r: &CheckReport) -> String {
    let percent = |v: f64| format!("{:.2} %", 100.0 * v);
    let mut columns = vec![
        ("target", r.target.clone()),
        ("images", r.images.to_string()),
        ("mismatches", r.mismatches.to_string()),
    ];
    let accuracies = [("top-1 host", r.top1_host), ("top-1 device", r.top1_device)];
    columns.extend(accuracies.into_iter().filter_map(|(name, v)| Some((name, percent(v?)))));
    columns.push(("images/min", format!("{:.0}", r.images_per_minute)));
    let (header, row): (Vec<&str>, Vec<String>) = columns.into_iter().unzip();
    table(&header, &[row])
}

/// The accuracies of the classes as a table; of many classes the lowest ones.
fn classes_text(answers: &Answers) -> String {
    let mut classes: Vec<ClassAnswers> =
        answers.of_classes().into_iter().filter(|c| c.images > 0).collect();
    let all = classes.len();
    if all > CLASSES {
        classes.sort_by(|a, b| a.accuracy().total_cmp(&b.accuracy()));
        classes.truncate(CLASSES);
    }
    let row = |c: &ClassAnswers| {
        let mistaken = c.mistaken.as_ref();
        vec![
            c.class.clone(),
            c.images.to_string(),
            c.right.to_string(),
            format!("{:.1} %", 100.0 * c.accuracy()),
            mistaken.map_or_else(|| "-".into(), |(class, n)| format!("{class} ({n})")),
        ]
    };
    let rows: Vec<Vec<String>> = classes.iter().map(row).collect();
    let shown = table(&["class", "images", "right", "accuracy", "most often mistaken for"], &rows);
    match all > CLASSES {
        true => format!("{shown}\nThe {CLASSES} of {all} classes with the lowest accuracies."),
        false => shown,
    }
}
