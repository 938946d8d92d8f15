//! How a network becomes integers.

use supernano_base::error::{Error, Result};
use supernano_train::delivery::{Quantisation, TuningRequest};
use supernano_train::export::{ExportOptions, Prefer, QuantiseOptions, RangeRule, Switch};
use supernano_train::rank::BnSource;

use super::PreferArgs;

/// Selects how a network becomes integers.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Quantisation")]
pub struct QuantiseArgs {
    /// Source of the batch-norm statistics.
    #[arg(long, value_enum, default_value_t = BnSource::Recalibrate)]
    bn: BnSource,
    /// Training images from which the ranges of the feature maps come.
    #[arg(long, value_name = "N", default_value_t = 512,
        value_parser = clap::value_parser!(u32).range(1..))]
    calibration: u32,
    /// Rule that chooses the range of each feature map.
    #[arg(long, value_enum, default_value_t)]
    ranges: RangeRule,
    /// Scale channels across layers so that they share one scale better.
    #[arg(long, value_enum, default_value_t)]
    equalise: Switch,
    /// Correct biases for the mean error of their channel.
    #[arg(long, value_enum, default_value_t)]
    bias_correction: Switch,
    /// Epochs of fine-tuning in integers, towards the float network and the labels.
    #[arg(long, value_name = "EPOCHS")]
    finetune: Option<u32>,
    /// Training images of one epoch of fine-tuning [default: all].
    #[arg(long, value_name = "N", requires = "finetune")]
    finetune_images: Option<usize>,
    /// Learning rate at the start of fine-tuning; it follows a cosine to 0.
    #[arg(long, value_name = "RATE", requires = "finetune", default_value_t = 1e-4)]
    finetune_lr: f32,
    /// Seed of fine-tuning [default: the seed of the configuration].
    #[arg(long, value_name = "SEED", requires = "finetune")]
    finetune_seed: Option<u64>,
    #[command(flatten)]
    prefer: PreferArgs,
}

impl QuantiseArgs {
    fn options(&self) -> ExportOptions {
        ExportOptions {
            bn: self.bn,
            calibration: self.calibration as usize,
            quantise: QuantiseOptions {
                ranges: self.ranges,
                equalise: self.equalise,
                correct: self.bias_correction,
            },
            prefer: self.prefer().unwrap_or_default(),
        }
    }

    /// The resource that the kernels save, if one is named.
    pub fn prefer(&self) -> Option<Prefer> {
        self.prefer.prefer()
    }

    /// Quantisation, with fine-tuning if it is requested.
    pub fn quantisation(&self) -> Quantisation {
        let tuning = self.finetune.map(|epochs| TuningRequest {
            epochs,
            images: self.finetune_images,
            lr: self.finetune_lr,
            seed: self.finetune_seed,
        });
        Quantisation { options: self.options(), tuning }
    }

    /// Quantisation without training.
    ///
    /// # Errors
    /// [`Error::Invalid`] if fine-tuning is requested.
    pub fn without_training(&self) -> Result<ExportOptions> {
        match self.finetune {
            None => Ok(self.options()),
            Some(n) => Err(Error::invalid("command line", "--finetune", "none here", n)),
        }
    }
}
