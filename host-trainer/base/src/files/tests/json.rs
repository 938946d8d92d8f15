use std::collections::HashMap;

use serde_json::Value;

use crate::files::{parse_json, read_json};

fn refused(text: &str) -> String {
    let error = parse_json::<Value>(text, "t.json", "a value").unwrap_err();
    assert_eq!(error.exit_code(), 2);
    error.to_string()
}

#[test]
fn a_repeated_key_is_refused_at_any_depth() {
    for text in [
        r#"{"k": 1, "a": 2, "k": 3}"#,
        r#"{"x": {"k": 1, "k": 1}}"#,
        r#"[1, [{"k": [], "k": {}}]]"#,
        r#"{"k": 1, "\u006b": 2}"#,
    ] {
        let error = refused(text);
        assert!(error.starts_with("t.json:1:") && error.contains("key `k` again"), "{error}");
    }
    let error = refused("{\n\"k\": 1,\n\"k\": 2}");
    assert!(error.starts_with("t.json:3:"), "{error}");
    let same = r#"{"a": {"k": 1}, "b": {"k": 2}, "k": [null, true, -1, 1.5, "k"]}"#;
    assert_eq!(parse_json::<Value>(same, "t", "").unwrap()["b"]["k"], 2);
}

#[test]
fn errors_have_line_and_column() {
    assert!(refused("{\n\"k\": }").starts_with("t.json:2:6: JSON: "));
    assert!(refused("[1] 2").contains("trailing"));
    assert!(refused(&"[".repeat(1000)).contains("recursion"));
    assert!(refused(&format!("[{}0]", "0,".repeat(3 << 20))).contains("SUPERNANO_ITEMS"));
}

#[test]
fn files_are_read_in_every_form() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    for bytes in ["\u{feff}{\"k\": 1}".as_bytes().to_vec(), super::gzip(b"{\"k\": 1}")] {
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(read_json::<HashMap<String, u8>>(&path, "numbers").unwrap()["k"], 1);
    }
    std::fs::write(&path, "{\"k\": 1, \"k\": 2}").unwrap();
    let error = read_json::<HashMap<String, u8>>(&path, "numbers").unwrap_err().to_string();
    assert!(error.contains("t.json:1:") && error.contains("`k`"), "{error}");
}
