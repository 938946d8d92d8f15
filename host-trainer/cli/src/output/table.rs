//! Tables, fitted to the width of the terminal.

use comfy_table::TableComponent::{
    HorizontalLines, LeftBorderIntersections, MiddleIntersections, RightBorderIntersections,
};
use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use supernano_base::numbers::grouped;

/// Blanks beside the text of a column, and between it and the next one.
const PADDING: usize = 3;
/// A column keeps this width, in characters, before its cells break after hyphens.
const NARROW: usize = 20;

/// A plain table with a header line. Columns of numbers are aligned to the right, and whole numbers
/// have their digits in groups.
///
/// On a terminal the table takes no more than its width: the widest columns break their cells after
/// spaces, and then after hyphens. If that is not enough, the last columns are left out, with a remark.
pub fn table<H: ToString, C: ToString>(header: &[H], rows: &[Vec<C>]) -> String {
    let width = terminal_size::terminal_size_of(std::io::stdout()).map(|(width, _)| width.0);
    let header: Vec<String> = header.iter().map(ToString::to_string).collect();
    let rows: Vec<Vec<String>> =
        rows.iter().map(|r| r.iter().map(|cell| in_groups(cell.to_string())).collect()).collect();
    match width {
        Some(width) => within(header, rows, usize::from(width)),
        None => drawn(&header, &rows),
    }
}

/// The table in at most `width` columns of a terminal.
fn within(mut header: Vec<String>, mut rows: Vec<Vec<String>>, width: usize) -> String {
    let columns = header.len();
    let (hyphens, widths) = loop {
        let fits = |hyphens| Some((hyphens, fitted(&header, &rows, width, hyphens)?));
        if let Some(found) = fits(false).or_else(|| fits(true)) {
            break found;
        }
        header.pop();
        rows.iter_mut().for_each(|row| row.truncate(header.len()));
    };
    let left_out = columns - header.len();
    let broken = |cells: Vec<String>| -> Vec<String> {
        cells.iter().zip(&widths).map(|(cell, &width)| wrapped(cell, width, hyphens)).collect()
    };
    let rows: Vec<Vec<String>> = rows.into_iter().map(broken).collect();
    let table = drawn(&broken(header), &rows);
    match left_out {
        0 => table,
        n => format!("{table}\n{n} more columns need a wider terminal, or --json"),
    }
}

/// The widths of all columns for a table of this width; `None` if the cells cannot be broken so far.
/// A table of one column always fits.
fn fitted(
    header: &[String],
    rows: &[Vec<String>],
    width: usize,
    hyphens: bool,
) -> Option<Vec<usize>> {
    let cells = |i: usize| {
        let of_rows = rows.iter().filter_map(move |row| row.get(i));
        of_rows.chain(&header[i..=i])
    };
    let longest = |i: usize, of: &dyn Fn(&str) -> usize| cells(i).map(|c| of(c)).max().unwrap_or(0);
    let all = 0..header.len();
    let mut widths: Vec<usize> = all.clone().map(|i| longest(i, &length)).collect();
    let widest = |cell: &str, hyphens| pieces(cell, hyphens).map(|p| length(p.trim_end())).max();
    let least = |i: usize, hyphens| longest(i, &|cell| widest(cell, hyphens).unwrap_or(0));
    let least: Vec<usize> = all
        .map(|i| match least(i, false) {
            words if hyphens && words > NARROW => least(i, true).max(NARROW),
            words => words,
        })
        .collect();
    // No other column follows the last one.
    while widths.iter().map(|w| w + PADDING).sum::<usize>() > width + 1 {
        let narrower = (0..widths.len()).filter(|&i| widths[i] > least[i]);
        match narrower.max_by_key(|&i| widths[i]) {
            Some(widest) => widths[widest] -= 1,
            None if widths.len() < 2 => break,
            None => return None,
        }
    }
    Some(widths)
}

/// Number of characters.
fn length(text: &str) -> usize {
    text.chars().count()
}

