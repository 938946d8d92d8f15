//! No run of equal lines stands twice in the Rust sources outside tests: logic that two places need
//! belongs in one function.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use supernano_tests::command::root;

/// Length of a run that must not repeat, in lines that say something.
const RUN: usize = 15;

/// A line of a file that says something, without its indentation.
struct Line {
    number: usize,
    text: String,
}

/// Rust files below a folder, without tests and build products.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !["target", "tests", "runs"].contains(&name.as_str()) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && name != "tests" {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The lines of a text that say something: no comments, no imports, no lone punctuation, and nothing
/// after the first inline test module.
fn lines(text: &str) -> Vec<Line> {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
    let mut found = Vec::new();
    let mut in_import = false;
    for (i, line) in code.lines().enumerate() {
        let text = line.trim();
        let public = text.starts_with("pub") && text.contains(" use ");
        let import = in_import || public || text.starts_with("use ");
        in_import = import && !text.ends_with(';');
        let says = text.chars().any(char::is_alphanumeric);
        if says && !import && !text.starts_with("//") && !text.starts_with("#!") {
            found.push(Line { number: i + 1, text: text.to_owned() });
        }
    }
    found
}

/// Runs of [`RUN`] equal lines that stand at two places, which do not overlap: `FILE:LINE ~ FILE:LINE`.
fn repeats(files: &[(String, String)]) -> Vec<String> {
    let files: Vec<_> = files.iter().map(|(name, text)| (name, lines(text))).collect();
    let mut first: BTreeMap<Vec<&str>, (usize, usize)> = BTreeMap::new();
    let mut found = Vec::new();
    for (f, (name, lines)) in files.iter().enumerate() {
        let mut skip = 0;
        for (i, run) in lines.windows(RUN).enumerate() {
            let key = run.iter().map(|line| line.text.as_str()).collect();
            let (other, at) = *first.entry(key).or_insert((f, i));
            let apart = other != f || i >= at + RUN;
            if apart && i >= skip {
                let (other, lines) = &files[other];
                found.push(format!("{other}:{} ~ {name}:{}", lines[at].number, run[0].number));
                skip = i + RUN;
            }
        }
    }
    found
}

#[test]
fn no_run_of_fifteen_lines_stands_twice() {
    let folders = ["core", "device-runtime", "firmware-examples", "host-trainer", "tests/src"];
    let studies = ["tests/xtask/src", "tests/experiments"];
    let mut files = Vec::new();
    for folder in folders.into_iter().chain(studies) {
        for path in sources(&root().join(folder)) {
            let text = std::fs::read_to_string(&path).unwrap();
            let name = path.strip_prefix(root()).unwrap().display().to_string();
            files.push((name, text));
        }
    }
    assert!(files.len() > 300, "only {} files were found", files.len());
    let found = repeats(&files);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn repeats_are_found() {
    let run: String = (0..RUN).map(|i| format!("    let x{i} = f({i});\n")).collect();
    let file = |name: &str, text: String| (name.to_owned(), text);
    let a = file("a.rs", format!("//! A.\nuse b::{{\n    C,\n}};\nfn a() {{\n{run}}}\n"));
    let b = file("b.rs", format!("fn b() {{\n{}\n}}\n", run.replace('\n', "\n\n    // Why.\n")));
    assert_eq!(repeats(&[a.clone(), b.clone()]), ["a.rs:6 ~ b.rs:2"]);
    let shorter = file("b.rs", b.1.replace("let x7", "let y7"));
    assert!(repeats(&[a.clone(), shorter]).is_empty());
    let tests = file("b.rs", format!("#[cfg(test)]\nmod tests {{\n{run}}}\n"));
    assert!(repeats(&[a, tests]).is_empty());
    let same = file("c.rs", "    \"x\",\n".repeat(RUN + 1));
    assert!(repeats(&[same]).is_empty());
}
