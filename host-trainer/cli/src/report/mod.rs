//! One HTML page about a run, with tables and inline SVG. It needs no other file.

mod html;
mod plot;

use std::path::Path;

use serde::Deserialize;
use serde_json::Value;
use supernano_base::cycles::Cycles;
use supernano_base::error::{Error, Result};
use supernano_base::files;

/// `results.json` of a run: accuracies and costs of its networks.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct Results {
    /// Networks of the Pareto front.
    pub networks: Vec<NetworkResult>,
    /// The object that `supernano correlate --json` prints, if there were truths. Its `pairs`
    /// (`[{code, score, truth}]`) are plotted.
    #[serde(default)]
    pub correlation: Option<Value>,
    /// Wall-clock time of the run, seconds.
    #[serde(default)]
    pub seconds: Option<f64>,
}

/// One network. Accuracies are fractions from 0 to 1.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct NetworkResult {
    /// Code of the sub-network.
    pub code: String,
    /// Accuracy with inherited weights.
    pub score: Option<f64>,
    /// Standard error of the score.
    pub score_se: Option<f64>,
    /// Accuracy of the float network.
    pub top1_float: Option<f64>,
    /// Accuracy of the int8 network on the host.
    pub top1_int8: Option<f64>,
    /// Accuracy on the device.
    pub top1_device: Option<f64>,
    /// Flash: network file and code of the firmware, bytes.
    pub flash_bytes: Option<u64>,
    /// Network file, bytes.
    pub blob_bytes: Option<u64>,
    /// Vectors, code and constants of the firmware, bytes.
    pub code_bytes: Option<u64>,
    /// RAM: arena, logits, stack and statics, bytes.
    pub ram_bytes: Option<u64>,
    /// Arena, bytes.
    pub arena_bytes: Option<u64>,
    /// Logits, bytes.
    pub logits_bytes: Option<u64>,
    /// The deepest stack of an inference, bytes.
    pub stack_bytes: Option<u64>,
    /// Static variables of the firmware, bytes.
    pub statics_bytes: Option<u64>,
    /// Instructions of one inference.
    pub instructions: Option<u64>,
    /// Estimated cycles of one inference, without wait states.
    pub cycles_estimated: Option<Cycles>,
    /// Clock of the chip that the network was searched for, Hz.
    pub clock_hz: Option<u64>,
    /// Instructions of each layer, in the order of execution.
    pub layers: Vec<LayerResult>,
}

/// One layer of a network.
#[derive(Clone, Debug, Deserialize)]
pub struct LayerResult {
    /// Name of the layer.
    pub name: String,
    /// Instructions of the layer in one inference.
    pub instructions: u64,
}

/// A point of a training curve.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// Training step, 1 to 4.
    pub step: u64,
    /// Position within the step: the epoch, or the update if there is no epoch.
    pub at: f64,
    /// Loss of the largest network, nats (`loss_largest`, or `loss` if there is only one loss).
    pub loss: Option<f64>,
    /// Mean loss of the sub-networks, nats (`loss_students`).
    pub students: Option<f64>,
    /// Mean validation accuracy of the panel, 0 to 1.
    pub panel: Option<f64>,
}

/// Writes `RUN/report.html` from `RUN/results.json` and `RUN/metrics.jsonl`. The page omits everything
/// for which a file or a figure is missing.
///
/// # Errors
/// [`Error::Missing`] if both files are missing; [`Error::Invalid`] with file and line for contents
/// that are not as expected; [`Error::Io`] if the page cannot be written.
pub fn write(run: &Path) -> Result<std::path::PathBuf> {
    let read = |path: &Path| files::read_document::<Results>(path, "results of a run");
    let results = optional(&run.join("results.json"), read)?;
    let points = optional(&run.join("metrics.jsonl"), metrics)?;
    if results.is_none() && points.is_none() {
        return Err(Error::Missing {
            path: run.join("results.json"),
            needed_for:
                "the report, which needs results.json or the metrics.jsonl of `supernano train`"
                    .into(),
        });
    }
    let name = run.file_name().map_or_else(|| "run".into(), |n| n.to_string_lossy().into_owned());
    let page = html::page(&name, &results.unwrap_or_default(), &points.unwrap_or_default());
    let path = run.join("report.html");
    files::write(&path, page.as_bytes())?;
    Ok(path)
}

fn optional<T>(path: &Path, read: impl Fn(&Path) -> Result<T>) -> Result<Option<T>> {
    let exists = path.try_exists().map_err(|e| Error::io(path, e))?;
    if exists { read(path).map(Some) } else { Ok(None) }
}

/// Reads training curves from JSON lines. Lines without `step` are of other kinds and are skipped.
/// `panel` is a number, or a list or an object of numbers, whose mean is used.
fn metrics(path: &Path) -> Result<Vec<Point>> {
    let text = files::read_text(path)?;
    let lines: Vec<&str> = text.lines().collect();
    let mut points = Vec::new();
    for (i, line) in lines.iter().enumerate().filter(|(_, l)| !l.trim().is_empty()) {
        let place = format!("{}:{}", path.display(), i + 1);
        let value: Value = match files::parse_document(line, &place, "an object") {
            Ok(value) => value,
            // The last line of an unfinished or killed run may be incomplete.
            Err(_) if i + 1 == lines.len() => break,
            Err(e) => return Err(e),
        };
        let number = |key: &str| value.get(key).and_then(Value::as_f64);
        let Some(step) = value.get("step").and_then(Value::as_u64) else { continue };
        let at = number("epoch").or_else(|| number("update")).unwrap_or(points.len() as f64);
        let panel = value.get("panel").and_then(mean);
        // The trainer writes 0 for a loss that the step does not train.
        let trained = |key: &str| number(key).filter(|&l| l != 0.0);
        let loss = trained("loss_largest").or_else(|| number("loss"));
        points.push(Point { step, at, loss, students: trained("loss_students"), panel });
    }
    Ok(points)
}

/// Mean of all numbers in a value. Of an object with `top1`, only `top1` counts.
fn mean(value: &Value) -> Option<f64> {
    let of = |values: Vec<f64>| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    match value {
        Value::Number(n) => n.as_f64(),
        Value::Array(items) => of(items.iter().filter_map(mean).collect()),
        Value::Object(items) => match items.get("top1") {
            Some(top1) => mean(top1),
            None => of(items.values().filter_map(mean).collect()),
        },
        _ => None,
    }
}

#[cfg(test)]
mod tests;