/// The parts of a cell between which a line may break: after a space, and with `hyphens` after a
/// hyphen between two letters or digits.
fn pieces(cell: &str, hyphens: bool) -> impl Iterator<Item = &str> {
    let mut rest = cell;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let mut before = ' ';
        let mut after = rest.chars().skip(1);
        let mut end = rest.len();
        for (at, c) in rest.char_indices() {
            let hyphen = hyphens && c == '-' && before.is_alphanumeric();
            let next = after.next();
            if c == ' ' || hyphen && next.is_some_and(char::is_alphanumeric) {
                end = at + 1;
                break;
            }
            before = c;
        }
        let (piece, others) = rest.split_at(end);
        rest = others;
        Some(piece)
    })
}

/// The cell in lines of at most `width` characters, as far as its pieces allow.
fn wrapped(cell: &str, width: usize, hyphens: bool) -> String {
    let mut lines = vec![String::new()];
    for piece in pieces(cell, hyphens) {
        let line = lines.last_mut().filter(|l| length(l) + length(piece.trim_end()) <= width);
        match line {
            Some(line) => line.push_str(piece),
            None => lines.push(piece.to_owned()),
        }
    }
    let lines = lines.iter().map(|line| line.trim_end()).filter(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

/// The table as text.
fn drawn(header: &[String], rows: &[Vec<String>]) -> String {
    let mut table = Table::new();
    table
        .load_preset(presets::UTF8_HORIZONTAL_ONLY)
        .remove_style(HorizontalLines)
        .remove_style(LeftBorderIntersections)
        .remove_style(MiddleIntersections)
        .remove_style(RightBorderIntersections)
        .set_content_arrangement(ContentArrangement::Disabled)
        .set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for i in 0..header.len() {
        let numeric = rows.iter().all(|r| {
            r.get(i).is_some_and(|c| {
                c.starts_with(|ch: char| ch.is_ascii_digit() || "-+.".contains(ch))
            })
        });
        if let (true, Some(column)) = (numeric, table.column_mut(i)) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table.to_string()
}

/// A cell, with the digits of a whole number in groups.
fn in_groups(cell: String) -> String {
    let whole = !cell.is_empty() && cell.bytes().all(|b| b.is_ascii_digit());
    match cell.parse().ok().filter(|_| whole) {
        Some(number) => grouped(number),
        None => cell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(cells: &[&str]) -> Vec<String> {
        cells.iter().map(|c| (*c).to_owned()).collect()
    }

    fn front() -> (Vec<String>, Vec<Vec<String>>) {
        let code = ["16"; 19].join("-");
        let header = texts(&["code", "predicted top-1 %", "95 %", "flash B", "ms (estimated)"]);
        let row = texts(&[&code, "61.25", "59.10 to 63.40", "65,387", "42.51 (40.10 to 44.90)"]);
        (header, vec![row.clone(), row])
    }

    #[test]
    fn a_table_keeps_to_the_width_and_loses_nothing_that_fits() {
        let (header, rows) = front();
        let whole = within(header.clone(), rows.clone(), 200);
        assert_eq!(whole, drawn(&header, &rows));
        for width in 40..200 {
            let text = within(header.clone(), rows.clone(), width);
            let (table, remark) =
                text.split_once(" more columns").map_or((text.as_str(), false), |(t, _)| (t, true));
            let table = if remark { &table[..table.rfind('\n').unwrap()] } else { table };
            let widest = table.lines().map(length).max().unwrap();
            assert!(widest <= width, "{width}: {widest}\n{table}");
            assert_eq!(remark, width < 65, "{width}\n{text}");
            let kept: String = table.split_whitespace().collect();
            assert!(kept.matches("16").count() >= 38, "{text}");
        }
    }

    #[test]
    fn lines_break_after_spaces_and_hyphens() {
        assert_eq!(wrapped("16-16-4 of 3", 6, true), "16-16-\n4 of 3");
        assert_eq!(wrapped("16-16-4 of 3", 6, false), "16-16-4\nof 3");
        assert_eq!(wrapped("-3.5", 2, true), "-3.5");
        assert_eq!(wrapped("", 2, true), "");
        assert_eq!(pieces("a-b -1 c-", true).collect::<Vec<_>>(), ["a-", "b ", "-1 ", "c-"]);
        let one = within(texts(&["x"]), vec![texts(&["abcdefgh"])], 3);
        assert!(one.contains("abcdefgh") && !one.contains("more columns"), "{one}");
    }
}
