use clap::CommandFactory as _;

use super::groups::{GROUPS, command};
use super::*;

#[cfg(all(feature = "train", feature = "probe"))]
mod docs;

#[test]
fn the_command_line_is_consistent() {
    command::<Cli>().debug_assert();
}

#[test]
fn every_command_is_in_one_group() {
    for subcommand in Cli::command().get_subcommands().filter(|c| !c.is_hide_set()) {
        let name = subcommand.get_name();
        let places = GROUPS.iter().flat_map(|(_, names)| *names).filter(|n| **n == name).count();
        assert_eq!(places, 1, "{name}");
    }
    let help = command::<Cli>().render_long_help().to_string();
    assert!(help.contains("Run on a device:") && help.contains("Usage: supernano"), "{help}");
}

#[test]
fn the_list_of_commands_fits_80_columns() {
    let help = command::<Cli>().render_long_help().to_string();
    for line in help.lines() {
        assert!(line.chars().count() <= 80, "{line}");
    }
}

/// Commands that run something, at every level.
fn leaves(command: &clap::Command) -> Vec<clap::Command> {
    if command.has_subcommands() {
        command.get_subcommands().flat_map(leaves).collect()
    } else {
        vec![command.clone()]
    }
}

#[test]
fn every_help_has_an_example() {
    let leaves = leaves(&Cli::command());
    assert!(leaves.len() > 5);
    for leaf in leaves.iter().filter(|c| !c.is_hide_set() && c.get_name() != "help") {
        let text = leaf.get_after_help().map(ToString::to_string).unwrap_or_default();
        assert!(text.contains("Example"), "{}", leaf.get_name());
        assert!(
            text.contains(&format!("supernano {}", leaf.get_name()))
                || text.contains(&format!("supernano dev {}", leaf.get_name())),
            "{text}"
        );
    }
}

/// Every option has one wording, whichever command it belongs to.
#[test]
fn shared_options_have_one_wording() {
    let shared = ["data", "random", "shard", "target", "reconnect", "device", "truth", "prefer"];
    for id in shared {
        let mut wordings: Vec<String> = leaves(&Cli::command())
            .iter()
            .filter(|c| c.get_name() != "watch")
            .flat_map(|c| {
                c.get_arguments()
                    .filter(|a| a.get_id() == id && !a.is_positional())
                    .map(|a| a.get_help().map(ToString::to_string).unwrap_or_default())
                    .collect::<Vec<_>>()
            })
            .collect();
        wordings.dedup();
        assert!(wordings.len() <= 1, "--{id}: {wordings:?}");
    }
}
