//! The page: what was asked, the network to ship, the figures, and the glossary.

mod asked;

use std::fmt::Write as _;

use super::facts::{Facts, Network};
use super::figures::Figure;
use super::table::{escaped, grouped};

const STYLE: &str = include_str!("style.css");

/// Words of the page that need an explanation.
const GLOSSARY: [(&str, &str); 10] = [
    (
        "arena",
        "The region of RAM that holds all feature maps and all scratch of a network. Its size is known \
         before a device runs.",
    ),
    (
        "bit-exact",
        "Every logit of the device equals that of the host, compared as integers without a tolerance.",
    ),
    (
        "code",
        "The widths of the searched layers, joined by a hyphen. A code names one sub-network.",
    ),
    (
        "front",
        "The networks that no other one dominates: none is at least as accurate and costs no more.",
    ),
    (
        "interval",
        "The range of a value at 95 %. That of an accuracy is Wilson's over the images, that of a \
         prediction is calibrated on held-out sub-networks.",
    ),
    (
        "panel",
        "The smallest, the largest and a few random sub-networks, which are evaluated after each \
         epoch. No choice is made with them.",
    ),
    (
        "score",
        "The accuracy of a sub-network with weights that it inherits from the supernet, on validation \
         images.",
    ),
    (
        "step",
        "A stage of training. First the largest network learns, then the supernet, whose layers then \
         get more branches of weights.",
    ),
    (
        "supernet",
        "One network that holds the weights of all sub-networks. It is trained once, and sub-networks \
         are cut out of it.",
    ),
    (
        "truth",
        "The accuracy of a sub-network that was trained alone, from scratch, on test images.",
    ),
];

/// The whole document.
pub fn page(facts: &Facts, figures: &[Figure]) -> String {
    let name = escaped(&facts.name);
    let mut out = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\">\
         <title>supernano: {name}</title><style>{STYLE}</style></head><body>\
         <a class=\"skip\" href=\"#result\">Skip to the result</a>\n<header><h1>{name}</h1>"
    );
    let made = escaped(&facts.made.replace('T', " ").replace('Z', " UTC"));
    let _ = writeln!(
        out,
        "<p>One-shot neural architecture search with supernano {}; report of {made}.</p></header>",
        escaped(&facts.version)
    );
    let mut links = vec![("result", "Result"), ("asked", "Request")];
    links.extend(figures.iter().map(|f| (f.id.as_str(), f.title.as_str())));
    links.push(("glossary", "Glossary"));
    out.push_str("<nav aria-label=\"Contents\"><ul>");
    for (id, title) in links {
        let _ = write!(out, "<li><a href=\"#{id}\">{}</a></li>", escaped(title));
    }
    out.push_str("</ul></nav>\n<main>");
    remarks(&mut out, facts);
    result(&mut out, facts);
    asked::section(&mut out, facts);
    out.push_str("<div class=\"figures\">\n");
    for figure in figures {
        section(&mut out, figure);
    }
    out.push_str("</div>\n");
    glossary(&mut out);
    out.push_str("</main></body></html>\n");
    out
}

fn remarks(out: &mut String, facts: &Facts) {
    if facts.remarks.is_empty() {
        return;
    }
    out.push_str("<aside aria-label=\"Remarks\"><ul>");
    for remark in &facts.remarks {
        let _ = write!(out, "<li>{}</li>", escaped(remark));
    }
    out.push_str("</ul></aside>");
}

