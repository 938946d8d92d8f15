use std::path::PathBuf;

use supernano_base::codes::{Coded, random_codes};
use supernano_core::space::RESNET8;

use super::*;

fn file(name: &str, text: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    std::fs::write(&path, text).unwrap();
    (folder, path)
}

fn archs() -> Vec<Arch> {
    random_codes(&RESNET8, 60, 5).into_iter().map(|c| c.arch).collect()
}

/// A truth file of the first codes, with these further columns.
fn truth_file(header: &str, rows: &[&str]) -> String {
    let line = |(arch, rest): (&Arch, &&str)| format!("{},{rest}\n", arch.display(&RESNET8));
    let lines: String = archs().iter().zip(rows).map(line).collect();
    format!("{header}\n{lines}")
}

#[test]
fn mixed_forms_are_refused() {
    let read = |text: &str, form| {
        let (_folder, path) = file("truth.csv", text);
        Truths::read(&path, &RESNET8, form)
    };
    let bare = truth_file("code,truth", &["0.5", "0.6"]);
    assert_eq!(read(&bare, None).unwrap().form, Form::Nominal);
    assert_eq!(read(&bare, Some(Form::Effective)).unwrap().form, Form::Effective);
    let effective = truth_file("code,truth,as", &["0.5,effective", "0.6,effective"]);
    let found = read(&effective, None).unwrap();
    assert_eq!((found.form, found.samples.len()), (Form::Effective, 2));
    let refused = |text: &str, form, parts: &[&str]| {
        let error = read(text, form).err().expect("refused").to_string();
        assert!(parts.iter().all(|p| error.contains(p)), "{error}");
    };
    refused(&effective, Some(Form::Nominal), &["truth.csv:2", "as", "the other"]);
    let mixed = truth_file("code,truth,as", &["0.5,effective", "0.6,nominal"]);
    let second = archs()[1].display(&RESNET8).to_string();
    refused(&mixed, None, &["truth.csv:3", &second, "throughout"]);
    refused(&truth_file("code,truth,as", &["0.5,half"]), None, &["truth.csv:2", "half"]);
}

/// Scores of codes that grow with their widths.
fn growing(codes: Vec<Arch>) -> Vec<(Arch, f64)> {
    let score = |arch: &Arch| {
        let widths = crate::surrogate::widths(&RESNET8, arch);
        0.2 + 0.05 * widths.iter().map(|&w| f64::from(w)).sum::<f64>().ln()
    };
    codes.into_iter().map(|arch| (arch.clone(), score(&arch))).collect()
}

#[test]
fn truths_of_codes_that_are_not_predicted_correct_the_predictions() {
    let rows: Vec<String> = growing(archs()).iter().map(|(_, s)| (s + 0.3).to_string()).collect();
    let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
    let (_folder, path) = file("truth.csv", &truth_file("code,truth", &rows));
    let truths = TruthFile { path: Some(path), form: None };
    let others = random_codes(&RESNET8, 40, 6);
    let known = archs();
    assert!(others.iter().all(|c| !known.contains(&c.arch)));
    let samples = growing(others.iter().map(|c| c.arch.clone()).collect());
    let link = Link::Logit;
    let found = predict_all(&RESNET8, &others, &samples, link, &truths, None, false).unwrap();
    for (one, (arch, score)) in found.scores.iter().zip(&samples) {
        let top1 = one.predicted.top1;
        assert!((top1 - score - 0.3).abs() < 0.03, "{}: {top1}", arch.display(&RESNET8));
    }
}

#[test]
fn a_model_that_is_no_better_than_a_trivial_one_is_refused() {
    use rand::Rng as _;
    use supernano_base::rng::{Key, Purpose};
    let mut rng = Key::new(7).rng(Purpose::Sample, 9);
    let codes = random_codes(&RESNET8, 40, 7);
    let noise = |c: &Coded| (c.arch.clone(), 0.1 + 0.01 * rng.random::<f64>());
    let samples: Vec<(Arch, f64)> = codes.iter().map(noise).collect();
    let none = TruthFile::default();
    let output = tempfile::tempdir().unwrap();
    let file = output.path().join("predicted.json");
    let predict =
        |force| predict_all(&RESNET8, &codes, &samples, Link::Logit, &none, Some(&file), force);
    let error = predict(false).err().expect("refused");
    assert_eq!(error.exit_code(), 1);
    let text = error.to_string();
    assert!(text.contains("no better than") && text.contains("--force"), "{text}");
    assert!(!file.exists());
    let forced = predict(true).unwrap();
    assert!(forced.remark.is_some() && file.exists());
}

#[test]
fn predictions_are_read_back_and_have_a_model_report() {
    let samples: Vec<(Arch, f64)> = archs()
        .into_iter()
        .map(|a| {
            let widths: u32 =
                crate::surrogate::widths(&RESNET8, &a).iter().map(|&w| u32::from(w)).sum();
            (a, 0.2 + 0.05 * f64::from(widths).ln())
        })
        .collect();
    let model = Predictor::fit(&RESNET8, &samples, Link::Logit, None).unwrap();
    let truths = Truths { form: Form::Nominal, samples: samples[..20].to_vec() };
    let corrected = Predictor::fit(&RESNET8, &samples, Link::Logit, Some(&truths)).unwrap();
    let (arch, own) = &samples[0];
    let line = model.line(&RESNET8, arch, "x", Some(*own));
    assert!(
        (Link::Logit.score(line.score) - line.top1).abs() < 1e-12 && line.evaluated == Some(*own)
    );
    // `acc` is linear in `score` and close to `top1` near the mean of the samples.
    let lines: Vec<Predicted> =
        samples.iter().map(|(a, _)| model.line(&RESNET8, a, "x", None)).collect();
    let slope = |a: &Predicted, b: &Predicted| (a.acc - b.acc) / (a.score - b.score);
    let far = |l: &&Predicted| (l.score - line.score).abs() > 1e-6;
    let first = slope(lines.iter().find(far).unwrap(), &line);
    assert!(first > 0.0);
    for other in lines.iter().filter(far) {
        assert!((slope(other, &line) - first).abs() < 1e-6, "{other:?}");
        assert!((other.acc - other.top1).abs() < 0.02, "{other:?}");
    }
    let line = corrected.line(&RESNET8, arch, "x", None);
    assert_eq!((line.score, line.acc), (line.top1, line.top1));
    let folder = tempfile::tempdir().unwrap();
    for name in ["p.json", "p.csv", "p.json.gz"] {
        let lines: Vec<(String, Predicted)> = samples
            .iter()
            .enumerate()
            .map(|(i, (a, s))| {
                let written = a.display(&RESNET8).to_string();
                (format!("arch{i}"), model.line(&RESNET8, a, &written, Some(*s)))
            })
            .collect();
        let path = folder.path().join(name);
        write(&path, &lines, &model).unwrap();
        let back = table::read(&path, &RESNET8, table::SCORE).unwrap();
        // The entries of a JSON object have no order.
        let same = back.iter().all(|b| {
            let own = lines.iter().find(|l| l.1.arch == b.text);
            own.is_some_and(|l| (b.value - l.1.score).abs() < 1e-12)
        });
        assert!(back.len() == lines.len() && same, "{name}");
        assert!(folder.path().join("p.model.json").exists());
    }
}
