//! Values that one machine's CPU computes and another machine's GPU is compared with.

use std::path::Path;

use supernano_base::config::RunConfig;
use supernano_base::error::{Error, Result, parser_words};
use supernano_base::files;
use supernano_data::{Dataset, of_config};
use supernano_gpu::results::Comparison;
use supernano_train::training::{Accelerator, Golden, SlicedAccelerator};

/// Largest accepted difference of a loss and of a cross-entropy, nats.
const LOSS: f64 = 1e-3;
/// Largest accepted difference of a gradient, relative to the root mean square of its tensor. Rounding
/// moves a value across the edge of an activation now and then, so it exceeds the error of a sum.
const GRADIENT: f64 = 2e-2;
/// The same for the weights after the update.
const WEIGHTS: f64 = 1e-3;
/// Images of the panel whose class may change by rounding.
const EXCHANGED: f64 = 2.5;

/// Computes the values of a run on the CPU and writes them.
///
/// # Errors
/// The errors of the data, of training, and [`Error::Io`].
pub fn write(config: &RunConfig, run: &Path, file: &Path) -> Result<Golden> {
    let dataset = of_config(config, None)?;
    let golden = Golden::compute(config, &dataset, run, &SlicedAccelerator)?;
    let text = serde_json::to_string(&golden)
        .map_err(|e| Error::invalid(file.display(), "values", "finite numbers", e))?;
    files::write(file, text.as_bytes())?;
    Ok(golden)
}

/// Computes the values of a run on a processor and compares them with those of a file.
///
/// # Errors
/// [`Error::Invalid`] for another file, and the errors of training.
pub fn compare(
    file: &Path,
    (config, dataset, run): (&RunConfig, &Dataset, &Path),
    accelerator: &dyn Accelerator,
) -> Result<Vec<Comparison>> {
    let expected: Golden = serde_json::from_str(&files::read_text(file)?).map_err(|e| {
        Error::invalid(file.display(), "contents", "values of a CPU", parser_words(&e))
    })?;
    let found = Golden::compute(config, dataset, run, accelerator)?;
    let d = expected.difference(&found);
    let images = dataset.validation.len().clamp(1, supernano_train::training::PANEL_IMAGES);
    let comparison = |what: &str, difference: f64, tolerance: f64| Comparison {
        what: format!("golden: {what}"),
        difference,
        tolerance,
    };
    Ok(vec![
        comparison("augmented images (0: equal bits)", f64::from(u8::from(!d.same_images)), 0.0),
        comparison("losses", d.losses, LOSS),
        comparison(&format!("gradient, most in {}", d.gradient.1), d.gradient.0, GRADIENT),
        comparison(&format!("weights, most in {}", d.weights.1), d.weights.0, WEIGHTS),
        comparison("cross-entropy of the panel", d.panel[0], LOSS),
        comparison("top-1 of the panel", d.panel[1], EXCHANGED / images as f64),
    ])
}
