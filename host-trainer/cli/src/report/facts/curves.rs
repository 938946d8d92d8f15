//! Learning curves.

use std::path::Path;

use serde::Serialize;
use serde_json::Value;
use supernano_base::error::Result;
use supernano_base::files;

/// A point of the learning curves.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Point {
    /// Training step, 1 to 4.
    pub step: u64,
    /// Position within the step: the epoch, or the update if there is no epoch.
    pub at: f64,
    /// Loss of the largest network, nats (`loss_largest`, or `loss` if there is only one loss).
    pub loss: Option<f64>,
    /// Mean loss of the sub-networks, nats (`loss_students`).
    pub students: Option<f64>,
    /// Least, mean and largest validation accuracy of the panel, 0 to 1.
    pub panel: Option<[f64; 3]>,
}

/// Reads learning curves from JSON lines. Lines without `step` are of other kinds and are skipped.
/// `panel` is a number, or a list or an object of numbers.
pub(super) fn read(path: &Path) -> Result<Vec<Point>> {
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
        let panel = value.get("panel").and_then(range);
        // The trainer writes 0 for a loss that the step does not train.
        let trained = |key: &str| number(key).filter(|&l| l != 0.0);
        let loss = trained("loss_largest").or_else(|| number("loss"));
        points.push(Point { step, at, loss, students: trained("loss_students"), panel });
    }
    Ok(points)
}

/// Least, mean and largest of all numbers in a value. Of an object with `top1`, only `top1` counts.
fn range(value: &Value) -> Option<[f64; 3]> {
    fn collect(value: &Value, into: &mut Vec<f64>) {
        match value {
            Value::Number(n) => into.extend(n.as_f64()),
            Value::Array(items) => items.iter().for_each(|v| collect(v, into)),
            Value::Object(items) => match items.get("top1") {
                Some(top1) => collect(top1, into),
                None => items.values().for_each(|v| collect(v, into)),
            },
            _ => {}
        }
    }
    let mut all = Vec::new();
    collect(value, &mut all);
    let mean = all.iter().sum::<f64>() / all.len() as f64;
    let least = all.iter().copied().reduce(f64::min)?;
    Some([least, mean, all.iter().copied().fold(least, f64::max)])
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "{\"event\": \"start\"}\n\
        {\"step\": 1, \"epoch\": 0, \"loss\": 2.0}\n\
        {\"step\": 1, \"epoch\": 1, \"loss\": 0.5, \"panel\": [0.4, 0.6]}\n\
        {\"step\": 2, \"epoch\": 0, \"loss_largest\": 0, \"loss_students\": 3.0, \
         \"panel\": {\"a\": {\"top1\": 0.7, \"ce\": 2.0}}}\n\
        {\"step\": 2, \"epo";

    #[test]
    fn curves_are_read_with_the_range_of_the_panel() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("metrics.jsonl");
        std::fs::write(&path, METRICS).unwrap();
        let points = read(&path).unwrap();
        assert_eq!(points.len(), 3);
        let [least, mean, most] = points[1].panel.unwrap();
        assert_eq!((least, most), (0.4, 0.6));
        assert!((mean - 0.5).abs() < 1e-9);
        let second =
            Point { step: 2, at: 0.0, loss: None, students: Some(3.0), panel: Some([0.7; 3]) };
        assert_eq!(points[2], second);
        std::fs::write(&path, "{}\nx\n{}\n").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("metrics.jsonl:2"), "{error}");
    }
}
