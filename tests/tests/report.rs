//! The page of `supernano report`, from a run alone and in a browser.
#![allow(clippy::print_stderr, reason = "a check that is skipped says so")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use supernano_tests::command::supernano;
use supernano_tests::small::{GREY, SmallRun};

/// Widths at which nothing may overflow, pixels.
const WIDTHS: [u32; 4] = [400, 800, 1000, 1280];

/// The report of a run, after each command that adds to it.
fn page(run: &SmallRun) -> String {
    supernano(&["report", &run.name()]).succeeds();
    fs::read_to_string(run.path().join("report.html")).unwrap()
}

fn has(page: &str, present: &[&str], absent: &[&str]) {
    for id in present {
        assert!(page.contains(&format!("<section id=\"{id}\"")), "no {id}");
    }
    for id in absent {
        assert!(!page.contains(&format!("<section id=\"{id}\"")), "{id} is there");
    }
    for outside in ["http://", "https://", "<script", "url(", "@import", "javascript:"] {
        let own = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!own.contains(outside), "{outside}");
    }
}

#[test]
fn a_run_alone_makes_the_report_after_every_command() {
    let run = SmallRun::train(GREY);
    let (path, name) = (run.path(), run.name());
    has(&page(&run), &["result", "asked", "loss", "panel", "glossary"], &["networks", "scores"]);

    supernano(&["rank", &name, "--random", "40"]).succeeds();
    has(&page(&run), &["scores"], &["networks", "front-flash"]);

    let search = ["search", &name, "--chip", "STM32F446RETx", "--spread", "3", "--force", "--json"];
    let found = supernano(&search).json();
    let winner = found["winner"].as_str().unwrap();
    let fronts = ["front-instructions", "front-time", "front-flash", "front-ram"];
    let text = page(&run);
    has(
        &text,
        &[&fronts[..], &["networks", "widths", "prediction"]].concat(),
        &["scores", "arena"],
    );
    assert!(text.contains("STM32F446RETx (cortex-m4)") && text.contains("not checked"), "{text}");

    supernano(&["export", &name, winner]).succeeds();
    has(&page(&run), &["arena", "confusion", "pictures"], &["operations-a", "truth"]);

    let file = path.join("networks").join(winner).with_extension("snb").display().to_string();
    supernano(&["check", &file, "--target", "qemu-m4", "--images", "16"]).succeeds();
    let other = supernano(&["latency", &file, "--target", "qemu-m0", "--json"]).json();
    let own = ["latency", &file, "--target", "qemu-m4", "--chip", "STM32F446RETx", "--json"];
    let own = supernano(&own).json();
    let truths = run.file("truth.csv");
    let scores = fs::read_to_string(path.join("scores.json")).unwrap();
    let scores: Value = serde_json::from_str(&scores).unwrap();
    let rows = scores.as_object().unwrap().values().enumerate().map(|(i, score)| {
        format!("{},{}\n", score["arch"].as_str().unwrap(), 0.5 + 0.01 * i as f64)
    });
    fs::write(&truths, format!("arch,standalone_top1\n{}", rows.collect::<String>())).unwrap();
    let list = path.join("scores.json").display().to_string();
    supernano(&["correlate", &list, &truths, "--space", &name]).succeeds();
    let text = page(&run);
    has(&text, &["operations-a", "instructions", "truth"], &[]);
    assert!(text.contains("16 of 16"), "{text}");
    // The network is for a Cortex-M4, so its counts are shown and not those of another core.
    let millions =
        |count: &Value| format!("{:.2} M<", count["instructions"].as_f64().unwrap() / 1e6);
    assert!(text.contains(&millions(&own)) && !text.contains(&millions(&other)), "{text}");
    let commands = ["train", "rank", "search", "export", "check", "latency", "correlate"];
    for command in commands {
        assert!(text.contains(&format!("<code>supernano {command} ")), "{command} is not listed");
    }

    // A class may have any name.
    let answers = path.join("networks").join(format!("{winner}.answers.json"));
    let mut changed: Value = serde_json::from_str(&fs::read_to_string(&answers).unwrap()).unwrap();
    changed["classes"][0] = "<script>\"&' x".into();
    changed["pictures"][0]["png"] = "\" onerror=\"".into();
    fs::write(&answers, changed.to_string()).unwrap();
    let text = page(&run);
    has(&text, &["confusion", "pictures"], &[]);
    assert!(text.contains("&lt;script&gt;&quot;&amp;&#39; x") && !text.contains("\" onerror"));

    let beside = fs::read_to_string(path.join("report/networks.csv")).unwrap();
    assert!(beside.lines().count() > 3 && beside.contains(winner), "{beside}");
    let facts = fs::read_to_string(path.join("report/report.json")).unwrap();
    let facts: Value = serde_json::from_str(&facts).unwrap();
    assert_eq!(facts["networks"][0]["code"], winner);

    changed["classes"][0] = "circle".into();
    changed["pictures"] = Value::Array(Vec::new());
    fs::write(&answers, changed.to_string()).unwrap();
    page(&run);
    in_a_browser(&path.join("report.html"));
}

