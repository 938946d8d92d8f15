//! What networks of other heads than classes shall give.

use supernano_base::config::DataSpec;
use supernano_base::error::{Error, Result};
use supernano_base::images::Images;
use supernano_base::objective::{Objective, Spread};

use super::item::Split;
use super::splits::{self, Key};

/// The objective of a set. The scales of targets are those of the configuration, or of the training
/// items.
///
/// # Errors
/// [`Error::Invalid`] for a target without variance in a split, for a label that all training items
/// have or none, and for scales of another number of targets.
pub fn objective(spec: &DataSpec, place: &str, splits: [&Images; 3]) -> Result<Objective> {
    if spec.reconstruct {
        return Ok(Objective::Reconstruction);
    }
    if spec.target_columns().is_empty() {
        return Ok(Objective::Classes);
    }
    let names = ["training", "validation", "test"];
    let mut scales = Vec::new();
    for (o, target) in spec.target_columns().iter().enumerate() {
        for (split, images) in names.iter().zip(splits) {
            let (spread, low) = spread(images, o);
            // A label need not be in every split.
            if spread.std > 0.0 || (spec.multilabel && *split != "training") {
                scales.extend((*split == "training").then_some(spread));
                continue;
            }
            let field = format!("{split} split, column `{target}`");
            let expected = match spec.multilabel {
                true => "items with and without the label",
                false => "values that differ",
            };
            return Err(Error::invalid(place, field, expected, format!("{low} in every item")));
        }
    }
    if spec.multilabel {
        return Ok(Objective::Labels);
    }
    if let Some(wanted) = &spec.target_scales {
        if wanted.len() != scales.len() {
            let expected = format!("{}, one for each target", scales.len());
            return Err(Error::invalid("data", "target_scales", expected, wanted.len()));
        }
        scales = wanted.iter().map(|&(mean, std)| Spread { mean, std }).collect();
    }
    Ok(Objective::Values(scales))
}

/// Mean and standard deviation of target `o`, and its lowest value.
fn spread(images: &Images, o: usize) -> (Spread, f32) {
    let values = || (0..images.len()).map(|i| images.target(i)[o]);
    let n = images.len().max(1) as f64;
    let low = values().fold(f32::INFINITY, f32::min);
    let high = values().fold(f32::NEG_INFINITY, f32::max);
    let mean = values().map(f64::from).sum::<f64>() / n;
    let square = values().map(|v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n;
    let std = if low < high { square.sqrt() } else { 0.0 };
    (Spread { mean, std }, low)
}

/// Marks the items of a set for reconstruction: the label becomes 0 for normal items and 1 for
/// anomalies, which only the test split has. The test split of the normal items is drawn if the source
/// gives none. Other sets stay as they are. Returns a remark.
///
/// # Errors
/// [`Error::Invalid`] for several classes of which none is the normal one.
pub fn mark_anomalies<'a>(
    spec: &DataSpec,
    place: &str,
    classes: &[String],
    keys: impl Iterator<Item = &'a mut Key>,
) -> Result<Option<String>> {
    if !spec.reconstruct {
        return Ok(None);
    }
    let normal = match &spec.normal {
        Some(name) if !classes.is_empty() => classes.iter().position(|class| class == name),
        None if classes.len() > 1 => None,
        _ => Some(0),
    };
    let Some(normal) = normal else {
        let found = spec.normal.clone().unwrap_or_else(|| "nothing".into());
        let expected = format!("the class of normal items, one of {}", classes.join(", "));
        return Err(Error::invalid(place, "data.normal", expected, found));
    };
    let (mut ordinary, mut anomalies, mut moved) = (Vec::new(), 0, 0);
    for key in keys {
        let anomalous = usize::from(key.label) != normal;
        key.label = anomalous.into();
        if anomalous {
            anomalies += 1;
            moved += usize::from(key.split.is_some_and(|split| split != Split::Test));
            key.split = Some(Split::Test);
        } else {
            ordinary.push(key);
        }
    }
    // The anomalies would pass for a test split of the source.
    if anomalies > 0 {
        let copies: Vec<Key> = ordinary.iter().map(|key| (**key).clone()).collect();
        for (key, split) in ordinary.into_iter().zip(splits::assign(&copies, spec)) {
            key.split = Some(split);
        }
    }
    Ok((moved > 0).then(|| format!("{moved} anomalies moved to the test split")))
}

#[cfg(test)]
mod tests;
