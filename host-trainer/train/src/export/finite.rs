//! Checks that a network computes finite values, before a file of it is written. Every error names
//! the first layer, in the order of execution, where the check fails.

use supernano_base::error::{Error, Result};

use super::material::ImageSet;
use super::quantise::QuantisedNet;
use crate::supernet::{ActivationFn, BnStats, FoldedNet, Step};

/// Largest magnitude of a parameter, of a value in a feature map and of a logit. Equalisation
/// enlarges a value at most 16 times, and the square of the result is finite in f32.
const LARGEST: f32 = 1e18;

/// Checks the statistics, the folded parameters, and all feature maps and logits of `images`.
/// `place` names the network in errors.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn network(
    place: &str,
    stats: &BnStats,
    net: &FoldedNet,
    images: &ImageSet,
) -> Result<()> {
    for (step, conv) in net.layers.executed() {
        let (mean, variance) = &stats.layers[step.index];
        bounded(place, || format!("batch-norm mean of {}", conv.name), mean)?;
        if let Some(v) = variance.iter().find(|v| !(v.is_finite() && **v >= 0.0)) {
            let field = format!("batch-norm variance of {}", conv.name);
            return Err(Error::invalid(place, field, "finite values of at least 0", v));
        }
    }
    parameters(place, net)?;
    values(place, net, images)
}

/// Checks the parameters of a network.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn parameters(place: &str, net: &FoldedNet) -> Result<()> {
    for (_, conv) in net.layers.executed() {
        let of = |what: &str| format!("{what} of {} (batch norm folded in)", conv.name);
        bounded(place, || of("weights"), &conv.weight)?;
        bounded(place, || of("biases"), &conv.bias)?;
        if let ActivationFn::Prelu(slope) = conv.act {
            bounded(place, || of("slope"), &[slope])?;
        }
    }
    bounded(place, || "weights of the classifier".into(), &net.classifier.weight)?;
    bounded(place, || "biases of the classifier".into(), &net.classifier.bias)
}

/// Checks all feature maps and logits of `images`.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn values(place: &str, net: &FoldedNet, images: &ImageSet) -> Result<()> {
    let names: Vec<&str> = net.convs().map(|conv| conv.name.as_str()).collect();
    for batch in images.batches() {
        // Steps are seen in the order of execution, and the first error is kept.
        let mut failed = Ok(());
        let logits = net.observe(&batch.values, batch.n, &mut |step: &Step, map| {
            if failed.is_ok() {
                failed = bounded(place, || format!("outputs of {}", names[step.index]), map);
            }
        });
        failed?;
        bounded(place, || "logits".into(), &logits)?;
    }
    Ok(())
}

/// Checks that the scales of a quantised network are positive and finite.
///
/// # Errors
/// [`Error::Invalid`].
pub(super) fn scales(place: &str, net: &QuantisedNet) -> Result<()> {
    let of_convs = net.layers.executed().map(|(_, conv)| (&conv.name[..], conv.to.scale));
    let all = of_convs.chain([("the classifier", net.classifier.logit_scale)]);
    for (name, scale) in all {
        if !(scale.is_normal() && scale > 0.0) {
            let field = format!("scale of {name}");
            return Err(Error::invalid(place, field, "a positive finite number", scale));
        }
    }
    Ok(())
}

fn bounded(place: &str, field: impl Fn() -> String, values: &[f32]) -> Result<()> {
    match values.iter().find(|v| v.is_nan() || v.abs() > LARGEST) {
        None => Ok(()),
        Some(v) => {
            let expected = format!("finite values of at most {LARGEST:e}");
            Err(Error::invalid(place, field(), expected, format!("{v:e}")))
        }
    }
}

#[cfg(test)]
mod tests;
