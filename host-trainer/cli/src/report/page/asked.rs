//! What was asked: data, chip, budget, seed, and the commands.

use std::fmt::Write as _;

use supernano_base::config::RunConfig;

use super::super::facts::Facts;
use super::super::table::{duration, escaped, grouped};

/// The section about the request.
pub(super) fn section(out: &mut String, facts: &Facts) {
    let config = &facts.config;
    let mut rows: Vec<(&str, String)> = vec![("Data", data(config))];
    let space = config.space();
    let networks = match space.networks() {
        n if n < 1_000_000_000 => grouped(n as u64),
        n => format!("{:.1e}", n as f64),
    };
    rows.push((
        "Search space",
        format!("{}, {} layers, {networks} networks", space.name, space.layers.len()),
    ));
    rows.push(("Chip", chip(facts)));
    rows.push(("Budget", budget(facts)));
    let steps: Vec<String> = config.steps.iter().map(|s| s.epochs.to_string()).collect();
    rows.push(("Training", format!("{} epochs in {} steps", steps.join(" + "), steps.len())));
    rows.push(("Seed", config.seed.to_string()));
    let mut versions: Vec<&str> = facts.history.iter().map(|e| e.version.as_str()).collect();
    versions.dedup();
    let version = if versions.is_empty() { facts.version.clone() } else { versions.join(", ") };
    rows.push(("Version", version));
    if let (Some(first), Some(last)) = (facts.history.first(), facts.history.last()) {
        rows.push(("Date", format!("{} to {}", day(&first.started), day(&last.started))));
        let seconds: f64 = facts.history.iter().map(|e| e.seconds).sum();
        rows.push(("Time of all commands", duration(seconds)));
    }
    out.push_str(
        "<section id=\"asked\" aria-labelledby=\"asked-title\"><h2 id=\"asked-title\">What was asked\
         </h2><dl class=\"asked\">",
    );
    for (name, value) in rows {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", escaped(&value));
    }
    out.push_str("</dl>");
    commands(out, facts);
    out.push_str("</section>\n");
}

fn commands(out: &mut String, facts: &Facts) {
    if facts.history.is_empty() {
        return;
    }
    let _ = write!(
        out,
        "<details><summary>{} commands made this run</summary><ol class=\"commands\">",
        facts.history.len()
    );
    for entry in &facts.history {
        let quoted = |word: &String| match word.contains([' ', '"', '\'']) {
            true => format!("'{}'", word.replace('\'', "'\\''")),
            false => word.clone(),
        };
        let words: Vec<String> = entry.command.iter().map(quoted).collect();
        let failed = match entry.exit_code {
            0 => String::new(),
            code => format!(", exit code {code}"),
        };
        let _ = write!(
            out,
            "<li><code>supernano {}</code> <small>{}, {}{failed}</small></li>",
            escaped(&words.join(" ")),
            escaped(&entry.started.replace('T', " ").replace('Z', "")),
            duration(entry.seconds)
        );
    }
    out.push_str("</ol></details>");
}

fn day(time: &str) -> &str {
    time.get(..10).unwrap_or(time)
}

fn data(config: &RunConfig) -> String {
    let space = config.space();
    let input = space.input;
    let mut text = format!(
        "{}, {} x {} x {}, {} classes",
        config.data.name.name(),
        input.height,
        input.width,
        input.channels,
        space.classes
    );
    let splits = [
        ("training", config.data.train),
        ("validation", config.data.validation),
        ("test", config.data.test),
    ];
    for (split, count) in splits {
        if let Some(count) = count {
            let _ = write!(text, ", {} {split}", grouped(count as u64));
        }
    }
    if let Some(path) = &config.data.path {
        let _ = write!(text, "; from {}", path.display());
    }
    text
}

fn chip(facts: &Facts) -> String {
    let named = facts.front.as_ref().and_then(|f| f.chip.clone());
    let budget = facts.config.budget.as_ref();
    let named = named.or_else(|| budget.and_then(|b| b.chip.clone()));
    let core = facts.front.as_ref().map(|f| f.instructions.core.clone());
    match (named, core) {
        (Some(chip), Some(core)) => format!("{chip} ({core})"),
        (Some(chip), None) => chip,
        (None, Some(core)) => format!("any {core}"),
        (None, None) => "none named yet".into(),
    }
}

fn budget(facts: &Facts) -> String {
    if let Some(front) = &facts.front {
        let limits = &front.limits;
        let bytes = |name: &str, n: Option<u64>| n.map(|n| format!("{name} {} B", grouped(n)));
        let work = |n: Option<u64>| match front.time.as_ref().and_then(|t| t.limit_cycles) {
            Some(cycles) => Some(format!("time {} estimated cycles", grouped(cycles))),
            None => n.map(|n| format!("{} {}", grouped(n), front.instructions.unit)),
        };
        let parts: Vec<String> = [
            bytes("flash", limits.flash_bytes),
            bytes("RAM", limits.ram_bytes),
            work(limits.instructions),
        ]
        .into_iter()
        .flatten()
        .collect();
        return if parts.is_empty() { "no limit".into() } else { parts.join(", ") };
    }
    let set = facts.config.budget.as_ref().map(|b| {
        let limits = b.set().filter(|(name, _)| *name != "chip" && *name != "core");
        limits.map(|(name, value)| format!("{name} {value}")).collect::<Vec<_>>().join(", ")
    });
    set.filter(|text| !text.is_empty()).unwrap_or_else(|| "none set yet".into())
}
