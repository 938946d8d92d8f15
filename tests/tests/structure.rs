//! The structure that ARCHITECTURE.md promises: crates in one order, and no circle of imports
//! between the modules of a host crate.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Host crates, each of which may import only those before it.
const ORDER: [&str; 11] = [
    "setup",
    "base",
    "pt",
    "data",
    "kernels",
    "gpu-kernels",
    "device",
    "search",
    "train",
    "gpu",
    "cli",
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// Rust files below a folder, without tests.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap_or_default();
        if stem == "tests" {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found
}

/// The module that a file is, as path segments below the crate's root.
fn module_of(file: &Path, source: &Path) -> Vec<String> {
    let relative = file.strip_prefix(source).unwrap().with_extension("");
    let mut parts: Vec<String> =
        relative.iter().map(|part| part.to_string_lossy().into_owned()).collect();
    if parts.last().is_some_and(|last| ["mod", "lib", "main"].contains(&last.as_str())) {
        parts.pop();
    }
    parts
}

/// Paths that a file names, resolved to segments below the crate's root: what follows `crate::`
/// and chains of `super::`, without inline test modules.
fn imports(text: &str, module: &[String]) -> Vec<Vec<String>> {
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    let mut found = Vec::new();
    for line in code.lines().filter(|l| !l.trim_start().starts_with("//")) {
        for word in line.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let parts: Vec<&str> = word.split("::").filter(|p| !p.is_empty()).collect();
            let ups = parts.iter().take_while(|p| **p == "super").count();
            let base = match parts.first() {
                Some(&"crate") => Some((Vec::new(), 1)),
                Some(&"super") if ups <= module.len() => {
                    Some((module[..module.len() - ups].to_vec(), ups))
                }
                _ => None,
            };
            if let Some((mut path, from)) = base {
                path.extend(parts[from..].iter().map(ToString::to_string));
                found.push(path);
            }
        }
    }
    found
}

/// Which top-level modules of a crate import which others.
fn arrows(source: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let files = sources(source);
    let rooms: BTreeSet<String> =
        files.iter().filter_map(|f| module_of(f, source).first().cloned()).collect();
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for file in &files {
        let module = module_of(file, source);
        let Some(from) = module.first() else { continue };
        for path in imports(&read(file), &module) {
            if let Some(to) = path.first().filter(|to| *to != from && rooms.contains(*to)) {
                arrows.entry(from.clone()).or_default().insert(to.clone());
            }
        }
    }
    arrows
}

/// A circle of arrows, if there is one.
fn circle(arrows: &BTreeMap<String, BTreeSet<String>>) -> Option<Vec<String>> {
    fn visit(
        node: &str,
        arrows: &BTreeMap<String, BTreeSet<String>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(start) = way.iter().position(|n| n == node) {
            return Some(way[start..].to_vec());
        }
        if done.contains(node) {
            return None;
        }
        way.push(node.to_owned());
        let found =
            arrows.get(node).into_iter().flatten().find_map(|next| visit(next, arrows, way, done));
        way.pop();
        done.insert(node.to_owned());
        found
    }
    let mut done = BTreeSet::new();
    arrows.keys().find_map(|node| visit(node, arrows, &mut Vec::new(), &mut done))
}

#[test]
fn host_crates_import_in_one_order() {
    for (i, name) in ORDER.iter().enumerate() {
        let manifest = read(&root().join("host-trainer").join(name).join("Cargo.toml"));
        let dependencies = manifest.split("[dependencies]").nth(1).unwrap();
        let dependencies = dependencies.split("\n[").next().unwrap();
        for later in &ORDER[i + 1..] {
            let package = format!("supernano-{later}");
            let imports = dependencies.lines().any(|l| l.starts_with(&package));
            assert!(!imports, "{name} imports {later}, which comes after it");
        }
    }
}

#[test]
fn no_circle_of_imports_in_a_host_crate() {
    for name in ORDER {
        let found = arrows(&root().join("host-trainer").join(name).join("src"));
        if let Some(circle) = circle(&found) {
            panic!("host-trainer/{name}: {} -> back", circle.join(" -> "));
        }
    }
}

#[test]
fn core_has_no_circle_of_imports() {
    if let Some(circle) = circle(&arrows(&root().join("core/src"))) {
        panic!("core: {} -> back", circle.join(" -> "));
    }
}

#[test]
fn circles_are_found() {
    let text = "use crate::b::X;\nuse super::c::Y;\n// crate::d::Z\n";
    let module = ["a".to_owned()];
    let found = imports(text, &module);
    assert_eq!(found, [vec!["b", "X"], vec!["c", "Y"]]);
    let arrow = |a: &str, b: &str| (a.to_owned(), BTreeSet::from([b.to_owned()]));
    let ring = BTreeMap::from([arrow("a", "b"), arrow("b", "c"), arrow("c", "a")]);
    assert_eq!(circle(&ring).unwrap().len(), 3);
    let line = BTreeMap::from([arrow("a", "b"), arrow("b", "c")]);
    assert!(circle(&line).is_none());
}
