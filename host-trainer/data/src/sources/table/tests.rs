use super::*;

fn listed(text: &str) -> Result<Listing> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b, c.png"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let table = folder.path().join("list.csv");
    std::fs::write(&table, text).unwrap();
    list(&table)
}

#[test]
fn rows_are_items() {
    let text = "label,Path,split,speaker\ncat,a.png,train,tom\ndog,\"b, c.png\",val,rex\n";
    let items = listed(text).unwrap().items;
    assert_eq!(items.len(), 2);
    assert!(items[0].path.ends_with("a.png"));
    assert_eq!((items[0].class.as_str(), items[0].split), ("cat", Some(Split::Train)));
    assert_eq!(items[1].group.as_deref(), Some("rex"));
}

#[test]
fn errors_name_the_line() {
    for (text, parts) in [
        ("file,what\na.png,x\n", &["label", "what"][..]),
        ("path,label\n,cat\n", &["list.csv:2", "path"]),
        ("path,label\na.png,\n", &["list.csv:2", "label"]),
        ("path,label\na.png,x\na.png,y\n", &["list.csv:3", "again (first in line 2)"]),
        ("path,label,split\na.png,x,holdout\n", &["list.csv:2", "split", "holdout"]),
        ("path,label\nnone.png,x\n", &["none.png", "not found", "list.csv:2"]),
        ("path,label\n", &["at least one"]),
    ] {
        let error = listed(text).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        parts.iter().for_each(|p| assert!(error.to_string().contains(p), "{p}: {error}"));
    }
}