#[test]
fn what_is_no_run_and_what_is_no_result_is_an_error() {
    let run = SmallRun::train(GREY);
    let nowhere = run.file("nowhere");
    supernano(&["report", &nowhere]).fails(2, &["config.toml"]);
    fs::write(run.path().join("front.json"), "{\"networks\": 3}").unwrap();
    supernano(&["report", &run.name()]).fails(2, &["front.json"]);
}

/// A browser of this machine.
fn browser() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let names = ["chromium", "chromium-browser", "google-chrome"];
    let found = std::env::split_paths(&path).flat_map(|d| names.map(|name| d.join(name)));
    { found }.find(|program| program.is_file())
}

/// Opens copies of the page at several widths, in both colour schemes. Each copy has a script that
/// looks for overflow, low contrast, and missing names and roles. With `SUPERNANO_AXE`, the path of
/// `axe.min.js`, axe-core looks as well.
fn in_a_browser(page: &Path) {
    let Some(browser) = browser() else {
        eprintln!("SKIPPED: no Chromium, so the report was not opened in a browser");
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let axe = std::env::var_os("SUPERNANO_AXE").map(|file| fs::read_to_string(file).unwrap());
    if axe.is_none() {
        eprintln!("SKIPPED: no SUPERNANO_AXE, so only the own checks of roles and contrast ran");
    }
    let html = fs::read_to_string(page).unwrap();
    let (axe_text, probe) = (axe.as_deref().unwrap_or(""), include_str!("report/probe.js"));
    let scripts = format!("<script>{axe_text}</script><script>{probe}</script></body>");
    fs::write(folder.path().join("page.html"), html.replace("</body>", &scripts)).unwrap();
    let frames: String = WIDTHS
        .iter()
        .map(|w| {
            format!(
                "<iframe src=\"page.html\" style=\"width:{w}px;height:900px;border:0\"></iframe>"
            )
        })
        .collect();
    let outer = format!(
        "<!doctype html><body style=\"width:4000px\"><pre id=\"out\"></pre>{frames}<script>const all=[];\
         addEventListener('message',e=>{{all.push(e.data);\
         if(all.length=={})document.getElementById('out').textContent=JSON.stringify(all)}})</script>",
        WIDTHS.len()
    );
    fs::write(folder.path().join("outer.html"), outer).unwrap();
    for (scheme, dark) in [("1", false), ("0", true)] {
        let output = Command::new(&browser)
            .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
            .arg(format!("--blink-settings=preferredColorScheme={scheme}"))
            .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
            .args(["--virtual-time-budget=60000", "--window-size=4000,1000", "--dump-dom"])
            .arg(format!("file://{}", folder.path().join("outer.html").display()))
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        let console: Vec<&str> = log.lines().filter(|l| l.contains("CONSOLE")).collect();
        assert!(console.is_empty(), "{console:?}");
        let dom = String::from_utf8_lossy(&output.stdout);
        let text = dom.split("<pre id=\"out\">").nth(1).and_then(|t| t.split("</pre>").next());
        let text = text.unwrap_or_default().replace("&lt;", "<").replace("&gt;", ">");
        let found: Value = serde_json::from_str(&text.replace("&amp;", "&"))
            .unwrap_or_else(|e| panic!("{e}: no answer of the page: {log}"));
        let mut widths: Vec<u64> = Vec::new();
        for copy in found.as_array().unwrap() {
            assert_eq!(copy["dark"], dark);
            assert_eq!(copy["axe"].is_null(), axe.is_none());
            let problems = copy["problems"].as_array().unwrap();
            assert!(problems.is_empty(), "{}: {problems:#?}", copy["width"]);
            widths.push(copy["width"].as_u64().unwrap());
        }
        widths.sort_unstable();
        assert_eq!(widths, WIDTHS.map(u64::from));
    }
}
