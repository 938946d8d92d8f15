use super::*;

const RECIPE: Recipe = Recipe { form: Form::Nominal, epochs: 3, lr: 0.1, seed: 7 };

fn truth(id: &str, arch: &str) -> Truth {
    Truth {
        metric: None,
        id: id.into(),
        arch: arch.into(),
        standalone_top1: 0.625,
        top1_se: 0.0125,
        ce: 1.5,
        images: 64,
        form: Form::Nominal,
        epochs: 3,
        seed: 7,
        start: Start::Scratch,
    }
}

#[test]
fn a_truth_file_is_read_back_and_another_recipes_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.csv");
    let truth = Truth {
        metric: None,
        id: "arch1".into(),
        arch: "4-8-4".into(),
        standalone_top1: 0.625,
        top1_se: 0.0125,
        ce: 1.5,
        images: 64,
        form: Form::Nominal,
        epochs: 3,
        seed: 7,
        start: Start::Scratch,
    };
    write_truths(&path, std::slice::from_ref(&truth)).unwrap();
    let recipe = Recipe { form: Form::Nominal, epochs: 3, lr: 0.1, seed: 7 };
    assert_eq!(read_truths(&path, &recipe, Start::Scratch).unwrap(), [truth]);
    let refused = |recipe: &Recipe, start, column: &str| {
        let error = read_truths(&path, recipe, start).unwrap_err().to_string();
        assert!(error.contains("truth.csv:2") && error.contains(column), "{error}");
    };
    refused(&Recipe { form: Form::Effective, ..recipe }, Start::Scratch, "as");
    refused(&Recipe { epochs: 4, ..recipe }, Start::Scratch, "epochs");
    refused(&Recipe { seed: 8, ..recipe }, Start::Scratch, "seed");
    refused(&recipe, Start::Inherited, "start");
}

#[test]
fn odd_ids_are_read_back_and_repeated_ones_refused() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["truth.csv", "truth.csv.gz"] {
        let path = folder.path().join(name);
        let truths = [truth("a,b", "4-4"), truth("\"c\"\n", "4-8").clone(), truth("#", "8-4")];
        write_truths(&path, &truths).unwrap();
        let read = read_truths(&path, &RECIPE, Start::Scratch).unwrap();
        assert_eq!((&read[0], &read[2]), (&truths[0], &truths[2]));
        assert_eq!(read[1].id, "\"c\"");
    }
    let path = folder.path().join("truth.csv");
    let error = write_truths(&path, &[truth("a", "4"), truth("a", "8")]).unwrap_err().to_string();
    assert!(error.contains("id a"), "{error}");
    let nan = Truth { ce: f64::NAN, ..truth("a", "4") };
    assert!(write_truths(&path, &[nan]).unwrap_err().to_string().contains("NaN"));
}

#[test]
fn damaged_truth_files_are_refused_with_the_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.csv");
    write_truths(&path, &[truth("a", "4"), truth("b", "8")]).unwrap();
    let whole = std::fs::read_to_string(&path).unwrap();
    let row = "b,8,0.625,0.01250,1.50000,64,nominal,3,7,scratch";
    for (from, to, says) in [
        (row, row.replacen('b', "a", 1), "truth.csv:3: id a"),
        (row, row.replace("0.625", "62.5"), "truth.csv:3: standalone_top1: expected a fraction"),
        (row, row.replace("0.625", "-0.1"), "a fraction"),
        (row, row.replace("1.50000", "NaN"), "truth.csv:3: ce"),
        (row, row.replace(",64", ""), "truth.csv:3: cells: expected 10, found 9"),
        ("id,arch", "arch,id".into(), "truth.csv:1: header"),
    ] {
        std::fs::write(&path, whole.replacen(from, &to, 1)).unwrap();
        let error = read_truths(&path, &RECIPE, Start::Scratch).unwrap_err().to_string();
        assert!(error.contains(says), "{says}: {error}");
    }
    let rows: Vec<&str> = whole.lines().collect();
    std::fs::write(&path, format!("\u{feff}{}\r\n", rows.join("\r\n"))).unwrap();
    assert_eq!(read_truths(&path, &RECIPE, Start::Scratch).unwrap().len(), 2);
}

#[test]
fn codes_get_ids_that_the_truth_file_does_not_have() {
    let coded = |id: &str, written: &str| Coded {
        id: id.into(),
        written: written.into(),
        arch: supernano_core::arch::Arch::largest(&supernano_core::space::RESNET8),
    };
    let truths = [truth("arch1", "4-4"), truth("arch3", "8-8")];
    let mut codes = [coded("arch1", "12-4"), coded("arch1", "4-4"), coded("arch2", "16-4")];
    distinguish(&mut codes, &truths);
    assert_eq!(codes.each_ref().map(|c| c.id.as_str()), ["arch2", "arch1", "arch4"]);
}
