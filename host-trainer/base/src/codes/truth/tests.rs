use super::*;

#[test]
fn a_truth_file_is_read_back_and_another_recipes_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("truth.csv");
    let truth = Truth {
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
