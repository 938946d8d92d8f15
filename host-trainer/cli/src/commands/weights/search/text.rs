//! The table of `supernano search`.

use std::path::Path;

use supernano_base::numbers::{duration, grouped};
use supernano_search::search::file::{Comparison, Front, FrontNetwork, Verified};

use crate::output::table;

/// Everything that the command prints.
pub(super) fn text(front: &Front, path: &Path) -> String {
    let (cv, table) = (&front.surrogate.cross_validation, &front.instructions);
    format!(
        "{}\n{}{}{} of {} networks on the front; {} candidates in {} ({}).\n\
         Scores: ridge on {} evaluated sub-networks, cross-validated error {}, Pearson {:.3}.\n\
         {}: {}, {} counted operations, at most {:.2} % off on others; {}.\n{}Written to {}.",
        networks(front),
        winner(front),
        remarks(front),
        front.networks.len(),
        grouped(front.front_size as u64),
        grouped(front.examined),
        duration(front.seconds),
        method(front),
        front.surrogate.samples,
        score(front, cv.rmse),
        cv.pearson,
        table.unit,
        table.core,
        table.counted,
        100.0 * table.largest_error,
        table.provenance,
        time(front),
        path.display(),
    )
}

fn is_top1(front: &Front) -> bool {
    front.surrogate.metric == "top1"
}

/// A score in the unit of the table: per cent, or nats.
fn score(front: &Front, value: f64) -> String {
    if is_top1(front) { format!("{:.2}", 100.0 * value) } else { format!("{value:.4}") }
}

/// The listed networks, and the best network of uniform width.
fn networks(front: &Front) -> String {
    let unit = format!("{} (modelled)", front.instructions.unit);
    let kind = if front.evaluated_only { "inherited" } else { "predicted" };
    let predicted = format!("{kind} {}", front.surrogate.title());
    let verified = front.networks.iter().any(|n| n.verified.is_some());
    let mut header = vec!["code", predicted.as_str(), "95 %"];
    if verified {
        header.extend(["inherited %", "int8 %"]);
    }
    header.extend(["flash B", "RAM B", unit.as_str()]);
    let clocked = front.time.as_ref().is_some_and(|time| time.clock_hz.is_some());
    header.extend(front.time.is_some().then_some("cycles (estimated)"));
    header.extend(clocked.then_some("ms (estimated)"));
    let row = |n: &FrontNetwork, code: String| {
        let [low, high] = n.interval.map(|end| score(front, end));
        let mut row = vec![code, score(front, n.score), format!("{low} to {high}")];
        if verified {
            let shown = |of: fn(&Verified) -> f64| {
                n.verified.as_ref().map_or("-".into(), |v| format!("{:.2}", 100.0 * of(v)))
            };
            row.extend([shown(|v| v.inherited), shown(|v| v.int8)]);
        }
        row.extend([n.flash_bytes, n.ram_bytes, n.instructions].map(|cost| cost.to_string()));
        if let Some(time) = n.time {
            row.push(time.cycles_estimated.mid.to_string());
            row.extend(
                time.milliseconds_estimated
                    .map(|ms| format!("{:.2} ({:.2} to {:.2})", ms.mid, ms.low, ms.high)),
            );
        }
        row
    };
    let mut rows: Vec<Vec<String>> =
        front.networks.iter().map(|n| row(n, n.code.clone())).collect();
    if let Some(uniform) = &front.uniform {
        rows.push(row(uniform, format!("uniform width: {}", uniform.code)));
    }
    table(&header, &rows)
}

/// What the times are; empty for a core without published timings.
fn time(front: &Front) -> String {
    front.time.as_ref().map_or_else(String::new, |time| {
        let clock = time
            .clock_hz
            .map_or_else(String::new, |hertz| format!(" at {:.1} MHz", hertz as f64 / 1e6));
        let limit = time
            .limit_cycles
            .map_or_else(String::new, |cycles| format!(" The limit of time is {cycles} of them."));
        format!(
            "Cycles of a {}{clock}: {}, at most {:.2} % off against the estimate by instruction; \
             hardware is expected to take longer (docs/cycles.md).{limit}\n",
            time.core,
            time.note,
            100.0 * time.largest_error
        )
    })
}

/// The sums that make up flash and RAM of the winner.
fn winner(front: &Front) -> String {
    let winner = front.networks.iter().find(|n| n.code == front.winner);
    winner.map_or_else(String::new, |n| {
        let memory = n.memory(front.overhead);
        format!(
            "Winner: {}\n  {} (firmware {}, {})\n  {}\n",
            n.code,
            memory.flash(),
            front.firmware,
            front.instructions.core,
            memory.ram()
        )
    })
}

/// The winner against uniform width, the noise of a verification, and reasons for doubt.
fn remarks(front: &Front) -> String {
    let mut lines: Vec<String> = front.remark.iter().cloned().collect();
    if let (Some(comparison), Some(uniform)) = (&front.comparison, &front.uniform) {
        lines.push(compared(front, comparison, &uniform.code));
    }
    if let Some((equal, [own, next])) = front.decided_by_loss() {
        lines.push(format!(
            "{equal} other {} the int8 accuracy of the winner, whose cross-entropy on these images is \
             lower ({own:.4} against {next:.4} nats)",
            if equal == 1 { "network has" } else { "networks have" }
        ));
    }
    let (others, noise) = front.within_noise();
    if noise > 0 {
        let images = front.networks.iter().find_map(|n| n.verified).map_or(0, |v| v.images);
        lines.push(format!(
            "{noise} of the {others} other networks differ from the winner by less than the noise of \
             {images} images (95 %)"
        ));
    }
    if !front.dominated.is_empty() {
        let codes: Vec<&str> = front.dominated.iter().map(|n| n.code.as_str()).collect();
        lines.push(format!("dominated after their evaluation: {}", codes.join(", ")));
    }
    lines.iter().map(|line| format!("{line}\n")).collect()
}

/// The winner against the network of uniform width, in the unit of the table.
fn compared(front: &Front, comparison: &Comparison, code: &str) -> String {
    let percent = comparison.measured || is_top1(front);
    let shown = |value: f64| match percent {
        true => format!("{:.1}", 100.0 * value),
        false => format!("{value:.3}"),
    };
    let (better, kind) =
        (comparison.better, if comparison.measured { "int8" } else { "predicted" });
    format!(
        "{} uniform width {}: {} against {} +- {} ({kind}, paired, 95 %)",
        if better { "Better than" } else { "Not better than" },
        widths(code),
        shown(comparison.winner),
        shown(comparison.uniform),
        shown(comparison.difference.half_width()),
    )
}

/// The widths of a code, without repeats of neighbours.
fn widths(code: &str) -> String {
    let mut widths: Vec<&str> = code.split('-').collect();
    widths.dedup();
    widths.join("/")
}

/// The method of the search, and the proof that it gives.
fn method(front: &Front) -> String {
    match (front.exhaustive, front.optimal) {
        _ if front.evaluated_only => "every evaluated sub-network".to_owned(),
        (true, _) => "every sub-network; the best is the optimum".to_owned(),
        (false, true) => "evolution; branch and bound proves that the best is the optimum".into(),
        // Spaces of other than residual networks have default kernels.
        (false, false) if front.networks.iter().all(|n| n.kernels.is_empty()) => {
            let most = score(front, front.bound);
            format!("evolution; the best that was found, without a proof; none is above {most}")
        }
        (false, false) => {
            format!("evolution; no feasible sub-network is above {}", score(front, front.bound))
        }
    }
}