/// A key figure: its name, its value, and what it rests on.
type Key = (&'static str, String, String);

fn result(out: &mut String, facts: &Facts) {
    out.push_str("<section id=\"result\" aria-labelledby=\"result-title\">");
    let Some(network) = facts.networks.first() else {
        let found = match facts.scores.iter().max_by(|a, b| a.acc.total_cmp(&b.acc)) {
            Some(best) => format!(
                "{} sub-networks have a score; the best is <code>{}</code> with {:.1} %. No search \
                 has chosen a network yet.",
                grouped(facts.scores.len() as u64),
                escaped(&best.arch),
                100.0 * best.acc
            ),
            None => format!("The supernet has trained for {} epochs.", facts.metrics.len()),
        };
        let _ = writeln!(out, "<h2 id=\"result-title\">So far</h2><p>{found}</p></section>");
        return;
    };
    let code = escaped(&network.code);
    let _ = write!(
        out,
        "<h2 id=\"result-title\">The network to ship</h2><p class=\"ship\"><code>{code}</code></p>\
         <dl class=\"keys\">"
    );
    for (name, value, rests) in keys(facts, network) {
        let _ = write!(
            out,
            "<div><dt>{name}</dt><dd><strong>{}</strong><span>{}</span></dd></div>",
            escaped(&value),
            escaped(&rests)
        );
    }
    out.push_str("</dl>");
    if let Some(verdict) = verdict(facts) {
        let _ = write!(out, "<p>{}</p>", escaped(&verdict));
    }
    out.push_str("</section>\n");
}

fn keys(facts: &Facts, network: &Network) -> Vec<Key> {
    let mut keys = vec![accuracy(facts, network)];
    if let Some(m) = &network.memory {
        let parts = format!("network {} + code {}", grouped(m.blob_bytes), grouped(m.code_bytes));
        keys.push(("Flash", kib(m.flash_bytes), parts));
        let parts = format!(
            "arena {} + logits {} + stack {} + statics {}",
            grouped(m.arena_bytes),
            grouped(m.logits_bytes),
            grouped(m.stack_bytes),
            grouped(m.statics_bytes)
        );
        keys.push(("RAM", kib(m.ram_bytes), parts));
    }
    let counted = network.counted.first();
    let instructions = counted.and_then(|c| c.instructions);
    if let Some(count) = instructions.or(network.modelled) {
        let kind = if instructions.is_some() { "counted on an emulator" } else { "modelled" };
        keys.push(("Instructions", format!("{:.2} M", count as f64 / 1e6), kind.into()));
    }
    let measured = network.counted.iter().find_map(|c| c.milliseconds);
    if let Some(ms) = measured {
        keys.push(("Time", format!("{ms:.2} ms"), "measured on a board".into()));
    } else if let Some(time) = network.milliseconds {
        let chip = facts.front.as_ref().and_then(|f| f.chip.clone());
        let estimate = counted.and_then(|c| c.estimate.as_ref());
        let chip = estimate.and_then(|e| e.chip.clone()).or(chip);
        let of = chip.map_or_else(String::new, |chip| format!(" for {chip}"));
        let rests =
            format!("estimated{of}, without wait states: {:.2} to {:.2} ms", time.low, time.high);
        keys.push(("Time", format!("{:.2} ms", time.mid), rests));
    }
    let exact = match network.exact() {
        Some((equal, all)) => {
            let mut targets: Vec<&str> = network.checks.iter().map(|c| c.target.as_str()).collect();
            targets.dedup();
            let value = format!("{} of {}", grouped(equal as u64), grouped(all as u64));
            ("Bit-exact", value, format!("images on {}", targets.join(", ")))
        }
        None => ("Bit-exact", "not checked".into(), "supernano check compares a device".into()),
    };
    keys.push(exact);
    keys
}

/// The accuracy that is known best.
fn accuracy(facts: &Facts, network: &Network) -> Key {
    let of = |share: super::facts::Share, what: &str| {
        let [low, high] = share.interval().map(|end| 100.0 * end);
        let images = grouped(share.images as u64);
        let rests = format!("{low:.1} to {high:.1} % (95 %), {images} {what}");
        ("Accuracy", format!("{:.1} %", 100.0 * share.value), rests)
    };
    match (network.int8, network.verified, &network.front) {
        (Some(int8), ..) => of(int8, "test images, int8"),
        (None, Some(int8), _) => of(int8, "validation images, int8, with which it was chosen"),
        (None, None, Some(line)) if facts.scores_are_accuracies() => {
            let [low, high] = line.interval.map(|end| 100.0 * end);
            let rests = format!("{low:.1} to {high:.1} % (95 %), {}", facts.score_kind());
            ("Accuracy", format!("{:.1} %", 100.0 * line.score), rests)
        }
        _ => ("Accuracy", "unknown".into(), "supernano export measures it".into()),
    }
}

/// The winner against uniform width, in a sentence.
fn verdict(facts: &Facts) -> Option<String> {
    let front = facts.front.as_ref()?;
    let (c, uniform) = (front.comparison.as_ref()?, front.uniform.as_ref()?);
    let label = facts.networks.iter().find(|n| n.code == uniform.code).map(|n| n.label.clone());
    let percent = c.measured || facts.scores_are_accuracies();
    let shown = |v: f64| if percent { format!("{:.1} %", 100.0 * v) } else { format!("{v:.3}") };
    let unit = if percent { " points" } else { facts.score_unit() };
    let size = |v: f64| if percent { 100.0 * v } else { v };
    Some(format!(
        "It is {} than the best network of uniform width ({}): {} against {}, a difference of {:+.1}{unit} \
         ({:+.1} to {:+.1}; {}, paired, 95 %).",
        if c.better { "better" } else { "not provably better" },
        label.unwrap_or_else(|| uniform.code.clone()),
        shown(c.winner),
        shown(c.uniform),
        size(c.difference.mean),
        size(c.difference.low),
        size(c.difference.high),
        if c.measured { "int8 on validation images" } else { "predicted" },
    ))
}

fn kib(bytes: u64) -> String {
    format!("{:.1} KiB", bytes as f64 / 1024.0)
}

fn section(out: &mut String, figure: &Figure) {
    let (id, title) = (escaped(&figure.id), escaped(&figure.title));
    let class = if figure.wide { "wide" } else { "card" };
    let _ = write!(
        out,
        "<section id=\"{id}\" class=\"{class}\" aria-labelledby=\"{id}-title\">\
         <h2 id=\"{id}-title\">{title}</h2>{}<p class=\"note\">{}</p>",
        figure.body,
        escaped(&figure.note)
    );
    if let Some(table) = &figure.table {
        let whole = [(figure.title.as_str(), table)];
        let parts: Vec<_> = figure.parts.iter().map(|(name, part)| (*name, part)).collect();
        let shown = if parts.is_empty() { &whole[..] } else { &parts };
        let mut scroll = String::new();
        for (name, table) in shown {
            let (name, html) = (escaped(name), table.html(name));
            let _ = write!(
                scroll,
                "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Table: {name}\">{html}</div>"
            );
        }
        let csv = percent_encoded(&table.csv());
        let link = format!(
            "<a download=\"{id}.csv\" href=\"data:text/csv;charset=utf-8,{csv}\">CSV<span \
             class=\"unseen\"> of {title}</span></a>"
        );
        let _ = match figure.body.is_empty() {
            true => write!(out, "{scroll}<p>{link}</p>"),
            false => write!(
                out,
                "<details><summary>Table<span class=\"unseen\"> of {title}</span></summary>{scroll}\
                 <p>{link}</p></details>"
            ),
        };
    }
    out.push_str("</section>\n");
}

/// A text for a `data:` address.
fn percent_encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b',' => {
                out.push(char::from(byte));
            }
            other => {
                let _ = write!(out, "%{other:02X}");
            }
        }
    }
    out
}

fn glossary(out: &mut String) {
    out.push_str(
        "<section id=\"glossary\" aria-labelledby=\"glossary-title\"><h2 id=\"glossary-title\">\
         Glossary</h2><dl class=\"glossary\">",
    );
    for (word, meaning) in GLOSSARY {
        let _ = write!(out, "<div><dt>{word}</dt><dd>{meaning}</dd></div>");
    }
    out.push_str("</dl></section>\n");
}
