//! Shards of truths: parts of a list of sub-networks that are trained on different machines.

use std::path::Path;

use serde::{Deserialize, Serialize};
use supernano_base::codes::truth::{Recipe, Start, Truth, TruthCells};
use supernano_base::error::{Error, Result};
use supernano_base::files;
use supernano_base::progress::Progress;

use super::{Existing, Plan, Trainer, TruthRequest};
use crate::run::fingerprint;
use crate::shard::{self, Entry, Identity as _, Part, ShardNumber};

/// What all parts of one list of truths have in common; parts that differ in it are not merged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthIdentity {
    /// Fingerprint of the configuration, as far as it decides a truth.
    pub configuration: String,
    /// Fingerprint of the training and test images.
    pub data: String,
    /// Fingerprint of the list of codes.
    pub codes: String,
    /// Number of codes in the list.
    pub count: usize,
    /// Settings of training.
    pub recipe: Recipe,
    /// The weights at the start of training.
    pub start: Start,
    /// Fingerprint of the supernet's weights and of what they compute, for inherited weights.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub supernet: Option<String>,
    /// Weight of the supernet's largest network against the labels, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alpha: Option<f32>,
}

impl shard::Identity for TruthIdentity {
    const WHOLE: &'static str = "training";

    fn count(&self) -> usize {
        self.count
    }

    fn difference(&self, other: &Self) -> Option<(&'static str, String, String)> {
        let values = |i: &Self| {
            let form = serde_json::to_string(&i.recipe.form).unwrap_or_default();
            let none = || "none".to_owned();
            [
                // Before the fingerprints, which the same values change.
                ("as", form.trim_matches('"').to_owned()),
                ("epochs", i.recipe.epochs.to_string()),
                ("lr", i.recipe.lr.to_string()),
                ("seed", i.recipe.seed.to_string()),
                ("start", format!("{:?}", i.start).to_lowercase()),
                ("supernet", i.supernet.clone().unwrap_or_else(none)),
                ("alpha", i.alpha.map_or_else(none, |alpha| alpha.to_string())),
                ("configuration", i.configuration.clone()),
                ("data", i.data.clone()),
                ("count", i.count.to_string()),
                ("codes", i.codes.clone()),
            ]
        };
        shard::first_difference(values(self), values(other))
    }
}

impl TruthIdentity {
    fn of(plan: &Plan, trainer: &Trainer<'_>) -> Result<Self> {
        Ok(Self {
            configuration: fingerprint::of_alone(&plan.config, &plan.recipe)?,
            data: fingerprint::of_images(&trainer.dataset),
            codes: fingerprint::of_codes(&plan.codes),
            count: plan.codes.len(),
            recipe: plan.recipe,
            start: plan.start(),
            supernet: plan.from.as_ref().map(fingerprint::of_run),
            alpha: plan.from.is_some().then_some(trainer.alpha),
        })
    }
}

/// A truth with its position in the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlacedTruth {
    /// Position in the list of codes, from 0.
    pub position: usize,
    /// The cells of the truth's line in a truth file. They are texts, so that a merged file has the
    /// digits of one that was written at once.
    pub truth: TruthCells,
}

impl Entry for PlacedTruth {
    const WHAT: &'static str = "a truth (the same command continues the shard)";

    fn position(&self) -> usize {
        self.position
    }

    fn field(&self) -> String {
        format!("truth of {} `{}`", self.truth.id(), self.truth.arch())
    }

    fn shown(&self) -> String {
        self.truth.results().join(",")
    }

    fn owner(position: usize, of: usize) -> Option<ShardNumber> {
        Some(ShardNumber { index: position % of + 1, of })
    }
}

/// The contents of one part's file. It is written again after every sub-network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TruthShard {
    /// The part.
    pub shard: ShardNumber,
    /// The training that it belongs to.
    pub training: TruthIdentity,
    /// The truths of the part so far.
    pub truths: Vec<PlacedTruth>,
}

impl TruthShard {
    /// Reads the file of a part.
    ///
    /// # Errors
    /// [`Error::Missing`], [`Error::Io`]; [`Error::Invalid`] with line and column.
    pub fn read(path: &Path) -> Result<Self> {
        files::read_json(path, "a file of `standalone --shard`")
    }

