use supernano_core::space::RESNET8;

use super::scores::{Score, Scores, read_scores, write_scores};
use super::*;

fn parsed(text: &str) -> Vec<(String, String)> {
    let codes = parse_codes(text, "codes", &RESNET8).unwrap();
    codes.into_iter().map(|c| (c.id, c.written)).collect()
}

#[test]
fn every_form_of_a_list_reads_the_same() {
    let (a, b) = ("4-8-12-16-20-24", "16-16-32-32-64-64");
    let expected =
        |x: &str, y: &str| vec![(x.to_owned(), a.to_owned()), (y.to_owned(), b.to_owned())];
    let json = format!(r#"{{"arch10": {{"acc": 0, "arch": "{a}"}}, "arch2": {{"arch": "{b}"}}}}"#);
    assert_eq!(parsed(&json), expected("arch10", "arch2"));
    assert_eq!(parsed(&format!(r#"["{a}", "{b}"]"#)), expected("arch1", "arch2"));
    assert_eq!(parsed(&format!("# two\n{a}\n\n{b}\n")), expected("arch1", "arch2"));
    assert_eq!(parsed(&format!("id,arch,acc\n7,{a},.5\n9,{b},.6\n")), expected("7", "9"));
}

#[test]
fn bad_lists_are_refused_with_place_and_code() {
    let refused = |text: &str, parts: &[&str]| {
        let error = parse_codes(text, "codes", &RESNET8).unwrap_err().to_string();
        assert!(parts.iter().all(|p| error.contains(p)), "{error}");
    };
    refused("# a\n4-8-12-16-20", &["codes:2: arch1 `4-8-12-16-20`", "expected 6 parts, found 5"]);
    refused("4-8-12-16-20-7", &["layer 7", "found 7"]);
    let (a, b) = ("4-8-12-16-20-24", "16-16-32-32-64-64");
    refused(&format!("id,arch\n7,{a}\n8,{b}\n7,{b}\n"), &["codes:4: id 7", b, "it again"]);
    let json = format!("{{\"x\": {{\"arch\": \"{a}\"}},\n\"y\": {{\"arch\": \"4-4\"}}}}");
    refused(&json, &["codes:2: y `4-4`", "found 2"]);
    let json = format!("{{\"x\": {{\"arch\": \"{a}\"}},\n\"x\": {{\"arch\": \"{b}\"}}}}");
    refused(&json, &["codes:2: id x", b]);
    refused("[1]", &["codes:1:2", "list of codes"]);
    refused("", &["at least one"]);
    refused("id,width\n1,2", &["header", "`arch` or `code`"]);
}

#[test]
fn random_codes_differ_and_small_spaces_are_enumerated() {
    let codes = random_codes(&RESNET8, 50, 3);
    let distinct: std::collections::HashSet<_> = codes.iter().map(|c| &c.written).collect();
    assert_eq!(distinct.len(), 50);
    assert_eq!(codes, random_codes(&RESNET8, 50, 3));
    assert_ne!(codes, random_codes(&RESNET8, 50, 4));
    assert_eq!(random_codes(&RESNET8, 1 << 20, 3).len(), 1 << 18);
}

#[test]
fn score_files_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let score = |acc| Score {
        acc,
        arch: "4".into(),
        acc_se: 0.1,
        ce: 1.0,
        ce_se: 0.1,
        images: 9,
        metric: None,
    };
    let scores: Scores = vec![("arch10".into(), score(0.5)), ("arch2".into(), score(0.25))];
    let path = folder.path().join("scores.json");
    write_scores(&path, &scores).unwrap();
    assert_eq!(read_scores(&path).unwrap(), scores);
    let path = folder.path().join("scores.csv");
    write_scores(&path, &scores).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text.lines().nth(1), Some("arch10,4,0.5,0.1,1,0.1,9"));
    let path = folder.path().join("scores.json.gz");
    write_scores(&path, &scores).unwrap();
    assert!(std::fs::read(&path).unwrap().starts_with(&[0x1f, 0x8b]));
    assert_eq!(read_scores(&path).unwrap(), scores);

    let path = folder.path().join("nan.json");
    let mut scores = scores;
    scores[1].1.ce = f64::NAN;
    let error = write_scores(&path, &scores).unwrap_err().to_string();
    assert!(error.contains("arch2 `4`") && error.contains("NaN"), "{error}");
    assert!(!path.exists());
}

#[test]
fn lists_may_be_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("codes.json.gz");
    crate::files::write_text(&path, r#"{"arch1": {"arch": "4-8-12-16-20-24"}}"#).unwrap();
    assert_eq!(read_codes(&path, &RESNET8).unwrap()[0].written, "4-8-12-16-20-24");
    let bytes = std::fs::read(&path).unwrap();
    std::fs::write(&path, &bytes[..bytes.len() - 9]).unwrap();
    let error = read_codes(&path, &RESNET8).unwrap_err().to_string();
    assert!(error.contains("codes.json.gz: gzip"), "{error}");
}

#[test]
fn lists_are_read_with_a_mark_and_with_quotes() {
    let (a, b) = ("4-8-12-16-20-24", "16-16-32-32-64-64");
    let pair = |x: &str, y: &str| vec![(x.to_owned(), a.to_owned()), (y.to_owned(), b.to_owned())];
    for text in [
        format!("{a}\r\n# b\r\n{b}\r\n"),
        format!("[\"{a}\",\n\"{b}\"]"),
        format!("code\n{a}\n{b}"),
        format!(",arch,acc\n0,{a},.5\n1,{b},.5"),
        format!("\"{a}\"\n\"{b}\""),
    ] {
        assert_eq!(parsed(&text), pair("arch1", "arch2"));
        assert_eq!(parsed(&format!("\u{feff}{text}")), pair("arch1", "arch2"));
    }
    let quoted = format!("\"id\",\"arch\"\n\"x,\ny\",\"{a}\"\n\"#2\",\"{b}\"\n");
    assert_eq!(parsed(&quoted), pair("x,\ny", "#2"));
}

#[test]
fn lists_with_odd_rows_or_repeated_keys_are_refused() {
    let refused = |text: &str, parts: &[&str]| {
        let error = parse_codes(text, "codes", &RESNET8).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        let error = error.to_string();
        assert!(parts.iter().all(|p| error.contains(p)), "{error}");
    };
    let a = "4-8-12-16-20-24";
    refused(&format!("id,arch\n1,{a}\n\n2,{a},0.5\n"), &["codes:4: cells", "expected 2, found 3"]);
    refused(&format!("id,arch\n1,\"{a}\n"), &["codes:2: quoted field"]);
    refused(&format!("{a}\n{a},1\n"), &["codes:2: cells"]);
    refused(&format!("arch,arch\n{a},{a}\n"), &["header", "`arch` once"]);
    refused(&format!("{{\"x\": {{\"arch\": \"{a}\", \"acc\": 0, \"acc\": 1}}}}"), &["`acc` again"]);
}

#[test]
fn odd_ids_survive_score_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.csv");
    let ids = ["a,b", "say \"no\"", "two\nlines", "#4", "plain"];
    let codes = random_codes(&RESNET8, ids.len(), 1);
    let score = |c: &Coded, acc| {
        let arch = c.written.clone();
        Score { acc, arch, acc_se: 0.1, ce: 1.0, ce_se: 0.1, images: 9, metric: None }
    };
    let scores: Scores =
        ids.iter().zip(&codes).map(|(id, c)| ((*id).to_owned(), score(c, 0.5))).collect();
    write_scores(&path, &scores).unwrap();
    let read = read_codes(&path, &RESNET8).unwrap();
    assert_eq!(read.iter().map(|c| c.id.as_str()).collect::<Vec<_>>(), ids);
    let values = crate::stats::table::read(&path, &RESNET8, crate::stats::table::SCORE).unwrap();
    assert!(values.len() == ids.len() && values.iter().all(|v| v.value == 0.5));

    let path = folder.path().join("scores.json");
    let entry = |acc: &str| format!("{{\"acc\": {acc}, \"arch\": \"4\"}}");
    std::fs::write(&path, format!("{{\"x\": {},\n\"x\": {}}}", entry("0"), entry("1"))).unwrap();
    let error = read_scores(&path).unwrap_err().to_string();
    assert!(error.contains("scores.json:2:") && error.contains("`x` again"), "{error}");
    std::fs::write(&path, format!("{{\"x\": {}}}", entry("1e999"))).unwrap();
    assert!(read_scores(&path).is_err());
}

/// Draws over networks prefer deep ones as often as there are more of them; draws over codes do not.
#[test]
fn sampling_is_uniform_over_codes_or_over_networks() {
    use supernano_core::space::{Choice, DS_CNN, RESNET8};
    let mut rng = Key::new(1).rng(Purpose::Sample, 0);
    let depths = |mut draw: Box<dyn FnMut() -> Arch + '_>| {
        let mut counts = [0usize; 4];
        for _ in 0..2000 {
            counts[usize::from(draw().option(Choice::Depth(0)))] += 1;
        }
        counts
    };
    let over_codes = depths(Box::new(|| uniform(&DS_CNN, &mut rng).unwrap()));
    assert!(over_codes.iter().all(|&n| (400..600).contains(&n)), "{over_codes:?}");
    let mut rng = Key::new(2).rng(Purpose::Sample, 0);
    let over_networks = depths(Box::new(|| uniform_network(&DS_CNN, &mut rng).unwrap()));
    // 7 + 7^2 + 7^3 + 7^4 = 2,800, of which the last is 85.75 %.
    assert!((1660..1770).contains(&over_networks[3]), "{over_networks:?}");
    assert!((200..290).contains(&over_networks[2]), "{over_networks:?}");
    // Without stages the two are the same draws.
    let draws = |seed| Key::new(seed).rng(Purpose::Sample, 0);
    let (mut a, mut b) = (draws(3), draws(3));
    for _ in 0..5 {
        assert_eq!(uniform(&RESNET8, &mut a).unwrap(), uniform_network(&RESNET8, &mut b).unwrap());
    }
}
