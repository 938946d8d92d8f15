//! The Markdown table of `cargo xtask bench-device`.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::bench::CORES;
use crate::process::{Failure, Result};

/// Figures of CMSIS-NN (July 2026, GCC 12.2, `-O3`) with ReLU: core, network, million instructions and
/// million estimated cycles, both counted in the same way. Cycles are those of a Cortex-M0+ for `m0`.
const CMSIS_NN: [(&str, &str, f64, Option<f64>); 17] = [
    ("m4", "mobilenet-v1-025", 24.7, None),
    ("m4", "ds-cnn", 7.84, None),
    ("m0", "large", 323.9, Some(454.9)),
    ("m0", "resnet8", 97.6, None),
    ("m3", "large", 137.7, Some(234.3)),
    ("m4", "resnet8", 29.9, Some(35.7)),
    ("m4", "large", 96.9, Some(115.0)),
    ("m4", "mid", 33.8, None),
    ("m4", "small", 14.8, None),
    ("m7", "large", 97.0, None),
    ("m33", "large", 97.1, None),
    ("m55", "resnet8", 4.8, None),
    ("m55", "large", 15.0, None),
    ("m55", "mid", 7.0, None),
    ("m55", "small", 4.4, None),
    ("m55", "mobilenet-v1-025", 6.4, None),
    ("m55", "ds-cnn", 1.78, None),
];

/// One table for each core: the named networks, then the mean of the random ones.
pub fn render(rows: &[Value]) -> String {
    let of = |core: &str| rows.iter().filter(|r| r["core"] == core).collect::<Vec<_>>();
    let tables = CORES.iter().filter(|c| !of(c).is_empty()).map(|core| table(core, &of(core)));
    tables.collect::<Vec<_>>().join("\n")
}

/// Writes the tables into a file.
pub fn write(path: &Path, rows: &[Value]) -> Result<()> {
    replace(path, "bench-device", &render(rows))
}

/// Replaces the text between the two marks of a file that name a benchmark.
pub fn replace(path: &Path, name: &str, table: &str) -> Result<()> {
    let failed = |e: String| Failure::tool(format!("{}: {e}", path.display()));
    let (begin, end) = (format!("<!-- {name}: begin -->"), format!("<!-- {name}: end -->"));
    let text = fs::read_to_string(path).map_err(|e| failed(e.to_string()))?;
    let parts = text.split_once(&begin).and_then(|(a, rest)| Some((a, rest.split_once(&end)?.1)));
    let Some((before, after)) = parts else {
        return Err(failed(format!("expected the marks {begin} and {end}")));
    };
    let text = format!("{before}{begin}\n\n{table}\n{end}{after}");
    fs::write(path, text).map_err(|e| failed(e.to_string()))
}

fn table(core: &str, rows: &[&Value]) -> String {
    let engine = rows.iter().find(|r| text(r, "prefer") != "plain").unwrap_or(&rows[0]);
    let code = number(engine, "code_bytes");
    // Arm publishes no timings of a core with Helium. Its vector instructions are counted apart.
    let apart = if is_vector(engine) {
        "vector, M | scalar, M"
    } else {
        "M cycles, estimated (range) | CMSIS-NN"
    };
    let mut lines = vec![
        format!("Cortex-{}, code {code:.0} bytes:\n", core.to_uppercase()),
        format!(
            "| network | activation | prefer | M instructions | CMSIS-NN | {apart} \
             | instructions a MAC | blob, bytes | over raw | arena, bytes | stack, bytes |"
        ),
        "|---|---|---|---|---|---|---|---|---|---|---|---|".to_owned(),
    ];
    let is_random = |r: &&&Value| text(r, "network").starts_with("random");
    lines.extend(
        rows.iter().filter(|r| !is_random(r)).map(|r| line(core, text(r, "network"), &[r])),
    );
    let mut preferences: Vec<&str> = rows.iter().map(|r| text(r, "prefer")).collect();
    preferences.dedup();
    for prefer in preferences {
        let some: Vec<&Value> = rows
            .iter()
            .filter(is_random)
            .filter(|r| text(r, "prefer") == prefer)
            .copied()
            .collect();
        if !some.is_empty() {
            lines.push(line(core, &format!("mean of {} random codes", some.len()), &some));
        }
    }
    lines.join("\n") + "\n"
}

