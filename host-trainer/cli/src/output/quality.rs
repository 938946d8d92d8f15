//! Measures of outputs that are no classes, as text.

use supernano_base::quality::OutputQuality;

use super::table;

/// Most outputs that are listed one by one.
const OUTPUTS: usize = 20;

/// A table with a row for each network, and one with a row for each output of the last network.
pub fn quality_text(networks: &[(&str, &OutputQuality)]) -> String {
    let Some((_, last)) = networks.last() else { return String::new() };
    let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), short);
    type Column = (&'static str, fn(&OutputQuality) -> Option<f64>);
    let columns: [Column; 4] = [
        ("MSE", |q| q.mse),
        ("MAE", |q| q.mae),
        ("mean average precision", |q| q.mean_average_precision),
        ("AUC of anomalies", |q| q.anomaly_auc),
    ];
    let title = last.metric.map_or("score", |metric| metric.title());
    let used: Vec<&Column> = columns.iter().filter(|(_, of)| of(last).is_some()).collect();
    let header: Vec<&str> =
        ["outputs of", "items", title].into_iter().chain(used.iter().map(|c| c.0)).collect();
    let row = |(name, quality): &(&str, &OutputQuality)| {
        let first = [(*name).to_owned(), quality.items.to_string(), short(quality.score)];
        first.into_iter().chain(used.iter().map(|(_, of)| number(of(quality)))).collect()
    };
    let rows: Vec<Vec<String>> = networks.iter().map(row).collect();
    let whole = table(&header, &rows);
    if last.outputs.len() < 2 {
        return whole;
    }
    let labels = last.mean_average_precision.is_some();
    let header = match labels {
        true => ["label", "AUC", "average precision"],
        false => ["output", "MSE", "MAE"],
    };
    let rows: Vec<Vec<String>> = last
        .outputs
        .iter()
        .take(OUTPUTS)
        .map(|o| {
            let (a, b) = if labels { (o.auc, o.average_precision) } else { (o.mse, o.mae) };
            vec![o.name.clone(), number(a), number(b)]
        })
        .collect();
    let more = match last.outputs.len() > OUTPUTS {
        true => format!("\nThe first {OUTPUTS} of {} outputs.", last.outputs.len()),
        false => String::new(),
    };
    format!("{whole}\n\n{}{more}", table(&header, &rows))
}

/// A number with four significant digits or four decimals, whichever are more.
fn short(value: f64) -> String {
    match value.abs() {
        size if size == 0.0 || (0.001..100_000.0).contains(&size) => format!("{value:.4}"),
        _ => format!("{value:.3e}"),
    }
}

#[cfg(test)]
mod tests {
    use supernano_base::objective::ScoreMetric;

    use super::*;

    #[test]
    fn numbers_have_their_own_columns() {
        let found = OutputQuality {
            items: 9,
            score: 0.75,
            metric: Some(ScoreMetric::R2),
            mse: Some(2.5e-7),
            mae: Some(12.25),
            ..OutputQuality::default()
        };
        let text = quality_text(&[("host", &found)]);
        assert!(text.contains("R2") && text.contains("MSE") && !text.contains("AUC"), "{text}");
        assert!(text.contains("0.7500") && text.contains("2.500e-7"), "{text}");
        assert!(text.contains("12.2500"), "{text}");
    }
}
