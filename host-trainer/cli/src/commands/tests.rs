use clap::CommandFactory as _;

use super::groups::{GROUPS, command};
use super::*;

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

/// Commands that run something, with those below them.
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
    assert!(leaves.len() > 10);
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
