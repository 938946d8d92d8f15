//! The documents say what the program does: every command in them is parsed, and the reference is
//! that of this command line.

use std::fs;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;

use super::super::dev::{Part, text};
use super::*;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents of the repository. A published package has none of them.
fn documents() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.path() {
                path if path.is_dir() => folders.push(path),
                path if path.extension().is_some_and(|e| e == "md") => found.push(path),
                _ => {}
            }
        }
    }
    if !found.is_empty() {
        found.extend(
            ["README.md", "CONTRIBUTING.md", "firmware-examples/README.md"].map(|f| root().join(f)),
        );
    }
    found.retain(|path| !path.ends_with("reference/commands.md"));
    found
}

/// A command in a document, and whether all of its arguments are there.
struct Written {
    words: Vec<String>,
    whole: bool,
}

/// The commands of a document: lines of code blocks, which are whole, and code in a sentence. A line
/// with brackets is a grammar, not a command.
fn commands_of(text: &str) -> Vec<Written> {
    let mut found = Vec::new();
    let mut fenced = false;
    let mut pending = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            continue;
        }
        if fenced || line.starts_with("    ") {
            pending.push_str(line.trim());
            if let Some(start) = pending.strip_suffix('\\') {
                pending.truncate(start.len());
                continue;
            }
            let typed = std::mem::take(&mut pending);
            let typed = typed.trim_start_matches("$ ");
            if typed.starts_with("supernano ") && !typed.contains(" [") {
                // A variable may hold several arguments.
                found.push(Written { words: words(typed), whole: !typed.contains('$') });
            }
        } else {
            let code = line.split('`').skip(1).step_by(2);
            for code in code.filter(|code| code.starts_with("supernano ")) {
                found.push(Written { words: words(code), whole: false });
            }
        }
    }
    found
}

/// The words of a command, up to a comment, a pipe or a redirection. Variables of the shell are `1`.
fn words(typed: &str) -> Vec<String> {
    let mut plain = String::new();
    for (index, part) in typed.split('$').enumerate() {
        let name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let rest = if index == 0 { part } else { part.trim_start_matches(name) };
        // `$ ` is a prompt, and `$(` a command.
        plain.push_str(match (index, rest.len() < part.len()) {
            (0, _) => "",
            (_, true) => "1",
            (_, false) => "$",
        });
        plain.push_str(rest);
    }
    let words = shlex::split(&plain).unwrap_or_default();
    let end = words.iter().position(|w| ["|", ">", "2>", "&&", ";", "&"].contains(&w.as_str()));
    words[..end.unwrap_or(words.len())].to_vec()
}

#[test]
fn every_command_in_the_documents_is_one() {
    let mut count = 0;
    let mut wrong = Vec::new();
    for document in documents() {
        for Written { words, whole } in commands_of(&fs::read_to_string(&document).unwrap()) {
            count += 1;
            let Err(error) = Cli::try_parse_from(&words) else { continue };
            let part = [ErrorKind::MissingRequiredArgument, ErrorKind::MissingSubcommand];
            let help = [
                ErrorKind::DisplayHelp,
                ErrorKind::DisplayVersion,
                ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand,
            ];
            if help.contains(&error.kind()) || (!whole && part.contains(&error.kind())) {
                continue;
            }
            let said = error.to_string();
            let said = said.lines().next().unwrap_or_default();
            wrong.push(format!("{}: {}: {said}", document.display(), words.join(" ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100 || documents().is_empty(), "{count} commands");
}

#[test]
fn commands_are_found_in_code_blocks_and_sentences() {
    let text = "Call `supernano rank`.\n\n    supernano search runs/a \\\n      --ram 1 # why\n\n\
                ```console\n$ supernano spaces | head\nsupernano none\n```\n`cargo` `supernano x $I/$ALL`";
    let found: Vec<String> = commands_of(text).iter().map(|c| c.words.join(" ")).collect();
    assert_eq!(
        found,
        [
            "supernano rank",
            "supernano search runs/a --ram 1",
            "supernano spaces",
            "supernano none",
            "supernano x 1/1"
        ]
    );
}

#[test]
fn the_references_are_those_of_this_program() {
    for (file, part, option) in [
        ("commands.md", Part::Commands, ""),
        ("configuration.md", Part::Configuration, " configuration"),
        ("configuration.schema.json", Part::Schema, " schema"),
    ] {
        let page = root().join("docs/reference").join(file);
        let Ok(written) = fs::read_to_string(&page) else {
            assert!(!root().join("docs").is_dir(), "{}: not found", page.display());
            return;
        };
        assert!(
            written == text::<Cli>(part),
            "{}: stale; `supernano dev reference{option} > docs/reference/{file}` makes it anew",
            page.display()
        );
    }
}
