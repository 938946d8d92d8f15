use supernano_core::space::RESNET8;

use super::*;

fn score(code: &str, acc: f64) -> Score {
    Score { acc, arch: code.into(), acc_se: 0.01, ce: 1.0, ce_se: 0.1, images: 100, metric: None }
}

fn named(id: &str, code: &str) -> (String, Score) {
    (id.into(), score(code, 0.5))
}

const A: &str = "4-4-4-4-4-4";
const B: &str = "8-4-4-4-4-4";
const C: &str = "8-8-4-4-4-4";

fn codes(path: &std::path::Path) -> Vec<(String, String)> {
    read_scores(path).unwrap().into_iter().map(|(id, s)| (id, s.arch)).collect()
}

fn listed(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(id, code)| (id.to_string(), code.to_string())).collect()
}

#[test]
fn scores_of_one_key_accumulate() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    let store = Store::new(run.clone(), "k1".into());
    assert_eq!(store.add(&RESNET8, &vec![named("arch1", A), named("x", B)], false).unwrap(), 2);
    // The name is taken, and a code that is known stays as it is.
    let more = vec![("arch1".into(), score(C, 0.7)), ("arch2".into(), score(A, 0.9))];
    assert_eq!(store.add(&RESNET8, &more, false).unwrap(), 3);
    assert_eq!(codes(&run.scores()), listed(&[("arch1", A), ("x", B), ("arch3", C)]));
    let known = store.known(&RESNET8).unwrap();
    assert_eq!(known[&Arch::parse(&RESNET8, A).unwrap()].acc, 0.5);
    assert_eq!(known[&Arch::parse(&RESNET8, C).unwrap()].acc, 0.7);
}

#[test]
fn scores_of_another_key_are_kept_apart() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    let (first, second) =
        (Store::new(run.clone(), "k1".into()), Store::new(run.clone(), "k2".into()));
    first.add(&RESNET8, &vec![named("arch1", A), named("arch2", B)], false).unwrap();
    second.add(&RESNET8, &vec![named("arch1", C)], false).unwrap();
    assert_eq!(codes(&run.scores()), listed(&[("arch1", C)]));
    assert_eq!(first.add(&RESNET8, &vec![named("arch3", C)], false).unwrap(), 3);
    assert_eq!(codes(&run.scores()), codes(&run.score_list("k1")));
    assert_eq!(codes(&run.score_list("k2")), listed(&[("arch1", C)]));
}

#[test]
fn scores_of_unknown_settings_are_neither_mixed_nor_lost() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    write_scores(&run.scores(), &vec![named("arch1", A), named("arch2", B)]).unwrap();
    let before = files::read(&run.scores()).unwrap();
    let store = Store::new(run.clone(), "k1".into());
    let error = store.add(&RESNET8, &vec![named("arch1", C)], false).unwrap_err();
    assert_eq!(error.exit_code(), 2);
    assert!(error.to_string().contains("--fresh"), "{error}");
    assert_eq!(files::read(&run.scores()).unwrap(), before);
    assert_eq!(store.add(&RESNET8, &vec![named("arch1", C)], true).unwrap(), 1);
    let copy = run.score_list(&format!("unkeyed-{:08x}", crc32(&before)));
    assert_eq!(files::read(&copy).unwrap(), before);
}

#[test]
fn a_fresh_list_drops_the_list_of_its_key() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    let store = Store::new(run.clone(), "k1".into());
    store.add(&RESNET8, &vec![named("arch1", A), named("arch2", B)], false).unwrap();
    assert_eq!(store.add(&RESNET8, &vec![named("arch9", C)], true).unwrap(), 1);
    assert_eq!(codes(&run.scores()), listed(&[("arch9", C)]));
}

#[test]
fn processes_that_add_at_the_same_time_lose_no_score() {
    let here = tempfile::tempdir().unwrap();
    let run = RunDirectory::new(here.path());
    let widths = [4, 8, 12, 16];
    let all: Vec<String> =
        widths.iter().flat_map(|a| widths.map(|b| format!("{a}-{b}-4-4-4-4"))).collect();
    std::thread::scope(|scope| {
        for code in &all {
            let store = Store::new(run.clone(), "k1".into());
            scope.spawn(move || store.add(&RESNET8, &vec![named("arch1", code)], false).unwrap());
        }
    });
    assert_eq!(read_scores(&run.scores()).unwrap().len(), all.len());
}
