use super::*;

fn listed(text: &str) -> Result<Listing> {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b, c.png"] {
        std::fs::write(folder.path().join(name), "").unwrap();
    }
    let table = folder.path().join("list.csv");
    std::fs::write(&table, text).unwrap();
    list(&table, &["png"], &Names::default())
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
        ("file,what,why\na.png,x,y\n", &["path,label", "what"][..]),
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

#[test]
fn other_tables_are_understood() {
    for text in [
        "a.png,cat\n\"b, c.png\",dog\n",
        "cat;a.png\ndog;b, c.png\n",
        "Klasse,Bild\ncat,a.png\ndog,\"b, c.png\"\n",
        "image_id,cat,dog\na,1,0\n\"b, c\",0,1\n",
        "label\tfilename\r\ncat\tC:\\pictures\\a.png\r\ndog\tother/B, C.PNG\r\n",
    ] {
        let items = listed(text).unwrap().items;
        let found: Vec<(&str, bool)> =
            items.iter().map(|i| (i.class.as_str(), i.path.ends_with("a.png"))).collect();
        assert_eq!(found, [("cat", true), ("dog", false)], "{text}");
    }
}

#[test]
fn the_tables_of_a_folder_are_found() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    let read = || of_folder(folder.path(), &["png"], &Names::default());
    write("imgs/1.png", "");
    write("imgs/2.png", "");
    write("sizes.csv", "name,width\n1,20\n");
    assert_eq!(read().unwrap(), None);
    write("train.csv", "id,label\n1,x\n");
    write("test.csv", "id,label\n2,y\n");
    write("sample_submission.csv", "id,label\n1,x\n2,x\n");
    let listing = read().unwrap().unwrap();
    let splits: Vec<Option<Split>> = listing.items.iter().map(|i| i.split).collect();
    assert_eq!(splits, [Some(Split::Train), Some(Split::Test)]);
    assert!(listing.notes[0].starts_with("paths and labels are those of "), "{:?}", listing.notes);
    // A name in two folders is no path.
    write("more/1.png", "");
    write("more/train.csv", "");
    let error = list(&folder.path().join("train.csv"), &["png"], &Names::default())
        .unwrap_err()
        .to_string();
    assert!(error.contains("train.csv:2: path: expected a path that names one file"), "{error}");
}

#[test]
fn numbers_and_several_labels_are_columns_or_lists() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.png", "b.png"] {
        std::fs::write(folder.path().join(name), "x").unwrap();
    }
    let table = folder.path().join("t.csv");
    let read = |text: &str, targets: &[&str], multilabel: bool| {
        std::fs::write(&table, text).unwrap();
        let targets = targets.iter().map(|&t| t.to_owned()).collect();
        let found = list(&table, &["png"], &Names { targets, multilabel, ..Names::default() });
        found.map(|l| l.items.into_iter().map(|i| i.targets).collect::<Vec<_>>())
    };
    let numbers = "path,angle,depth\na.png,1.5,-2\nb.png,3,4\n";
    assert_eq!(read(numbers, &["depth", "angle"], false).unwrap(), [[-2.0, 1.5], [4.0, 3.0]]);
    let ones = "path,cat,dog\na.png,1,1\nb.png,0,1\n";
    assert_eq!(read(ones, &["cat", "dog"], true).unwrap(), [[1.0, 1.0], [0.0, 1.0]]);
    let lists = "path,labels\na.png,dog|cat\nb.png,\n";
    assert_eq!(read(lists, &["cat", "dog"], true).unwrap(), [[1.0, 1.0], [0.0, 0.0]]);
    for (text, targets, multilabel, words) in [
        (numbers, &["size"][..], false, "columns: expected `size`, found path, angle, depth"),
        ("path,size\na.png,big\n", &["size"], false, "column `size`: expected a finite number"),
        ("path,cat,dog\na.png,1,2\n", &["cat", "dog"], true, "column `dog`: expected 0 or 1"),
        ("path,labels\na.png,cow\n", &["cat", "dog"], true, "some of the `labels` cat, dog"),
    ] {
        let error = read(text, targets, multilabel).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
}
