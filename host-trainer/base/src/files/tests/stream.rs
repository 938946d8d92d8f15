use super::super::*;

/// A text of more than a block: 40,000 lines whose characters have one to four bytes.
fn long() -> String {
    (0..40_000).map(|i| format!("{i};{}\u{e9}\u{4f60}\u{1f600}\n", "a".repeat(i % 7))).collect()
}

/// The lines and cells that are read from a file with these bytes.
fn rows(bytes: &[u8]) -> Result<Vec<(usize, String)>> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.csv");
    std::fs::write(&path, bytes).unwrap();
    let rows = Rows::open(&path)?;
    let separator = rows.separator();
    let mut found = Vec::new();
    rows.each(separator, false, |line, cells| {
        found.push((line, cells.iter().collect::<Vec<_>>().join("|")));
        Ok(true)
    })?;
    Ok(found)
}

#[test]
fn long_texts_are_the_same_in_every_encoding() {
    let text = long();
    let utf16: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let expected: Vec<(usize, String)> =
        text.lines().enumerate().map(|(i, line)| (i + 1, line.replace(';', "|"))).collect();
    for bytes in [text.clone().into_bytes(), format!("\u{feff}{text}").into_bytes(), utf16] {
        assert_eq!(rows(&bytes).unwrap(), expected);
        assert_eq!(decode(&bytes, "t").unwrap(), text);
    }
}

#[test]
fn errors_far_into_a_text_name_their_line() {
    let mut bytes = long().into_bytes();
    bytes.extend(b"1;caf\xe9\n");
    let error = rows(&bytes).unwrap_err().to_string();
    assert!(error.contains("byte 0xe9 as byte 6 of line 40001"), "{error}");
    let short = format!("{}1;2;3\n", long());
    let error = rows(short.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("rows.csv:40001: cells: expected 2, found 3"), "{error}");
    // A quoted field of several lines, comments and blank lines are counted.
    let quoted = format!("# a\n\n{}\"x\ny\";1\n2;3\n", long());
    let found = rows(quoted.as_bytes()).unwrap();
    assert_eq!(found[found.len() - 2], (40_003, "x\ny|1".into()));
    assert_eq!(found[found.len() - 1], (40_005, "2|3".into()));
    let open = format!("{}\"x;1\n", long());
    let error = rows(open.as_bytes()).unwrap_err().to_string();
    assert!(error.contains("a closing quote"), "{error}");
}

#[test]
fn reading_stops_and_numbers_between_spaces_are_cells() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rows.txt");
    std::fs::write(&path, "a   b\n1  2\n 3 4 \n5 6\n").unwrap();
    let mut found = Vec::new();
    let rows = Rows::open(&path).unwrap();
    rows.each(b',', true, |line, cells| {
        found.push((line, cells.len()));
        Ok(found.len() < 3)
    })
    .unwrap();
    assert_eq!(found, [(1, 2), (2, 2), (3, 2)]);
}
