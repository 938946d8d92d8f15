//! The commands of README, guide, tutorial and data page, typed as they are written, on small data.

use std::fs;
use std::path::Path;
use std::process::Command;

use supernano_tests::command::{Ended, binary, firmware, root, run};
use supernano_tests::pictures::pictures;
use tempfile::TempDir;

/// A new user's directory: photographs in two folders, and the demo's configuration with less data.
fn directory() -> TempDir {
    let here = TempDir::new().unwrap();
    pictures(&here.path().join("photos"));
    pictures(&here.path().join("Dataset"));
    let demo = "host-trainer/configs/demo.toml";
    let text = fs::read_to_string(root().join(demo)).unwrap();
    let less = "validation = 64\ntrain = 128\ntest = 64\n";
    let text = shorter(&text).replace("validation = 1000\n", less);
    let text = format!("recalibration = {{ images = 32, batch = 16 }}\n{text}");
    let file = here.path().join(demo);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
    here
}

/// A configuration with one epoch in each step, and with the smallest and the largest width of each layer.
fn shorter(text: &str) -> String {
    let widths = |line: &str| -> Option<String> {
        let (before, list) = line.split_once("widths = [")?;
        let (list, behind) = list.split_once(']')?;
        let (first, last) = (list.split(", ").next()?, list.split(", ").last()?);
        Some(format!("{before}widths = [{first}, {last}]{behind}\n"))
    };
    let line = |line: &str| match line.starts_with("epochs = ") {
        true => "epochs = 1\n".to_owned(),
        false => widths(line).unwrap_or_else(|| format!("{line}\n")),
    };
    text.lines().map(line).collect()
}

/// The commands in the `console` blocks of a page, but for those of sections that need hardware.
fn commands(page: &str) -> Vec<String> {
    let text = fs::read_to_string(root().join(page)).unwrap();
    let mut found: Vec<String> = Vec::new();
    for section in
        text.split("\n## ").filter(|section| !section.contains("**This step needs hardware.**"))
    {
        for block in section.split("```console\n").skip(1) {
            let block = block.split("```").next().unwrap().replace("\\\n", " ");
            found.extend(
                block.lines().filter_map(|line| line.strip_prefix("$ ")).map(str::to_owned),
            );
        }
    }
    found
}

/// Types a command into a shell in the directory.
fn typed(line: &str, here: &Path) -> Ended {
    let bin = binary().parent().unwrap().to_path_buf();
    let paths = std::env::var_os("PATH").unwrap();
    let path =
        std::env::join_paths([bin].into_iter().chain(std::env::split_paths(&paths))).unwrap();
    let firmware = firmware("qemu-m4-agent").parent().unwrap().to_path_buf();
    let mut shell = Command::new("sh");
    shell.args(["-c", line]).current_dir(here);
    run(shell.env("PATH", path).env("SUPERNANO_FIRMWARE_DIR", firmware))
}

/// Types every command of the pages, one after the other. `code` is the network that they name; the
/// winner of the search takes its place. Returns the number of commands.
fn follow(pages: &[&str], code: &str) -> usize {
    let here = directory();
    let mut winner = String::new();
    let lines: Vec<String> = pages.iter().flat_map(|page| commands(page)).collect();
    for line in &lines {
        let line = line.replace("runs/wake OTHER", "runs/signs CODE");
        let line = line.replace(code, "CODE").replace("CODE", &winner);
        let mut ended = typed(&line, here.path());
        // So little training need not teach the surrogate anything. The command then says what to do.
        if ended.code == 1 && ended.stderr.contains("--force") {
            ended =
                typed(&line.replace("supernano search", "supernano search --force"), here.path());
        }
        // `doctor` also says 1 for what this test does not need.
        let code =
            if line == "supernano doctor" { ended.code - ended.code.min(1) } else { ended.code };
        assert_eq!(code, 0, "{line}\n{}\n{}", ended.stdout, ended.stderr);
        if let Some(rest) = ended.stdout.split("Winner: ").nth(1) {
            winner = rest.lines().next().unwrap().trim().to_owned();
        }
        if line.starts_with("supernano new") {
            let file = here.path().join("signs.toml");
            fs::write(&file, shorter(&fs::read_to_string(&file).unwrap())).unwrap();
        }
    }
    lines.len()
}

#[test]
fn the_quick_start_works() {
    assert!(follow(&["README.md"], "CODE") >= 10);
}

#[test]
fn the_guide_works() {
    assert!(follow(&["docs/guide.md"], "CODE") >= 7);
}

#[test]
fn the_tutorial_and_the_page_for_c_work() {
    assert!(follow(&["docs/tutorial.md", "docs/c.md"], "4-16-16-32-32-60-64") >= 13);
}

#[test]
fn the_page_on_data_works() {
    assert!(follow(&["docs/data.md"], "CODE") >= 5);
}

/// Pages whose blocks are typed elsewhere: `run` blocks by the tests of the documents, and those of
/// Slurm by the tests of Slurm.
#[test]
fn no_other_page_has_commands_to_type() {
    let here = ["README.md", "guide.md", "tutorial.md", "c.md", "data.md"];
    let elsewhere = ["setup.md", "scale.md"];
    for entry in fs::read_dir(root().join("docs")).unwrap().flatten() {
        let name = entry.file_name().into_string().unwrap();
        if !name.ends_with(".md")
            || here.contains(&name.as_str())
            || elsewhere.contains(&name.as_str())
        {
            continue;
        }
        let text = fs::read_to_string(entry.path()).unwrap();
        assert!(!text.contains("```console\n"), "{name}: list it in this test");
    }
}
