//! Licences and reasons of all dependencies.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;
use supernano_tests::command::root;

/// What `cargo metadata` says of the lock file. It downloads packages of other systems that are not here yet.
fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let args = ["metadata", "--format-version", "1", "--locked", "--all-features"];
    let output = Command::new(cargo).args(args).current_dir(root()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The licences that `deny.toml` allows.
fn allowed() -> BTreeSet<String> {
    let text = std::fs::read_to_string(root().join("deny.toml")).unwrap();
    let list = text.split("allow = [").nth(1).unwrap().split(']').next().unwrap();
    let lines = list.lines().map(str::trim).filter(|line| line.starts_with('"'));
    lines.map(|line| line.trim_matches([',', '"']).to_owned()).collect()
}

/// True if one alternative of every part of a licence is allowed.
fn is_allowed(expression: &str, allowed: &BTreeSet<String>) -> bool {
    let expression = expression.replace(['(', ')'], "").replace('/', " OR ");
    let one = |part: &str| part.split(" OR ").any(|licence| allowed.contains(licence.trim()));
    expression.split(" AND ").all(one)
}

#[test]
fn every_licence_is_allowed_and_every_source_is_the_registry() {
    let (metadata, allowed) = (metadata(), allowed());
    assert!(allowed.contains("MIT") && !is_allowed("GPL-3.0-only", &allowed));
    assert!(is_allowed("(MIT OR GPL-3.0-only) AND Unicode-3.0", &allowed));
    for package in metadata["packages"].as_array().unwrap() {
        let Some(source) = package["source"].as_str() else { continue };
        assert!(source.starts_with("registry+"), "{}: {source}", package["name"]);
        let licence = package["license"].as_str().unwrap_or("none");
        assert!(is_allowed(licence, &allowed), "{}: {licence}", package["name"]);
    }
}

#[test]
fn every_direct_dependency_has_a_reason() {
    let text = std::fs::read_to_string(root().join("docs/dependencies.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let named: BTreeSet<&str> = rows
        .filter_map(|row| row.split('|').nth(1))
        .flat_map(|cell| cell.split(", ").map(|name| name.trim().trim_matches('`')))
        .collect();
    let metadata = metadata();
    let own = metadata["packages"].as_array().unwrap().iter().filter(|p| p["source"].is_null());
    let direct: BTreeSet<&str> = own
        .flat_map(|package| package["dependencies"].as_array().unwrap())
        .filter(|dependency| !dependency["source"].is_null())
        .filter_map(|dependency| dependency["name"].as_str())
        .collect();
    assert_eq!(named, direct);
}
