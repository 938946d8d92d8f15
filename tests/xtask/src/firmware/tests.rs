//! The groups of packages, and the agreement of `supernano_facts` with the manifests.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use supernano_facts::{BOARDS, packages};

use super::*;

/// The binaries of each package of the workspace, without `minimal`, from the manifests.
fn manifests() -> BTreeMap<String, BTreeSet<String>> {
    let directories = fs::read_dir(workspace()).unwrap().map(|d| d.unwrap().path());
    let manifests = directories.filter_map(|d| fs::read_to_string(d.join("Cargo.toml")).ok());
    let name = |part: &str| part.split("name = \"").nth(1)?.split('"').next().map(str::to_owned);
    manifests
        .filter_map(|text| {
            let binaries: BTreeSet<_> = text.split("[[bin]]").skip(1).filter_map(name).collect();
            let package = name(&text).filter(|package| package != MINIMAL)?;
            (!binaries.is_empty()).then_some((package, binaries))
        })
        .collect()
}

#[test]
fn the_facts_name_every_package_and_binary() {
    let facts: BTreeMap<String, BTreeSet<String>> = packages()
        .map(|p| (p.name.into(), p.programs.iter().map(|p| p.binary.into()).collect()))
        .collect();
    assert_eq!(facts, manifests());
}

#[test]
fn a_manifest_selects_the_chip_and_the_log_of_the_facts() {
    for package in packages() {
        let file = workspace().join(package.name).join("Cargo.toml");
        let text = fs::read_to_string(file).unwrap();
        let feature = package.access.map_or_else(
            || "supernano-board = { path = \"../common\" }".to_owned(),
            |a| {
                format!(
                    "supernano-board = {{ path = \"../common\", features = [\"{}\"] }}",
                    a.feature
                )
            },
        );
        assert!(text.contains(&feature), "{}: no {feature}", package.name);
        let log = match package.log {
            supernano_facts::Log::None => None,
            supernano_facts::Log::Rtt => Some("log = [\"supernano-board/log-rtt\"]"),
            supernano_facts::Log::Semihosting => Some("log = [\"supernano-board/log\"]"),
        };
        assert_eq!(text.lines().find(|l| l.starts_with("log = ")), log, "{}", package.name);
    }
}

#[test]
fn a_group_has_one_target_one_log_and_one_chip_of_each_access_crate() {
    let all = groups(packages(), links_with);
    assert_eq!(all.iter().map(Vec::len).sum::<usize>(), packages().count());
    assert!(all.len() < packages().count());
    for group in all {
        for (a, b) in group.iter().flat_map(|a| group.iter().map(move |b| (a, b))) {
            assert!(a.target == b.target && a.log == b.log, "{} and {}", a.name, b.name);
            let chips = a.access.zip(b.access).filter(|(a, b)| a.name == b.name);
            assert!(chips.is_none_or(|(a, b)| a.feature == b.feature), "{}, {}", a.name, b.name);
        }
    }
}

#[test]
fn one_invocation_tests_chips_of_different_access_crates() {
    let boards: &'static [supernano_facts::Board] = &BOARDS;
    let all = groups(boards.iter().map(|board| &board.package), registers_with);
    assert_eq!(all.iter().map(Vec::len).collect::<Vec<_>>(), [3, 3, 1]);
}

#[test]
fn one_agent_is_one_program() {
    let programs = agents(&["qemu-m4"]);
    assert_eq!(programs.len(), 1);
    assert_eq!(programs[0].program.file, "qemu-m4-agent.elf");
    assert_eq!(machine_of("m33").unwrap().name, "qemu-m33");
    assert_eq!(machine_of("m5").unwrap_err().code, 2);
}
