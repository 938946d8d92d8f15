use crate::error::Result;
use crate::files::{Csv, csv_text};

fn records(text: &str, comments: bool) -> Result<Vec<(usize, Vec<String>)>> {
    Ok(Csv::parse(text, "t.csv", comments)?
        .records
        .into_iter()
        .map(|r| (r.line, r.cells))
        .collect())
}

fn cells(text: &str) -> Vec<(usize, Vec<String>)> {
    records(text, true).unwrap()
}

fn refused(text: &str) -> String {
    records(text, false).unwrap_err().to_string()
}

#[test]
fn quoted_fields_are_read() {
    let row = |line, cells: [&str; 2]| (line, cells.map(String::from).to_vec());
    let odd = "id,arch\n\"a,b\",1\n\"say \"\"no\"\"\",2\n\"two\nlines\",3\n x , 4 \nlast,5";
    let expected = [
        row(1, ["id", "arch"]),
        row(2, ["a,b", "1"]),
        row(3, ["say \"no\"", "2"]),
        row(4, ["two\nlines", "3"]),
        row(6, ["x", "4"]),
        row(7, ["last", "5"]),
    ];
    assert_eq!(cells(odd), expected);
    let windows = odd.replace('\n', "\r\n");
    let lines: Vec<usize> = cells(&windows).iter().map(|r| r.0).collect();
    assert_eq!(lines, [1, 2, 3, 4, 6, 7]);
    assert_eq!(cells(&format!("\u{feff}{odd}")), expected);
}

#[test]
fn blank_lines_and_comments_are_left_out_and_counted() {
    let text = "\n# one\n\na,b\n  \n#\"c,d\n\n  # indented\n\"#e\",f\n# end";
    let expected = |line, cells: [&str; 2]| (line, cells.map(String::from).to_vec());
    assert_eq!(cells(text), [expected(4, ["a", "b"]), expected(9, ["#e", "f"])]);
    // Where comments are not allowed, such a line is a record.
    assert_eq!(records("a,b\n#c,d\n", false).unwrap()[1], expected(2, ["#c", "d"]));
    assert_eq!(cells(""), []);
    assert_eq!(cells("\n \n"), []);
}

#[test]
fn records_of_other_lengths_and_open_quotes_are_refused() {
    let error = refused("a,b\n1,2\n\n1,2,3\n");
    assert!(error.contains("t.csv:4: cells: expected 2, found 3"), "{error}");
    let error = refused("a,b\n1\n");
    assert!(error.contains("t.csv:2: cells: expected 2, found 1"), "{error}");
    for open in ["a,b\n1,\"2\n3,4\n", "a,b\n1,\"2", "a,b\n1,\""] {
        let error = refused(open);
        assert!(error.contains("t.csv:2: quoted field"), "{error}");
    }
}

#[test]
fn columns_are_found_by_name() {
    let mut csv = Csv::parse("x,y,x\n", "t.csv", false).unwrap();
    let header = csv.take_header().unwrap();
    assert_eq!(csv.column(&header, &["z", "y"]).unwrap(), 1);
    assert_eq!(csv.find(&header, &["z"]).unwrap(), None);
    let error = csv.column(&header, &["x"]).unwrap_err().to_string();
    assert!(error.contains("t.csv:1: header: expected a column `x` once"), "{error}");
    let error = csv.column(&header, &["z"]).unwrap_err().to_string();
    assert!(error.contains("found x,y,x"), "{error}");
}

#[test]
fn what_is_written_is_read_back() {
    let ids = ["plain", "a,b", "say \"no\"", "two\nlines", "#1", "", "tab\there", "crlf\r\n!"];
    let text = csv_text(["id", "n"], ids.iter().map(|id| [(*id).to_string(), "1".into()]));
    assert!(text.starts_with("id,n\nplain,1\n\"a,b\",1\n"), "{text}");
    for comments in [false, true] {
        let read = records(&text, comments).unwrap();
        let found: Vec<&str> = read[1..].iter().map(|r| r.1[0].as_str()).collect();
        assert_eq!(found, ids);
    }
}

#[test]
fn cells_are_limited() {
    let error = refused(&"1,".repeat(3 << 20));
    assert!(error.contains("t.csv: cells") && error.contains("SUPERNANO_ITEMS"), "{error}");
}