    /// The truths in the order of the file.
    fn parsed(&self, place: &str) -> Result<Vec<Truth>> {
        let TruthIdentity { recipe, start, .. } = &self.training;
        let one = |placed: &PlacedTruth| {
            let place = format!("{place}: {}", placed.field());
            Truth::of_cells(&placed.truth, &place, recipe, *start)
        };
        self.truths.iter().map(one).collect()
    }
}

/// Merges the parts of a list of truths in the order of the list of codes. A part may be given twice
/// if its truths are the same.
///
/// # Errors
/// As [`shard::join`]; [`Error::Invalid`] for a line that is not one of a truth file.
pub fn merge_truths(shards: Vec<(String, TruthShard)>) -> Result<(Vec<Truth>, TruthIdentity)> {
    let part = |(place, shard): (String, TruthShard)| {
        shard.parsed(&place)?;
        Ok(Part { place, shard: shard.shard, identity: shard.training, entries: shard.truths })
    };
    let parts = shards.into_iter().map(part).collect::<Result<_>>()?;
    let (truths, training) = shard::join(parts)?;
    let shard = ShardNumber { index: 1, of: 1 };
    let whole = TruthShard { shard, training, truths };
    Ok((whole.parsed("shards")?, whole.training))
}

/// Trains the sub-networks of a part: every `of`-th from the `index`-th, so that neighbours in the list,
/// which cost much the same, are shared out.
pub(super) fn make(
    request: &TruthRequest<'_>,
    part: ShardNumber,
    progress: &dyn Progress,
) -> Result<Vec<Truth>> {
    let output = request.output;
    refuse_csv(output)?;
    files::probe(output)?;
    let at_end = files::is_stream(output)?;
    let plan = Plan::new(request)?;
    let before = match request.existing {
        Existing::Replace => None,
        Existing::Refuse | Existing::Continue => {
            output.is_file().then(|| TruthShard::read(output)).transpose()?
        }
    };
    let trainer = Trainer::new(&plan, request, progress)?;
    let training = TruthIdentity::of(&plan, &trainer)?;
    let mut own = TruthShard { shard: part, training, truths: Vec::new() };
    if let Some(before) = before {
        own.truths = continued(output, before, &own)?;
    }
    let positions: Vec<usize> = (part.index - 1..plan.codes.len()).step_by(part.of).collect();
    if own.truths.len() == positions.len() && output.is_file() {
        progress.note(&format!("{} is done already", output.display()));
        return own.parsed(&output.display().to_string());
    }
    let task = progress.task(positions.len() as u64, "standalone");
    task.advance(own.truths.len() as u64);
    for &position in &positions[own.truths.len()..] {
        let truth = trainer.train(&plan.codes[position], &*task)?.cells();
        own.truths.push(PlacedTruth { position, truth });
        if !at_end {
            shard::write(output, &own)?;
        }
        task.advance(1);
    }
    task.finish();
    if at_end || positions.is_empty() {
        shard::write(output, &own)?;
    }
    own.parsed(&output.display().to_string())
}

/// The truths of a part's file that is there already, for the same part of the same list.
fn continued(path: &Path, before: TruthShard, own: &TruthShard) -> Result<Vec<PlacedTruth>> {
    let other = |field: String, expected: String, found: String| {
        let expected = format!("{expected} (--overwrite replaces the file)");
        Err(Error::invalid(path.display(), field, expected, found))
    };
    if before.shard != own.shard {
        return other("shard".into(), own.shard.to_string(), before.shard.to_string());
    }
    if let Some((field, expected, found)) = own.training.difference(&before.training) {
        return other(format!("training: {field}"), expected, found);
    }
    before.parsed(&path.display().to_string())?;
    let positions = (own.shard.index - 1..own.training.count).step_by(own.shard.of);
    let held: Vec<usize> = before.truths.iter().map(|t| t.position).collect();
    let expected: Vec<usize> = positions.take(held.len()).collect();
    if held != expected {
        let [expected, held] = [expected, held].map(|list| format!("{list:?}"));
        return other("positions".into(), expected, held);
    }
    Ok(before.truths)
}

/// Refuses a name that promises a truth file.
fn refuse_csv(path: &Path) -> Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    match name.strip_suffix(".gz").unwrap_or(&name).ends_with(".csv") {
        true => {
            let expected = "a JSON file with --shard, which `supernano merge` joins to a CSV file";
            Err(Error::invalid("command line", "--output", expected, path.display()))
        }
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests;
