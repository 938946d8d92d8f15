//! The tables of `supernano export`.

use std::collections::BTreeMap;

use supernano_base::cycles::ESTIMATED;
use supernano_base::numbers::grouped;
use supernano_base::objective::ScoreMetric;
use supernano_train::delivery::ExportOutcome;
use supernano_train::export::explain::Explanation;
use supernano_train::export::promise::{KernelReport, KernelSource};
use supernano_train::export::{Exported, Qualities};

use crate::output::{quality_text, table};

/// Classes that lose most by quantisation, at most this many, are listed.
const CLASSES: usize = 8;

/// Everything that the command prints.
pub(super) fn text(exported: &ExportOutcome) -> String {
    let summary = summary(&exported.summary);
    let written = format!("{summary}\nwritten to {}", exported.file.display());
    match &exported.explanation {
        None => written,
        Some(why) => {
            let (kernels, layers) = (kernels(why), layers(&exported.summary, why));
            format!("{kernels}\n{layers}\n{}\n{written}", classes(&exported.summary, why))
        }
    }
}

/// Costs and accuracies of a network.
pub fn summary(s: &Exported) -> String {
    let percent = |v: Option<f64>| v.map_or("-".into(), |v| format!("{:.2} %", 100.0 * v));
    let metric = s.quality.as_ref().and_then(|q| q.int8.metric);
    let title = metric.map_or("top-1", ScoreMetric::title);
    let cell = |top1: Option<f64>, score: Option<f64>| {
        score.map_or_else(|| percent(top1), |score| format!("{score:.4}"))
    };
    let score = |of: fn(&Qualities) -> f64| s.quality.as_ref().map(of);
    let mut costs = table(
        &[
            "network",
            "flash, bytes",
            "RAM, bytes",
            &format!("{title} float"),
            &format!("{title} int8"),
            "test images",
        ],
        &[vec![
            s.code.clone(),
            s.memory.memory.flash_bytes.to_string(),
            s.memory.memory.ram_bytes.to_string(),
            cell(s.top1_float, score(|q| q.float.score)),
            cell(s.top1_int8, score(|q| q.int8.score)),
            s.test_images.to_string(),
        ]],
    );
    if let Some(Qualities { float, int8 }) = &s.quality {
        costs = format!("{costs}\n{}", quality_text(&[("float", float), ("int8", int8)]));
    }
    let memory = &s.memory.memory;
    format!(
        "{costs}\n{} (firmware {}, {})\n{}\n{}",
        memory.flash(),
        s.memory.firmware,
        s.kernels.core,
        memory.ram(),
        kernel_use(&s.kernels)
    )
}

/// The kernels of a network, and the reason for them.
fn kernel_use(kernels: &KernelReport) -> String {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for name in &kernels.layers {
        *counts.entry(name).or_default() += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(name, n)| format!("{n} {name}")).collect();
    let reason = match kernels.source {
        KernelSource::Front => format!("as promised in {}", kernels.reason),
        KernelSource::Limits => format!("the fewest instructions within {}", kernels.reason),
        KernelSource::Preference => kernels.reason.clone(),
    };
    format!(
        "kernels: {reason} ({} layers); {} instructions (modelled, {})",
        counts.join(", "),
        grouped(kernels.instructions),
        kernels.core
    )
}

/// The kernels that each convolution could have, one per line.
fn kernels(why: &Explanation) -> String {
    let rows: Vec<Vec<String>> = why
        .kernels
        .iter()
        .flat_map(|choice| {
            choice.candidates.iter().enumerate().map(|(i, c)| {
                let first = |text: String| if i == 0 { text } else { String::new() };
                vec![
                    first(choice.operation.to_string()),
                    first(choice.what.clone()),
                    c.kernel.to_owned(),
                    c.instructions.to_string(),
                    c.cycles_estimated.map_or("-".into(), |cycles| cycles.mid.to_string()),
                    format!("+{}", c.extra_flash_bytes),
                    c.arena_bytes.to_string(),
                    if c.chosen { "chosen" } else { "" }.to_owned(),
                ]
            })
        })
        .collect();
    let instructions = format!("modelled instructions, {}", why.core);
    let header = [
        "#",
        "operation",
        "kernel",
        &instructions,
        "cycles (estimated)",
        "flash, bytes",
        "arena of all, bytes",
        "",
    ];
    format!("{}\nCycles: {ESTIMATED}.", table(&header, &rows))
}

/// Operations with their scales and their error.
fn layers(summary: &Exported, why: &Explanation) -> String {
    let cell = |v: Option<f64>| v.map_or_else(String::new, |v| format!("{v:.1}"));
    let rows: Vec<Vec<String>> = (1..)
        .zip(summary.ops.iter().zip(&why.layers))
        .map(|(i, (op, layer))| {
            vec![
                i.to_string(),
                layer.name.clone(),
                op.kind.clone(),
                op.macs.to_string(),
                layer.scale.map_or_else(String::new, |v| format!("{v:.3e}")),
                layer.zero.map_or_else(String::new, |v| v.to_string()),
                layer.range.clone(),
                cell(layer.saturated.map(|v| 100.0 * v)),
                cell(Some(layer.snr_db)),
                cell(layer.logits_of_weights_db),
                cell(layer.logits_of_map_db),
            ]
        })
        .collect();
    let header = [
        "#",
        "layer",
        "operation",
        "MACs",
        "scale",
        "zero",
        "range",
        "saturated %",
        "SNR, dB",
        "weights alone, dB",
        "map alone, dB",
    ];
    table(&header, &rows)
}

/// The classes that lose most by quantisation.
fn classes(summary: &Exported, why: &Explanation) -> String {
    let rows: Vec<Vec<String>> = why
        .classes
        .iter()
        .take(CLASSES)
        .map(|c| {
            let confused = c.confused_with.clone().unwrap_or_default();
            vec![c.class.clone(), c.right_float.to_string(), c.right_int8.to_string(), confused]
        })
        .collect();
    let header = ["class", "right in float", "right in int8", "most confused with in int8"];
    let (equalised, corrected) = (summary.equalised, summary.corrected);
    let made = format!("equalised: {equalised}, biases corrected: {corrected}");
    match why.same_answer {
        None => made,
        Some(same) => format!(
            "{}\nthe same answer on {:.2} % of {} test images; {made}",
            table(&header, &rows),
            100.0 * same,
            why.images,
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_kernel_is_named() {
        let layers = ["tiled", "flat", "tiled", "direct", "winograd-online"].map(str::to_owned);
        let report = KernelReport {
            source: KernelSource::Preference,
            reason: "--prefer speed".into(),
            core: "cortex-m4".into(),
            instructions: 1_234_567,
            layers: layers.to_vec(),
        };
        assert_eq!(
            kernel_use(&report),
            "kernels: --prefer speed (1 direct, 1 flat, 2 tiled, 1 winograd-online layers); 1,234,567 \
             instructions (modelled, cortex-m4)"
        );
    }
}
