use super::*;

fn kind(files: &[&str]) -> Result<DataSource> {
    let root = tempfile::tempdir().unwrap();
    for file in files {
        let path = root.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    guess(root.path())
}

#[test]
fn names_of_files_tell_the_kind() {
    for (files, expected) in [
        (&["a/1.JPG", "b/2.png", "list.csv"][..], DataSource::Pictures),
        (&["train/a/1.webp"], DataSource::Pictures),
        (&["walk.csv", "run.csv"], DataSource::Sensors),
        (&["train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"], DataSource::Idx),
        (&["x.npy", "y.npy"], DataSource::Numpy),
        (&["train.bin", "test.bin", "fine_label_names.txt"], DataSource::Cifar100),
        (&["cifar-10-batches-bin/data_batch_1.bin"], DataSource::Cifar10),
    ] {
        assert_eq!(kind(files).unwrap(), expected, "{files:?}");
    }
    // A table whose files lie elsewhere.
    let (root, store) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    for (name, expected) in [("a.png", DataSource::Pictures), ("a.wav", DataSource::Sound)] {
        let file = store.path().join(name);
        std::fs::write(&file, "").unwrap();
        let text = format!("path\tlabel\n{}\tx\n", file.display());
        std::fs::write(root.path().join("list.tsv"), text).unwrap();
        assert_eq!(guess(root.path()).unwrap(), expected, "{name}");
    }
    let root = tempfile::tempdir().unwrap();
    let table = root.path().join("labels.csv");
    std::fs::write(&table, "").unwrap();
    assert_eq!(guess(&table).unwrap(), DataSource::Pictures);
    for (text, expected) in [
        ("x,y,label\n1,2,walk\n3,4,run\n", DataSource::Sensors),
        ("33,Walking,1,2.5,3.5,4.5;\n", DataSource::Sensors),
        ("t;x;klass\n0,1;2,5;a\n", DataSource::Sensors),
        ("file,label\na/b.WAV,x\n", DataSource::Sound),
        ("x;a.png\ny;b.png\n", DataSource::Pictures),
    ] {
        std::fs::write(&table, text).unwrap();
        assert_eq!(guess(&table).unwrap(), expected, "{text}");
    }
}

#[test]
fn other_files_are_an_error_that_lists_the_kinds() {
    let error = kind(&["a/1.tif", "b/2.tif"]).unwrap_err().to_string();
    assert!(
        error.contains(KINDS)
            && error.ends_with("found 2 of .tif (convert the pictures to JPEG or PNG)"),
        "{error}"
    );
    assert!(kind(&[]).unwrap_err().to_string().ends_with("found no file"));
    let error = guess(Path::new("nowhere")).unwrap_err().to_string();
    assert!(error.contains("nowhere: not found") && error.contains("MNIST"), "{error}");
}
