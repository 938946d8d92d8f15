//! The seam between training and the processor that computes it.

use supernano_base::config::{Precision, RunConfig, StepConfig};
use supernano_base::error::{Error, Result};
use supernano_base::space::SharedSpace;
use supernano_data::Dataset;

use super::sharing::Sharing;
use super::{Learner, Panel, PanelScore};
use crate::run::checkpoint::Checkpoint;

/// A step that is about to be trained.
#[derive(Clone, Debug)]
pub struct Setup<'a> {
    /// The space; that of the configuration, or of a sub-network that is trained alone.
    pub space: SharedSpace,
    /// The run's configuration.
    pub config: &'a RunConfig,
    /// The run's images.
    pub dataset: &'a Dataset,
    /// Where the step stands: its number, weights and momentum.
    pub state: Checkpoint,
    /// The weights before the step, if they teach
    /// ([`Teacher::Fixed`](supernano_base::config::Teacher::Fixed)).
    pub fixed: Option<Checkpoint>,
}

impl<'a> Setup<'a> {
    /// The step's configuration.
    pub fn step(&self) -> &'a StepConfig {
        &self.config.steps[self.state.step - 1]
    }
}

/// One training step on one processor.
pub trait Engine: Learner {
    /// Values of all tensors of the step's layout.
    fn values(&self) -> Vec<f32>;

    /// Momentum of every tensor.
    fn momentum(&self) -> Vec<Option<Vec<f32>>>;

    /// The finished epochs and the updates of the next one at which the weights still stand, after an
    /// update that failed because another processor was lost. `None` if no checkpoint is wanted.
    fn failed_at(&self) -> Option<(u32, u64)> {
        None
    }

    /// Scores of the panel's sub-networks with the weights as they are.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Tool`] if the processor fails.
    fn validate(&self, panel: &Panel) -> Result<Vec<PanelScore>>;
}

/// A processor that trains.
pub trait Accelerator: Sync {
    /// Refuses a space with a layer that the processor has no kernel for, and a loss that it does not
    /// compute.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Invalid`] with the layer or the field.
    fn check(&self, config: &RunConfig) -> Result<()> {
        let _ = config;
        Ok(())
    }

    /// Refuses a number format that the processor does not compute in.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Invalid`] naming the format.
    fn computes(&self, precision: Precision) -> Result<()> {
        match precision {
            Precision::Float32 => Ok(()),
            _ => {
                let expected = "`float32`, the number format of this processor";
                Err(Error::invalid("configuration", "precision", expected, precision))
            }
        }
    }

    /// A step ready to train. A panel that is given will be asked for after every epoch.
    ///
    /// # Errors
    /// [`supernano_base::error::Error::Tool`] if the processor does not answer.
    fn engine<'a>(&self, setup: Setup<'a>, panel: Option<&Panel>) -> Result<Box<dyn Engine + 'a>>;

    /// A step ready to train some of the paths of each update, with processors that train the others.
    ///
    /// # Errors
    /// As [`Self::engine`].
    fn shared_engine<'a>(
        &self,
        setup: Setup<'a>,
        sharing: Box<dyn Sharing>,
    ) -> Result<Box<dyn Engine + 'a>>;
}
