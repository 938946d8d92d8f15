//! The text and the tables of the page.

use std::fmt::Write as _;

use serde_json::Value;
use supernano_base::cycles::ESTIMATED;

use super::{NetworkResult, Point, Results, plot};

const STYLE: &str = "body{font:15px/1.5 system-ui,sans-serif;max-width:62rem;margin:2rem auto;\
    padding:0 1rem;color:#222;background:#fff}h1,h2{line-height:1.2}table{border-collapse:collapse;\
    font-variant-numeric:tabular-nums}th,td{padding:.25rem .7rem;border-bottom:1px solid #ddd;\
    text-align:right}th:first-child,td:first-child{text-align:left}svg{max-width:100%;height:auto}\
    .wide{overflow-x:auto}";

/// `text` with the special characters of HTML replaced.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// The whole document.
pub(super) fn page(name: &str, results: &Results, points: &[Point]) -> String {
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <title>supernano: {0}</title><style>{STYLE}</style></head><body><h1>{0}</h1>\n",
        escaped(name)
    );
    if let Some(seconds) = results.seconds {
        let _ = writeln!(out, "<p>{} networks, {seconds:.0} s.</p>", results.networks.len());
    }
    if !results.networks.is_empty() {
        let mut body = networks(&results.networks);
        if results.networks.iter().any(|n| n.cycles_estimated.is_some()) {
            let _ = write!(body, "<p>Cycles and times: {ESTIMATED}.</p>");
        }
        section(&mut out, "Networks", Some(body));
        section(&mut out, "Accuracy against cost", plot::front(&results.networks));
    }
    if let Some(correlation) = &results.correlation {
        section(&mut out, "Scores against true accuracies", correlated(correlation));
    }
    section(&mut out, "Training: loss", plot::loss(points));
    section(&mut out, "Training: accuracy of the panel", plot::panel(points));
    let layers: Vec<String> = results
        .networks
        .iter()
        .filter_map(|n| Some(format!("<h3>{}</h3>\n{}", escaped(&n.code), plot::layers(n)?)))
        .collect();
    section(&mut out, "Instructions by layer", (!layers.is_empty()).then(|| layers.concat()));
    out.push_str("</body></html>\n");
    out
}

fn section(out: &mut String, title: &str, body: Option<String>) {
    if let Some(body) = body {
        let _ = writeln!(out, "<h2>{title}</h2>\n<div class=\"wide\">{body}</div>");
    }
}

fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let cells = |tag: &str, row: &[String]| {
        row.iter().map(|c| format!("<{tag}>{}</{tag}>", escaped(c))).collect::<String>()
    };
    let header: Vec<String> = header.iter().map(|h| (*h).to_owned()).collect();
    let mut out = format!("<table><thead><tr>{}</tr></thead><tbody>", cells("th", &header));
    for row in rows {
        let _ = write!(out, "<tr>{}</tr>", cells("td", row));
    }
    out + "</tbody></table>"
}

