//! The groups in which `supernano --help` lists the commands: the path of a user, in its order.

use std::fmt::Write as _;

use clap::CommandFactory;

/// Titles of the groups, and the names of their commands.
pub(super) const GROUPS: [(&str, &[&str]); 7] = [
    ("Start a project", &["data", "new", "run", "status"]),
    ("Train a supernet", &["train", "import-pytorch", "spaces"]),
    ("Rank its sub-networks", &["rank", "merge", "predict", "correlate", "standalone"]),
    ("Find and export networks", &["search", "export", "ship", "int8-rank"]),
    ("Run on a device", &["check", "latency", "flash", "watch"]),
    ("Results and development", &["report", "dev", "help"]),
    ("Set up this computer", &["doctor", "completions", "man"]),
];

/// The command line, with its commands listed in groups.
pub(super) fn command<C: CommandFactory>() -> clap::Command {
    let mut command = C::command();
    command.build();
    let mut list = String::new();
    for (title, names) in GROUPS {
        let _ = writeln!(list, "{title}:");
        for name in names {
            let Some(subcommand) = command.find_subcommand(name) else { continue };
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let _ = writeln!(list, "  {name:<15} {}", wrapped(&about));
        }
        list.push('\n');
    }
    let template = format!(
        "{{about}}\n\n{{usage-heading}} {{usage}}\n\n{list}Options:\n{{options}}{{after-help}}"
    );
    C::command().help_template(template)
}

/// Columns of a description in the list.
const COLUMNS: usize = 60;

/// A description whose further lines begin below the first one.
fn wrapped(about: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in about.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > COLUMNS {
            let _ = write!(out, "\n{:18}", "");
            column = 0;
        }
        if column > 0 {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}
