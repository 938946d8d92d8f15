use super::super::pattern::Pattern;
use super::*;

fn tree(files: &[&str]) -> tempfile::TempDir {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, file).unwrap();
    }
    root
}

fn listed(files: &[&str], pattern: Option<&str>) -> Result<Vec<(String, Option<Split>)>> {
    let root = tree(files);
    let pattern = pattern.map(|p| Pattern::new(p).unwrap());
    let names = Names { pattern, ..Names::default() };
    let listing = list(root.path(), &["png"], &names, false)?;
    Ok(listing.items.into_iter().map(|i| (i.class, i.split)).collect())
}

#[test]
fn folders_are_classes() {
    let root =
        tree(&["b/2.png", "a/1.PNG", "a/deep/3.png", "a/.hidden.png", "a/notes.txt", "README"]);
    let listing = list(root.path(), &["png"], &Names::default(), false).unwrap();
    let classes: Vec<&str> = listing.items.iter().map(|i| i.class.as_str()).collect();
    assert_eq!(classes, ["a", "a", "b"]);
    assert_eq!(listing.classes(), ["a", "b"]);
    assert_eq!(listing.ignored, [(String::new(), 1), ("txt".to_owned(), 1)].into());
    // A folder around the classes is entered.
    let others = ["__MACOSX/Dataset/x/._1.png", "Dataset/.cache/2.png", "LICENSE"];
    let around =
        listed(&[&["Dataset/x/1.png", "Dataset/y/1.png"], &others[..]].concat(), None).unwrap();
    assert_eq!(around, [("x".to_owned(), None), ("y".to_owned(), None)]);
}

#[test]
fn whole_numbers_are_sorted_as_numbers() {
    let root = tree(&["10/1.png", "9/1.png", "0/1.png"]);
    assert_eq!(
        list(root.path(), &["png"], &Names::default(), false).unwrap().classes(),
        ["0", "9", "10"]
    );
}

#[test]
fn folders_of_splits_are_splits() {
    let found = listed(&["train2017/a/1.png", "val2017/a/2.png", "test/b/3.png"], None).unwrap();
    let expected = [("b", Split::Test), ("a", Split::Train), ("a", Split::Validation)];
    assert_eq!(found, expected.map(|(c, s)| (c.to_owned(), Some(s))));
    let found =
        listed(&["seg_train/seg_train/a/1.png", "seg_test/seg_test/a/2.png"], None).unwrap();
    let expected = [("a", Split::Test), ("a", Split::Train)];
    assert_eq!(found, expected.map(|(c, s)| (c.to_owned(), Some(s))));
    // Splits in the folders of the classes.
    let found = listed(&["a/train/1.png", "b/train/2.png", "b/test/x/3.png", "c/4.png"], None);
    let expected = [
        ("a", Some(Split::Train)),
        ("b", Some(Split::Test)),
        ("b", Some(Split::Train)),
        ("c", None),
    ];
    assert_eq!(found.unwrap(), expected.map(|(c, s)| (c.to_owned(), s)));
    // A class beside them makes all of them classes.
    let found = listed(&["train/1.png", "bus/2.png"], None).unwrap();
    assert_eq!(found, [("bus".to_owned(), None), ("train".to_owned(), None)]);
}

#[test]
fn a_pattern_names_class_and_group() {
    let root = tree(&["all/cat_tom_1.png", "all/dog_rex_2.png"]);
    let pattern = Some(Pattern::new("all/{class}_{group}_{}.png").unwrap());
    let names = Names { pattern, ..Names::default() };
    let items = list(root.path(), &["png"], &names, false).unwrap().items;
    assert_eq!((items[0].class.as_str(), items[0].group.as_deref()), ("cat", Some("tom")));
    assert_eq!((items[1].class.as_str(), items[1].group.as_deref()), ("dog", Some("rex")));
    let error = listed(&["all/cat.png"], Some("all/{class}_{}.png")).unwrap_err().to_string();
    assert!(error.contains("a match of the `pattern`"), "{error}");
}

#[test]
fn files_without_a_class_are_errors_or_classes_themselves() {
    let error = listed(&["1.png", "2.png"], None).unwrap_err().to_string();
    assert!(error.contains("a folder for its class"), "{error}");
    let error = listed(&["a/1.tif", "b/2.tif"], None).unwrap_err().to_string();
    assert!(error.contains("2 of .tif"), "{error}");
    let root = tree(&["train/walk.csv", "test/walk.csv"]);
    let items = list(root.path(), &["csv"], &Names::default(), true).unwrap().items;
    assert_eq!((items[0].class.as_str(), items[0].split), ("walk", Some(Split::Test)));
}

#[cfg(unix)]
#[test]
fn links_are_followed_but_not_in_circles() {
    use std::os::unix::fs::symlink;
    let root = tree(&["a/1.png", "b/2.png", "c/notes.txt"]);
    symlink("1.png", root.path().join("a/3.png")).unwrap();
    symlink("..", root.path().join("a/up")).unwrap();
    symlink("nowhere.png", root.path().join("b/4.png")).unwrap();
    let listing = list(root.path(), &["png"], &Names::default(), false).unwrap();
    let names: Vec<&str> =
        listing.items.iter().filter_map(|i| i.path.file_name()?.to_str()).collect();
    assert_eq!(names, ["1.png", "3.png", "2.png", "4.png"]);
    let says = |end: &str| listing.notes.iter().filter(|n| n.ends_with(end)).count();
    let ends =
        ["a link to a folder above it and not followed", "a link to nothing", "no such file"];
    assert_eq!(ends.map(says), [1, 1, 1]);
}
