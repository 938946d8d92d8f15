//! The table of results of `cargo xtask demo`.

use serde_json::Value;

const HEADER: [&str; 8] =
    ["code", "score (95 %)", "float", "int8", "device", "flash B", "RAM B", "instructions"];

/// Renders the results of `cargo xtask demo --json` as text.
pub fn render(results: &Value) -> String {
    let mut rows = vec![HEADER.map(str::to_owned).to_vec()];
    for n in results["networks"].as_array().map_or(&[][..], Vec::as_slice) {
        let percent = |key: &str| format!("{:.2}", 100.0 * n[key].as_f64().unwrap_or(f64::NAN));
        let whole = |key: &str| grouped(n[key].as_u64().unwrap_or_default());
        let half_width = 196.0 * n["score_se"].as_f64().unwrap_or(f64::NAN);
        rows.push(vec![
            n["code"].as_str().unwrap_or_default().to_owned(),
            format!("{} ±{half_width:.2}", percent("score")),
            percent("top1_float"),
            percent("top1_int8"),
            percent("top1_device"),
            whole("flash_bytes"),
            whole("ram_bytes"),
            whole("instructions"),
        ]);
    }
    let width = |i: usize| rows.iter().map(|r| r[i].chars().count()).max().unwrap_or_default();
    let widths: Vec<usize> = (0..HEADER.len()).map(width).collect();
    let mut lines: Vec<String> = rows
        .iter()
        .map(|row| {
            let cells = row.iter().zip(&widths).enumerate().map(|(i, (cell, &w))| match i {
                0 => format!("{cell:<w$}"),
                _ => format!("{cell:>w$}"),
            });
            cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
        })
        .collect();
    lines.insert(1, "-".repeat(widths.iter().sum::<usize>() + 2 * (widths.len() - 1)));
    lines.push(format!(
        "{} images checked on the emulated device, {} mismatches; {} s after a build of {} s",
        results["images_checked"],
        results["mismatches"],
        results["seconds"],
        results["build_seconds"]
    ));
    lines.join("\n")
}

/// A number with its digits in groups of three.
fn grouped(value: u64) -> String {
    let digits = value.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_numbers_are_grouped() {
        let results = serde_json::json!({
            "seconds": 1.5, "build_seconds": 2.0, "images_checked": 500, "mismatches": 0,
            "networks": [{
                "code": "4-4", "score": 0.5, "score_se": 0.01, "top1_float": 0.51,
                "top1_int8": 0.505, "top1_device": 0.505, "flash_bytes": 12345, "ram_bytes": 999,
                "instructions": 1_234_567,
            }],
        });
        let text = render(&results);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0].chars().count(), lines[2].chars().count());
        assert!(lines[2].contains("50.00 ±1.96") && lines[2].ends_with("1,234,567"), "{text}");
    }
}
