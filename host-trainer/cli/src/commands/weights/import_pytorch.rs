//! `supernano import-pytorch`: a checkpoint of the paper's reference code as a run directory.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::import::import;

use crate::output::Output;

/// Make a run directory of a PyTorch checkpoint of the paper's reference code.
#[derive(clap::Args, Debug)]
#[command(
    after_help = "Example: supernano import-pytorch step2.pt --space resnet20 -o runs/reference \
    --data cifar-100-binary.tar.gz\n\n\
    Steps 1 (largest network, ReLU) and 2 (shared supernet, PReLU) are told apart by their tensors. \
    No code of the file is run. Its batch-norm statistics are kept for `rank --bn stored`."
)]
pub struct Args {
    /// Checkpoint (.pt), with its weights under `state_dict`.
    file: PathBuf,
    /// Search space of the weights.
    #[arg(long)]
    space: String,
    /// Run directory to make.
    #[arg(short, long)]
    output: PathBuf,
    /// CIFAR-100's directory or archive, written into the run's configuration.
    #[arg(long)]
    data: Option<PathBuf>,
}

/// Runs it.
///
/// # Errors
/// As [`import`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let imported = import(&args.file, &args.space, &args.output, args.data.as_deref())?;
    out.emit(&imported, |i| {
        let (run, tensors, step, values) = (i.run.display(), i.tensors, i.step, i.values);
        format!("{run}: step {step}, {values} weights from {tensors} tensors")
    });
    Ok(())
}
