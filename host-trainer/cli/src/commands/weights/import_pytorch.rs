//! `supernano import-pytorch`: a checkpoint of the paper's reference code as a run directory.

use std::path::PathBuf;

use supernano_base::error::Result;
use supernano_train::import::import;

use crate::options::DataArgs;
use crate::output::Output;

/// Make a run from a PyTorch checkpoint of the reference code.
///
/// The command reads checkpoints of the paper's reference code. It runs no code of the file.
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  \
    supernano import-pytorch step2.pt --space resnet20 -o runs/reference \
    --data cifar-100-binary.tar.gz\n\n\
    The tensors tell step 1 (largest network, ReLU) from step 2 (shared supernet, PReLU). The run \
    keeps the batch-norm statistics of the checkpoint for `rank --bn stored`, and the place of the \
    data set in its configuration.")]
pub struct Args {
    /// Checkpoint (.pt), with its weights under `state_dict`.
    file: PathBuf,
    /// Search space of the weights.
    #[arg(long)]
    space: String,
    /// Run directory to make.
    #[arg(short, long, value_name = "RUN")]
    pub(super) output: PathBuf,
    #[command(flatten)]
    data: DataArgs,
}

/// Imports the checkpoint and prints a summary.
///
/// # Errors
/// The errors of [`import`].
pub fn run(args: &Args, out: &Output) -> Result<()> {
    let imported = import(&args.file, &args.space, &args.output, args.data.path())?;
    out.emit(&imported, |i| {
        let (run, tensors, step, values) = (i.run.display(), i.tensors, i.step, i.values);
        format!("{run}: step {step}, {values} weights from {tensors} tensors")
    })?;
    Ok(())
}
