//! The committed header, and the comparison of the output.

use super::*;

#[test]
fn the_committed_header_is_the_generated_one() {
    assert_eq!(read(&header_path()).unwrap(), header().unwrap());
}

#[test]
fn every_function_and_code_is_in_the_header() {
    let header = header().unwrap();
    let functions = ["check", "run", "open", "run_opened", "argmax"];
    for name in functions.map(|f| format!(" supernano_{f}(")) {
        assert_eq!(header.matches(&name).count(), 1, "{name}");
    }
    for name in ["OK = 0,", "NULL_POINTER = 1,", "NOT_OPENED = 13,"] {
        assert!(header.contains(&format!("SUPERNANO_CODE_{name}")), "{name}");
    }
}

fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::to_owned).collect()
}

#[test]
fn other_output_and_other_logits_are_refused() {
    let expected = "logits 1 -2\nlogits 1 -2\nend\n";
    assert!(compare(&lines(expected), expected, "1\n-2\n").is_ok());
    assert!(compare(&lines("logits 1 -2\nend"), expected, "1\n-2\n").is_err());
    assert!(compare(&lines(expected), expected, "1\n2\n").is_err());
    let once = "logits 1 -2\nend\n";
    assert!(compare(&lines(once), once, "1\n-2\n").is_err());
}
