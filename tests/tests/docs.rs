//! The book: its links, its table of contents, and the commands that it marks as `run`.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use supernano_tests::command::{binary, root, run};
use tempfile::TempDir;

/// Markdown files below a folder, without those behind links to folders.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() && !path.is_symlink() {
            found.extend(pages(&path));
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
    found
}

/// Every document whose links are checked.
fn documents() -> Vec<PathBuf> {
    let mut found = pages(&root().join("docs"));
    found.extend(pages(&root().join("core/docs")));
    let others = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"];
    found.extend(others.map(|name| root().join(name)));
    found.push(root().join("firmware-examples/README.md"));
    found
}

/// The text without code blocks.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced && !line.starts_with("    ") {
            kept.push_str(line);
            kept.push('\n');
        }
    }
    kept
}

/// The targets of the links in a text.
fn links(text: &str) -> Vec<String> {
    let parts = text.split("](").skip(1);
    parts.filter_map(|part| part.split(')').next()).map(str::to_owned).collect()
}

/// The anchor that GitHub and mdBook give to a heading.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.map(|c| if c == ' ' { '-' } else { c }).collect()
}

fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text);
    let headings = headings.lines().filter(|line| line.starts_with('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

#[test]
fn every_link_leads_to_a_file_and_a_heading() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for document in documents() {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&prose(&text)) {
            if link.contains("://") {
                continue;
            }
            count += 1;
            let (file, heading) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => document.clone(),
                _ => document.parent().unwrap().join(file),
            };
            let known = || {
                let text = fs::read_to_string(&target).unwrap_or_default();
                heading.is_empty() || anchors(&text).contains(heading)
            };
            if !target.exists() || !known() {
                wrong.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(count > 100, "{count} links");
}

/// mdBook shows what lies below `docs` and nothing else.
#[test]
fn no_page_of_the_book_links_out_of_it() {
    let book = root().join("docs");
    for page in pages(&book) {
        let depth = page.strip_prefix(&book).unwrap().components().count() - 1;
        for link in links(&prose(&fs::read_to_string(&page).unwrap())) {
            let up = link.split('/').take_while(|part| *part == "..").count();
            assert!(up <= depth, "{}: {link}", page.display());
        }
    }
}

#[test]
fn the_table_of_contents_has_every_page() {
    let book = root().join("docs");
    let listed: BTreeSet<String> =
        links(&fs::read_to_string(book.join("SUMMARY.md")).unwrap()).into_iter().collect();
    for page in pages(&book) {
        let name = page.strip_prefix(&book).unwrap().display().to_string();
        assert!(name == "SUMMARY.md" || listed.contains(&name), "{name} is not in SUMMARY.md");
    }
    for page in listed {
        assert!(book.join(&page).is_file(), "SUMMARY.md: {page}");
    }
}

#[test]
fn anchors_are_those_of_headings() {
    let text = "# One two\n```\n# no heading\n```\n## `a_b`: c, d!\n[x](y.md#z) and [w](#v)\n";
    assert_eq!(anchors(text), ["one-two", "a_b-c-d"].map(str::to_owned).into());
    assert_eq!(links(&prose(text)), ["y.md#z", "#v"]);
}

#[test]
fn the_book_builds() {
    let here = TempDir::new().unwrap();
    let mut command = Command::new("mdbook");
    command.arg("build").arg(root().join("docs")).arg("--dest-dir").arg(here.path());
    match command.output() {
        Err(error) => eprintln!("SKIPPED: mdbook: {error}; `cargo install mdbook` installs it"),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(output.status.success(), "{said}");
            for page in ["index.html", "tutorial.html", "formats/blob-format.html"] {
                assert!(here.path().join(page).is_file(), "{page}: {said}");
            }
        }
    }
}

/// Blocks that begin with ```` ```console run ```` are typed into a shell in an empty directory.
#[test]
fn commands_that_are_marked_work() {
    let bin = binary().parent().unwrap();
    let path = std::env::join_paths(
        [bin.to_path_buf()]
            .into_iter()
            .chain(std::env::split_paths(&std::env::var_os("PATH").unwrap())),
    );
    let path = path.unwrap();
    let mut count = 0;
    for page in documents() {
        let text = fs::read_to_string(&page).unwrap();
        for block in text.split("```console run\n").skip(1) {
            let block = block.split("```").next().unwrap();
            let here = TempDir::new().unwrap();
            for line in block.lines().filter_map(|line| line.strip_prefix("$ ")) {
                let mut shell = Command::new("sh");
                shell.args(["-c", line]).current_dir(here.path()).env("PATH", &path);
                let ended = run(&mut shell);
                assert_eq!(ended.code, 0, "{}: {line}: {}", page.display(), ended.stderr);
                count += 1;
            }
        }
    }
    assert!(count >= 4, "{count} commands");
}