/// The table of networks. A column without a figure for any network is omitted.
fn networks(networks: &[NetworkResult]) -> String {
    let percent = |x: Option<f64>| x.map(|x| format!("{:.2}", 100.0 * x));
    let count = |x: Option<u64>| x.map(grouped);
    type Cell<'a> = Box<dyn Fn(&NetworkResult) -> Option<String> + 'a>;
    let columns: Vec<(&str, Cell<'_>)> = vec![
        ("code", Box::new(|n| Some(n.code.clone()))),
        ("score, %", Box::new(move |n| percent(n.score))),
        (
            "95 % interval",
            Box::new(|n| {
                let (score, half) = (n.score?, 1.96 * n.score_se?);
                Some(format!("{:.1} to {:.1}", 100.0 * (score - half), 100.0 * (score + half)))
            }),
        ),
        ("float, %", Box::new(move |n| percent(n.top1_float))),
        ("int8, %", Box::new(move |n| percent(n.top1_int8))),
        ("device, %", Box::new(move |n| percent(n.top1_device))),
        ("flash, B", Box::new(move |n| count(n.flash_bytes))),
        ("= network, B", Box::new(move |n| count(n.blob_bytes))),
        ("+ code, B", Box::new(move |n| count(n.code_bytes))),
        ("RAM, B", Box::new(move |n| count(n.ram_bytes))),
        ("= arena, B", Box::new(move |n| count(n.arena_bytes))),
        ("+ logits, B", Box::new(move |n| count(n.logits_bytes))),
        ("+ stack, B", Box::new(move |n| count(n.stack_bytes))),
        ("+ statics, B", Box::new(move |n| count(n.statics_bytes))),
        ("instructions", Box::new(move |n| count(n.instructions))),
        ("cycles (estimated)", Box::new(move |n| count(n.cycles_estimated.map(|c| c.mid)))),
        (
            "ms (estimated)",
            Box::new(|n| {
                let time = n.cycles_estimated?.milliseconds(n.clock_hz?);
                Some(format!("{:.2} ({:.2} to {:.2})", time.mid, time.low, time.high))
            }),
        ),
    ];
    let used: Vec<_> =
        columns.iter().filter(|(_, f)| networks.iter().any(|n| f(n).is_some())).collect();
    let header: Vec<&str> = used.iter().map(|(name, _)| *name).collect();
    let rows: Vec<Vec<String>> = networks
        .iter()
        .map(|n| used.iter().map(|(_, f)| f(n).unwrap_or_else(|| "-".into())).collect())
        .collect();
    table(&header, &rows)
}

/// Digits in groups of three: `1,234,567`.
fn grouped(x: u64) -> String {
    let digits = x.to_string();
    let mut out = String::new();
    for (i, d) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(',');
        }
        out.push(d);
    }
    out
}

fn correlated(correlation: &Value) -> Option<String> {
    let number = |v: &Value, key: &str| {
        v.get(key).and_then(Value::as_f64).map_or_else(|| "-".into(), |x| format!("{x:.3}"))
    };
    let interval = |key: &str| {
        let ends = correlation.get(key).and_then(Value::as_array);
        ends.map_or_else(String::new, |e| {
            let end = |i: usize| e.get(i).and_then(Value::as_f64).unwrap_or(f64::NAN);
            format!(" ({:.3} to {:.3})", end(0), end(1))
        })
    };
    let with = |key: &str, ci: &str| number(correlation, key) + &interval(ci);
    let mut rows = vec![vec![
        "scores".to_owned(),
        with("pearson", "pearson_ci"),
        with("spearman", "spearman_ci"),
        with("kendall_tau_b", "kendall_ci"),
    ]];
    let mut others = vec![("scores, best tenth", correlation.get("best_tenth"))];
    for (name, key) in [("MACs", "macs"), ("parameters", "params"), ("one layer's width", "width")]
    {
        others.push((name, correlation.get("baselines").and_then(|b| b.get(key))));
    }
    for (name, value) in others {
        if let Some(v) = value.filter(|v| v.is_object()) {
            let figures = ["pearson", "spearman", "kendall_tau_b"].map(|k| number(v, k));
            rows.push([vec![name.to_owned()], figures.to_vec()].concat());
        }
    }
    let n = correlation.get("n").and_then(Value::as_u64)?;
    let mut out = format!(
        "<p>{n} networks; the best pick by score costs {} of true accuracy.</p>",
        number(correlation, "top1_regret")
    );
    out += &table(&["predictor", "Pearson", "Spearman", "Kendall tau-b"], &rows);
    let pairs: Vec<(f64, f64)> = correlation
        .get("pairs")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|p| Some((p.get("score")?.as_f64()?, p.get("truth")?.as_f64()?)))
        .collect();
    Some(out + &plot::pairs(&pairs).unwrap_or_default())
}