/// One line with the means of some rows.
fn line(core: &str, name: &str, rows: &[&Value]) -> String {
    let mean = |key: &str| rows.iter().map(|r| number(r, key)).sum::<f64>() / rows.len() as f64;
    let each =
        |f: &dyn Fn(&Value) -> f64| rows.iter().map(|r| f(r)).sum::<f64>() / rows.len() as f64;
    let millions = |key: &str| format!("{:.2}", mean(key) / 1e6);
    let cmsis = CMSIS_NN.iter().find(|c| c.0 == core && c.1 == name);
    let cells = [
        name.to_owned(),
        text(rows[0], "activation").to_owned(),
        text(rows[0], "prefer").to_owned(),
        millions("instructions"),
        cmsis.map_or("-".into(), |c| c.2.to_string()),
        if is_vector(rows[0]) { millions("vector_instructions") } else { cycles(rows) },
        if is_vector(rows[0]) {
            millions("scalar_instructions")
        } else {
            cmsis.and_then(|c| c.3).map_or("-".into(), |cycles| format!("{cycles:.1}"))
        },
        format!("{:.2}", each(&|r| number(r, "instructions") / number(r, "macs"))),
        format!("{:.0}", mean("blob_bytes")),
        format!(
            "{:+.1} %",
            100.0 * each(&|r| number(r, "blob_bytes") / number(r, "raw_bytes") - 1.0)
        ),
        format!("{:.0}", mean("arena_bytes")),
        Some(mean("stack_bytes"))
            .filter(|n| n.is_finite())
            .map_or("-".into(), |n| format!("{n:.0}")),
    ];
    format!("| {} |", cells.join(" | "))
}

/// Mean estimated cycles of some rows with their range, in millions.
fn cycles(rows: &[&Value]) -> String {
    let mean = |end: &str| {
        let of = |r: &&Value| number(&r["cycles_estimated"], end);
        rows.iter().map(of).sum::<f64>() / rows.len() as f64 / 1e6
    };
    let (low, mid, high) = (mean("low"), mean("mid"), mean("high"));
    match (mid.is_finite(), low < high) {
        (false, _) => "-".into(),
        (_, false) => format!("{mid:.2}"),
        _ => format!("{mid:.2} ({low:.2} to {high:.2})"),
    }
}

/// True for a row of a core with vector instructions.
fn is_vector(row: &Value) -> bool {
    row["vector_instructions"].is_u64()
}

fn number(row: &Value, key: &str) -> f64 {
    row[key].as_f64().unwrap_or(f64::NAN)
}

fn text<'a>(row: &'a Value, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn random_rows_become_one_line_with_the_mean_of_the_ratios() {
        let row = |network: &str, instructions: u64| {
            json!({
                "network": network, "core": "m4", "prefer": "flash", "activation": "prelu",
                "instructions": instructions, "macs": 1_000_000, "blob_bytes": 1080,
                "raw_bytes": 1000, "arena_bytes": 500, "stack_bytes": 300, "code_bytes": 9000,
                "cycles_estimated": {
                    "low": 2 * instructions, "mid": 3 * instructions, "high": 4 * instructions,
                },
            })
        };
        let rows =
            [row("large", 48_200_000), row("random 0", 1_000_000), row("random 1", 3_000_000)];
        let text = render(&rows);
        let mut plain = row("large", 400_000_000);
        plain["prefer"] = json!("plain");
        plain["stack_bytes"] = json!(null);
        plain["cycles_estimated"] = json!(null);
        let both = render(&[plain, row("large", 1)]);
        assert!(both.starts_with("Cortex-M4, code 9000 bytes"), "{both}");
        assert!(both.contains("| large | prelu | plain | 400.00 | 96.9 | - | 115.0 |"), "{both}");
        assert!(both.contains("| +8.0 % | 500 | - |"), "{both}");
        assert!(text.starts_with("Cortex-M4, code 9000 bytes:\n\n| network |"), "{text}");
        let lines: Vec<&str> = text.lines().skip(4).collect();
        assert_eq!(
            lines,
            [
                "| large | prelu | flash | 48.20 | 96.9 | 144.60 (96.40 to 192.80) | 115.0 | 48.20 | 1080 | +8.0 % | 500 | 300 |",
                "| mean of 2 random codes | prelu | flash | 2.00 | - | 6.00 (4.00 to 8.00) | - | 2.00 | 1080 | +8.0 % | 500 | 300 |",
            ]
        );
    }
}
